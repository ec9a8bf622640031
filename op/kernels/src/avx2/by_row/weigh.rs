//! Windows on turned pixels.

use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::layout::{MANY, PAIRS as PER_QUAD, ROWS, quads_of, with_numbers};
use super::sums::Sums;
use super::tiles::{FOUR, Tile, Tiles};
use crate::avx2::group::Group;
use crate::{Lanes, as_lanes, plane_blocks};

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
                    $($(($at_once, $pairs) => fours::<$pairs, $at_once>(tiles, tile, out, groups, turned),)*)*
                    (1, _) => fours::<MANY, 1>(tiles, tile, out, groups, turned),
                    (_, _) => fours::<MANY, 2>(tiles, tile, out, groups, turned),
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
unsafe fn fours<const PAIRS: usize, const AT_ONCE: usize>(
    tiles: &Tiles,
    tile: &Tile,
    (layout, columns): (Layout, usize),
    groups: &[Group<'_>],
    turned: &[Lanes],
) {
    let (vectors, _) = as_lanes(turned).as_chunks::<ROWS>();
    let (pixels, _) = vectors.as_chunks::<CHANNELS>();
    let (pixels, bytes) = pixels.split_at(tiles.bytes_from);
    let (pairs, quads) = (tile.pairs, quads_of(tile.pairs));
    let (firsts, _) = tile.firsts.as_chunks::<FOUR>();
    let (mut upper, mut lower) = (tile.upper.as_ptr(), tile.lower.as_ptr());
    let first = tile.columns.start;
    let (step, mut at) = match layout {
        Layout::Nchw => (plane_blocks(columns) * Lanes::COUNT, first),
        Layout::Nhwc => (FOUR, first * CHANNELS),
    };
    let shift = _mm_cvtsi32_si128(tiles.shift as i32);
    for firsts in firsts {
        let mut values = [[_mm256_setzero_si256(); CHANNELS]; FOUR];
        for (values, first) in values.iter_mut().zip(firsts) {
            let first = *first as usize;
            // SAFETY: the turned pixels of the window, which lie before `bytes_from`, and weights for each of them.
            *values = unsafe {
                let pixels = (pixels.as_ptr().add(first), upper);
                let bytes = (bytes.as_ptr().add(first / PER_QUAD), lower);
                let mut sums = Sums::half();
                match PAIRS {
                    MANY => sums.add_many::<AT_ONCE>(pixels, bytes, pairs),
                    _ => sums.add_all::<PAIRS, AT_ONCE>(pixels, bytes),
                }
                sums.values(shift)
            };
            upper = upper.wrapping_add(pairs);
            lower = lower.wrapping_add(quads);
        }
        let halves = [words(values[0], values[1]), words(values[2], values[3])];
        let mut lanes = [
            _mm256_packus_epi16(halves[0][0], halves[1][0]),
            _mm256_packus_epi16(halves[0][1], halves[1][1]),
            _mm256_packus_epi16(halves[0][2], halves[1][2]),
        ];
        let next = match layout {
            Layout::Nchw => at + FOUR,
            Layout::Nhwc => {
                lanes = in_turn(lanes);
                at + FOUR * CHANNELS
            }
        };
        for (channel, lanes) in lanes.into_iter().enumerate() {
            // SAFETY: four lanes of three planes of the columns, promised by the caller.
            unsafe {
                let to = at + channel * step;
                _mm_storeu_si128(groups[0].lanes.add(to).cast(), _mm256_castsi256_si128(lanes));
                if let Some(group) = groups.get(1) {
                    _mm_storeu_si128(group.lanes.add(to).cast(), _mm256_extracti128_si256::<1>(lanes));
                }
            }
        }
        at = next;
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn words(first: [__m256i; CHANNELS], second: [__m256i; CHANNELS]) -> [__m256i; CHANNELS] {
    [
        _mm256_packs_epi32(first[0], second[0]),
        _mm256_packs_epi32(first[1], second[1]),
        _mm256_packs_epi32(first[2], second[2]),
    ]
}

/// Four columns of each channel as columns of all channels in turn, in both halves.
#[inline]
#[target_feature(enable = "avx2")]
fn in_turn([red, green, blue]: [__m256i; CHANNELS]) -> [__m256i; CHANNELS] {
    // Each column is at the place that it has in one of the results.
    let red = _mm256_shuffle_epi32::<0b01_10_11_00>(red);
    let green = _mm256_shuffle_epi32::<0b10_11_00_01>(green);
    let blue = _mm256_shuffle_epi32::<0b11_00_01_10>(blue);
    const SECOND: i32 = 0b0010_0010;
    const THIRD: i32 = 0b0100_0100;
    [
        _mm256_blend_epi32::<THIRD>(_mm256_blend_epi32::<SECOND>(red, green), blue),
        _mm256_blend_epi32::<THIRD>(_mm256_blend_epi32::<SECOND>(green, blue), red),
        _mm256_blend_epi32::<THIRD>(_mm256_blend_epi32::<SECOND>(blue, red), green),
    ]
}
