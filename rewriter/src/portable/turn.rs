//! A turn by 90 degrees clockwise, of images that have the other orientation.

use super::graph::{Graph, ints};
use super::num::{Condition, Extent, Num};
use super::picture::Picture;
use super::places::Pair;

/// `picture`, turned where `turned` holds: then its size is `to`.
pub(super) fn turn(graph: &mut Graph, picture: Picture, turned: &Condition, to: &Pair) -> Picture {
    if *turned == Condition::Known(false) {
        return picture;
    }
    // Planes are images of one channel.
    let values = match picture.layout {
        prep_onnx_pipeline::Layout::Nchw => 1,
        prep_onnx_pipeline::Layout::Nhwc => picture.channels,
    };
    let (one, values) = (Num::from(1_usize), Num::from(values));
    // A transpose of [1, rows * columns] moves nothing.
    let area = graph.mul(&picture.size.rows, &picture.size.columns);
    let rows = graph.select(turned, &picture.size.rows, &one);
    let columns = graph.select(turned, &picture.size.columns, &area);
    let shape = graph.shape(&[
        Extent::Rest,
        Extent::Num(&rows),
        Extent::Num(&columns),
        Extent::Num(&values),
    ]);
    let value = graph.op("Reshape", &[&picture.value, &shape]);
    let value = graph.op_with("Transpose", &[&value], vec![ints("perm", &[0, 2, 1, 3])]);
    let shape = graph.shape(&[
        Extent::Rest,
        Extent::Num(&to.rows),
        Extent::Num(&to.columns),
        Extent::Num(&values),
    ]);
    let value = graph.op("Reshape", &[&value, &shape]);
    let last = graph.sub(&to.columns, &one);
    let start = graph.select(turned, &last, &0.0.into());
    // Far below the first position.
    let end = graph.select(turned, &Num::from(-1e9), &to.columns);
    let step = graph.select(turned, &Num::from(-1.0), &one);
    let [start, end, step] = [start, end, step].map(|number| graph.int64(&number));
    let axes = graph.ints(&[2]);
    let value = graph.op("Slice", &[&value, &start, &end, &axes, &step]);
    let value = picture.shaped(graph, &value, to);
    picture.with(value, to.clone())
}
