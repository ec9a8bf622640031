//! Images of mixed sizes: the batch body for one image, in a Loop.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{CHANNELS, Dtype, FusedPlan, MAX_PIXELS};

use super::graph::{Graph, Value, int};
use super::num::{Extent, Num};
use super::size::{Extents, Pair};
use super::{Portable, batch};

/// Computes [N, ...] from `pixels`, uint8 [total], and `shapes`, int64 [N, 3], for a plan whose output is
/// always `output` = (height, width).
pub(super) fn ragged(
    graph: &mut Graph,
    plan: &FusedPlan,
    portable: Portable,
    output: (usize, usize),
    pixels: &Value,
    shapes: &Value,
) -> Value {
    let data_type = match plan.dtype {
        Dtype::Float32 => DataType::FLOAT,
        Dtype::Float16 => DataType::FLOAT16,
        Dtype::Uint8 => DataType::UINT8,
    };
    let [_, tensor @ ..] = plan.output_shape(1, output).map(|extent| extent as i64);
    let wide = graph.cast(shapes, DataType::DOUBLE);
    let images = images(graph, pixels, shapes, &wide);
    let start = graph.ints(&[0]);
    graph.repeat(&images, &start, (data_type, &tensor), |graph, index, start| {
        let shape = graph.op_with("Gather", &[&wide, index], vec![int("axis", 0)]);
        let mut extent = |axis: i64| {
            let axis = graph.ints(&[axis]);
            Num::Later(graph.op_with("Gather", &[&shape, &axis], vec![int("axis", 0)]))
        };
        let (rows, columns) = (extent(0), extent(1));
        let (one, channels) = (Num::from(1.0), Num::from(CHANNELS));
        let area = graph.mul(&rows, &columns);
        let length = graph.mul(&area, &channels);
        let length = graph.int64(&length);
        let end = graph.op("Add", &[start, &length]);
        let axes = graph.ints(&[0]);
        let image = graph.op("Slice", &[pixels, start, &end, &axes]);
        let shape = graph.shape(&[
            Extent::Num(&one),
            Extent::Num(&rows),
            Extent::Num(&columns),
            Extent::Num(&channels),
        ]);
        let image = graph.op("Reshape", &[&image, &shape]);
        let extents = Extents {
            images: one,
            image: Pair { rows, columns },
        };
        let tensor_of_image = batch(graph, plan, portable, &image, &extents);
        let shape = graph.ints(&tensor);
        (end, graph.op("Reshape", &[&tensor_of_image, &shape]))
    })
}

/// The number of images (int64, no axes), once every shape is that of an RGB image and all of them together are
/// as long as `pixels`. `wide` is `shapes` in float64.
fn images(graph: &mut Graph, pixels: &Value, shapes: &Value, wide: &Value) -> Value {
    let mut column = |axis: i64| {
        let axis = graph.ints(&[axis]);
        graph.op_with("Gather", &[wide, &axis], vec![int("axis", 1)])
    };
    let (rows, columns) = (column(0), column(1));
    let area = graph.op("Mul", &[&rows, &columns]);
    let numbers = graph.op_with("Concat", &[wide, &area], vec![int("axis", 1)]);
    // An image of one pixel more: reductions of nothing differ between runtimes.
    let (channels, most) = (CHANNELS as f64, MAX_PIXELS as f64);
    let least = graph.doubles(&[1, 4], &[1.0, 1.0, channels, 1.0]);
    let most = graph.doubles(&[1, 4], &[most, most, channels, most]);
    let numbers = graph.op_with("Concat", &[&numbers, &least], vec![int("axis", 0)]);
    let nearest = graph.op("Max", &[&numbers, &least]);
    let nearest = graph.op("Min", &[&nearest, &most]);
    let beyond = graph.op("Sub", &[&numbers, &nearest]);
    let beyond = graph.op("Abs", &[&beyond]);
    let beyond = graph.op_with("ReduceMax", &[&beyond], vec![int("keepdims", 0)]);

    let third = graph.ints(&[3]);
    let areas = graph.op_with("Gather", &[&numbers, &third], vec![int("axis", 1)]);
    let sum = graph.op_with("ReduceSum", &[&areas], vec![int("keepdims", 0)]);
    let of_images = graph.sub(&Num::Later(sum), &1.0.into());
    let needed = graph.mul(&of_images, &CHANNELS.into());
    let needed = graph.value(&needed);
    let total = graph.op("Shape", &[pixels]);
    let total = graph.cast(&total, DataType::DOUBLE);
    let surplus = graph.op("Sub", &[&total, &needed]);
    let surplus = graph.op("Abs", &[&surplus]);

    let wrong = graph.add(&Num::Later(surplus), &Num::Later(beyond));
    let wrong = graph.min(&wrong, &1.0.into());
    let ones = graph.doubles(&[3], &[1.0; 3]);
    let ones = graph.demand("shapes_are_of_rgb_images_and_fill_pixels", &wrong, &ones);
    let first = graph.ints(&[0]);
    let one = Num::Later(graph.op_with("Gather", &[&ones, &first], vec![int("axis", 0)]));
    let extents = graph.op("Shape", &[shapes]);
    let extents = graph.cast(&extents, DataType::DOUBLE);
    let images = Num::Later(graph.op_with("Gather", &[&extents, &first], vec![int("axis", 0)]));
    let images = graph.mul(&images, &one);
    let images = graph.int64(&images);
    let first = graph.int(0);
    graph.op_with("Gather", &[&images, &first], vec![int("axis", 0)])
}
