//! The part of one axis that the output needs: a window of source positions per output position.

use std::ops::Range;

use prep_onnx_pipeline::{AxisWeights, Filter, Windows};

/// Fraction bits of every weight here. Weights with fewer are scaled up, which changes no result.
pub const PRECISION: u32 = 22;

/// What is added before the shift by [`PRECISION`]: half a step.
pub const HALF: i32 = 1 << (PRECISION - 1);

/// The weight of a pixel that is copied.
const ONE: i32 = 1 << PRECISION;

/// The largest magnitude of a weight that three signed bytes hold.
const MAX_WEIGHT: i32 = 127 * 65_536 + 127 * 256 + 127;

#[derive(Clone, Copy, Debug)]
struct Window {
    start: usize,
    taps: usize,
    first_weight: usize,
}

/// For each output position the source window and its 22-bit weights, without zero weights at the ends.
///
/// A position outside the resized image has no taps: its sum is the rounding term, its value 0, which
/// is what a crop pads with. Window starts never fall along the axis.
#[derive(Debug)]
pub struct Axis {
    windows: Vec<Window>,
    weights: Vec<i32>,
    /// Whether some sum can leave 0 to 255 and must be clamped.
    pub clamp: bool,
    /// Whether some sum can leave 32 bits, or a weight three signed bytes: only the scalar kernel serves it.
    pub wide: bool,
}

impl Axis {
    /// The `output` positions from `offset` on, of an axis of `input` pixels resized to `resized`.
    pub fn new(
        resize: Option<(Windows, Filter)>,
        input: usize,
        resized: usize,
        offset: i64,
        output: usize,
    ) -> Self {
        match resize {
            Some((windows, filter)) => Self::weighed(resized, offset, output, |part| {
                AxisWeights::part(windows, filter, (input, resized), part)
            }),
            None => {
                let (first, position) = inside(resized, offset, output);
                Self::collect((0..output).map(|index| match position(index) {
                    Some(at) => (first.start + at, vec![ONE]),
                    None => (0, Vec::new()),
                }))
            }
        }
    }

    /// As [`Axis::new`], of torchvision's windows without antialiasing.
    pub fn plain(filter: Filter, input: usize, resized: usize, offset: i64, output: usize) -> Self {
        Self::weighed(resized, offset, output, |part| {
            AxisWeights::plain(filter, (input, resized), part)
        })
    }

    fn weighed(
        resized: usize,
        offset: i64,
        output: usize,
        weights: impl FnOnce(Range<usize>) -> AxisWeights,
    ) -> Self {
        let (range, position) = inside(resized, offset, output);
        let part = weights(range);
        let shift = PRECISION - part.precision();
        Self::collect((0..output).map(|index| match position(index) {
            Some(at) => {
                let (start, weights) = part.window(at);
                (start, weights.iter().map(|weight| weight << shift).collect())
            }
            None => (0, Vec::new()),
        }))
    }

    /// The most bytes that making such an axis of `output` positions takes.
    pub fn bytes(resize: Option<(Windows, Filter)>, input: usize, resized: usize, output: usize) -> usize {
        // A weight exists three times while an axis is made, in vectors that may have doubled.
        const TAP_BYTES: f64 = (2 * 3 * size_of::<i32>()) as f64;
        const POSITION_BYTES: f64 = 256.0;
        let support = resize.and_then(|(_, filter)| filter.support()).unwrap_or(0.5);
        let scale = (input as f64 / resized as f64).max(1.0);
        let taps = (2.0 * support * scale + 2.0).min(input as f64);
        // Saturates.
        (output as f64 * (taps * TAP_BYTES + POSITION_BYTES)) as usize
    }

    /// `length` positions that copy the pixel at the same position.
    pub fn identity(length: usize) -> Self {
        Self::new(None, length, length, 0, length)
    }

    fn collect(windows: impl Iterator<Item = (usize, Vec<i32>)>) -> Self {
        let mut trimmed: Vec<(usize, Vec<i32>, usize)> = windows
            .map(|(start, mut weights)| {
                let used = weights
                    .iter()
                    .rposition(|weight| *weight != 0)
                    .map_or(0, |at| at + 1);
                weights.truncate(used);
                let zeros = weights.iter().take_while(|weight| **weight == 0).count();
                (start, weights, zeros)
            })
            .collect();
        // A leading zero weight stays where a later window starts before its end: starts must not fall.
        let mut lowest = usize::MAX;
        for (start, weights, zeros) in trimmed.iter_mut().rev().filter(|window| !window.1.is_empty()) {
            *zeros = (*zeros).min(lowest.saturating_sub(*start));
            weights.drain(..*zeros);
            *start += *zeros;
            lowest = *start;
        }
        let mut axis = Self {
            windows: Vec::with_capacity(trimmed.len()),
            weights: Vec::new(),
            clamp: false,
            wide: false,
        };
        for (start, weights, _) in trimmed {
            let sum = |positive: bool| -> i64 {
                let counted = weights.iter().filter(|weight| (**weight > 0) == positive);
                counted.map(|weight| i64::from(*weight) * 255).sum()
            };
            let (least, most) = (sum(false) + i64::from(HALF), sum(true) + i64::from(HALF));
            axis.clamp |= least < 0 || most >> PRECISION > 255;
            axis.wide |= most - least > i64::from(i32::MAX)
                || weights
                    .iter()
                    .any(|weight| weight.unsigned_abs() > MAX_WEIGHT.unsigned_abs());
            axis.windows.push(Window {
                start,
                taps: weights.len(),
                first_weight: axis.weights.len(),
            });
            axis.weights.extend(weights);
        }
        axis
    }

    /// How many output positions there are.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// First source position and weights of output position `index`.
    pub fn window(&self, index: usize) -> (usize, &[i32]) {
        let Window {
            start,
            taps,
            first_weight,
        } = self.windows[index];
        (start, &self.weights[first_weight..first_weight + taps])
    }

    /// The most taps of any position.
    pub fn max_taps(&self) -> usize {
        self.windows.iter().map(|window| window.taps).max().unwrap_or(0)
    }

    /// The largest magnitude of a weight.
    #[cfg(target_arch = "x86_64")]
    pub fn max_weight(&self) -> u32 {
        self.weights
            .iter()
            .map(|weight| weight.unsigned_abs())
            .max()
            .unwrap_or(0)
    }

    /// The source positions that are read; empty where the output lies outside the image.
    pub fn span(&self) -> Range<usize> {
        let used = || self.windows.iter().filter(|window| window.taps > 0);
        let start = used().map(|window| window.start).min().unwrap_or(0);
        let end = used().map(|window| window.start + window.taps).max().unwrap_or(0);
        start..end
    }
}

/// Of `output` positions from `offset` on, those that lie in the `resized` ones, and which of them each is.
fn inside(resized: usize, offset: i64, output: usize) -> (Range<usize>, impl Fn(usize) -> Option<usize>) {
    let end = offset.saturating_add_unsigned(output as u64);
    let [first, end] = [offset, end].map(|at| usize::try_from(at).unwrap_or(0).min(resized));
    let position = move |index: usize| {
        let at = usize::try_from(offset + index as i64).ok()?;
        (first..end).contains(&at).then(|| at - first)
    };
    (first..end, position)
}

/// The value of a sum that includes [`HALF`].
pub fn round(sum: i64) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}
