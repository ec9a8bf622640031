//! `torch.nn.functional.interpolate` of float32 NCHW tensors on a CPU with AVX2 or newer.
//!
//! torch's source leaves open which products are fused with their addition; its compiler decided, as measured here.

use ndarray::{Array3, ArrayView, ArrayView3, ArrayViewMut, Axis, RemoveAxis, Zip};

use crate::Filter;

/// One addend of an output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloatTap {
    /// The source position.
    pub index: usize,
    /// What its value is multiplied with.
    pub weight: f32,
    /// Whether the product is not rounded before it is added. The first product is always rounded.
    pub fused: bool,
}

/// One axis: for each output position its taps, in the order in which their products are added.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatAxis {
    taps: Vec<Vec<FloatTap>>,
}

/// So many products are worked out at once, rounded, where at least so many are left after the first.
const AT_ONCE: usize = 4;

impl FloatAxis {
    /// The taps of resizing `input` pixels to `output` pixels with `bilinear` or `bicubic`.
    pub fn new(filter: Filter, antialias: bool, input: usize, output: usize) -> Self {
        let scale = input as f32 / output as f32;
        let taps = |index| match (antialias, filter) {
            (true, _) => widened(filter, scale, input, index),
            (false, Filter::Bicubic) => cubic(scale, input, index),
            (false, _) => linear(scale, input, index),
        };
        Self {
            taps: (0..output).map(taps).collect(),
        }
    }

    /// The taps of output position `index`, at least one.
    pub fn taps(&self, index: usize) -> &[FloatTap] {
        &self.taps[index]
    }

    /// How many output positions there are.
    pub fn len(&self) -> usize {
        self.taps.len()
    }

    /// Whether there are no output positions.
    pub fn is_empty(&self) -> bool {
        self.taps.is_empty()
    }

    /// The sums along the first axis.
    fn sum<D: RemoveAxis>(&self, mut sums: ArrayViewMut<'_, f32, D>, values: ArrayView<'_, f32, D>) {
        for (mut sums, taps) in sums.outer_iter_mut().zip(&self.taps) {
            for (at, tap) in taps.iter().enumerate() {
                let values = values.index_axis(Axis(0), tap.index);
                let addends = Zip::from(&mut sums).and(values);
                let weight = tap.weight;
                match (at, tap.fused) {
                    (0, _) => addends.for_each(|sum, value| *sum = value * weight),
                    (_, true) => addends.for_each(|sum, value| *sum = value.mul_add(weight, *sum)),
                    (_, false) => addends.for_each(|sum, value| *sum += value * weight),
                }
            }
        }
    }

    /// How many of `taps` antialiased taps have rounded products: the first and whole groups of 4 after it.
    pub const fn rounded(taps: usize) -> usize {
        match taps {
            0 => 0,
            _ => 1 + (taps - 1) / AT_ONCE * AT_ONCE,
        }
    }
}

/// Antialiased: Pillow's windows, with float32 where torch has it and float64 where its constants bring it in.
fn widened(filter: Filter, scale: f32, input: usize, index: usize) -> Vec<FloatTap> {
    let half: f32 = if filter == Filter::Bicubic { 2.0 } else { 1.0 };
    let support = if scale >= 1.0 { half * scale } else { half };
    let inverse: f32 = if scale >= 1.0 { 1.0 / scale } else { 1.0 };
    let center = (f64::from(scale) * (index as f64 + 0.5)) as f32;
    let first = ((f64::from(center - support) + 0.5) as i64).max(0) as usize;
    let end = ((f64::from(center + support) + 0.5) as usize).min(input);
    let mut weights: Vec<f32> = (first..end)
        .map(|at| {
            let distance = (f64::from(at as f32 - center) + 0.5) * f64::from(inverse);
            let x = (distance as f32).abs();
            match filter {
                Filter::Bicubic => wide_cubic(x),
                _ if x < 1.0 => 1.0 - x,
                _ => 0.0,
            }
        })
        .collect();
    let total: f32 = weights.iter().fold(0.0, |sum, weight| sum + weight);
    if total != 0.0 {
        weights.iter_mut().for_each(|weight| *weight /= total);
    }
    let rounded = FloatAxis::rounded(weights.len());
    let tap = |(at, weight)| FloatTap {
        index: first + at,
        weight,
        fused: at >= rounded,
    };
    weights.into_iter().enumerate().map(tap).collect()
}

/// The kernel of antialiased bicubic, a = -0.5, every product fused that can be.
fn wide_cubic(x: f32) -> f32 {
    if x < 1.0 {
        (1.5_f32.mul_add(x, -2.5) * x).mul_add(x, 1.0)
    } else if x < 2.0 {
        (-0.5_f32).mul_add(x, 2.5).mul_add(x, -4.0).mul_add(x, 2.0)
    } else {
        0.0
    }
}

/// Two taps, the second one first. Beyond the last pixel both are on it.
fn linear(scale: f32, input: usize, index: usize) -> Vec<FloatTap> {
    // Rounded twice, where cubic rounds once.
    let real = (scale * (index as f32 + 0.5) - 0.5).max(0.0);
    let start = (real as usize).min(input - 1);
    let fraction = (real - start as f32).clamp(0.0, 1.0);
    vec![
        FloatTap {
            index: (start + 1).min(input - 1),
            weight: fraction,
            fused: false,
        },
        FloatTap {
            index: start,
            weight: 1.0 - fraction,
            fused: true,
        },
    ]
}

/// Four taps, the second one first; those beyond an edge are on it.
fn cubic(scale: f32, input: usize, index: usize) -> Vec<FloatTap> {
    let real = scale.mul_add(index as f32 + 0.5, -0.5);
    let start = real.floor();
    let before = real - start;
    let after = 1.0 - before;
    let tap = |(offset, weight, fused): (i64, f32, bool)| FloatTap {
        index: (start as i64 + offset).clamp(0, input as i64 - 1) as usize,
        weight,
        fused,
    };
    [
        (0, near_cubic(before), false),
        (-1, far_cubic(before + 1.0), true),
        (1, near_cubic(after), true),
        (2, far_cubic(after + 1.0), true),
    ]
    .map(tap)
    .to_vec()
}

/// The kernel of bicubic up to a distance of 1, a = -0.75.
fn near_cubic(x: f32) -> f32 {
    1.25_f32.mul_add(x, -2.25) * x * x + 1.0
}

/// The kernel of bicubic from a distance of 1 on, a = -0.75.
fn far_cubic(x: f32) -> f32 {
    (-0.75_f32).mul_add(x, 3.75).mul_add(x, -6.0) * x + 3.0
}

/// Resizes float32 HWC values to `to` = (height, width): horizontal first.
pub fn resize_floats(
    image: ArrayView3<'_, f32>,
    to: (usize, usize),
    filter: Filter,
    antialias: bool,
) -> Array3<f32> {
    if (image.dim().0, image.dim().1) == to {
        return image.to_owned();
    }
    let (height, width, channels) = image.dim();
    let rows = FloatAxis::new(filter, antialias, height, to.0);
    let columns = FloatAxis::new(filter, antialias, width, to.1);
    let mut across = Array3::zeros((height, to.1, channels));
    for (sums, values) in across.outer_iter_mut().zip(image.outer_iter()) {
        columns.sum(sums, values);
    }
    let mut resized = Array3::zeros((to.0, to.1, channels));
    rows.sum(resized.view_mut(), across.view());
    resized
}
