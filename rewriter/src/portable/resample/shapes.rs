//! The shapes that an image takes between two passes, where only the image says which pass comes first.

use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::{Extent, Num};

/// Where an extent is among those from which shapes are chosen.
#[derive(Clone, Copy)]
enum At {
    Rest,
    One,
    First,
    Second,
    /// All channels of a line of the first or the second axis.
    FirstRow,
    SecondRow,
    /// Outputs of the first and the second pass, and of both.
    FirstCount,
    SecondCount,
    Area,
    /// Channels that lie beside each other.
    Values,
}

/// The shapes of an image on its way where only the image says which pass comes first.
pub(super) struct Shapes {
    /// In the order of [`Step`].
    all: Vec<Value>,
}

#[derive(Clone, Copy)]
pub(super) enum Step {
    /// What is turned to [first axis, everything else], and what that is.
    Start,
    Started,
    /// The same for [second axis, everything else].
    Turn,
    Turned,
    /// The same for planes.
    End,
    Ended,
}

/// The places of the shapes of each [`Step`], vertically first and horizontally.
const PLACES: [[&[At]; 2]; 6] = {
    use At::{Area, First, FirstCount, FirstRow, One, Rest, Second, SecondCount, SecondRow, Values};
    [
        [&[Rest, First, SecondRow], &[Rest, FirstRow, One]],
        [&[First, Rest]; 2],
        [&[Rest, SecondRow], &[Rest, Second]],
        [&[Second, Rest]; 2],
        [&[SecondCount, Rest], &[Area, Rest]],
        [
            &[Values, FirstCount, Rest, SecondCount],
            &[Values, One, Rest, Area],
        ],
    ]
};

/// The places of all shapes, vertically first and horizontally.
pub(super) fn places() -> [Vec<i64>; 2] {
    [0, 1].map(|way| {
        let places = PLACES.iter().flat_map(|step| step[way]);
        places.map(|place| *place as i64).collect()
    })
}

impl Shapes {
    /// All shapes at once: on so few numbers a node costs more than what it computes. `lengths` are the source positions of the first
    /// and the second pass, int64 [2], with the [`places`] of the way that is taken; `counts` the outputs of both, `values` how many
    /// channels lie beside each other.
    pub(super) fn new(
        graph: &mut Graph,
        (lengths, places): (&Value, &Value),
        [first, second]: [&Num; 2],
        values: usize,
    ) -> Self {
        let row = graph.ints(&[values as i64]);
        let rows = graph.op("Mul", &[lengths, &row]);
        let others = graph.ints(&[-1, 1]);
        let area = graph.mul(first, second);
        let values = Num::from(values);
        let counts = graph.shape(&[first, second, &area, &values].map(Extent::Num));
        let extents = [&others, lengths, &rows, &counts];
        let extents = graph.op_with("Concat", &extents, vec![int("axis", 0)]);
        let all = graph.op_with("Gather", &[&extents, places], vec![int("axis", 0)]);
        Self {
            all: graph.split(&all, 0, &PLACES.map(|[vertical, _]| vertical.len())),
        }
    }

    pub(super) fn reshape(&self, graph: &mut Graph, value: &Value, to: Step) -> Value {
        graph.op("Reshape", &[value, &self.all[to as usize]])
    }
}
