//! Preprocessing of images whose size is known when embedding: weights, indices and sizes are constants.
//!
//! No float64, no arithmetic on shapes and no `If`: execution providers and runtimes that have none of these
//! take it, and what they compute in float32 is exact whatever the order of additions (see [`digits`]).
//!
//! [`digits`]: super::digits

use prep_onnx_pipeline::{AxisWeights, CHANNELS, FusedPlan, Geometry, Result};

use super::digits::Pass;
use super::finish::{self, Values};
use super::graph::{Graph, Value, int, ints};
use super::num::Num;
use super::size::{Crop, Pair};

/// The needed output positions of one axis, and the zeros around them.
struct Needed {
    first: usize,
    count: usize,
    before: usize,
    after: usize,
}

impl Needed {
    fn new(resized: usize, offset: i64, output: usize) -> Self {
        let before = usize::try_from(-offset).unwrap_or(0).min(output);
        let first = usize::try_from(offset).unwrap_or(0).min(resized);
        let count = (output - before).min(resized - first);
        Self {
            first,
            count,
            before,
            after: output - before - count,
        }
    }
}

/// Computes the tensor of `image`, uint8 [N, height, width, 3].
///
/// # Errors
/// When an image of this size would be resized to none.
pub(super) fn fixed(
    graph: &mut Graph,
    plan: &FusedPlan,
    image: &Value,
    (height, width): (usize, usize),
    values: Values,
) -> Result<Value> {
    let geometry = plan.geometry(height, width)?;
    let rows = Needed::new(geometry.resized.0, geometry.offset.0, geometry.output.0);
    let columns = Needed::new(geometry.resized.1, geometry.offset.1, geometry.output.1);
    let pixels = match plan.resize {
        Some(step) => {
            let axis = |from, to| AxisWeights::new(step.resampler, step.filter, from, to);
            let weights = [axis(height, geometry.resized.0), axis(width, geometry.resized.1)];
            match step.filter.support() {
                Some(_) => resampled(graph, &geometry, [&rows, &columns], &weights, image),
                None => picked(graph, [&rows, &columns], &weights, image),
            }
        }
        None => {
            let sides = [(&rows, height), (&columns, width)];
            let cut = cut(
                graph,
                image,
                sides.map(|(side, whole)| (side.first, side.count, whole)),
            );
            graph.op_with("Transpose", &[&cut], vec![ints("perm", &[0, 3, 1, 2])])
        }
    };
    let values = match finish::needs_float64(plan) {
        true => Values::Table,
        false => values,
    };
    Ok(finish::finish(
        graph,
        plan,
        pixels,
        &crop(&rows, &columns),
        values,
    ))
}

fn crop(rows: &Needed, columns: &Needed) -> Crop {
    let pair = |of: fn(&Needed) -> usize| Pair {
        rows: Num::from(of(rows)),
        columns: Num::from(of(columns)),
    };
    Crop {
        is_whole: false,
        start: pair(|side| side.first),
        count: pair(|side| side.count),
        before: pair(|side| side.before),
        after: pair(|side| side.after),
    }
}

/// The rows and columns (first, count, of how many) of [N, rows, columns, 3].
fn cut(graph: &mut Graph, image: &Value, sides: [(usize, usize, usize); 2]) -> Value {
    if sides
        .iter()
        .all(|(first, count, whole)| (*first, count) == (0, whole))
    {
        return image.clone();
    }
    let edges = |end: bool| sides.map(|(first, count, _)| if end { first + count } else { first } as i64);
    let (start, end) = (graph.ints(&edges(false)), graph.ints(&edges(true)));
    let axes = graph.ints(&[1, 2]);
    graph.op("Slice", &[image, &start, &end, &axes])
}

/// A nearest filter: uint8 [N, 3, rows, columns].
fn picked(graph: &mut Graph, needed: [&Needed; 2], weights: &[AxisWeights; 2], image: &Value) -> Value {
    let mut picked = image.clone();
    for (axis, (needed, weights)) in needed.into_iter().zip(weights).enumerate() {
        let sources: Vec<i64> = (needed.first..needed.first + needed.count)
            .map(|index| weights.window(index).0 as i64)
            .collect();
        let sources = graph.ints(&sources);
        picked = graph.op_with("Gather", &[&picked, &sources], vec![int("axis", axis as i64 + 1)]);
    }
    graph.op_with("Transpose", &[&picked], vec![ints("perm", &[0, 3, 1, 2])])
}

/// An antialiased filter: uint8 [N, 3, rows, columns].
fn resampled(
    graph: &mut Graph,
    geometry: &Geometry,
    needed: [&Needed; 2],
    weights: &[AxisWeights; 2],
    image: &Value,
) -> Value {
    let [rows, columns] = [0, 1].map(|axis| {
        let needed: &Needed = needed[axis];
        Pass::new(&weights[axis], needed.first..needed.first + needed.count)
    });
    let sides = [(&rows, geometry.image.0), (&columns, geometry.image.1)];
    let image = cut(
        graph,
        image,
        sides.map(|(pass, whole)| (pass.source.start, pass.source.len(), whole)),
    );
    let [height, width] = [&rows, &columns].map(|pass| pass.source.len() as i64);
    let [out_height, out_width] = [&rows, &columns].map(|pass| pass.count as i64);
    let channels = CHANNELS as i64;
    if geometry.vertical_first {
        let lines = reshape(graph, &image, &[-1, height, width * channels]);
        let lines = graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0, 2])]);
        let lines = reshape(graph, &lines, &[height, -1]);
        let lines = rows.apply(graph, &lines);
        let lines = turned(graph, &lines, width * channels);
        let lines = reshape(graph, &lines, &[width, -1]);
        let lines = columns.apply(graph, &lines);
        let planes = graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0])]);
        let planes = reshape(graph, &planes, &[channels, out_height, -1, out_width]);
        return graph.op_with("Transpose", &[&planes], vec![ints("perm", &[2, 0, 1, 3])]);
    }
    let lines = turned(graph, &image, width * channels);
    let lines = reshape(graph, &lines, &[width, -1]);
    let lines = columns.apply(graph, &lines);
    let lines = turned(graph, &lines, height);
    let lines = rows.apply(graph, &lines);
    let pixels = reshape(graph, &lines, &[out_height * out_width, -1]);
    let planes = graph.op_with("Transpose", &[&pixels], vec![ints("perm", &[1, 0])]);
    let planes = reshape(graph, &planes, &[channels, -1, out_height, out_width]);
    graph.op_with("Transpose", &[&planes], vec![ints("perm", &[1, 0, 2, 3])])
}

/// The matrix of `columns` columns, transposed.
fn turned(graph: &mut Graph, lines: &Value, columns: i64) -> Value {
    let matrix = reshape(graph, lines, &[-1, columns]);
    graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])])
}

/// `value` in another shape; -1 stands for the rest.
fn reshape(graph: &mut Graph, value: &Value, shape: &[i64]) -> Value {
    let shape = graph.ints(shape);
    graph.op("Reshape", &[value, &shape])
}
