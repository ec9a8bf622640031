//! One pass along each axis, each rounded to uint8: Pillow and torchvision.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{AxisWeights, Filter, Windows};

use super::axis::{Axis, outputs_of_a_block};
use super::digits;
use super::flow::{Flow, Way};
use super::pair::{Order, entry, flat, pair};
use super::parts::Parts;
use super::weights::{Integers, antialiased, is_signed, quantised};
use super::windows::{Outputs, Window};
use super::{plain, shapes, vertical_first};
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::{Condition, Extent, Num};
use crate::portable::picture::Picture;
use crate::portable::places::Pair;

/// Whose windows, the filter, and whether its kernel widens.
pub(super) type Sampled = (Windows, Filter, bool);

/// The needed rows and columns of `picture`.
pub(super) fn resize(
    graph: &mut Graph,
    picture: &Picture,
    [rows, columns]: [&Axis; 2],
    sampled: Sampled,
) -> Picture {
    let to = Pair {
        rows: rows.output.clone(),
        columns: columns.output.clone(),
    };
    let vertical_first = vertical_first(graph, sampled.0, &picture.size, &to);
    if let (Some(rows), Some(columns), Condition::Known(vertical_first)) =
        (rows.known(), columns.known(), &vertical_first)
    {
        return known(graph, picture, [rows, columns], *vertical_first, sampled);
    }
    let order = Order::new(graph, &vertical_first, picture.axes(), shapes::places());
    let both = pair(graph, &order, rows, columns);
    let counts = [(rows, columns), (columns, rows)];
    let counts = counts.map(|(rows, columns)| graph.select(&vertical_first, &rows.count, &columns.count));
    let axes = match both {
        Some(both) => vec![both],
        None => vec![
            Axis::select(graph, &vertical_first, rows, columns),
            Axis::select(graph, &vertical_first, columns, rows),
        ],
    };
    let paired = axes.len() == 1;
    let weighted: Vec<_> = axes
        .iter()
        .map(|axis| weigh(graph, axis, sampled, paired))
        .collect();
    let slices: Vec<_> = axes
        .iter()
        .zip(&weighted)
        .map(|(axis, (window, _))| Slice::new(graph, axis, window))
        .collect();
    let (value, both) = match slices.as_slice() {
        [first, second] => (
            slice_image(graph, picture, &vertical_first, [first, second]),
            None,
        ),
        slices => slice_by_both(graph, picture, &order, &slices[0]),
    };
    let parts: Vec<_> = weighted
        .iter()
        .zip(&slices)
        .map(|((window, integers), slice)| {
            let indices = window.indices(graph, &slice.low, &slice.length);
            Parts::new(graph, window, indices, integers)
        })
        .collect();
    let lengths = match slices.as_slice() {
        [first, second] => [first.length.clone(), second.length.clone()],
        slices => [0, 1].map(|place| entry(graph, &slices[0].length, place)),
    };
    let passes = match parts.as_slice() {
        [first, second] => [first.one(graph, 0, &counts[0]), second.one(graph, 1, &counts[1])],
        parts => parts[0].both(graph, &counts, keeps_aspect(rows, columns)),
    };
    let way = match vertical_first {
        Condition::Known(vertical_first) => Way::known(vertical_first),
        Condition::Later(vertical) => Way::Later {
            vertical,
            places: order.places,
            lengths: both,
        },
    };
    let flow = Flow {
        picture,
        way,
        lengths,
        counts,
    };
    flow.run(graph, &value, |graph, at, lines| passes[at].apply(graph, lines))
}

/// Whether windows along both axes are about as long: what does not know both sizes keeps the ratio of those of the image.
fn keeps_aspect(rows: &Axis, columns: &Axis) -> bool {
    rows.output.known().is_none() || columns.output.known().is_none()
}

/// Where the outputs of an axis read, or of two, and their weights.
fn weigh(
    graph: &mut Graph,
    axis: &Axis,
    (windows, filter, antialias): Sampled,
    paired: bool,
) -> (Window, Integers) {
    // torchvision's precision follows from the largest weight of the whole axis.
    let rows = outputs_of_a_block(filter);
    let outputs = Outputs::new(graph, axis, rows, paired, windows == Windows::Torchvision);
    let (window, weights) = match filter.support() {
        Some(support) if antialias => {
            let sampling = axis.sampling(graph, support);
            let [center, first, end] = sampling.windows(graph, axis, &outputs);
            let window = Window::new(graph, outputs, [first, end], false);
            let weights = antialiased(graph, filter, &sampling, &center, (&window, &axis.input));
            (window, weights)
        }
        _ => plain::plain(graph, axis, outputs, filter),
    };
    let integers = quantised(graph, is_signed(filter), windows, &weights, paired);
    (window, integers)
}

/// The source positions of one axis that are read, or of two.
struct Slice {
    low: Num,
    high: Num,
    length: Num,
    whole: bool,
}

impl Slice {
    fn new(graph: &mut Graph, axis: &Axis, window: &Window) -> Self {
        if axis.is_whole() {
            return Self {
                low: 0.0.into(),
                high: axis.input.clone(),
                length: axis.input.clone(),
                whole: true,
            };
        }
        let (low, high) = window.extent(graph);
        let length = graph.sub(&high, &low);
        Self {
            low,
            high,
            length,
            whole: false,
        }
    }
}

fn slice_image(
    graph: &mut Graph,
    picture: &Picture,
    vertical_first: &Condition,
    [first, second]: [&Slice; 2],
) -> Value {
    if first.whole && second.whole {
        return picture.value.clone();
    }
    let mut edges = |of_first: &Num, of_second: &Num| {
        let rows = graph.select(vertical_first, of_first, of_second);
        let columns = graph.select(vertical_first, of_second, of_first);
        graph.shape(&[Extent::Num(&rows), Extent::Num(&columns)])
    };
    let low = edges(&first.low, &second.low);
    let high = edges(&first.high, &second.high);
    let axes = graph.ints(&picture.axes());
    graph.op("Slice", &[&picture.value, &low, &high, &axes])
}

/// The same of both in one, and how many are read along the first and the second axis: int64 [2], where only the image says so.
fn slice_by_both(
    graph: &mut Graph,
    picture: &Picture,
    order: &Order,
    both: &Slice,
) -> (Value, Option<Value>) {
    if both.whole {
        let lengths = match &both.length {
            Num::Known(_) => None,
            Num::Later(lengths) => {
                let lengths = flat(graph, lengths);
                Some(graph.cast(&lengths, DataType::INT64))
            }
        };
        return (picture.value.clone(), lengths);
    }
    let [low, high, length] = [&both.low, &both.high, &both.length].map(|edges| graph.value(edges));
    let edges = graph.op_with("Concat", &[&low, &high, &length], vec![int("axis", 0)]);
    let all = graph.ints(&[6]);
    let edges = graph.op("Reshape", &[&edges, &all]);
    let edges = graph.cast(&edges, DataType::INT64);
    let mut edges = graph.split(&edges, 0, &[2, 2, 2]);
    let lengths = edges.pop();
    let inputs = [&picture.value].into_iter().chain(&edges).chain([&order.axes]);
    let sliced = graph.op("Slice", &inputs.collect::<Vec<_>>());
    (sliced, lengths)
}

/// The same where all sizes are known: weights and indices are constants.
fn known(
    graph: &mut Graph,
    picture: &Picture,
    axes: [[usize; 4]; 2],
    vertical_first: bool,
    (windows, filter, antialias): Sampled,
) -> Picture {
    let passes = axes.map(|[input, output, start, count]| {
        let part = start..start + count;
        let weights = if antialias {
            AxisWeights::part(windows, filter, (input, output), part)
        } else {
            AxisWeights::plain(filter, (input, output), part)
        };
        digits::Pass::new(&weights, 0..count, outputs_of_a_block(filter))
    });
    let value = read_part(
        graph,
        picture,
        [0, 1].map(|at| (passes[at].source.clone(), axes[at][0])),
    );
    let order = if vertical_first { [0, 1] } else { [1, 0] };
    let flow = Flow {
        picture,
        way: Way::known(vertical_first),
        lengths: order.map(|at| passes[at].source.len().into()),
        counts: order.map(|at| passes[at].count.into()),
    };
    flow.run(graph, &value, |graph, at, lines| {
        passes[order[at]].apply(graph, lines)
    })
}

/// The rows and columns of `picture` that are read, each of so many.
pub(super) fn read_part(
    graph: &mut Graph,
    picture: &Picture,
    sides: [(std::ops::Range<usize>, usize); 2],
) -> Value {
    if sides.iter().all(|(read, whole)| read.len() == *whole) {
        return picture.value.clone();
    }
    let [rows, columns] = sides.map(|(read, _)| read);
    let start = graph.ints(&[rows.start as i64, columns.start as i64]);
    let end = graph.ints(&[rows.end as i64, columns.end as i64]);
    let axes = graph.ints(&picture.axes());
    graph.op("Slice", &[&picture.value, &start, &end, &axes])
}
