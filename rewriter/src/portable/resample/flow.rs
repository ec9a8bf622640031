//! How an image lies between two passes, each of which maps [source positions, lines] to [outputs, lines].
//!
//! Only one axis at a time changes its place: such transposes are several times as fast as any other.

use prep_onnx_pipeline::Layout;

use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Condition, Extent, Num};
use crate::portable::picture::Picture;
use crate::portable::places::Pair;

/// One pass along each axis.
pub(super) struct Flow<'a> {
    pub(super) picture: &'a Picture,
    /// Whether the vertical pass comes first.
    pub(super) vertical_first: Condition,
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
        let lines = self.start(graph, value);
        let lines = pass(graph, 0, &lines);
        let lines = self.turn(graph, &lines);
        let lines = pass(graph, 1, &lines);
        self.end(graph, &lines)
    }

    /// Images to [first axis, everything else].
    fn start(&self, graph: &mut Graph, image: &Value) -> Value {
        let [first, second] = &self.lengths;
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
        // [N, rows, columns * values] vertically, [N * rows, columns * values, 1] horizontally.
        let values = Num::from(self.values());
        let rows = graph.select(&self.vertical_first, first, second);
        let columns = graph.select(&self.vertical_first, second, first);
        let row = graph.mul(&columns, &values);
        let moved = graph.select(&self.vertical_first, &rows, &row);
        let inner = graph.select(&self.vertical_first, &row, &1.0.into());
        let shape = graph.shape(&[Extent::Rest, Extent::Num(&moved), Extent::Num(&inner)]);
        let lines = graph.op("Reshape", &[image, &shape]);
        let lines = graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0, 2])]);
        self.lines(graph, &lines, first)
    }

    /// The result of the first pass to [second axis, everything else].
    fn turn(&self, graph: &mut Graph, lines: &Value) -> Value {
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
    fn end(&self, graph: &mut Graph, lines: &Value) -> Picture {
        let [first, second] = &self.counts;
        let values = Num::from(self.values());
        // [columns, values * rows * N] vertically, [rows * columns, values * N] horizontally.
        let area = graph.mul(first, second);
        let pixels = graph.select(&self.vertical_first, second, &area);
        let matrix = if pixels == *second {
            lines.clone()
        } else {
            self.lines(graph, lines, &pixels)
        };
        let mut planes = graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])]);
        if self.vertical_first != Condition::Known(false) {
            // [values, rows, N, columns] vertically, [values, 1, N, rows * columns] horizontally.
            let rows = graph.select(&self.vertical_first, first, &1.0.into());
            let shape = graph.shape(&[
                Extent::Num(&values),
                Extent::Num(&rows),
                Extent::Rest,
                Extent::Num(&pixels),
            ]);
            planes = graph.op("Reshape", &[&planes, &shape]);
            planes = graph.op_with("Transpose", &[&planes], vec![ints("perm", &[2, 0, 1, 3])]);
        } else if self.values() > 1 {
            let shape = graph.shape(&[Extent::Num(&values), Extent::Rest, Extent::Num(&pixels)]);
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
