//! The taps of a lane, and which of them is the odd one out.

use std::ops::Range;

use prep_onnx_pipeline::CHANNELS;

/// The largest weight that is the sum of two signed 16-bit numbers.
const LIGHT: i32 = 2 * i16::MAX as i32;

/// The taps of one lane, in the order in which pairs take them.
pub(super) struct Taps<'a> {
    /// The byte of the first tap in a row.
    byte: usize,
    pub(super) weights: &'a [i32],
    /// Whether the first tap comes last.
    turned: bool,
}

impl<'a> Taps<'a> {
    pub(super) const NONE: Self = Self::new(0, &[]);

    pub(super) const fn new(byte: usize, weights: &'a [i32]) -> Self {
        Self {
            byte,
            weights,
            turned: false,
        }
    }

    /// The byte and the weight of the tap at `place`.
    pub(super) fn at(&self, place: usize) -> (usize, i32) {
        let tap = if self.turned {
            (place + 1) % self.weights.len()
        } else {
            place
        };
        (self.byte + tap * CHANNELS, self.weights[tap])
    }

    /// The byte of the first tap of the first pair, where there are taps.
    pub(super) fn start(&self) -> Option<usize> {
        (!self.weights.is_empty()).then(|| self.at(0).0)
    }

    pub(super) fn bytes(&self, places: &Range<usize>) -> impl Iterator<Item = usize> {
        (places.start..places.end.min(self.weights.len())).map(|place| self.at(place).0)
    }
}

/// Turns taps so that the odd one out of `most` has a small weight in every lane that has as many, if it can.
pub(super) fn lighten(lanes: &mut [Taps<'_>], most: usize) -> bool {
    let is_light = |weight: Option<&i32>| weight.is_some_and(|weight| weight.abs() <= LIGHT);
    let full = |taps: &&mut Taps<'_>| taps.weights.len() == most;
    let is_odd = most > 1 && most % 2 == 1;
    let every = is_odd
        && lanes
            .iter_mut()
            .filter(full)
            .all(|taps| is_light(taps.weights.first()) || is_light(taps.weights.last()));
    if every {
        for taps in lanes.iter_mut().filter(full) {
            taps.turned = !is_light(taps.weights.last());
        }
    }
    every
}
