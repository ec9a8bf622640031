//! How an image lies between two passes, each of which maps [source positions, lines] to [outputs, lines].
//!
//! Only one axis at a time changes its place: such transposes are several times as fast as any other.

use prep_onnx_pipeline::Layout;

use super::shapes::{Shapes, Step};
use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Condition, Extent, Num};
use crate::portable::picture::Picture;
use crate::portable::places::Pair;

/// Which pass comes first.
pub(super) enum Way {
    Vertical,
    Horizontal,
    /// Only the image says.
    Later {
        /// Whether it is the vertical pass.
        vertical: Value,
        /// The [`super::shapes::places`] of the way that is taken.
        places: Value,
        /// Source positions of the first and the second pass as int64 [2], where there is such a tensor.
        lengths: Option<Value>,
    },
}

impl Way {
    pub(super) fn known(vertical_first: bool) -> Self {
        if vertical_first {
            Self::Vertical
        } else {
            Self::Horizontal
        }
    }

    fn is_vertical(&self) -> Condition {
        match self {
            Self::Vertical => Condition::Known(true),
            Self::Horizontal => Condition::Known(false),
            Self::Later { vertical, .. } => Condition::Later(vertical.clone()),
        }
    }
}

/// One pass along each axis.
pub(super) struct Flow<'a> {
    pub(super) picture: &'a Picture,
    pub(super) way: Way,
    /// Source positions of the first and the second pass.
    pub(super) lengths: [Num; 2],
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
        let shapes = match &self.way {
            Way::Vertical | Way::Horizontal => None,
            Way::Later { places, lengths, .. } => {
                let lengths = match lengths {
                    Some(lengths) => lengths.clone(),
                    None => graph.shape(&self.lengths.each_ref().map(Extent::Num)),
                };
                let places = (&lengths, places);
                Some(Shapes::new(graph, places, self.counts.each_ref(), self.values()))
            }
        };
        let lines = self.start(graph, value, shapes.as_ref());
        let lines = pass(graph, 0, &lines);
        let lines = self.turn(graph, &lines, shapes.as_ref());
        let lines = pass(graph, 1, &lines);
        self.end(graph, &lines, shapes.as_ref())
    }

    /// Images to [first axis, everything else].
    fn start(&self, graph: &mut Graph, image: &Value, shapes: Option<&Shapes>) -> Value {
        let [first, second] = &self.lengths;
        if let Some(shapes) = shapes {
            let lines = shapes.reshape(graph, image, Step::Start);
            let lines = graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0, 2])]);
            return shapes.reshape(graph, &lines, Step::Started);
        }
        if let Way::Horizontal = self.way {
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
        let moved = graph.select(&self.way.is_vertical(), &row, length);
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
        let vertical = matches!(self.way, Way::Vertical);
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
        let rows_first = self.way.is_vertical();
        let size = Pair {
            rows: graph.select(&rows_first, first, second),
            columns: graph.select(&rows_first, second, first),
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
