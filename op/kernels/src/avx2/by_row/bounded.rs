//! TileWindows of whose weights the upper parts are added, and the lower ones where a value is in doubt.
//!
//! Nothing foretells which values these are. So that a wrong guess costs little, four columns are settled only when the next four
//! are summed: what the branches hang on is long known then.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::sums::{Sums, Weighed, all};
use super::tiles::Tile;
use super::windows::{TileWindows, shift};
use crate::PRECISION;
use crate::avx2::turned::Packed;
use crate::turned::bounds::{Bounds, WHOLE};
use crate::turned::layout::FOUR;

/// The windows of a tile, of `PAIRS` pairs.
pub(super) struct Bounded<'a, const PAIRS: usize> {
    tile: &'a Tile,
    bounds: &'a [Bounds],
    windows: TileWindows,
    /// By how much a sum is shifted to the right to its value.
    value: __m256i,
    /// And to the left to its fraction.
    fraction: __m256i,
}

/// The sums of the upper parts of four columns.
type Four = [MaybeUninit<Sums>; FOUR];

impl<'a, const PAIRS: usize> Bounded<'a, PAIRS> {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(windows: TileWindows, tile: &'a Tile, bounds: &'a [Bounds], bits: u32) -> Self {
        Self {
            tile,
            bounds,
            windows,
            value: shift(PRECISION - bits),
            fraction: shift(WHOLE + bits),
        }
    }

    /// # Safety
    /// The turned pixels and the weights of each window are there, and `packed` has the columns.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn pack(&self, packed: Packed<'_>) {
        let fours = self.tile.firsts.len() / FOUR;
        let mut sums: [Four; 2] = [[MaybeUninit::uninit(); FOUR]; 2];
        let mut doubts = 0;
        for four in 0..=fours {
            let last = doubts;
            // SAFETY: promised by the caller: the tile has these four, and those before.
            unsafe {
                if four < fours {
                    doubts = self.sum(four, &mut sums[four % 2], packed);
                }
                self.settle(four.wrapping_sub(1), last, &sums[(four + 1) % 2], packed);
            }
        }
    }

    /// Packs four columns as if none were in doubt. Which are: the bit of the last one is the lowest.
    ///
    /// # Safety
    /// As for [`Self::pack`]; the tile has four `four`.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn sum(&self, four: usize, sums: &mut Four, packed: Packed<'_>) -> u32 {
        let first = four * FOUR;
        let mut doubts = 0;
        for (column, sums) in (first..).zip(&mut *sums) {
            // SAFETY: promised by the caller.
            let (window, bounds) = unsafe { self.window(column) };
            let [upper, _] = window.parts::<PAIRS>();
            let weighed = Weighed {
                pairs: window.turned,
                weights: [upper],
            };
            let mut upper = [all(bounds.upper)];
            // SAFETY: promised by the caller.
            unsafe { weighed.add::<PAIRS>(&mut upper, window.pairs) }
            let [upper] = upper;
            sums.write(upper);
            doubts = doubts << 1 | u32::from(self.in_doubt(upper, bounds));
        }
        // SAFETY: each was written just now; the rest is promised by the caller.
        unsafe {
            let values = sums
                .map(|sums| sums.assume_init())
                .map(|sums| sums.map(|sum| _mm256_srav_epi32(sum, self.value)));
            packed.four(self.tile.columns.start + first, values);
        }
        doubts
    }

    /// Packs those of four columns again that are in doubt.
    ///
    /// # Safety
    /// As for [`Self::sum`], which gave these sums and doubts; or there are none.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn settle(&self, four: usize, mut doubts: u32, sums: &Four, packed: Packed<'_>) {
        while doubts != 0 {
            let at = FOUR - 1 - doubts.trailing_zeros() as usize;
            doubts &= doubts - 1;
            let column = four * FOUR + at;
            // SAFETY: it was written; the rest is promised by the caller.
            unsafe {
                let upper = sums[at].assume_init();
                let (window, bounds) = self.window(column);
                let [_, lower] = window.parts::<PAIRS>();
                let weighed = Weighed {
                    pairs: window.turned,
                    weights: [lower],
                };
                let mut lower = [all(bounds.lower)];
                weighed.add::<PAIRS>(&mut lower, window.pairs);
                let [lower] = lower;
                packed.one(self.tile.columns.start + column, window.values([upper, lower]));
            }
        }
    }

    /// The window of a column of the tile.
    ///
    /// # Safety
    /// The tile has it.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn window(&self, column: usize) -> (TileWindows, &Bounds) {
        // SAFETY: promised by the caller: there are as many of both as columns.
        let (first, bounds) = unsafe {
            (
                *self.tile.firsts.get_unchecked(column),
                self.bounds.get_unchecked(column),
            )
        };
        (self.windows.at::<PAIRS>(column, first), bounds)
    }

    /// Whether some value is in doubt.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn in_doubt(&self, sums: Sums, bounds: &Bounds) -> bool {
        let [red, green, blue] = sums.map(|sum| _mm256_sllv_epi32(sum, self.fraction));
        let largest = _mm256_max_epu32(_mm256_max_epu32(red, green), blue);
        let sure = _mm256_set1_epi32(bounds.sure.cast_signed());
        let equal = _mm256_cmpeq_epi32(_mm256_max_epu32(largest, sure), sure);
        _mm256_movemask_epi8(equal) != -1
    }
}
