//! Images of mixed sizes: the batch body for one image, in a Loop.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{CHANNELS, Dtype, FusedPlan};

use super::graph::{Graph, Value, int};
use super::num::{Extent, Num};
use super::{Portable, batch};

/// Computes [N, ...] from `pixels`, uint8 [total], and `shapes`, int64 [N, 3].
pub(super) fn ragged(
    graph: &mut Graph,
    plan: &FusedPlan,
    portable: Portable,
    pixels: &Value,
    shapes: &Value,
) -> Value {
    let data_type = match plan.dtype {
        Dtype::Float32 => DataType::FLOAT,
        Dtype::Float16 => DataType::FLOAT16,
        Dtype::Uint8 => DataType::UINT8,
    };
    let extents = graph.op("Shape", &[shapes]);
    let first = graph.int(0);
    let images = graph.op_with("Gather", &[&extents, &first], vec![int("axis", 0)]);
    let start = graph.ints(&[0]);
    graph.repeat(&images, &start, data_type, |graph, index, start| {
        let shape = graph.op_with("Gather", &[shapes, index], vec![int("axis", 0)]);
        let mut extent = |axis: i64| {
            let axis = graph.ints(&[axis]);
            graph.op_with("Gather", &[&shape, &axis], vec![int("axis", 0)])
        };
        let [height, width, channels] = [extent(0), extent(1), extent(2)];
        let area = graph.op("Mul", &[&height, &width]);
        let length = graph.op("Mul", &[&area, &channels]);
        let end = graph.op("Add", &[start, &length]);
        let axes = graph.ints(&[0]);
        let image = graph.op("Slice", &[pixels, start, &end, &axes]);
        // Other than three channels, or fewer pixels than the shape says, cannot be reshaped.
        let (one, channels) = (Num::from(1.0), Num::from(CHANNELS));
        let shape = graph.shape(&[
            Extent::Num(&one),
            Extent::Value(&height),
            Extent::Value(&width),
            Extent::Num(&channels),
        ]);
        let image = graph.op("Reshape", &[&image, &shape]);
        let tensor = batch(graph, plan, portable, &image);
        let shape = graph.op("Shape", &[&tensor]);
        let (from, to) = (graph.ints(&[1]), graph.ints(&[4]));
        let shape = graph.op("Slice", &[&shape, &from, &to]);
        (end, graph.op("Reshape", &[&tensor, &shape]))
    })
}
