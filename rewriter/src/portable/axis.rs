//! Integer weights and source indices of one axis, computed in the graph.
//!
//! Every formula has the order of operations of `prep_onnx_pipeline::AxisWeights`: the float64
//! results, and so the integers, are the same.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::resample::{HAMMING, MAX_TORCHVISION_PRECISION, PILLOW_PRECISION};
use prep_onnx_pipeline::{Filter, Resampler};

use super::graph::{Graph, Value, int};
use super::num::{Condition, Extent, Num};

/// Output positions that share one block of source positions.
pub(super) const BLOCK: usize = 8;

/// The weights of a pass give twice the pixel values.
pub(super) const DOUBLED: f64 = 2.0;

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
    pub(super) fn select(
        graph: &mut Graph,
        condition: &Condition,
        vertical: &Self,
        horizontal: &Self,
    ) -> Self {
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
}

/// The scale of an axis and its kernel.
#[derive(Clone, Debug)]
pub(super) struct Sampling {
    scale: Num,
    support: Num,
    inverse: Num,
}

/// The needed outputs of an axis, in blocks of [`BLOCK`], and where they read.
pub(super) struct Window {
    /// float64 [blocks, BLOCK, 1].
    center: Value,
    first: Value,
    end: Value,
    /// Source positions of a block: float64 [blocks, 1, window].
    positions: Value,
    /// The blocks that are needed: int64 [1], from and to; `None` for all.
    needed: Option<(Value, Value)>,
    /// How many blocks are needed.
    blocks: Num,
}

impl Window {
    /// The windows of `axis`.
    pub(super) fn new(graph: &mut Graph, axis: &Axis, sampling: &Sampling, resampler: Resampler) -> Self {
        let block = Num::from(BLOCK);
        let blocks = graph.div(&axis.count, &block);
        let blocks = graph.ceil(&blocks);
        // torchvision's precision follows from the largest weight of the whole axis.
        let part = axis.start.known() != Some(0.0) || axis.count != axis.output;
        let (positions, needed) = if part && resampler == Resampler::Torchvision {
            let before = graph.div(&axis.start, &block);
            let before = graph.ceil(&before);
            let after = graph.add(&before, &blocks);
            let skipped = graph.mul(&before, &block);
            let origin = graph.sub(&axis.start, &skipped);
            let rest = graph.sub(&axis.output, &origin);
            let all = graph.div(&rest, &block);
            let all = graph.ceil(&all);
            let positions = positions(graph, &all, &origin, &axis.output);
            let zero = graph.doubles(&[], &[0.0]);
            let positions = graph.op("Max", &[&positions, &zero]);
            (positions, Some((graph.int64(&before), graph.int64(&after))))
        } else {
            let end = graph.add(&axis.start, &axis.count);
            (positions(graph, &blocks, &axis.start, &end), None)
        };
        let middle = graph.add(&Num::Later(positions), &0.5.into());
        let center = graph.mul(&middle, &sampling.scale);
        let first = graph.sub(&center, &sampling.support);
        let first = graph.add(&first, &0.5.into());
        let first = graph.floor(&first);
        let first = graph.max(&first, &0.0.into());
        let end = graph.add(&center, &sampling.support);
        let end = graph.add(&end, &0.5.into());
        let end = graph.floor(&end);
        let end = graph.min(&end, &axis.input);
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
        Self {
            center,
            first,
            end,
            positions,
            needed,
            blocks,
        }
    }

    /// The source positions that are read: the first one, and the one after the last.
    pub(super) fn extent(&self, graph: &mut Graph) -> (Num, Num) {
        let mut reduce = |op: &str, of: &Value| {
            let of = self.needed(graph, of);
            let reduced = graph.op_with(op, &[&of], vec![int("keepdims", 0)]);
            let shape = graph.ints(&[1]);
            Num::Later(graph.op("Reshape", &[&reduced, &shape]))
        };
        (reduce("ReduceMin", &self.first), reduce("ReduceMax", &self.end))
    }

    /// Source positions relative to a slice of `length` positions from `low` on: int64 [blocks, window].
    pub(super) fn indices(&self, graph: &mut Graph, low: &Num, length: &Num) -> Value {
        let positions = Num::Later(self.needed(graph, &self.positions));
        let positions = graph.sub(&positions, low);
        let positions = graph.value(&positions);
        let shape = graph.shape(&[Extent::Num(&self.blocks), Extent::Rest]);
        let positions = Num::Later(graph.op("Reshape", &[&positions, &shape]));
        let last = graph.sub(length, &1.0.into());
        let positions = graph.min(&positions, &last);
        graph.int64(&positions)
    }

    /// Weights times [`DOUBLED`]: float64 [blocks, BLOCK, window].
    pub(super) fn weights(
        &self,
        graph: &mut Graph,
        sampling: &Sampling,
        filter: Filter,
        resampler: Resampler,
    ) -> Value {
        let weights = real_weights(graph, filter, sampling, self);
        let weights = quantised(graph, filter, resampler, &weights);
        self.needed(graph, &weights)
    }

    fn needed(&self, graph: &mut Graph, blocks: &Value) -> Value {
        let Some((from, to)) = &self.needed else {
            return blocks.clone();
        };
        let axes = graph.ints(&[0]);
        graph.op("Slice", &[blocks, from, to, &axes])
    }
}

/// Output positions from `start` on, those from `end` on replaced by the last one: float64 [blocks, BLOCK, 1].
fn positions(graph: &mut Graph, blocks: &Num, start: &Num, end: &Num) -> Value {
    let padded = graph.mul(blocks, &BLOCK.into());
    let last = graph.sub(end, &1.0.into());
    let range = match padded.known() {
        Some(padded) => {
            let positions: Vec<f64> = (0..padded as usize).map(|index| index as f64).collect();
            graph.doubles(&[positions.len() / BLOCK, BLOCK, 1], &positions)
        }
        None => {
            let (zero, one) = (graph.doubles(&[], &[0.0]), graph.doubles(&[], &[1.0]));
            let end = graph.scalar(&padded);
            let range = graph.op("Range", &[&zero, &end, &one]);
            let shape = graph.ints(&[-1, BLOCK as i64, 1]);
            graph.op("Reshape", &[&range, &shape])
        }
    };
    let positions = graph.add(&Num::Later(range), start);
    let full = blocks
        .known()
        .is_some_and(|blocks| *end == Num::from(blocks * BLOCK as f64));
    let positions = if full {
        positions
    } else {
        graph.min(&positions, &last)
    };
    graph.value(&positions)
}

/// Normalised weights: float64 [blocks, BLOCK, window].
fn real_weights(graph: &mut Graph, filter: Filter, sampling: &Sampling, window: &Window) -> Value {
    let distance = graph.op("Sub", &[&window.positions, &window.center]);
    let half = graph.doubles(&[], &[0.5]);
    let distance = Num::Later(graph.op("Add", &[&distance, &half]));
    let distance = graph.mul(&distance, &sampling.inverse);
    let distance = graph.value(&distance);
    let weights = kernel(graph, filter, &distance);
    let before_first = graph.op("Less", &[&window.positions, &window.first]);
    let before_end = graph.op("Less", &[&window.positions, &window.end]);
    let inside = graph.op("Xor", &[&before_first, &before_end]);
    let zero = graph.doubles(&[], &[0.0]);
    let weights = graph.op("Where", &[&inside, &weights, &zero]);
    // CumSum adds in the order of the taps; ReduceSum may not.
    let axis = graph.int(2);
    let sums = graph.op("CumSum", &[&weights, &axis]);
    let last = graph.ints(&[-1]);
    let sum = graph.op_with("Gather", &[&sums, &last], vec![int("axis", 2)]);
    graph.op("Div", &[&weights, &sum])
}

/// Weights rounded to whole multiples of a power of two, times [`DOUBLED`]: float64 of the same shape.
fn quantised(graph: &mut Graph, filter: Filter, resampler: Resampler, weights: &Value) -> Value {
    let half = graph.doubles(&[], &[0.5]);
    let (one, unit) = match resampler {
        Resampler::Pillow | Resampler::Pillow12 => {
            let one = f64::from(1_u32 << PILLOW_PRECISION);
            (graph.doubles(&[], &[one]), graph.doubles(&[], &[DOUBLED / one]))
        }
        Resampler::Torchvision => {
            let largest = graph.op_with("ReduceMax", &[weights], vec![int("keepdims", 0)]);
            let powers: Vec<f64> = (1..=MAX_TORCHVISION_PRECISION)
                .map(|bits| f64::from(1_u32 << bits))
                .collect();
            let powers = graph.doubles(&[powers.len()], &powers);
            let scaled = graph.op("Mul", &[&powers, &largest]);
            let rounded = graph.op("Add", &[&scaled, &half]);
            let limit = graph.doubles(&[], &[32_768.0]);
            let fits = graph.op("Less", &[&rounded, &limit]);
            let least = graph.doubles(&[], &[1.0]);
            let candidates = graph.op("Where", &[&fits, &powers, &least]);
            let one = graph.op_with("ReduceMax", &[&candidates], vec![int("keepdims", 0)]);
            let doubled = graph.doubles(&[], &[DOUBLED]);
            let unit = graph.op("Div", &[&doubled, &one]);
            (one, unit)
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
    graph.op("Mul", &[&integers, &unit])
}

fn kernel(graph: &mut Graph, filter: Filter, x: &Value) -> Value {
    let [zero, half, one] = [0.0, 0.5, 1.0].map(|value| graph.doubles(&[], &[value]));
    match filter {
        Filter::Nearest | Filter::NearestExact => one,
        Filter::Box => {
            let minus_half = graph.doubles(&[], &[-0.5]);
            let above = graph.op("Less", &[&minus_half, x]);
            let over = graph.op("Less", &[&half, x]);
            let inside = graph.op("Xor", &[&above, &over]);
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
            let at_zero = graph.op("Equal", &[&x, &zero]);
            let angle = angle(graph, &x, &at_zero);
            let sinc = sinc(graph, &angle);
            let cosine = graph.op("Cos", &[&angle]);
            let [base, share] = HAMMING.map(|value| graph.doubles(&[], &[value]));
            let share = graph.op("Mul", &[&share, &cosine]);
            let raised = graph.op("Add", &[&base, &share]);
            let weight = graph.op("Mul", &[&sinc, &raised]);
            let weight = graph.op("Where", &[&at_zero, &one, &weight]);
            let inside = graph.op("Less", &[&x, &one]);
            graph.op("Where", &[&inside, &weight, &zero])
        }
        Filter::Lanczos => {
            let [three, minus_three] = [3.0, -3.0].map(|value| graph.doubles(&[], &[value]));
            let at_zero = graph.op("Equal", &[x, &zero]);
            let narrow = angle(graph, x, &at_zero);
            let wide = graph.op("Div", &[x, &three]);
            let wide = angle(graph, &wide, &at_zero);
            let (narrow, wide) = (sinc(graph, &narrow), sinc(graph, &wide));
            let weight = graph.op("Mul", &[&narrow, &wide]);
            let weight = graph.op("Where", &[&at_zero, &one, &weight]);
            let below = graph.op("Less", &[x, &minus_three]);
            let below_end = graph.op("Less", &[x, &three]);
            let inside = graph.op("Xor", &[&below, &below_end]);
            graph.op("Where", &[&inside, &weight, &zero])
        }
    }
}

fn bicubic(graph: &mut Graph, x: &Value) -> Value {
    const A: f64 = -0.5;
    let mut number = |value: f64| graph.doubles(&[], &[value]);
    let [one, two] = [1.0, 2.0].map(&mut number);
    let [a2, a3, five, eight, four, a] = [A + 2.0, A + 3.0, 5.0, 8.0, 4.0, A].map(&mut number);
    // The outer polynomial is exactly 0 at 2, as the kernel is from there on.
    let x = graph.op("Abs", &[x]);
    let x = graph.op("Min", &[&x, &two]);
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
    let is_near = graph.op("Less", &[&x, &one]);
    graph.op("Where", &[&is_near, &near, &far])
}

/// `x * pi`, and 1 where `x` is 0.
fn angle(graph: &mut Graph, x: &Value, at_zero: &Value) -> Value {
    let [one, pi] = [1.0, std::f64::consts::PI].map(|value| graph.doubles(&[], &[value]));
    let angle = graph.op("Mul", &[x, &pi]);
    graph.op("Where", &[at_zero, &one, &angle])
}

fn sinc(graph: &mut Graph, angle: &Value) -> Value {
    let sine = graph.op("Sin", &[angle]);
    graph.op("Div", &[&sine, angle])
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
