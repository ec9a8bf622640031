//! Images on their canvases: what is cut off, and what is filled in.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::Layout;
use prep_onnx_pipeline::plan::{Fill, Mirror};

use super::graph::{Graph, Value, int};
use super::num::{Extent, Num};
use super::picture::Picture;
use super::places::{Along, Placed};

/// The first operator set whose `Pad` takes uint8.
pub(super) const PAD_BYTES_OPSET: i64 = 13;

/// `picture` on its canvas.
pub(super) fn place(graph: &mut Graph, picture: Picture, placed: &Placed, fill: Fill) -> Picture {
    match fill {
        Fill::Mirror { mode } => mirror(graph, picture, placed, mode),
        Fill::Color { .. } | Fill::Value { .. } => {
            let visible = picture.cut(graph, placed);
            surround(graph, visible, placed, fill)
        }
    }
}

/// The visible part of an image with the colour around it. What is filled after the arithmetic stays as it is.
pub(super) fn surround(graph: &mut Graph, visible: Picture, placed: &Placed, fill: Fill) -> Picture {
    let Fill::Color { color } = fill else {
        return visible;
    };
    if placed.is_inside() {
        return visible;
    }
    let mut values = vec![0.0; visible.channels];
    for (channel, value) in visible.order.iter().zip(color) {
        values[*channel] = f32::from(value);
    }
    let floats = graph.opset < PAD_BYTES_OPSET;
    let mut value = visible.value.clone();
    if floats {
        value = graph.cast(&value, DataType::FLOAT);
        value = pad(graph, &value, visible.layout, placed, &Around::Floats(&values));
        value = graph.cast(&value, DataType::UINT8);
    } else {
        let bytes: Vec<u8> = values.iter().map(|value| *value as u8).collect();
        value = pad(graph, &value, visible.layout, placed, &Around::Bytes(&bytes));
    }
    visible.with(value, placed.size())
}

/// Values for the channels around an image, of its element type.
pub(super) enum Around<'a> {
    Floats(&'a [f32]),
    Bytes(&'a [u8]),
}

impl Around<'_> {
    fn constant(&self, graph: &mut Graph, shape: &[usize], channels: std::ops::Range<usize>) -> Value {
        match self {
            Self::Floats(values) => graph.floats(shape, &values[channels]),
            Self::Bytes(values) => graph.bytes(shape, &values[channels]),
        }
    }

    fn zero(&self, graph: &mut Graph) -> Value {
        match self {
            Self::Floats(_) => graph.floats(&[], &[0.0]),
            Self::Bytes(_) => graph.bytes(&[], &[0]),
        }
    }

    fn is_uniform(&self) -> bool {
        match self {
            Self::Floats(values) => values.iter().all(|value| value.to_bits() == values[0].to_bits()),
            Self::Bytes(values) => values.iter().all(|value| *value == values[0]),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Bytes(values) => values.len(),
        }
    }
}

/// Puts `around` around the visible part of an image.
pub(super) fn pad(
    graph: &mut Graph,
    value: &Value,
    layout: Layout,
    placed: &Placed,
    around: &Around<'_>,
) -> Value {
    let none = Num::from(0.0);
    let side = |of: fn(&Along) -> &Num| {
        let (rows, columns) = (of(&placed.rows).clone(), of(&placed.columns).clone());
        match layout {
            Layout::Nchw => [none.clone(), none.clone(), rows, columns],
            Layout::Nhwc => [none.clone(), rows, columns, none.clone()],
        }
    };
    let pads = [side(|along| &along.before), side(|along| &along.after)].concat();
    let pads = graph.shape(&pads.iter().map(Extent::Num).collect::<Vec<_>>());
    if around.is_uniform() {
        let constant = around.constant(graph, &[], 0..1);
        return graph.op("Pad", &[value, &pads, &constant]);
    }
    let zero = around.zero(graph);
    let padded = graph.op("Pad", &[value, &pads, &zero]);
    let inside = inside(graph, placed, layout);
    let channels = around.len();
    let colours = match layout {
        Layout::Nchw => around.constant(graph, &[channels, 1, 1], 0..channels),
        Layout::Nhwc => around.constant(graph, &[channels], 0..channels),
    };
    graph.op("Where", &[&inside, &padded, &colours])
}

/// Where on the canvas the image is: bool [rows, columns], or [rows, columns, 1] where channels come last.
fn inside(graph: &mut Graph, placed: &Placed, layout: Layout) -> Value {
    let after = usize::from(layout == Layout::Nhwc);
    let rows = inside_axis(graph, &placed.rows, 1 + after);
    let columns = inside_axis(graph, &placed.columns, after);
    graph.op("And", &[&rows, &columns])
}

/// Which positions of an axis of the canvas are the image's: bool [size], and axes of 1 behind it.
fn inside_axis(graph: &mut Graph, along: &Along, axes: usize) -> Value {
    let ones = vec![1; axes];
    if let (Some(size), Some(before), Some(count)) =
        (along.size.known(), along.before.known(), along.count.known())
    {
        let shape = [&[size as usize], ones.as_slice()].concat();
        let inside = |at: usize| (before..before + count).contains(&(at as f64));
        return graph.bools(&shape, (0..size as usize).map(inside));
    }
    let [zero, one] = [0.0, 1.0].map(|value| graph.doubles(&[], &[value]));
    let size = graph.scalar(&along.size);
    let positions = graph.op("Range", &[&zero, &size, &one]);
    let end = graph.add(&along.before, &along.count);
    let (before, end) = (graph.value(&along.before), graph.value(&end));
    let before = graph.op("Less", &[&positions, &before]);
    let before_end = graph.op("Less", &[&positions, &end]);
    let inside = graph.op("Xor", &[&before, &before_end]);
    if axes == 0 {
        return inside;
    }
    let shape: Vec<i64> = [-1]
        .into_iter()
        .chain(ones.iter().map(|one| *one as i64))
        .collect();
    let shape = graph.ints(&shape);
    graph.op("Reshape", &[&inside, &shape])
}

fn mirror(graph: &mut Graph, picture: Picture, placed: &Placed, mode: Mirror) -> Picture {
    let mut value = picture.value.clone();
    for (along, axis) in [&placed.rows, &placed.columns].into_iter().zip(picture.axes()) {
        if along.is_inside() && along.is_whole() {
            continue;
        }
        let sources = mirrored(graph, along, mode);
        value = graph.op_with("Gather", &[&value, &sources], vec![int("axis", axis)]);
    }
    picture.with(value, placed.size())
}

/// The position of the image that stands at each position of the canvas: int64 [size], by `Mirror::source`.
fn mirrored(graph: &mut Graph, along: &Along, mode: Mirror) -> Value {
    if let (Some(size), Some(offset), Some(from)) =
        (along.size.known(), along.offset.known(), along.from.known())
    {
        let sources: Vec<i64> = (0..size as i64)
            .map(|at| mode.source(at + offset as i64, from as usize) as i64)
            .collect();
        return graph.ints(&sources);
    }
    let [zero, one] = [0.0, 1.0].map(|value| graph.doubles(&[], &[value]));
    let size = graph.scalar(&along.size);
    let positions = Num::Later(graph.op("Range", &[&zero, &size, &one]));
    let positions = graph.add(&positions, &along.offset);
    let last = graph.sub(&along.from, &1.0.into());
    // Distances from 0 where the image comes twice over, one way and the other.
    let (shift, period) = match mode {
        Mirror::Edge => (None, None),
        Mirror::Reflect => (Some(0.0), Some(graph.mul(&last, &2.0.into()))),
        Mirror::Symmetric => {
            let twice = graph.mul(&last, &2.0.into());
            (Some(1.0), Some(graph.add(&twice, &1.0.into())))
        }
    };
    let mut inside = positions;
    if let (Some(shift), Some(period)) = (shift, period) {
        // Before the image: -shift - p, which is at least 0 there alone.
        let negative = graph.sub(&Num::from(-shift), &inside);
        inside = graph.max(&inside, &negative);
        // After it: period - p, which is at most the last position there alone.
        let back = graph.sub(&period, &inside);
        inside = graph.min(&inside, &back);
    }
    let inside = graph.max(&inside, &0.0.into());
    let inside = graph.min(&inside, &last);
    graph.int64(&inside)
}
