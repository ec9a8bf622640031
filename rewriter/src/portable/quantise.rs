//! From the pixels of a finished tensor to the bytes of a quantised model.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::plan::{Blocks, ByteTable, Quantize};
use prep_onnx_pipeline::{CHANNELS, Layout, Plan};

use super::Values;
use super::graph::{Graph, Value, int};

/// From this operator set on, there are scales of an axis.
const AXIS_OPSET: i64 = 13;

/// The bytes of `pixels`, uint8, as a quantised model takes them.
pub(super) fn quantise(
    graph: &mut Graph,
    plan: &Plan,
    values: Values,
    table: &ByteTable,
    pixels: &Value,
) -> Value {
    let channels = plan.channels();
    let identical = (0..channels).all(|channel| {
        let entries = table.channel(channel).iter();
        entries
            .enumerate()
            .all(|(pixel, byte)| pixel == usize::from(*byte))
    });
    let signed = plan.values.quantize.is_some_and(|quantize| quantize.signed);
    if identical && !signed {
        return pixels.clone();
    }
    if let (Values::Arithmetic, None, Some(lines)) = (values, plan.form.blocks, lines(plan, table))
        && (lines.uniform(channels) || graph.opset >= AXIS_OPSET)
    {
        return lines.apply(graph, plan, pixels);
    }
    look_up(graph, plan, table, signed, pixels)
}

/// `QuantizeLinear(pixel + shift, step, zero_point)` with the bytes of the table for all pixel values: a tenth of the time of a look-up.
struct Lines {
    shift: [f32; CHANNELS],
    step: [f32; CHANNELS],
    quantize: Quantize,
}

/// The lines of a table, where there are some: found from its ends, and tried with every pixel value.
fn lines(plan: &Plan, table: &ByteTable) -> Option<Lines> {
    let quantize = plan.values.quantize?;
    let floats = plan.table();
    let mut lines = Lines {
        shift: [0.0; CHANNELS],
        step: [1.0; CHANNELS],
        quantize,
    };
    for channel in 0..plan.channels() {
        let row = floats.channel(channel);
        let slope = (f64::from(row[255]) - f64::from(row[0])) / 255.0;
        let step = (quantize.scale[channel] / slope) as f32;
        if !step.is_normal() || step < 0.0 {
            return None;
        }
        // Halves may fall to the other side: a line a little further has the same bytes.
        let shifts = (0..=40).flat_map(|nudge| [f64::from(nudge), -f64::from(nudge)]);
        let line = Quantize {
            scale: [f64::from(step); CHANNELS],
            half: false,
            ..quantize
        };
        let exact = |shift: &f32| {
            let bytes = table.channel(channel);
            (0..=255_u8)
                .all(|pixel| line.byte(f32::from(pixel) + shift, channel) == bytes[usize::from(pixel)])
        };
        let shift = shifts
            .map(|nudge| (f64::from(row[0]) / slope + nudge * 1e-4) as f32)
            .find(exact)?;
        (lines.shift[channel], lines.step[channel]) = (shift, step);
    }
    Some(lines)
}

impl Lines {
    fn uniform(&self, channels: usize) -> bool {
        (1..channels).all(|channel| {
            self.step[channel].to_bits() == self.step[0].to_bits()
                && self.quantize.zero_point[channel] == self.quantize.zero_point[0]
        })
    }

    fn apply(&self, graph: &mut Graph, plan: &Plan, pixels: &Value) -> Value {
        let channels = plan.channels();
        let (shape, axis) = match plan.form.layout {
            Layout::Nchw => (vec![channels, 1, 1], 1),
            Layout::Nhwc => (vec![channels], 3),
        };
        let mut value = graph.cast(pixels, DataType::FLOAT);
        let shifts = &self.shift[..channels];
        if shifts.iter().any(|shift| *shift != 0.0) {
            let shifts = graph.floats(&shape, shifts);
            value = graph.op("Add", &[&value, &shifts]);
        }
        let (count, shape) = if self.uniform(channels) {
            (1, Vec::new())
        } else {
            (channels, vec![channels])
        };
        let steps = graph.floats(&shape, &self.step[..count]);
        let zeros: Vec<u8> = self.quantize.zero_point[..count]
            .iter()
            .map(|zero| *zero as u8)
            .collect();
        let zeros = if self.quantize.signed {
            graph.int8s(&shape, &zeros)
        } else {
            graph.bytes(&shape, &zeros)
        };
        let attributes = if count == 1 {
            Vec::new()
        } else {
            vec![int("axis", axis)]
        };
        graph.op_with("QuantizeLinear", &[&value, &steps, &zeros], attributes)
    }
}

fn look_up(graph: &mut Graph, plan: &Plan, table: &ByteTable, signed: bool, pixels: &Value) -> Value {
    let channels = plan.channels();
    let rows: Vec<&[u8; 256]> = (0..channels).map(|channel| table.channel(channel)).collect();
    let mut index = graph.cast(pixels, DataType::INT32);
    let uniform = rows.iter().all(|row| *row == rows[0]);
    if !uniform {
        let starts: Vec<i32> = (0..channels).map(|channel| 256 * channel as i32).collect();
        let (shape, starts) = of_channels(plan, &starts);
        let starts = graph.int32s(&shape, &starts);
        index = graph.op("Add", &[&index, &starts]);
    }
    let kept = if uniform { 1 } else { channels };
    let bytes: Vec<u8> = rows[..kept].iter().flat_map(|row| row.iter().copied()).collect();
    let table = if signed {
        graph.int8s(&[bytes.len()], &bytes)
    } else {
        graph.bytes(&[bytes.len()], &bytes)
    };
    graph.op_with("Gather", &[&table, &index], vec![int("axis", 0)])
}

/// `values`, one for each channel, in the shape in which they meet the tensor.
fn of_channels(plan: &Plan, values: &[i32]) -> (Vec<usize>, Vec<i32>) {
    match (plan.form.blocks, plan.form.layout) {
        (None | Some(Blocks::Tiles { .. } | Blocks::Frame { .. }), Layout::Nchw) => {
            (vec![values.len(), 1, 1], values.to_vec())
        }
        (None | Some(Blocks::Tiles { .. } | Blocks::Frame { .. }), Layout::Nhwc) => {
            (vec![values.len()], values.to_vec())
        }
        (Some(Blocks::Patches { size, repeat, .. }), _) => {
            // The last axis holds all of a patch.
            let (length, stride) = (values.len() * repeat * size * size, plan.channel_stride(&[]));
            let all = (0..length).map(|at| values[at / stride % values.len()]);
            (vec![length], all.collect())
        }
    }
}
