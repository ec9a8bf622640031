//! The rows that a vertical pass of few taps reads: where these are fewer than all, only they go through the horizontal pass
//! before it. A photo of 4000x3000 that becomes 480 rows of two taps has 960 such rows.

use std::collections::BTreeSet;

use onnx_protobuf::tensor_proto::DataType;

use super::axis::Axis;
use super::taps::Taps;
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::{Condition, Num};
use crate::portable::picture::Picture;
use crate::portable::places::Pair;

/// A vertical pass on the rows that it reads.
pub(super) struct ReadRows {
    pub(super) taps: Taps,
    /// The images and the axis with these rows alone.
    pub(super) picture: Picture,
    pub(super) rows: Axis,
}

impl ReadRows {
    /// Of taps that are known, of `input` rows of `picture`.
    pub(super) fn known<const N: usize>(
        graph: &mut Graph,
        picture: &Picture,
        rows: &Axis,
        taps: &[([usize; N], [f32; N])],
    ) -> Self {
        let read: BTreeSet<usize> = taps.iter().flat_map(|(at, _)| *at).collect();
        if rows.input.known() == Some(read.len() as f64) {
            return Self::all(picture, rows, Taps::known(graph, taps));
        }
        let list: Vec<usize> = read.into_iter().collect();
        let moved = taps.iter().map(|(at, weights)| {
            let place = |at| list.partition_point(|row| *row < at);
            (at.map(place), *weights)
        });
        let moved: Vec<_> = moved.collect();
        let taps = Taps::known(graph, &moved);
        let length = list.len().into();
        let list: Vec<i64> = list.into_iter().map(|row| row as i64).collect();
        let list = graph.ints(&list);
        Self::some(graph, picture, rows, taps, (&list, length))
    }

    /// Of taps that an image brings: where all of them together are fewer than the rows, a row for each.
    pub(super) fn later(graph: &mut Graph, picture: &Picture, rows: &Axis, taps: Taps) -> Self {
        let reads = graph.mul(&rows.count, &taps.positions.len().into());
        let fewer = graph.less(&reads, &rows.input);
        if fewer == Condition::Known(false) {
            return Self::all(picture, rows, taps);
        }
        let every = range(graph, &0.0.into(), &rows.input);
        let lists: Vec<_> = taps.positions.iter().chain([&every]).collect();
        let lists = graph.op_with("Concat", &lists, vec![int("axis", 0)]);
        let first = graph.select(&fewer, &0.0.into(), &reads);
        let length = graph.min(&reads, &rows.input);
        let end = graph.add(&first, &length);
        let (first, end) = (graph.int64(&first), graph.int64(&end));
        let list = graph.op("Slice", &[&lists, &first, &end]);
        let positions = taps.positions.iter().enumerate().map(|(tap, positions)| {
            let first = graph.mul(&rows.count, &tap.into());
            let end = graph.add(&first, &rows.count);
            let own = range(graph, &first, &end);
            match &fewer {
                Condition::Later(fewer) => graph.op("Where", &[fewer, &own, positions]),
                Condition::Known(_) => own,
            }
        });
        let positions = positions.collect();
        Self::some(graph, picture, rows, Taps { positions, ..taps }, (&list, length))
    }

    fn all(picture: &Picture, rows: &Axis, taps: Taps) -> Self {
        Self {
            taps,
            picture: picture.clone(),
            rows: rows.clone(),
        }
    }

    /// With the rows of `list` alone, which has `length` of them.
    fn some(
        graph: &mut Graph,
        picture: &Picture,
        rows: &Axis,
        taps: Taps,
        (list, length): (&Value, Num),
    ) -> Self {
        let [axis, _] = picture.axes();
        let value = graph.op_with("Gather", &[&picture.value, list], vec![int("axis", axis)]);
        let size = Pair {
            rows: length.clone(),
            columns: picture.size.columns.clone(),
        };
        Self {
            taps,
            picture: picture.with(value, size),
            rows: Axis {
                input: length,
                ..rows.clone()
            },
        }
    }
}

/// From `first` to before `end`: int64 of one axis.
fn range(graph: &mut Graph, first: &Num, end: &Num) -> Value {
    let (first, end) = (graph.scalar(first), graph.scalar(end));
    let one = graph.doubles(&[], &[1.0]);
    let range = graph.op("Range", &[&first, &end, &one]);
    graph.cast(&range, DataType::INT64)
}
