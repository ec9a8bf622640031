//! How prototypes become masks in the size of the source image: Ultralytics' `process_mask_native`.
//!
//! Prototypes have a quarter of the size of the model's input. They are made 1, 2 or 4 times as large first, the least with which
//! the border of the letterbox is a whole number of pixels; then the part without the border is resized to the image. Both are
//! bilinear, as torch does it, and one product of matrices here.

use onnx_protobuf::tensor_proto::DataType;

use super::ops::Reduction;
use crate::portable::graph::{Graph, Value};
use crate::portable::num::Num;

/// How many pixels of the model's input a pixel of a prototype has along an axis.
const STRIDE: i64 = 4;
/// By how much prototypes are enlarged.
const FACTORS: [i64; 3] = [1, 2, 4];

/// Prototypes of a batch of images.
pub(super) struct Prototypes {
    /// Rows and columns.
    extents: [i64; 2],
    /// Height and width of each source image: float64 [N, 1].
    sizes: [Num; 2],
    /// One of [`FACTORS`] for each image.
    factor: Num,
    /// Rows and columns of each image's part of the enlarged prototypes, and where it begins.
    parts: [Num; 2],
    starts: [Num; 2],
}

impl Prototypes {
    /// `sizes` are float32 [N, 1].
    pub(super) fn new(graph: &mut Graph, extents: [i64; 2], sizes: [&Value; 2]) -> Self {
        let sizes = sizes.map(|size| Num::Later(graph.cast(size, DataType::DOUBLE)));
        let input = extents.map(|extent| Num::from((extent * STRIDE) as f64));
        let resized = resized(graph, &input, &sizes);
        // Of both borders together, the bits of 1, 2 and 4.
        let bits = [1.0, 2.0, 4.0].map(|bit| {
            let of = [0, 1].map(|axis| {
                let border = graph.sub(&input[axis], &resized[axis]);
                odd(graph, &border, bit)
            });
            graph.max(&of[0], &of[1])
        });
        let half = Num::from(0.5);
        let mut factor = Num::from(1.0);
        for (pair, made) in [([1, 2], 2.0), ([0, 1], 4.0)] {
            let either = graph.max(&bits[pair[0]], &bits[pair[1]]);
            let is_set = graph.less(&half, &either);
            factor = graph.select(&is_set, &Num::from(made), &factor);
        }
        let enlarged = extents.map(|extent| graph.mul(&factor, &Num::from(extent as f64)));
        let parts = self::resized(graph, &enlarged, &sizes);
        let starts = [0, 1].map(|axis| {
            let border = graph.sub(&enlarged[axis], &parts[axis]);
            let start = graph.div(&border, &2.0.into());
            let start = graph.sub(&start, &0.1.into());
            graph.round(&start)
        });
        Self {
            extents,
            sizes,
            factor,
            parts,
            starts,
        }
    }

    /// How much of each row (axis 0) or column (axis 1) of the prototypes one of the image has: float32 [N, positions, extent].
    pub(super) fn weights(&self, graph: &mut Graph, axis: usize) -> Value {
        let (extent, part) = (self.extents[axis], &self.parts[axis]);
        let scale = graph.div(part, &self.sizes[axis]);
        let [scale, part, start, size] = [&scale, part, &self.starts[axis], &self.sizes[axis]].map(|num| {
            let value = graph.value(num);
            graph.float(&value)
        });
        let places = positions(graph, &size);
        let real = graph.with_float("Add", &places, 0.5);
        let real = graph.op("Mul", &[&scale, &real]);
        let real = graph.with_float("Sub", &real, 0.5);
        let real = graph.with_float("Max", &real, 0.0);
        let last = graph.with_float("Sub", &part, 1.0);
        let low = graph.op("Floor", &[&real]);
        let low = graph.op("Min", &[&low, &last]);
        let fraction = graph.op("Sub", &[&real, &low]);
        let fraction = graph.with_float("Min", &fraction, 1.0);
        let one = graph.floats(&[], &[1.0]);
        let rest = graph.op("Sub", &[&one, &fraction]);
        let high = graph.op("Add", &[&low, &one]);
        let high = graph.op("Min", &[&high, &last]);
        let [low, high] = [low, high].map(|place| graph.op("Add", &[&place, &start]));
        let [low, high, fraction, rest] = [low, high, fraction, rest].map(|value| with_axis(graph, &value));
        let largest = extent * FACTORS[2];
        let grid: Vec<f32> = (0..largest).map(|place| place as f32).collect();
        let grid = graph.floats(&[1, 1, grid.len()], &grid);
        let zero = graph.floats(&[], &[0.0]);
        let mut tap = |place: &Value, weight: &Value| {
            let distance = graph.op("Sub", &[&grid, place]);
            let distance = graph.op("Abs", &[&distance]);
            let here = graph.with_float("Less", &distance, 0.5);
            graph.op("Where", &[&here, weight, &zero])
        };
        let (first, second) = (tap(&low, &rest), tap(&high, &fraction));
        let resize = graph.op("Add", &[&first, &second]);
        let matrices: Vec<f32> = FACTORS
            .iter()
            .flat_map(|factor| enlargement(extent as usize, *factor as usize))
            .collect();
        let matrices = graph.floats(&[FACTORS.len(), largest as usize, extent as usize], &matrices);
        // 1, 2, 4 are the matrices 0, 1, 2.
        let which = graph.div(&self.factor, &2.0.into());
        let which = graph.floor(&which);
        let which = graph.int64(&which);
        let which = graph.shaped(&which, &[-1]);
        let enlarge = graph.take(&matrices, 0, &which);
        graph.op("MatMul", &[&resize, &enlarge])
    }
}

/// Height and width of images of `sizes` in a letterbox of `boxes`.
fn resized(graph: &mut Graph, boxes: &[Num; 2], sizes: &[Num; 2]) -> [Num; 2] {
    let [down, across] = [0, 1].map(|axis| graph.div(&boxes[axis], &sizes[axis]));
    let gain = graph.min(&down, &across);
    [0, 1].map(|axis| {
        let size = graph.mul(&sizes[axis], &gain);
        let size = graph.round(&size);
        graph.max(&size, &1.0.into())
    })
}

/// 1 where the bit of value `bit` is set in a whole number, else 0.
fn odd(graph: &mut Graph, number: &Num, bit: f64) -> Num {
    let whole = graph.div(number, &bit.into());
    let whole = graph.floor(&whole);
    let half = graph.div(&whole, &2.0.into());
    let half = graph.floor(&half);
    let twice = graph.mul(&half, &2.0.into());
    graph.sub(&whole, &twice)
}

/// 0, 1, 2, … below the largest of `sizes` [N, 1]: float32.
pub(super) fn positions(graph: &mut Graph, sizes: &Value) -> Value {
    let largest = graph.reduce(Reduction::Max, sizes, 0, false);
    let largest = graph.shaped(&largest, &[]);
    let [zero, one] = [0.0, 1.0].map(|number| graph.floats(&[], &[number]));
    graph.op("Range", &[&zero, &largest, &one])
}

/// One more axis, behind the others.
fn with_axis(graph: &mut Graph, value: &Value) -> Value {
    let shape = graph.op("Shape", &[value]);
    let one = graph.ints(&[1]);
    let shape = graph.joined(&[&shape, &one], 0);
    graph.op("Reshape", &[value, &shape])
}

/// torch's bilinear enlargement as a matrix of [4 * extent, extent]; rows behind the enlarged extent are 0.
fn enlargement(extent: usize, factor: usize) -> Vec<f32> {
    let mut matrix = vec![0.0_f32; extent * FACTORS[2] as usize * extent];
    let rows = matrix.chunks_exact_mut(extent).take(extent * factor);
    for (row, weights) in rows.enumerate() {
        let real = ((row as f32 + 0.5) / factor as f32 - 0.5).max(0.0);
        let low = (real.floor() as usize).min(extent - 1);
        let fraction = real - low as f32;
        weights[low] += 1.0 - fraction;
        weights[(low + 1).min(extent - 1)] += fraction;
    }
    matrix
}
