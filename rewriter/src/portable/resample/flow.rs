//! How an image lies between two passes, each of which maps [source positions, lines] to [outputs, lines].
//!
//! Only one axis at a time changes its place: such transposes are several times as fast as any other.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::Layout;

use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Condition, Extent, Num};
use crate::portable::picture::Picture;
use crate::portable::places::Pair;

/// Where an extent is among those from which shapes are chosen: each shape is then one node.
#[derive(Clone, Copy)]
enum At {
    Rest,
    One,
    First,
    Second,
    /// All channels of a line of the first or the second axis.
    FirstRow,
    SecondRow,
}

/// One pass along each axis.
pub(super) struct Flow<'a> {
    pub(super) picture: &'a Picture,
    /// Whether the vertical pass comes first.
    pub(super) vertical_first: Condition,
    /// Source positions of the first and the second pass.
    pub(super) lengths: [Num; 2],
    /// The same as float64 [2], where there is such a tensor.
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
        let lines = self.start(graph, value);
        let lines = pass(graph, 0, &lines);
        let lines = self.turn(graph, &lines);
        let lines = pass(graph, 1, &lines);
        self.end(graph, &lines)
    }

    /// The shape of these extents, of which the second list is taken horizontally.
    fn shape(&self, graph: &mut Graph, condition: &Value, vertical: &[At], horizontal: &[At]) -> Value {
        let both = self.both.clone().unwrap_or_else(|| {
            let lengths = self.lengths.each_ref().map(|length| match length {
                Num::Known(known) => graph.doubles(&[1], &[*known]),
                Num::Later(value) => value.clone(),
            });
            graph.op_with("Concat", &[&lengths[0], &lengths[1]], vec![int("axis", 0)])
        });
        let rows = graph.mul(&Num::Later(both.clone()), &Num::from(self.values()));
        let rows = graph.value(&rows);
        let others = graph.doubles(&[2], &[-1.0, 1.0]);
        let extents = graph.op_with("Concat", &[&others, &both, &rows], vec![int("axis", 0)]);
        let extents = graph.cast(&extents, DataType::INT64);
        let [vertical, horizontal] = [vertical, horizontal].map(|places| {
            let places: Vec<i64> = places.iter().map(|place| *place as i64).collect();
            graph.ints(&places)
        });
        let places = if vertical == horizontal {
            vertical
        } else {
            graph.op("Where", &[condition, &vertical, &horizontal])
        };
        graph.op_with("Gather", &[&extents, &places], vec![int("axis", 0)])
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
        if let Condition::Later(condition) = &self.vertical_first {
            let (vertical, horizontal) = (
                [At::Rest, At::First, At::SecondRow],
                [At::Rest, At::FirstRow, At::One],
            );
            let shape = self.shape(graph, condition, &vertical, &horizontal);
            let lines = graph.op("Reshape", &[image, &shape]);
            let lines = graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0, 2])]);
            let shape = self.shape(graph, condition, &[At::First, At::Rest], &[At::First, At::Rest]);
            return graph.op("Reshape", &[&lines, &shape]);
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
    fn turn(&self, graph: &mut Graph, lines: &Value) -> Value {
        // [outputs, N, columns * values] vertically, [outputs, values * N, rows] horizontally.
        let length = &self.lengths[1];
        if let Condition::Later(condition) = &self.vertical_first {
            let whole = self.values() == 1;
            let row = if whole { At::Second } else { At::SecondRow };
            let shape = self.shape(graph, condition, &[At::Rest, row], &[At::Rest, At::Second]);
            let matrix = graph.op("Reshape", &[lines, &shape]);
            let lines = graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])]);
            if whole {
                return lines;
            }
            let shape = self.shape(graph, condition, &[At::Second, At::Rest], &[At::Second, At::Rest]);
            return graph.op("Reshape", &[&lines, &shape]);
        }
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
            let rest = Num::from(-1.0);
            let shape = self.chosen(graph, &[second, &rest], &[&area, &rest]);
            graph.op("Reshape", &[lines, &shape])
        };
        let mut planes = graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])]);
        if self.vertical_first != Condition::Known(false) {
            // [values, rows, N, columns] vertically, [values, 1, N, rows * columns] horizontally.
            let (rest, one) = (Num::from(-1.0), Num::from(1.0));
            let shape = self.chosen(
                graph,
                &[&values, first, &rest, second],
                &[&values, &one, &rest, &area],
            );
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

    /// The first shape vertically, the second one horizontally.
    fn chosen(&self, graph: &mut Graph, vertical: &[&Num], horizontal: &[&Num]) -> Value {
        if let Condition::Later(condition) = &self.vertical_first
            && vertical.iter().chain(horizontal).all(|num| num.known().is_some())
        {
            let [vertical, horizontal] = [vertical, horizontal].map(|shape| {
                let extents: Vec<Extent> = shape.iter().map(|num| Extent::Num(num)).collect();
                graph.shape(&extents)
            });
            return graph.op("Where", &[condition, &vertical, &horizontal]);
        }
        let pairs = vertical.iter().zip(horizontal);
        let chosen: Vec<Num> = pairs
            .map(|(vertical, horizontal)| graph.select(&self.vertical_first, vertical, horizontal))
            .collect();
        let extents: Vec<Extent> = chosen.iter().map(Extent::Num).collect();
        graph.shape(&extents)
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
