//! How an image lies between two passes, each of which maps [source positions, lines] to [outputs, lines].
//!
//! Only one axis at a time changes its place: such transposes are several times as fast as any other.

use prep_onnx_pipeline::Layout;

use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Condition, Extent, Num};
use crate::portable::picture::Picture;
use crate::portable::places::Pair;

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
struct Shapes {
    /// In the order of [`Step`].
    all: Vec<Value>,
}

#[derive(Clone, Copy)]
enum Step {
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
    fn reshape(&self, graph: &mut Graph, value: &Value, to: Step) -> Value {
        graph.op("Reshape", &[value, &self.all[to as usize]])
    }
}

/// One pass along each axis.
pub(super) struct Flow<'a> {
    pub(super) picture: &'a Picture,
    /// Whether the vertical pass comes first.
    pub(super) vertical_first: Condition,
    /// The [`places`] of the way that is taken, where only the image says which.
    pub(super) places: Option<Value>,
    /// Source positions of the first and the second pass.
    pub(super) lengths: [Num; 2],
    /// The same as int64 [2], where there is such a tensor.
    pub(super) both: Option<Value>,
    /// Outputs of the first and the second pass.
    pub(super) counts: [Num; 2],
}

impl Flow<'_> {
    /// Channels that lie beside each other. Planes are images of one channel.
    fn values(&self) -> usize {
        match self.picture.layout {
            Layout::Nchw => 1,
            Layout::Nhwc => self.picture.channels,
        }
    }

    /// The images [N, 3, rows, columns] that `pass` (its number, lines) makes of `value`, which holds the rows and columns
    /// that are read.
    pub(super) fn run(
        &self,
        graph: &mut Graph,
        value: &Value,
        mut pass: impl FnMut(&mut Graph, usize, &Value) -> Value,
    ) -> Picture {
        let shapes = self.places.as_ref().map(|places| self.shapes(graph, places));
        let lines = self.start(graph, value, shapes.as_ref());
        let lines = pass(graph, 0, &lines);
        let lines = self.turn(graph, &lines, shapes.as_ref());
        let lines = pass(graph, 1, &lines);
        self.end(graph, &lines, shapes.as_ref())
    }

    /// All shapes at once: on so few numbers a node costs more than what it computes.
    fn shapes(&self, graph: &mut Graph, places: &Value) -> Shapes {
        let both = match &self.both {
            Some(both) => both.clone(),
            None => listed(graph, self.lengths.each_ref()),
        };
        let values = graph.ints(&[self.values() as i64]);
        let rows = graph.op("Mul", &[&both, &values]);
        let others = graph.ints(&[-1, 1]);
        let [first, second] = &self.counts;
        let area = graph.mul(first, second);
        let counts = listed(graph, [first, second, &area, &Num::from(self.values())]);
        let extents = graph.op_with("Concat", &[&others, &both, &rows, &counts], vec![int("axis", 0)]);
        let all = graph.op_with("Gather", &[&extents, places], vec![int("axis", 0)]);
        let lengths = PLACES.map(|[vertical, _]| vertical.len());
        Shapes {
            all: graph.split(&all, 0, &lengths),
        }
    }

    /// Images to [first axis, everything else].
    fn start(&self, graph: &mut Graph, image: &Value, shapes: Option<&Shapes>) -> Value {
        let [first, second] = &self.lengths;
        if let Some(shapes) = shapes {
            let lines = shapes.reshape(graph, image, Step::Start);
            let lines = graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0, 2])]);
            return shapes.reshape(graph, &lines, Step::Started);
        }
        if self.vertical_first == Condition::Known(false) {
            let axis = match self.picture.layout {
                Layout::Nchw => 3,
                Layout::Nhwc => 2,
            };
            let matrix = graph.op_with("Flatten", &[image], vec![int("axis", axis)]);
            let lines = graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])]);
            return if self.values() == 1 {
                lines
            } else {
                self.lines(graph, &lines, first)
            };
        }
        // [N, rows, columns * values].
        let values = Num::from(self.values());
        let row = graph.mul(second, &values);
        let shape = graph.shape(&[Extent::Rest, Extent::Num(first), Extent::Num(&row)]);
        let lines = graph.op("Reshape", &[image, &shape]);
        let lines = graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0, 2])]);
        self.lines(graph, &lines, first)
    }

    /// The result of the first pass to [second axis, everything else].
    fn turn(&self, graph: &mut Graph, lines: &Value, shapes: Option<&Shapes>) -> Value {
        if let Some(shapes) = shapes {
            let matrix = shapes.reshape(graph, lines, Step::Turn);
            let lines = graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])]);
            return if self.values() == 1 {
                lines
            } else {
                shapes.reshape(graph, &lines, Step::Turned)
            };
        }
        // [outputs, N, columns * values] vertically, [outputs, values * N, rows] horizontally.
        let length = &self.lengths[1];
        let row = graph.mul(length, &Num::from(self.values()));
        let moved = graph.select(&self.vertical_first, &row, length);
        let lines = turned(graph, lines, &moved);
        if moved == *length {
            return lines;
        }
        self.lines(graph, &lines, length)
    }

    /// The result of the second pass to [N, channels, rows, columns].
    fn end(&self, graph: &mut Graph, lines: &Value, shapes: Option<&Shapes>) -> Picture {
        let [first, second] = &self.counts;
        let values = Num::from(self.values());
        // [columns, values * rows * N] vertically, [rows * columns, values * N] horizontally.
        let area = graph.mul(first, second);
        let vertical = self.vertical_first == Condition::Known(true);
        let matrix = match shapes {
            Some(shapes) => shapes.reshape(graph, lines, Step::End),
            None if vertical => lines.clone(),
            None => {
                let shape = graph.shape(&[Extent::Num(&area), Extent::Rest]);
                graph.op("Reshape", &[lines, &shape])
            }
        };
        let mut planes = graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])]);
        // [values, rows, N, columns] vertically, [values, 1, N, rows * columns] horizontally.
        let perm = vec![ints("perm", &[2, 0, 1, 3])];
        if let Some(shapes) = shapes {
            planes = shapes.reshape(graph, &planes, Step::Ended);
            planes = graph.op_with("Transpose", &[&planes], perm);
        } else if vertical {
            let shape = [
                Extent::Num(&values),
                Extent::Num(first),
                Extent::Rest,
                Extent::Num(second),
            ];
            let shape = graph.shape(&shape);
            planes = graph.op("Reshape", &[&planes, &shape]);
            planes = graph.op_with("Transpose", &[&planes], perm);
        } else if self.values() > 1 {
            let shape = graph.shape(&[Extent::Num(&values), Extent::Rest, Extent::Num(&area)]);
            planes = graph.op("Reshape", &[&planes, &shape]);
            planes = graph.op_with("Transpose", &[&planes], vec![ints("perm", &[1, 0, 2])]);
        }
        let size = Pair {
            rows: graph.select(&self.vertical_first, first, second),
            columns: graph.select(&self.vertical_first, second, first),
        };
        let picture = Picture {
            layout: Layout::Nchw,
            ..self.picture.clone()
        };
        let value = picture.shaped(graph, &planes, &size);
        picture.with(value, size)
    }

    /// `lines` as [length, everything else].
    fn lines(&self, graph: &mut Graph, lines: &Value, length: &Num) -> Value {
        let shape = graph.shape(&[Extent::Num(length), Extent::Rest]);
        graph.op("Reshape", &[lines, &shape])
    }
}

/// The matrix of `columns` columns, transposed.
fn turned(graph: &mut Graph, lines: &Value, columns: &Num) -> Value {
    let shape = graph.shape(&[Extent::Rest, Extent::Num(columns)]);
    let matrix = graph.op("Reshape", &[lines, &shape]);
    graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])])
}

/// These numbers as one tensor: int64 [N].
fn listed<const N: usize>(graph: &mut Graph, numbers: [&Num; N]) -> Value {
    graph.shape(&numbers.map(Extent::Num))
}
