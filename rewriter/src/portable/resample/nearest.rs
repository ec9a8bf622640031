//! The nearest filters: every output is a pixel of the source.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::resample::nearest_index;
use prep_onnx_pipeline::{AxisWeights, Filter, Windows};

use super::axis::Axis;
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::Num;
use crate::portable::picture::Picture;
use crate::portable::places::Pair;

/// Whose nearest pixel.
#[derive(Clone, Copy)]
pub(super) enum Nearest {
    Windows(Windows, Filter),
    Opencv,
}

/// The needed rows and columns of `picture`.
pub(super) fn nearest(graph: &mut Graph, picture: &Picture, axes: [&Axis; 2], rule: Nearest) -> Picture {
    let mut value = picture.value.clone();
    for (axis, at) in axes.into_iter().zip(picture.axes()) {
        let sources = sources(graph, axis, rule);
        value = graph.op_with("Gather", &[&value, &sources], vec![int("axis", at)]);
    }
    let [rows, columns] = axes.map(|axis| axis.count.clone());
    picture.with(value, Pair { rows, columns })
}

/// The source positions, where the sizes are known.
fn known(axis: &Axis, rule: Nearest) -> Option<Vec<i64>> {
    let [input, output, start, count] = axis.known()?;
    let part = start..start + count;
    Some(match rule {
        Nearest::Windows(windows, filter) => {
            let weights = AxisWeights::part(windows, filter, (input, output), part);
            (0..weights.len())
                .map(|index| weights.window(index).0 as i64)
                .collect()
        }
        Nearest::Opencv => part
            .map(|index| nearest_index(input, output, index) as i64)
            .collect(),
    })
}

/// The source position of each needed output of a nearest filter: int64 [count].
fn sources(graph: &mut Graph, axis: &Axis, rule: Nearest) -> Value {
    if let Some(sources) = known(axis, rule) {
        return graph.ints(&sources);
    }
    let [zero, one] = [0.0, 1.0].map(|value| graph.doubles(&[], &[value]));
    let scale = graph.div(&axis.input, &axis.output);
    let output = graph.scalar(&axis.output);
    let index = graph.op("Range", &[&zero, &output, &one]);
    let source = match rule {
        Nearest::Windows(Windows::Pillow | Windows::Pillow12, _) => {
            // Pillow adds the scale up, beginning with half of it.
            let half = graph.mul(&scale, &0.5.into());
            let (half, scale) = (graph.value(&half), graph.value(&scale));
            let after_first = graph.op("Less", &[&zero, &index]);
            let steps = graph.op("Where", &[&after_first, &scale, &half]);
            let axis = graph.int(0);
            graph.op("CumSum", &[&steps, &axis])
        }
        Nearest::Windows(Windows::Torchvision, filter) => {
            let scale = graph.value(&scale);
            let scale = graph.cast(&scale, DataType::FLOAT);
            let mut index = graph.cast(&index, DataType::FLOAT);
            if filter == Filter::NearestExact {
                let half = graph.floats(&[1], &[0.5]);
                index = graph.op("Add", &[&index, &half]);
            }
            let source = graph.op("Mul", &[&index, &scale]);
            graph.cast(&source, DataType::DOUBLE)
        }
        Nearest::Opencv => {
            // OpenCV divides twice.
            let inverse = graph.div(&axis.output, &axis.input);
            let scale = graph.div(&1.0.into(), &inverse);
            let scale = graph.value(&scale);
            graph.op("Mul", &[&index, &scale])
        }
    };
    let source = Num::Later(graph.op("Floor", &[&source]));
    let last = graph.sub(&axis.input, &1.0.into());
    let source = graph.min(&source, &last);
    let source = graph.int64(&source);
    let end = graph.add(&axis.start, &axis.count);
    let (start, end) = (graph.int64(&axis.start), graph.int64(&end));
    let axes = graph.ints(&[0]);
    graph.op("Slice", &[&source, &start, &end, &axes])
}
