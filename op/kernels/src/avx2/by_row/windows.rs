//! The windows of a tile.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use super::numbers::ANY;
use super::sums::{Sums, Weighed, all};
use super::tiles::{Tile, Tiles};
use crate::avx2::turned::{Column, TURNED, Vector};
use crate::{HALF, Lanes, PRECISION, as_lanes};

/// A window, and those behind it.
#[derive(Clone, Copy)]
pub(super) struct TileWindows {
    /// The turned pixels of the tile; of one window its own.
    pub(super) turned: *const [Vector; CHANNELS],
    weights: *const f32,
    pub(super) pairs: usize,
    shift: __m256i,
}

impl TileWindows {
    /// All of them.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(tiles: &Tiles, tile: &Tile, turned: &[Lanes]) -> Self {
        let (vectors, _) = as_lanes(turned).as_chunks::<TURNED>();
        let (pairs, _) = vectors.as_chunks::<CHANNELS>();
        Self {
            turned: pairs.as_ptr(),
            weights: tile.weights.as_ptr(),
            pairs: tile.pairs,
            shift: shift(tiles.shift),
        }
    }

    /// How many pairs each has.
    #[inline(always)]
    fn pairs<const PAIRS: usize>(self) -> usize {
        if PAIRS == ANY { self.pairs } else { PAIRS }
    }

    /// Window `at`, whose pairs begin with pair `first` of the tile.
    #[inline(always)]
    pub(super) fn at<const PAIRS: usize>(self, at: usize, first: u32) -> Self {
        Self {
            turned: self.turned.wrapping_add(first as usize),
            weights: self.weights.wrapping_add(at * 2 * self.pairs::<PAIRS>()),
            ..self
        }
    }

    /// The upper and the lower parts of the first one's weights.
    #[inline(always)]
    pub(super) fn parts<const PAIRS: usize>(self) -> [*const f32; 2] {
        [self.weights, self.weights.wrapping_add(self.pairs::<PAIRS>())]
    }

    /// The values of the sums of both parts.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn values(self, [mut values, lower]: [Sums; 2]) -> Sums {
        for (value, lower) in values.iter_mut().zip(lower) {
            let sum = _mm256_add_epi32(_mm256_sllv_epi32(*value, self.shift), lower);
            *value = _mm256_srai_epi32::<{ PRECISION as i32 }>(sum);
        }
        values
    }
}

/// By how many bits lanes are shifted. The compiler sees that they have more: otherwise it would make sure.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn shift(bits: u32) -> __m256i {
    _mm256_set1_epi32((bits % u32::BITS) as i32)
}

/// TileWindows of `PAIRS` pairs, both parts of whose weights are added.
pub(super) struct Whole<const PAIRS: usize>(pub(super) TileWindows);

impl<const PAIRS: usize> Column for Whole<PAIRS> {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn next(&mut self, first: u32) -> Sums {
        let window = self.0.at::<PAIRS>(0, first);
        self.0 = self.0.at::<PAIRS>(1, 0);
        let mut sums = [all(0), all(HALF)];
        let weighed = Weighed {
            pairs: window.turned,
            weights: window.parts::<PAIRS>(),
        };
        // SAFETY: promised by the caller.
        unsafe { weighed.add::<PAIRS>(&mut sums, window.pairs) }
        window.values(sums)
    }
}
