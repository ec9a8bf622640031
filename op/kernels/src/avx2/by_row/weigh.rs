//! Windows on turned pixels.

use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::numbers::{BY_PAIRS, MANY, quads_of, with_numbers};
use super::sums::Sums;
use super::tiles::{Tile, Tiles};
use crate::avx2::group::Group;
use crate::avx2::turned::{Bytes, Column, TURNED, Vector, fours};
use crate::turned::layout::PAIRS as PER_QUAD;
use crate::{Lanes, as_lanes};

macro_rules! dispatch {
    ($($at_once:literal: $($pairs:literal)*;)*) => {
        /// The columns of a tile, as lanes of each group: `out` is their layout and how many all tiles have.
        ///
        /// # Safety
        /// The processor has AVX2, and the lanes of each group are three planes of the columns.
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
                match (tiles.at_once, tile.pairs) {
                    $($(($at_once, $pairs) => columns::<$pairs, $at_once>(tiles, tile, out, groups, turned),)*)*
                    (1, _) => columns::<MANY, 1>(tiles, tile, out, groups, turned),
                    (_, _) => columns::<MANY, 2>(tiles, tile, out, groups, turned),
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
unsafe fn columns<const PAIRS: usize, const AT_ONCE: usize>(
    tiles: &Tiles,
    tile: &Tile,
    out: (Layout, usize),
    groups: &[Group<'_>],
    turned: &[Lanes],
) {
    let (vectors, _) = as_lanes(turned).as_chunks::<TURNED>();
    let (pixels, _) = vectors.as_chunks::<CHANNELS>();
    let (pairs, bytes) = pixels.split_at(tiles.bytes_from);
    let weighed = Weighing::<PAIRS, AT_ONCE> {
        pixels: (pairs.as_ptr(), bytes.as_ptr()),
        weights: (tile.upper.as_ptr(), tile.lower.as_ptr()),
        pairs: tile.pairs,
        shift: _mm256_set1_epi32(tiles.shift as i32),
    };
    // SAFETY: the turned pixels of each window lie before `bytes_from`, and there are weights for each of them; the rest is promised
    // by the caller.
    unsafe { fours(weighed, tile.columns.start, &tile.firsts, out, groups) }
}

/// Windows of `PAIRS` pairs.
struct Weighing<const PAIRS: usize, const AT_ONCE: usize> {
    /// Pairs and quads.
    pixels: (*const [Vector; CHANNELS], *const Bytes),
    /// The upper parts for the pairs of the next column, the lower ones for its quads.
    weights: (*const f32, *const f32),
    pairs: usize,
    shift: __m256i,
}

impl<const PAIRS: usize, const AT_ONCE: usize> Column for Weighing<PAIRS, AT_ONCE> {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn next(&mut self, first: u32) -> [__m256i; CHANNELS] {
        let first = first as usize;
        let (upper, lower) = self.weights;
        let pairs = (self.pixels.0.wrapping_add(first), upper);
        let quads = (self.pixels.1.wrapping_add(first / PER_QUAD), lower);
        let mut sums = Sums::half();
        // SAFETY: promised by the caller.
        unsafe {
            match (PAIRS, AT_ONCE) {
                (_, BY_PAIRS) => sums.add_pairs::<PAIRS>(pairs, lower),
                (MANY, _) => sums.add_many::<AT_ONCE>(pairs, quads, self.pairs),
                _ => sums.add_all::<PAIRS, AT_ONCE>(pairs, quads),
            }
        }
        self.weights = (
            upper.wrapping_add(self.pairs),
            lower.wrapping_add(match AT_ONCE {
                BY_PAIRS => self.pairs,
                _ => quads_of(self.pairs),
            }),
        );
        sums.values(self.shift)
    }
}
