//! One pass along each axis, each rounded to uint8: Pillow and torchvision.

use prep_onnx_pipeline::{AxisWeights, Filter, Windows};

use super::axis::{Axis, Outputs, Window};
use super::digits;
use super::flow::Flow;
use super::pass::{MAX_TAPS, Pass};
use super::weights::{Integers, antialiased, is_signed, quantised};
use super::{plain, vertical_first};
use crate::portable::graph::{Graph, Value};
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
    let first = Axis::select(graph, &vertical_first, rows, columns);
    let second = Axis::select(graph, &vertical_first, columns, rows);
    let weighted = [&first, &second].map(|axis| weigh(graph, axis, sampled));
    let slices: [Slice; 2] = [0, 1].map(|at| Slice::new(graph, [&first, &second][at], &weighted[at].0));
    let value = slice_image(graph, picture, &vertical_first, &slices);
    let flow = Flow {
        picture,
        vertical_first,
        lengths: slices.each_ref().map(|slice| slice.length.clone()),
        counts: [first.count.clone(), second.count.clone()],
    };
    let passes: [Pass; 2] = [0, 1].map(|at| {
        let (window, integers) = &weighted[at];
        let indices = window.indices(graph, &slices[at].low, &slices[at].length);
        let integers = Integers {
            weights: window.needed(graph, &integers.weights),
            one: integers.one.clone(),
            units: integers.units.clone(),
        };
        Pass::new(graph, (indices, &window.pieces), &integers, &flow.counts[at])
    });
    flow.run(graph, &value, |graph, at, lines| passes[at].apply(graph, lines))
}

/// Where the outputs of an axis read, and their weights.
fn weigh(graph: &mut Graph, axis: &Axis, (windows, filter, antialias): Sampled) -> (Window, Integers) {
    // torchvision's precision follows from the largest weight of the whole axis.
    let outputs = Outputs::new(graph, axis, windows == Windows::Torchvision);
    let (window, weights) = match filter.support() {
        Some(support) if antialias => {
            let sampling = axis.sampling(graph, support);
            let [center, first, end] = sampling.windows(graph, axis, &outputs);
            let pieces = sampling.pieces(graph, support, MAX_TAPS);
            let window = Window::new(graph, outputs, [first, end], &pieces);
            let weights = antialiased(graph, filter, &sampling, &center, (&window, &axis.input));
            (window, weights)
        }
        _ => plain::plain(graph, axis, outputs, filter),
    };
    let integers = quantised(graph, is_signed(filter), windows, &weights);
    (window, integers)
}

/// The source positions of one axis that are read.
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
    [first, second]: &[Slice; 2],
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
        digits::Pass::new(&weights, 0..count)
    });
    let value = read_part(
        graph,
        picture,
        [0, 1].map(|at| (passes[at].source.clone(), axes[at][0])),
    );
    let order = if vertical_first { [0, 1] } else { [1, 0] };
    let flow = Flow {
        picture,
        vertical_first: Condition::Known(vertical_first),
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
