//! The outputs besides the tensor: what `prep_onnx_pipeline::Extras` says of each image.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::plan::Blocks;
use prep_onnx_pipeline::{OutputKind, Plan};

use super::form;
use super::formula::{N, Sheet};
use super::geometry::ImageSizes;
use super::graph::{Graph, Value, int};
use super::num::{Extent, Num};
use super::places::{Along, Placed};

/// The outputs that `plan` asks for, of the sizes of one image for all of `images` (int64 `[1]`), or of as many sizes.
pub(super) fn extras(graph: &mut Graph, plan: &Plan, sizes: &ImageSizes, images: &Value) -> Vec<Value> {
    let inner = last(sizes);
    plan.outputs
        .iter()
        .map(|kind| match kind {
            OutputKind::Geometry => {
                let rows = mapping(graph, sizes);
                table(graph, &rows, images, DataType::FLOAT)
            }
            OutputKind::Mask => mask(graph, &inner, images),
            OutputKind::Sizes => {
                let rows = [inner.rows.count.clone(), inner.columns.count.clone()];
                table(graph, &rows, images, DataType::INT64)
            }
            OutputKind::Grid => {
                let [down, across] = match plan.form.blocks {
                    Some(blocks) => form::grid(graph, blocks, &sizes.output),
                    None => [sizes.output.rows.clone(), sizes.output.columns.clone()],
                };
                let rows = [Num::from(Blocks::FRAMES as f64), down, across];
                table(graph, &rows, images, DataType::INT64)
            }
            // Not among those that a plan asks for: `Plan::check`.
            OutputKind::Tensor | OutputKind::Status => images.clone(),
        })
        .collect()
}

/// The canvas that `mask` and `sizes` speak of.
fn last(sizes: &ImageSizes) -> Placed {
    let last = sizes.stages.last();
    let placed = last.and_then(|last| {
        let before = last.before.as_ref().filter(|_| last.resized.is_none());
        last.after.as_ref().or(before)
    });
    placed.cloned().unwrap_or_else(|| Placed::whole(&sizes.output))
}

/// The offset after a canvas.
fn moved<'s>([top, left]: [N<'s>; 2], placed: &Placed) -> [N<'s>; 2] {
    [
        top - placed.rows.offset.clone(),
        left - placed.columns.offset.clone(),
    ]
}

/// The row of the output `geometry`, in the order of operations of `ImageGeometry::mapping`.
fn mapping(graph: &mut Graph, sizes: &ImageSizes) -> [Num; 6] {
    Sheet::with(graph, |sheet| {
        let number = |num: &Num| sheet.number(num.clone());
        let mut scale = [sheet.number(1.0), sheet.number(1.0)];
        let mut offset = [sheet.number(0.0), sheet.number(0.0)];
        for stage in &sizes.stages {
            if let Some(placed) = &stage.before {
                offset = moved(offset, placed);
            }
            if let Some((from, to)) = &stage.resized {
                let factors = [
                    number(&to.rows) / number(&from.rows),
                    number(&to.columns) / number(&from.columns),
                ];
                for axis in 0..2 {
                    scale[axis] = scale[axis] * factors[axis];
                    offset[axis] = offset[axis] * factors[axis];
                }
            }
            if let Some(placed) = &stage.after {
                offset = moved(offset, placed);
            }
        }
        [
            sizes.source.rows.clone(),
            sizes.source.columns.clone(),
            scale[0].num(),
            scale[1].num(),
            offset[0].num(),
            offset[1].num(),
        ]
    })
}

/// The numbers of each image in a row: [images, columns].
fn table(graph: &mut Graph, columns: &[Num], images: &Value, element: DataType) -> Value {
    let one = graph.ints(&[1]);
    let tall = graph.op_with("Concat", &[images, &one], vec![int("axis", 0)]);
    let columns: Vec<Value> = columns
        .iter()
        .map(|column| {
            let column = graph.value(column);
            let column = graph.cast(&column, element);
            let shape = graph.ints(&[-1, 1]);
            let column = graph.op("Reshape", &[&column, &shape]);
            graph.op("Expand", &[&column, &tall])
        })
        .collect();
    graph.op_with(
        "Concat",
        &columns.iter().collect::<Vec<_>>(),
        vec![int("axis", 1)],
    )
}

/// int64 [images, rows, columns]: 1 where there is image.
fn mask(graph: &mut Graph, placed: &Placed, images: &Value) -> Value {
    let rows = inside(graph, &placed.rows, [-1, 1]);
    let columns = inside(graph, &placed.columns, [1, -1]);
    let inside = graph.op("And", &[&rows, &columns]);
    let inside = graph.cast(&inside, DataType::INT64);
    let size = graph.shape(&[Extent::Num(&placed.rows.size), Extent::Num(&placed.columns.size)]);
    let shape = graph.op_with("Concat", &[images, &size], vec![int("axis", 0)]);
    graph.op("Expand", &[&inside, &shape])
}

/// Which positions of an axis of the canvas are the image's: bool [images or 1, ...].
fn inside(graph: &mut Graph, along: &Along, axes: [i64; 2]) -> Value {
    let [zero, one] = [0.0, 1.0].map(|value| graph.doubles(&[], &[value]));
    let size = graph.scalar(&along.size);
    let positions = graph.op("Range", &[&zero, &size, &one]);
    let shape = graph.ints(&axes);
    let positions = graph.op("Reshape", &[&positions, &shape]);
    let end = graph.add(&along.before, &along.count);
    let mut edge = |edge: &Num| {
        let edge = graph.value(edge);
        let shape = graph.ints(&[-1, 1, 1]);
        graph.op("Reshape", &[&edge, &shape])
    };
    let (before, end) = (edge(&along.before), edge(&end));
    let before = graph.op("Less", &[&positions, &before]);
    let before_end = graph.op("Less", &[&positions, &end]);
    graph.op("Xor", &[&before, &before_end])
}
