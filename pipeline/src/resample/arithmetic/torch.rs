//! `torch.nn.functional.interpolate` of float32 NCHW tensors on the CPU.

use ndarray::{Array3, ArrayView3, Axis};

use crate::Filter;

/// One axis: for each output position the first source position and its float32 weights.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatAxis {
    windows: Vec<(usize, Vec<f32>)>,
}

impl FloatAxis {
    /// The weights of resizing `input` pixels to `output` pixels with `bilinear` or `bicubic`.
    pub fn new(filter: Filter, antialias: bool, input: usize, output: usize) -> Self {
        let scale = input as f32 / output as f32;
        let window = |index| {
            if antialias {
                widened(filter, scale, input, index)
            } else {
                plain(filter, scale, input, index)
            }
        };
        Self {
            windows: (0..output).map(window).collect(),
        }
    }

    /// First source position and weights of output position `index`.
    pub fn window(&self, index: usize) -> (usize, &[f32]) {
        let (start, weights) = &self.windows[index];
        (*start, weights)
    }

    /// How many output positions there are.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether there are no output positions.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }
}

/// Antialiased: Pillow's windows, with float32 where torch has it and float64 where its constants bring it in.
fn widened(filter: Filter, scale: f32, input: usize, index: usize) -> (usize, Vec<f32>) {
    let half: f32 = if filter == Filter::Bicubic { 2.0 } else { 1.0 };
    let support = if scale >= 1.0 { half * scale } else { half };
    let inverse: f32 = if scale >= 1.0 { 1.0 / scale } else { 1.0 };
    let center = (f64::from(scale) * (index as f64 + 0.5)) as f32;
    let first = ((f64::from(center - support) + 0.5) as i64).max(0) as usize;
    let end = ((f64::from(center + support) + 0.5) as usize).min(input);
    let mut weights: Vec<f32> = (first..end)
        .map(|at| {
            let distance = (f64::from(at as f32 - center) + 0.5) * f64::from(inverse);
            kernel(filter, -0.5, distance as f32)
        })
        .collect();
    let total: f32 = weights.iter().fold(0.0, |sum, weight| sum + weight);
    if total != 0.0 {
        weights.iter_mut().for_each(|weight| *weight /= total);
    }
    (first, weights)
}

/// Not antialiased: two or four taps, those beyond an edge on the edge.
fn plain(filter: Filter, scale: f32, input: usize, index: usize) -> (usize, Vec<f32>) {
    let last = input as i64 - 1;
    // As measured: torch rounds twice here with two taps, once with four.
    let real = if filter == Filter::Bicubic {
        scale.mul_add(index as f32 + 0.5, -0.5)
    } else {
        scale * (index as f32 + 0.5) - 0.5
    };
    if filter != Filter::Bicubic {
        let real = real.max(0.0);
        let start = (real as i64).min(last);
        let fraction = (real - start as f32).clamp(0.0, 1.0);
        if start == last {
            return (last as usize, vec![1.0]);
        }
        return (start as usize, vec![1.0 - fraction, fraction]);
    }
    let start = real.floor();
    let fraction = real - start;
    let first = (start as i64 - 1).clamp(0, last);
    let end = (start as i64 + 2).clamp(0, last);
    let mut weights = vec![0.0; (end - first + 1) as usize];
    for (tap, distance) in [fraction + 1.0, fraction, 1.0 - fraction, 2.0 - fraction]
        .into_iter()
        .enumerate()
    {
        let at = (start as i64 - 1 + tap as i64).clamp(first, end);
        weights[(at - first) as usize] += kernel(filter, -0.75, distance);
    }
    (first as usize, weights)
}

fn kernel(filter: Filter, a: f32, x: f32) -> f32 {
    let x = x.abs();
    if filter != Filter::Bicubic {
        return if x < 1.0 { 1.0 - x } else { 0.0 };
    }
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

/// Resizes float32 HWC values to `to` = (height, width): horizontal first, each sum in the order of the taps, every
/// product fused with its addition.
pub fn resize_floats(
    image: ArrayView3<'_, f32>,
    to: (usize, usize),
    filter: Filter,
    antialias: bool,
) -> Array3<f32> {
    if (image.dim().0, image.dim().1) == to {
        return image.to_owned();
    }
    let rows = FloatAxis::new(filter, antialias, image.dim().0, to.0);
    let columns = FloatAxis::new(filter, antialias, image.dim().1, to.1);
    pass(pass(image, Axis(1), &columns).view(), Axis(0), &rows)
}

fn pass(image: ArrayView3<'_, f32>, axis: Axis, weights: &FloatAxis) -> Array3<f32> {
    let mut shape = image.raw_dim();
    shape[axis.index()] = weights.len();
    Array3::from_shape_fn(shape, |at| {
        let at = <[usize; 3]>::from(at);
        let (start, taps) = weights.window(at[axis.index()]);
        let mut sum = 0.0_f32;
        for (tap, weight) in taps.iter().enumerate() {
            let mut source = at;
            source[axis.index()] = start + tap;
            let value = image[source];
            sum = if tap == 0 {
                value * weight
            } else {
                value.mul_add(*weight, sum)
            };
        }
        sum
    })
}
