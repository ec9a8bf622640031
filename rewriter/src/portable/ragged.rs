//! Images of mixed sizes: the body for one image, in a Loop.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{Dtype, MAX_PIXELS, Plan, Result};

use super::form;
use super::geometry::geometry;
use super::graph::{Graph, Value, int};
use super::images::{Style, check_possible, tensor};
use super::num::{Extent, Num};
use super::outputs::extras;
use super::places::Pair;

/// Computes the outputs from `pixels`, uint8 [total], and `shapes`, int64 [N, 3], for a plan whose output is always
/// of one size, or of the size that the batch decides.
///
/// # Errors
/// Those of [`check_possible`].
pub(super) fn ragged(
    graph: &mut Graph,
    plan: &Plan,
    style: Style,
    pixels: &Value,
    shapes: &Value,
) -> Result<Vec<Value>> {
    let signed = plan.values.quantize.is_some_and(|quantize| quantize.signed);
    let data_type = match plan.form.dtype {
        Dtype::Float32 => DataType::FLOAT,
        Dtype::Float16 => DataType::FLOAT16,
        Dtype::Uint8 if signed => DataType::INT8,
        Dtype::Uint8 => DataType::UINT8,
    };
    let wide = graph.cast(shapes, DataType::DOUBLE);
    let mut images = checked(graph, plan, pixels, shapes, &wide);
    // All sizes at once: each number is one for each image.
    let every = |graph: &mut Graph, axis: i64| {
        let axis = graph.ints(&[axis]);
        let column = graph.op_with("Gather", &[&wide, &axis], vec![int("axis", 1)]);
        let flat = graph.ints(&[-1]);
        Num::Later(graph.op("Reshape", &[&column, &flat]))
    };
    let all = [every(graph, 0), every(graph, 1)];
    let all = image_size(graph, plan, all);
    let batch = plan.is_of_batch().then(|| {
        let alone = geometry(graph, plan, &all, None);
        Pair {
            rows: largest(graph, &alone.output.rows),
            columns: largest(graph, &alone.output.columns),
        }
    });
    let sizes = geometry(graph, plan, &all, batch.as_ref());
    check_possible(&sizes)?;
    let wrong = largest(graph, &sizes.wrong);
    if wrong.known() != Some(0.0) {
        let ones = graph.doubles(&[3], &[1.0; 3]);
        let ones = graph.demand_none("each_image_can_be_preprocessed", &wrong, &ones);
        let first = graph.ints(&[0]);
        let one = Num::Later(graph.op_with("Gather", &[&ones, &first], vec![int("axis", 0)]));
        images = graph.mul(&images, &one);
    }
    let images = graph.int64(&images);
    let first = graph.int(0);
    let turns = graph.op_with("Gather", &[&images, &first], vec![int("axis", 0)]);
    let output = plan.fixed_output().map(|(rows, columns)| Pair {
        rows: rows.into(),
        columns: columns.into(),
    });
    let output = output.or_else(|| batch.clone()).unwrap_or(sizes.output.clone());
    let mut extents = form::extents(graph, &plan.form, plan.channels(), &output);
    if let (Some(_), Some(size)) = (&plan.overview, plan.fixed_output()) {
        let shape = plan.tiles_alone().output_shape(1, size);
        let tiles = shape[1];
        extents[0] = Num::from(tiles + usize::from(plan.has_overview(tiles)));
    }
    let declared: Vec<i64> = extents
        .iter()
        .map(|extent| extent.known().map_or(-1, |extent| extent as i64))
        .collect();
    let shape = graph.shape(&extents.iter().map(Extent::Num).collect::<Vec<_>>());
    let start = graph.ints(&[0]);
    let mut tensors = graph.repeat(&turns, &start, (data_type, &declared), |graph, index, start| {
        let of_image = graph.op_with("Gather", &[&wide, index], vec![int("axis", 0)]);
        let mut extent = |axis: i64| {
            let axis = graph.ints(&[axis]);
            Num::Later(graph.op_with("Gather", &[&of_image, &axis], vec![int("axis", 0)]))
        };
        let (rows, columns) = (extent(0), extent(1));
        let channels = Num::from(plan.source.source_channels());
        let area = graph.mul(&rows, &columns);
        let length = graph.mul(&area, &channels);
        let length = graph.int64(&length);
        let end = graph.op("Add", &[start, &length]);
        let axes = graph.ints(&[0]);
        let image = graph.op("Slice", &[pixels, start, &end, &axes]);
        let tensor_shape = graph.shape(&[
            Extent::Num(&1.0.into()),
            Extent::Num(&rows),
            Extent::Num(&columns),
            Extent::Num(&channels),
        ]);
        let image = graph.op("Reshape", &[&image, &tensor_shape]);
        let size = image_size(graph, plan, [rows, columns]);
        let sizes = geometry(graph, plan, &size, batch.as_ref());
        let tensor_of_image = tensor(graph, plan, style, &image, &size, &sizes);
        (end, graph.op("Reshape", &[&tensor_of_image, &shape]))
    });
    if form::is_joined(&plan.form) {
        let rest: Vec<Extent<'_>> = [Extent::Rest]
            .into_iter()
            .chain(extents.iter().skip(1).map(Extent::Num))
            .collect();
        let shape = graph.shape(&rest);
        tensors = graph.op("Reshape", &[&tensors, &shape]);
    }
    let mut outputs = vec![tensors];
    outputs.extend(extras(graph, plan, &sizes, &images));
    Ok(outputs)
}

/// The size of an image in a tensor of so many rows and columns.
fn image_size(graph: &mut Graph, plan: &Plan, [rows, columns]: [Num; 2]) -> Pair {
    let rows = if plan.source.is_planar() {
        let twice = graph.mul(&rows, &2.0.into());
        graph.div(&twice, &3.0.into())
    } else {
        rows
    };
    Pair { rows, columns }
}

/// The largest of numbers that are not negative, one for each image; 0 where there is none.
fn largest(graph: &mut Graph, numbers: &Num) -> Num {
    let Num::Later(numbers) = numbers else {
        return numbers.clone();
    };
    // Reductions of nothing differ between runtimes.
    let zero = graph.doubles(&[1], &[0.0]);
    let numbers = graph.op_with("Concat", &[numbers, &zero], vec![int("axis", 0)]);
    let largest = graph.op_with("ReduceMax", &[&numbers], vec![int("keepdims", 0)]);
    let shape = graph.ints(&[1]);
    Num::Later(graph.op("Reshape", &[&largest, &shape]))
}

/// The number of images, once every shape is that of an image of the source format and all of them together are
/// as long as `pixels`. `wide` is `shapes` in float64.
fn checked(graph: &mut Graph, plan: &Plan, pixels: &Value, shapes: &Value, wide: &Value) -> Num {
    let mut column = |axis: i64| {
        let axis = graph.ints(&[axis]);
        graph.op_with("Gather", &[wide, &axis], vec![int("axis", 1)])
    };
    let (rows, columns) = (column(0), column(1));
    let area = graph.op("Mul", &[&rows, &columns]);
    let numbers = graph.op_with("Concat", &[wide, &area], vec![int("axis", 1)]);
    // An image of one pixel more: reductions of nothing differ between runtimes.
    let (channels, most) = (plan.source.source_channels() as f64, MAX_PIXELS as f64);
    let (unit_rows, unit_columns) = if plan.source.is_planar() {
        (3.0, 2.0)
    } else {
        (1.0, 1.0)
    };
    let least = [unit_rows, unit_columns, channels, unit_rows * unit_columns];
    let least = graph.doubles(&[1, 4], &least);
    let most = graph.doubles(&[1, 4], &[most, most, channels, most]);
    let numbers = graph.op_with("Concat", &[&numbers, &least], vec![int("axis", 0)]);
    let nearest = graph.op("Max", &[&numbers, &least]);
    let nearest = graph.op("Min", &[&nearest, &most]);
    let mut beyond = graph.op("Sub", &[&numbers, &nearest]);
    beyond = graph.op("Abs", &[&beyond]);
    if plan.source.is_planar() {
        let parts = graph.op("Div", &[&numbers, &least]);
        let parts_whole = graph.op("Floor", &[&parts]);
        let rest = graph.op("Sub", &[&parts, &parts_whole]);
        // Sixths and more: more than 0 is far more than 1 then.
        let many = graph.doubles(&[], &[12.0]);
        let rest = graph.op("Mul", &[&rest, &many]);
        beyond = graph.op("Add", &[&beyond, &rest]);
    }
    let beyond = graph.op_with("ReduceMax", &[&beyond], vec![int("keepdims", 0)]);

    let third = graph.ints(&[3]);
    let areas = graph.op_with("Gather", &[&numbers, &third], vec![int("axis", 1)]);
    let sum = graph.op_with("ReduceSum", &[&areas], vec![int("keepdims", 0)]);
    let of_images = graph.sub(&Num::Later(sum), &Num::from(unit_rows * unit_columns));
    let needed = graph.mul(&of_images, &Num::from(channels));
    let needed = graph.value(&needed);
    let total = graph.op("Shape", &[pixels]);
    let total = graph.cast(&total, DataType::DOUBLE);
    let surplus = graph.op("Sub", &[&total, &needed]);
    let surplus = graph.op("Abs", &[&surplus]);

    let wrong = graph.add(&Num::Later(surplus), &Num::Later(beyond));
    let ones = graph.doubles(&[3], &[1.0; 3]);
    let ones = graph.demand_none("shapes_are_of_rgb_images_and_fill_pixels", &wrong, &ones);
    let first = graph.ints(&[0]);
    let one = Num::Later(graph.op_with("Gather", &[&ones, &first], vec![int("axis", 0)]));
    let extents = graph.op("Shape", &[shapes]);
    let extents = graph.cast(&extents, DataType::DOUBLE);
    let images = Num::Later(graph.op_with("Gather", &[&extents, &first], vec![int("axis", 0)]));
    graph.mul(&images, &one)
}
