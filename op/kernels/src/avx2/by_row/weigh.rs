//! Windows on turned pixels.

use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::numbers::{MANY, with_numbers};
use super::sums::{Sums, Weighed};
use super::tiles::{Tile, Tiles};
use crate::avx2::group::Group;
use crate::avx2::turned::{Column, TURNED, fours};
use crate::{Lanes, as_lanes};

macro_rules! dispatch {
    ($($pairs:literal)*) => {
        /// The columns of a tile, as lanes of each group: `out` is their layout and how many all tiles have.
        ///
        /// # Safety
        /// The processor has AVX2, the turned pixels of each window lie in `turned`, and the lanes of each group are three planes of
        /// the columns.
        #[target_feature(enable = "avx2")]
        pub(super) unsafe fn weigh(
            tiles: &Tiles,
            tile: &Tile,
            out: (Layout, usize),
            groups: &[Group<'_>],
            turned: &[Lanes],
        ) {
            // SAFETY: promised by the caller.
            unsafe {
                match tile.pairs {
                    $($pairs => columns::<$pairs>(tiles, tile, out, groups, turned),)*
                    _ => columns::<MANY>(tiles, tile, out, groups, turned),
                }
            }
        }
    };
}
with_numbers!(dispatch);

/// # Safety
/// As for [`weigh`].
#[inline(never)]
#[target_feature(enable = "avx2")]
unsafe fn columns<const PAIRS: usize>(
    tiles: &Tiles,
    tile: &Tile,
    out: (Layout, usize),
    groups: &[Group<'_>],
    turned: &[Lanes],
) {
    let (vectors, _) = as_lanes(turned).as_chunks::<TURNED>();
    let (pairs, _) = vectors.as_chunks::<CHANNELS>();
    let weighing = Weighing::<PAIRS> {
        of_all: Weighed {
            pairs: pairs.as_ptr(),
            weights: tile.weights.as_ptr(),
        },
        pairs: tile.pairs,
        shift: _mm256_set1_epi32(tiles.shift as i32),
    };
    // SAFETY: there are weights for each pair of every window; the rest is promised by the caller.
    unsafe { fours(weighing, tile.columns.start, &tile.firsts, out, groups) }
}

/// Windows of `PAIRS` pairs.
struct Weighing<const PAIRS: usize> {
    /// All pairs, and the weights of the next column and those behind it.
    of_all: Weighed,
    pairs: usize,
    shift: __m256i,
}

impl<const PAIRS: usize> Column for Weighing<PAIRS> {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn next(&mut self, first: u32) -> [__m256i; CHANNELS] {
        let Weighed { pairs, weights } = self.of_all;
        let weighed = Weighed {
            pairs: pairs.wrapping_add(first as usize),
            weights,
        };
        let mut sums = Sums::half();
        // SAFETY: promised by the caller.
        unsafe {
            match PAIRS {
                MANY => sums.add_many(weighed, self.pairs),
                _ => sums.add(weighed, PAIRS),
            }
        }
        self.of_all.weights = weights.wrapping_add(self.pairs);
        sums.values(self.shift)
    }
}
