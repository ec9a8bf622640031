//! Integer weights and source indices of one axis, computed in the graph.
//!
//! Every formula has the order of operations of `prep_onnx_pipeline::AxisWeights`: the float64
//! results, and so the integers, are the same.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::resample::{HAMMING, MAX_TORCHVISION_PRECISION, PILLOW_PRECISION};
use prep_onnx_pipeline::{Filter, Resampler};

use super::graph::{Graph, Value, int};
use super::num::{Condition, Num};

/// Output positions that share one block of source positions.
pub(super) const BLOCK: usize = 8;

/// More taps than this would not be exact in float32: see `pass`.
const MAX_TAPS: f64 = 1024.0;

/// One axis of a resize.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Source extent.
    pub(super) input: Num,
    /// Extent after the resize.
    pub(super) output: Num,
    /// First output position that is needed.
    pub(super) start: Num,
    /// How many are needed.
    pub(super) count: Num,
}

impl Axis {
    /// `vertical` where `condition` holds, else `horizontal`.
    pub(super) fn select(graph: &mut Graph, condition: &Condition, vertical: &Self, horizontal: &Self) -> Self {
        Self {
            input: graph.select(condition, &vertical.input, &horizontal.input),
            output: graph.select(condition, &vertical.output, &horizontal.output),
            start: graph.select(condition, &vertical.start, &horizontal.start),
            count: graph.select(condition, &vertical.count, &horizontal.count),
        }
    }

    /// The sampling of this axis by an antialiased filter.
    pub(super) fn sampling(&self, graph: &mut Graph, support: f64) -> Sampling {
        let scale = graph.div(&self.input, &self.output);
        let filter_scale = graph.max(&scale, &1.0.into());
        Sampling {
            support: graph.mul(&support.into(), &filter_scale),
            inverse: graph.div(&1.0.into(), &filter_scale),
            scale,
        }
    }

    /// The first source position that output position `index` reads.
    pub(super) fn first(&self, graph: &mut Graph, sampling: &Sampling, index: &Num) -> Num {
        let center = sampling.center(graph, index);
        let edge = graph.sub(&center, &sampling.support);
        let edge = graph.add(&edge, &0.5.into());
        let edge = graph.floor(&edge);
        graph.max(&edge, &0.0.into())
    }

    /// The source position after the last one that output position `index` reads.
    pub(super) fn end(&self, graph: &mut Graph, sampling: &Sampling, index: &Num) -> Num {
        let center = sampling.center(graph, index);
        let edge = graph.add(&center, &sampling.support);
        let edge = graph.add(&edge, &0.5.into());
        let edge = graph.floor(&edge);
        graph.min(&edge, &self.input)
    }
}

/// The scale of an axis and its kernel.
#[derive(Clone, Debug)]
pub(super) struct Sampling {
    scale: Num,
    support: Num,
    inverse: Num,
}

impl Sampling {
    fn center(&self, graph: &mut Graph, index: &Num) -> Num {
        let middle = graph.add(index, &0.5.into());
        graph.mul(&middle, &self.scale)
    }
}

/// The needed outputs of an axis, in blocks of [`BLOCK`].
pub(super) struct Blocks {
    /// Source position of each block's window, relative to the slice: int64 [blocks, window].
    pub(super) indices: Value,
    /// Weights times 2^22: float64 [blocks, BLOCK, window].
    pub(super) weights: Value,
    /// Outputs of the first block that come before the first needed one.
    pub(super) skip: Num,
}

/// The blocks of `axis`, whose source has been sliced to `length` positions from `low` on.
pub(super) fn blocks(
    graph: &mut Graph,
    axis: &Axis,
    sampling: &Sampling,
    (filter, resampler): (Filter, Resampler),
    (low, length): (&Num, &Num),
) -> Blocks {
    // torchvision's precision follows from the largest weight of the whole axis.
    let whole = resampler == Resampler::Torchvision;
    let covered = if whole {
        Axis { start: 0.0.into(), count: axis.output.clone(), ..axis.clone() }
    } else {
        axis.clone()
    };
    let positions = positions(graph, &covered);
    let window = window(graph, axis, sampling, &positions);
    let weights = real_weights(graph, filter, sampling, &window);
    let weights = quantised(graph, filter, resampler, &weights);
    let offsets = relative(graph, &window.positions, low, length, &window.width);
    if !whole || (axis.start == covered.start && axis.count == covered.count) {
        return Blocks { indices: offsets, weights, skip: 0.0.into() };
    }
    let block = Num::from(BLOCK);
    let first = graph.div(&axis.start, &block);
    let first = graph.floor(&first);
    let end = graph.add(&axis.start, &axis.count);
    let end = graph.div(&end, &block);
    let end = graph.ceil(&end);
    let skipped = graph.mul(&first, &block);
    let (first, end) = (graph.int64(&first), graph.int64(&end));
    let axes = graph.ints(&[0]);
    Blocks {
        indices: graph.op("Slice", &[&offsets, &first, &end, &axes]),
        weights: graph.op("Slice", &[&weights, &first, &end, &axes]),
        skip: graph.sub(&axis.start, &skipped),
    }
}

/// Output positions, the last one repeated to a full block: float64 [blocks, BLOCK, 1].
fn positions(graph: &mut Graph, axis: &Axis) -> Value {
    let block = Num::from(BLOCK);
    let blocks = graph.div(&axis.count, &block);
    let blocks = graph.ceil(&blocks);
    let padded = graph.mul(&blocks, &block);
    let last = graph.sub(&axis.count, &1.0.into());
    let shape = graph.ints(&[-1, BLOCK as i64, 1]);
    let positions = match (padded.known(), last.known()) {
        (Some(padded), Some(last)) => {
            let positions: Vec<f64> = (0..padded as usize).map(|index| (index as f64).min(last)).collect();
            graph.doubles(&[positions.len() / BLOCK, BLOCK, 1], &positions)
        }
        _ => {
            let (zero, one) = (graph.doubles(&[], &[0.0]), graph.doubles(&[], &[1.0]));
            let end = graph.scalar(&padded);
            let range = graph.op("Range", &[&zero, &end, &one]);
            let last = graph.value(&last);
            let range = graph.op("Min", &[&range, &last]);
            graph.op("Reshape", &[&range, &shape])
        }
    };
    if axis.start.known() == Some(0.0) {
        return positions;
    }
    let start = graph.value(&axis.start);
    graph.op("Add", &[&positions, &start])
}

struct Window {
    /// float64 [blocks, BLOCK, 1].
    center: Value,
    first: Value,
    end: Value,
    /// Source positions of a block: float64 [blocks, 1, window].
    positions: Value,
    /// The widest window of a block: float64 without axes.
    width: Value,
}

fn window(graph: &mut Graph, axis: &Axis, sampling: &Sampling, positions: &Value) -> Window {
    let index = Num::Later(positions.clone());
    let center = sampling.center(graph, &index);
    let (first, end) = (axis.first(graph, sampling, &index), axis.end(graph, sampling, &index));
    let [center, first, end] = [center, first, end].map(|num| graph.value(&num));
    let mut row = |of: &Value, row: usize| {
        let row = graph.ints(&[row as i64]);
        graph.op_with("Gather", &[of, &row], vec![int("axis", 1)])
    };
    // Windows move forward with the output position: the first row begins and the last one ends.
    let (block_start, block_end) = (row(&first, 0), row(&end, BLOCK - 1));
    let widths = graph.op("Sub", &[&block_end, &block_start]);
    let width = graph.op_with("ReduceMax", &[&widths], vec![int("keepdims", 0)]);
    let (zero, one) = (graph.doubles(&[], &[0.0]), graph.doubles(&[], &[1.0]));
    let range = graph.op("Range", &[&zero, &width, &one]);
    let positions = graph.op("Add", &[&block_start, &range]);
    Window { center, first, end, positions, width }
}

/// Source positions as int64 [blocks, window], relative to the slice.
fn relative(graph: &mut Graph, positions: &Value, low: &Num, length: &Num, width: &Value) -> Value {
    let positions = Num::Later(positions.clone());
    let positions = graph.sub(&positions, low);
    let positions = graph.value(&positions);
    // More taps than float32 holds exactly must fail, not round: a Reshape to -3 does.
    let most = graph.doubles(&[], &[MAX_TAPS]);
    let fits = graph.op("Less", &[width, &most]);
    let (fill, refuse) = (graph.ints(&[-1]), graph.ints(&[-3]));
    let fill = graph.op("Where", &[&fits, &fill, &refuse]);
    let rows = graph.op("Shape", &[&positions]);
    let zero = graph.ints(&[0]);
    let rows = graph.op_with("Gather", &[&rows, &zero], vec![int("axis", 0)]);
    let shape = graph.op_with("Concat", &[&rows, &fill], vec![int("axis", 0)]);
    let positions = Num::Later(graph.op("Reshape", &[&positions, &shape]));
    let last = graph.sub(length, &1.0.into());
    let positions = graph.min(&positions, &last);
    graph.int64(&positions)
}

/// Normalised weights: float64 [blocks, BLOCK, window].
fn real_weights(graph: &mut Graph, filter: Filter, sampling: &Sampling, window: &Window) -> Value {
    let distance = graph.op("Sub", &[&window.positions, &window.center]);
    let half = graph.doubles(&[1], &[0.5]);
    let distance = Num::Later(graph.op("Add", &[&distance, &half]));
    let distance = graph.mul(&distance, &sampling.inverse);
    let distance = graph.value(&distance);
    let weights = kernel(graph, filter, &distance);
    let before = graph.op("Less", &[&window.positions, &window.first]);
    let inside = graph.op("Less", &[&window.positions, &window.end]);
    let after = graph.op("Not", &[&inside]);
    let outside = graph.op("Or", &[&before, &after]);
    let zero = graph.doubles(&[1], &[0.0]);
    let weights = graph.op("Where", &[&outside, &zero, &weights]);
    // CumSum adds in the order of the taps; ReduceSum may not.
    let axis = graph.int(2);
    let sums = graph.op("CumSum", &[&weights, &axis]);
    let last = graph.ints(&[-1]);
    let sum = graph.op_with("Gather", &[&sums, &last], vec![int("axis", 2)]);
    graph.op("Div", &[&weights, &sum])
}

/// Integers that stand for weight * 2^22: float64 of the same shape.
fn quantised(graph: &mut Graph, filter: Filter, resampler: Resampler, weights: &Value) -> Value {
    let half = graph.doubles(&[1], &[0.5]);
    let (one, unit) = match resampler {
        Resampler::Pillow | Resampler::Pillow12 => {
            (graph.doubles(&[1], &[f64::from(1_u32 << PILLOW_PRECISION)]), None)
        }
        Resampler::Torchvision => {
            let largest = graph.op_with("ReduceMax", &[weights], vec![int("keepdims", 0)]);
            let powers: Vec<f64> =
                (1..=MAX_TORCHVISION_PRECISION).map(|bits| f64::from(1_u32 << bits)).collect();
            let powers = graph.doubles(&[powers.len()], &powers);
            let scaled = graph.op("Mul", &[&powers, &largest]);
            let rounded = graph.op("Add", &[&scaled, &half]);
            let limit = graph.doubles(&[1], &[32_768.0]);
            let fits = graph.op("Less", &[&rounded, &limit]);
            let least = graph.doubles(&[1], &[1.0]);
            let candidates = graph.op("Where", &[&fits, &powers, &least]);
            let one = graph.op_with("ReduceMax", &[&candidates], vec![int("keepdims", 0)]);
            let full = graph.doubles(&[1], &[f64::from(1_u32 << PILLOW_PRECISION)]);
            let unit = graph.op("Div", &[&full, &one]);
            (one, Some(unit))
        }
    };
    let scaled = graph.op("Mul", &[weights, &one]);
    let integers = match filter {
        Filter::Bicubic | Filter::Lanczos => {
            let (sign, size) = (graph.op("Sign", &[&scaled]), graph.op("Abs", &[&scaled]));
            let size = graph.op("Add", &[&size, &half]);
            let size = graph.op("Floor", &[&size]);
            graph.op("Mul", &[&sign, &size])
        }
        Filter::Nearest | Filter::NearestExact | Filter::Bilinear | Filter::Box | Filter::Hamming => {
            let sum = graph.op("Add", &[&scaled, &half]);
            graph.op("Floor", &[&sum])
        }
    };
    match unit {
        Some(unit) => graph.op("Mul", &[&integers, &unit]),
        None => integers,
    }
}

fn kernel(graph: &mut Graph, filter: Filter, x: &Value) -> Value {
    let [zero, half, one] = [0.0, 0.5, 1.0].map(|value| graph.doubles(&[1], &[value]));
    match filter {
        Filter::Nearest | Filter::NearestExact => one,
        Filter::Box => {
            let minus_half = graph.doubles(&[1], &[-0.5]);
            let above = graph.op("Less", &[&minus_half, x]);
            let over = graph.op("Less", &[&half, x]);
            let inside = graph.op("Not", &[&over]);
            let inside = graph.op("And", &[&above, &inside]);
            graph.op("Where", &[&inside, &one, &zero])
        }
        Filter::Bilinear => {
            let x = graph.op("Abs", &[x]);
            let rest = graph.op("Sub", &[&one, &x]);
            graph.op("Max", &[&rest, &zero])
        }
        Filter::Bicubic => bicubic(graph, x),
        Filter::Hamming => {
            let x = graph.op("Abs", &[x]);
            let sinc = sinc(graph, &x);
            let pi = graph.doubles(&[1], &[std::f64::consts::PI]);
            let angle = graph.op("Mul", &[&x, &pi]);
            let cosine = graph.op("Cos", &[&angle]);
            let [base, share] = HAMMING.map(|value| graph.doubles(&[1], &[value]));
            let share = graph.op("Mul", &[&share, &cosine]);
            let raised = graph.op("Add", &[&base, &share]);
            let weight = graph.op("Mul", &[&sinc, &raised]);
            let at_zero = graph.op("Equal", &[&x, &zero]);
            let weight = graph.op("Where", &[&at_zero, &one, &weight]);
            let inside = graph.op("Less", &[&x, &one]);
            graph.op("Where", &[&inside, &weight, &zero])
        }
        Filter::Lanczos => {
            let [three, minus_three] = [3.0, -3.0].map(|value| graph.doubles(&[1], &[value]));
            let wide = graph.op("Div", &[x, &three]);
            let (narrow, wide) = (sinc(graph, x), sinc(graph, &wide));
            let weight = graph.op("Mul", &[&narrow, &wide]);
            let below = graph.op("Less", &[x, &minus_three]);
            let inside = graph.op("Less", &[x, &three]);
            let above = graph.op("Not", &[&inside]);
            let outside = graph.op("Or", &[&below, &above]);
            graph.op("Where", &[&outside, &zero, &weight])
        }
    }
}

fn bicubic(graph: &mut Graph, x: &Value) -> Value {
    const A: f64 = -0.5;
    let x = graph.op("Abs", &[x]);
    let mut number = |value: f64| graph.doubles(&[1], &[value]);
    let [zero, one, two] = [0.0, 1.0, 2.0].map(&mut number);
    let [a2, a3, five, eight, four, a] = [A + 2.0, A + 3.0, 5.0, 8.0, 4.0, A].map(&mut number);
    let near = graph.op("Mul", &[&x, &a2]);
    let near = graph.op("Sub", &[&near, &a3]);
    let near = graph.op("Mul", &[&near, &x]);
    let near = graph.op("Mul", &[&near, &x]);
    let near = graph.op("Add", &[&near, &one]);
    let far = graph.op("Sub", &[&x, &five]);
    let far = graph.op("Mul", &[&far, &x]);
    let far = graph.op("Add", &[&far, &eight]);
    let far = graph.op("Mul", &[&far, &x]);
    let far = graph.op("Sub", &[&far, &four]);
    let far = graph.op("Mul", &[&far, &a]);
    let is_far = graph.op("Less", &[&x, &two]);
    let far = graph.op("Where", &[&is_far, &far, &zero]);
    let is_near = graph.op("Less", &[&x, &one]);
    graph.op("Where", &[&is_near, &near, &far])
}

fn sinc(graph: &mut Graph, x: &Value) -> Value {
    let [zero, one, pi] = [0.0, 1.0, std::f64::consts::PI].map(|value| graph.doubles(&[1], &[value]));
    let angle = graph.op("Mul", &[x, &pi]);
    let at_zero = graph.op("Equal", &[x, &zero]);
    let safe = graph.op("Where", &[&at_zero, &one, &angle]);
    let sine = graph.op("Sin", &[&safe]);
    let quotient = graph.op("Div", &[&sine, &safe]);
    graph.op("Where", &[&at_zero, &one, &quotient])
}

/// The source position of each needed output of a nearest filter: int64 [count].
pub(super) fn nearest(graph: &mut Graph, axis: &Axis, filter: Filter, resampler: Resampler) -> Value {
    let [zero, one] = [0.0, 1.0].map(|value| graph.doubles(&[], &[value]));
    let scale = graph.div(&axis.input, &axis.output);
    let output = graph.scalar(&axis.output);
    let index = graph.op("Range", &[&zero, &output, &one]);
    let source = match resampler {
        Resampler::Pillow | Resampler::Pillow12 => {
            // Pillow adds the scale up, beginning with half of it.
            let half = graph.mul(&scale, &0.5.into());
            let (half, scale) = (graph.value(&half), graph.value(&scale));
            let after_first = graph.op("Less", &[&zero, &index]);
            let steps = graph.op("Where", &[&after_first, &scale, &half]);
            let axis = graph.int(0);
            graph.op("CumSum", &[&steps, &axis])
        }
        Resampler::Torchvision => {
            let scale = graph.value(&scale);
            let scale = graph.cast(&scale, DataType::FLOAT);
            let mut index = graph.cast(&index, DataType::FLOAT);
            if filter == Filter::NearestExact {
                let half = graph.floats(&[1], &[0.5]);
                index = graph.op("Add", &[&index, &half]);
            }
            let source = graph.op("Mul", &[&index, &scale]);
            graph.cast(&source, DataType::DOUBLE)
        }
    };
    let source = Num::Later(graph.op("Floor", &[&source]));
    let last = graph.sub(&axis.input, &1.0.into());
    let source = graph.min(&source, &last);
    let source = graph.int64(&source);
    let end = graph.add(&axis.start, &axis.count);
    let (start, end) = (graph.int64(&axis.start), graph.int64(&end));
    let axes = graph.ints(&[0]);
    graph.op("Slice", &[&source, &start, &end, &axes])
}
