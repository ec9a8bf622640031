//! One pass of a resize between known sizes, as products of float32 matrices that lose no bit.
//!
//! A weight is a whole number of at most 24 bits. It is written as digits of at most 11 bits each, which
//! float32 holds even where an execution provider rounds factors to that many (TF32), and so few that no sum
//! of products with bytes reaches 2^24: every product and every partial sum is a whole number that float32
//! has, in whatever order it is added up.
//!
//! Where two digits do, both are one product, and one rounded addition makes whole steps of them: [`super::two`].

use std::ops::Range;

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::AxisWeights;

use super::two;
use crate::portable::graph::{Graph, Value, int};

/// The most bits of a digit, its sign not counted as one.
pub(super) const MAX_DIGIT_BITS: u32 = 11;

/// Whole numbers below it are exact in float32.
pub(super) const EXACT: i64 = 1 << 24;

/// The needed outputs of one axis.
pub(super) struct Pass {
    /// The source positions that are read.
    pub(super) source: Range<usize>,
    /// How many outputs there are.
    pub(super) count: usize,
    /// How many of them are in a block.
    rows: usize,
    /// Source positions in each block's window.
    window: usize,
    /// The first source position of each block, relative to `source`.
    starts: Vec<usize>,
    /// int weights [blocks, rows, window].
    weights: Vec<i32>,
    precision: u32,
    /// Whether some sum is below 0 or above 255.
    clamps: bool,
}

impl Pass {
    /// The outputs `needed` of an axis, so many in a block.
    pub(super) fn new(axis: &AxisWeights, needed: Range<usize>, rows: usize) -> Self {
        let (first, last) = (needed.start, needed.end.saturating_sub(1));
        let end = |index: usize| axis.window(index).0 + axis.window(index).1.len();
        let source = axis.window(first).0..needed.clone().map(end).max().unwrap_or(1);
        let blocks: Vec<Vec<usize>> = (0..needed.len().div_ceil(rows))
            .map(|block| {
                (0..rows)
                    .map(|at| (first + block * rows + at).min(last))
                    .collect()
            })
            .collect();
        let block_start =
            |block: &[usize]| block.iter().map(|index| axis.window(*index).0).min().unwrap_or(0);
        let block_end = |block: &[usize]| block.iter().map(|index| end(*index)).max().unwrap_or(0);
        let window = blocks
            .iter()
            .map(|block| block_end(block) - block_start(block))
            .max()
            .unwrap_or(1);
        // A block near the end begins earlier instead of reading past it.
        let latest = source.end.saturating_sub(window).max(source.start);
        let mut pass = Self {
            count: needed.len(),
            rows,
            window,
            starts: Vec::with_capacity(blocks.len()),
            weights: vec![0; blocks.len() * rows * window],
            precision: axis.precision(),
            clamps: false,
            source,
        };
        for (block, outputs) in pass.weights.chunks_exact_mut((rows * window).max(1)).zip(&blocks) {
            let start = block_start(outputs).min(latest);
            pass.starts.push(start - pass.source.start);
            for (row, index) in block.chunks_exact_mut(window).zip(outputs) {
                let (from, weights) = axis.window(*index);
                row[from - start..][..weights.len()].copy_from_slice(weights);
                let of = |sign: bool| -> i64 {
                    let part = weights.iter().filter(|weight| (**weight > 0) == sign);
                    part.map(|weight| i64::from(*weight) * 255).sum()
                };
                let half = 1_i64 << (pass.precision - 1);
                pass.clamps |= of(false) + half < 0 || (of(true) + half) >> pass.precision > 255;
            }
        }
        pass
    }

    /// uint8 [source positions, lines] to uint8 [count, lines].
    pub(super) fn apply(&self, graph: &mut Graph, lines: &Value) -> Value {
        let blocks = self.starts.len();
        let contiguous = blocks == 1 && self.window == self.source.len();
        let pixels = if contiguous {
            lines.clone()
        } else {
            let indices: Vec<i64> = self
                .starts
                .iter()
                .flat_map(|start| (0..self.window).map(move |at| (start + at) as i64))
                .collect();
            let indices = graph.int64s(&[blocks, self.window], &indices);
            graph.op_with("Gather", &[lines, &indices], vec![int("axis", 0)])
        };
        let pixels = graph.cast(&pixels, DataType::FLOAT);
        let value = self.weigh(graph, &pixels);
        let shape = graph.ints(&[(blocks * self.rows) as i64, -1]);
        let rows = graph.op("Reshape", &[&value, &shape]);
        if self.count == blocks * self.rows {
            return rows;
        }
        let (start, end) = (graph.ints(&[0]), graph.ints(&[self.count as i64]));
        let axes = graph.ints(&[0]);
        graph.op("Slice", &[&rows, &start, &end, &axes])
    }

    /// float32 [blocks, window, lines] to the rounded and clamped sums, uint8 [blocks, rows, lines].
    fn weigh(&self, graph: &mut Graph, pixels: &Value) -> Value {
        if let Some(digits) = two::digits(&self.weights, self.rows, self.window, self.precision) {
            let sum = two::sum(
                graph,
                pixels,
                &digits,
                [self.starts.len(), self.rows, self.window],
            );
            return self.bytes(graph, sum);
        }
        let bits = self.digit_bits();
        let Digits { lower, highest } = Digits::of(&self.weights, bits, self.precision);
        let carried = lower.len() as i32 * bits as i32;
        let mut carry: Option<Value> = None;
        for digits in &lower {
            // In units of the next higher digit.
            let sum = self.sum(graph, pixels, digits, -(bits as i32), carry.as_ref());
            carry = Some(graph.op("Floor", &[&sum]));
        }
        // In units of the result.
        let unit = carried - self.precision as i32;
        let sum = self.sum(graph, pixels, &highest, unit, carry.as_ref());
        let half = graph.floats(&[], &[0.5]);
        let sum = graph.op("Add", &[&sum, &half]);
        self.bytes(graph, sum)
    }

    /// What is not below 0 and has half a step of the result on top, as uint8.
    fn bytes(&self, graph: &mut Graph, mut sum: Value) -> Value {
        if self.clamps {
            let (least, most) = (graph.floats(&[], &[0.0]), graph.floats(&[], &[255.0]));
            sum = graph.op("Clip", &[&sum, &least, &most]);
        }
        // The fraction is cut off, which rounds down what is not negative.
        graph.cast(&sum, DataType::UINT8)
    }

    /// The products of `digits` and `carry`, times 2^`power`.
    fn sum(
        &self,
        graph: &mut Graph,
        pixels: &Value,
        digits: &[i32],
        power: i32,
        carry: Option<&Value>,
    ) -> Value {
        let unit = 2_f32.powi(power);
        let weights: Vec<f32> = digits.iter().map(|digit| *digit as f32 * unit).collect();
        let weights = graph.floats(&[self.starts.len(), self.rows, self.window], &weights);
        let sum = graph.exact_product(&weights, pixels);
        let Some(carry) = carry else { return sum };
        let unit = graph.floats(&[], &[unit]);
        let carry = graph.op("Mul", &[carry, &unit]);
        graph.op("Add", &[&sum, &carry])
    }

    /// The most bits of a digit with which no sum leaves what float32 holds exactly.
    fn digit_bits(&self) -> u32 {
        let fits = |bits: &u32| {
            // The carry of the digit below and half a step of the result come on top.
            let more = (EXACT >> bits) + (1 << bits);
            let Digits { mut lower, highest } = Digits::of(&self.weights, *bits, self.precision);
            lower.push(highest);
            lower.iter().all(|digits| {
                digits.chunks_exact(self.window.max(1)).all(|row| {
                    let sizes = || row.iter().map(|digit| i64::from(digit.unsigned_abs()));
                    sizes().sum::<i64>() * 255 + more < EXACT
                        && sizes().all(|size| size <= 1 << MAX_DIGIT_BITS)
                })
            })
        };
        (1..=MAX_DIGIT_BITS).rev().find(fits).unwrap_or(1)
    }
}

/// Whole numbers as digits of some bits each.
struct Digits {
    /// From the lowest on, balanced around 0.
    lower: Vec<Vec<i32>>,
    highest: Vec<i32>,
}

impl Digits {
    /// Of `numbers` with `precision` fraction bits.
    fn of(numbers: &[i32], bits: u32, precision: u32) -> Self {
        let half = 1_i32 << bits >> 1;
        let low = |number: i32| (number + half).rem_euclid(2 * half) - half;
        let mut highest = numbers.to_vec();
        let mut lower = Vec::new();
        for _ in 1..precision.div_ceil(bits) {
            lower.push(highest.iter().map(|number| low(*number)).collect());
            for number in &mut highest {
                *number = (*number - low(*number)) >> bits;
            }
        }
        Self { lower, highest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_add_up_and_are_small() {
        let weights: Vec<i32> = (-70_000..70_000).map(|at| at * 61).collect();
        for bits in 1..=MAX_DIGIT_BITS {
            let Digits { lower, highest } = Digits::of(&weights, bits, 22);
            for (index, weight) in weights.iter().enumerate() {
                assert!(lower.iter().all(|digits| digits[index].abs() <= 1 << (bits - 1)));
                let places = lower.iter().chain([&highest]).enumerate();
                let sum: i64 = places
                    .map(|(place, digits)| i64::from(digits[index]) << (place as u32 * bits))
                    .sum();
                assert_eq!(sum, i64::from(*weight));
            }
        }
    }
}
