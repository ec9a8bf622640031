//! When the upper parts of weights suffice.
//!
//! A weight is `upper * 2^shift + lower`. What the lower parts of a window add to its sum lies between two bounds, whatever the
//! pixels are. So the sum of the upper parts and the lower bound says, but for few values, what the whole sum is rounded to: only
//! where its fraction is so large that the upper bound would carry, the value is in doubt, and the lower parts have to be added.

use crate::{HALF, PRECISION};

/// The largest value of a pixel.
const LARGEST: i64 = 255;

/// How many fractions a sum has.
const FRACTIONS: i64 = 1 << PRECISION;

/// Bits of a sum before its fraction.
pub(crate) const WHOLE: u32 = u32::BITS - PRECISION;

/// The upper and the lower part of a weight, of `shift` bits and signed.
pub(crate) fn parts(weight: i32, shift: u32) -> [i32; 2] {
    let upper = (weight + (1 << shift >> 1)) >> shift;
    [upper, weight - (upper << shift)]
}

/// What the sums of a window's parts begin with, and which values are in doubt.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// [`HALF`] and the least that the lower parts add, without the last `shift` bits.
    pub(crate) upper: i32,
    /// What is left of [`HALF`], so that both sums are the whole one.
    pub(crate) lower: i32,
    /// The largest fraction that is in no doubt, in the highest bits.
    pub(crate) sure: u32,
}

impl Bounds {
    /// Those of a window with these weights. `None` where every value would be in doubt.
    pub(crate) fn new(weights: &[i32], shift: u32) -> Option<Self> {
        let (mut least, mut most) = (i64::from(HALF), i64::from(HALF));
        for weight in weights {
            let [_, lower] = parts(*weight, shift);
            least += LARGEST * i64::from(lower.min(0));
            most += LARGEST * i64::from(lower.max(0));
        }
        let upper = least >> shift;
        let begun = upper << shift;
        let sure = u32::try_from(FRACTIONS - 1 - (most - begun)).ok()?;
        Some(Self {
            upper: i32::try_from(upper).ok()?,
            lower: i32::try_from(i64::from(HALF) - begun).ok()?,
            sure: sure << WHOLE,
        })
    }

    /// The share of values that are in doubt, where each fraction is as likely.
    pub(crate) fn doubt(self) -> f64 {
        1.0 - f64::from((self.sure >> WHOLE) + 1) / FRACTIONS as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: i64) -> i64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) as i64 % end
        }
    }

    /// Whether the value of a window is in doubt, and whether the upper parts alone give another one.
    fn doubt_and_difference(weights: &[i32], shift: u32, pixels: impl Iterator<Item = i64>) -> [bool; 2] {
        let bounds = Bounds::new(weights, shift).expect("few taps");
        let (mut upper, mut lower) = (i64::from(bounds.upper), i64::from(bounds.lower));
        let mut whole = i64::from(HALF);
        for (weight, pixel) in weights.iter().zip(pixels) {
            let parts = parts(*weight, shift).map(i64::from);
            upper += parts[0] * pixel;
            lower += parts[1] * pixel;
            whole += i64::from(*weight) * pixel;
        }
        let begun = upper << shift;
        assert_eq!(begun + lower, whole, "both parts");
        let fraction = begun.rem_euclid(FRACTIONS) as u32;
        [
            fraction > bounds.sure >> WHOLE,
            begun >> PRECISION != whole >> PRECISION,
        ]
    }

    #[test]
    fn only_values_in_doubt_may_differ() {
        let mut numbers = Numbers(7);
        let [mut in_doubt, mut differing, mut expected] = [0.0; 3];
        for _ in 0..20_000 {
            let taps = 3 + numbers.below(60) as usize;
            let largest = (4 << PRECISION) / taps as i64;
            let weights: Vec<i32> = (0..taps)
                .map(|_| (numbers.below(largest) - largest / 4) as i32)
                .collect();
            let shift = (0..)
                .find(|shift| largest >> shift <= i16::MAX.into())
                .unwrap_or(0);
            let lowers = || weights.iter().map(|weight| parts(*weight, shift)[1]);
            let highest = lowers().map(|lower| LARGEST * i64::from(lower > 0));
            let lowest = lowers().map(|lower| LARGEST * i64::from(lower < 0));
            for [doubt, difference] in [
                doubt_and_difference(&weights, shift, highest),
                doubt_and_difference(&weights, shift, lowest),
            ] {
                assert!(doubt || !difference, "{weights:?}: the most that lower parts add");
            }
            let any = std::iter::repeat_with(|| numbers.below(LARGEST + 1));
            let [doubt, difference] = doubt_and_difference(&weights, shift, any);
            assert!(doubt || !difference, "{weights:?}");
            in_doubt += f64::from(u8::from(doubt));
            differing += f64::from(u8::from(difference));
            expected += Bounds::new(&weights, shift).expect("few taps").doubt();
        }
        assert!(differing > 0.0, "the upper parts do not always suffice");
        assert!(
            (in_doubt / expected - 1.0).abs() < 0.1,
            "{in_doubt} in doubt, of {expected} expected"
        );
    }

    #[test]
    fn weights_without_lower_parts_leave_nothing_in_doubt() {
        let bounds = Bounds::new(&[1 << 20, 1 << 21, 1 << 20], 7).expect("few taps");
        assert_eq!(bounds.doubt(), 0.0);
    }

    #[test]
    fn no_bounds_where_every_value_would_be_in_doubt() {
        assert!(Bounds::new(&[64; 300], 7).is_none());
    }
}
