//! Four source rows to one group of packed lanes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::turn::{Pairs, ROWS, Vector, turn};
use crate::split::{LOW_BITS, pair, split};
use crate::turned::layout::{FOUR, PAIRS, QUAD};
use crate::turned::orders::LOAD;
use crate::turned::quads::{self, HALF_QUAD};
use crate::x86::{grouped, padded};
use crate::{HALF, Lanes, PRECISION, as_lanes, lanes_of, plane_blocks};

/// The upper and the lower parts of the weights of the first pair of a quad, then of the second.
pub(super) type QuadWeights = [i32; QUAD];

pub(super) type Columns = quads::Columns<QuadWeights>;
type Tile = quads::Tile<QuadWeights>;

/// Those of a quad's weights.
pub(super) fn quad_weights(weights: [i32; QUAD]) -> QuadWeights {
    let [first, second, third, fourth] = weights.map(split);
    [
        pair(first[0], second[0]),
        pair(first[1], second[1]),
        pair(third[0], fourth[0]),
        pair(third[1], fourth[1]),
    ]
}

/// How many blocks [`resize`] needs.
pub(super) fn scratch(columns: &Columns) -> usize {
    columns.scratch(PAIRS * CHANNELS, ROWS)
}

#[target_feature(enable = "ssse3,sse4.1")]
pub(super) fn resize(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    blocks: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    if rows.first().is_some_and(|row| row.len() < LOAD) {
        narrow(columns, rows, blocks, groups);
    } else {
        wide(columns, rows, ahead, blocks, groups);
    }
}

/// [`resize`] of rows shorter than a load.
#[cold]
#[inline(never)]
#[target_feature(enable = "ssse3,sse4.1")]
fn narrow(columns: &Columns, rows: &[&[u8]], blocks: &mut [Lanes], groups: &mut [&mut [Lanes]]) {
    let mut copies = [[0; LOAD]; ROWS];
    let copied: [&[u8]; ROWS] = padded(rows, &mut copies);
    wide(columns, &copied[..rows.len()], &[], blocks, groups);
}

/// [`resize`] of rows as wide as the tables.
#[target_feature(enable = "ssse3,sse4.1")]
fn wide(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    blocks: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    assert!(groups.len() == 1, "one group at a time");
    let rows = grouped::<ROWS>(rows, ahead, 1, columns.source.row_bytes);
    let lanes = lanes_of(groups[0]);
    assert!(
        lanes.len() >= CHANNELS * plane_blocks(columns.columns) * Lanes::COUNT,
        "three planes"
    );
    assert!(blocks.len() >= scratch(columns), "room for the pixels of a tile");
    for tile in &columns.tiles {
        let (vectors, _) = lanes_of(blocks).as_chunks_mut::<ROWS>();
        let (channels, _) = vectors.as_chunks_mut::<CHANNELS>();
        let quads = &mut channels.as_chunks_mut::<PAIRS>().0[..tile.quads];
        // SAFETY: the rows are as wide as the tables, there is room for three planes, both asserted above, and for what the windows
        // of a tile read.
        unsafe {
            if columns.dense {
                turn::<HALF_QUAD>(&columns.source, tile.first_byte, rows, quads);
            } else {
                turn::<QUAD>(&columns.source, tile.first_byte, rows, quads);
            }
            weigh(columns, tile, lanes.as_mut_ptr(), blocks);
        }
    }
}

/// The columns of a tile.
///
/// # Safety
/// The turned pixels of all windows lie in `turned`, and `lanes` are three planes of the columns.
#[inline(never)]
#[target_feature(enable = "ssse3,sse4.1")]
unsafe fn weigh(columns: &Columns, tile: &Tile, lanes: *mut i32, turned: &[Lanes]) {
    let (vectors, _) = as_lanes(turned).as_chunks::<ROWS>();
    let (channels, _) = vectors.as_chunks::<CHANNELS>();
    let (quads, _) = channels.as_chunks::<PAIRS>();
    let mut weights = tile.weights.as_ptr();
    let (firsts, _) = tile.firsts.as_chunks::<FOUR>();
    let first = tile.columns.start;
    let (step, mut at) = match columns.layout {
        Layout::Nchw => (plane_blocks(columns.columns) * Lanes::COUNT, first),
        Layout::Nhwc => (FOUR, first * CHANNELS),
    };
    for firsts in firsts {
        let mut values = [[_mm_setzero_si128(); CHANNELS]; FOUR];
        for (values, first) in values.iter_mut().zip(firsts) {
            // SAFETY: so many quads lie in the turned pixels, and there are as many weights.
            *values = unsafe { column(quads.as_ptr().add(*first as usize), weights, tile.window) };
            weights = weights.wrapping_add(tile.window);
        }
        let [a, b, c, d] = values;
        let mut packed = [_mm_setzero_si128(); CHANNELS];
        for (channel, packed) in packed.iter_mut().enumerate() {
            // Both packs saturate, which is the clamp: values lie in -512 to 511.
            let first = _mm_packs_epi32(a[channel], b[channel]);
            *packed = _mm_packus_epi16(first, _mm_packs_epi32(c[channel], d[channel]));
        }
        let next = match columns.layout {
            Layout::Nchw => at + FOUR,
            Layout::Nhwc => {
                packed = in_turn(packed);
                at + FOUR * CHANNELS
            }
        };
        for (channel, packed) in packed.into_iter().enumerate() {
            // SAFETY: four lanes of three planes of the columns, promised by the caller.
            unsafe { _mm_storeu_si128(lanes.add(at + channel * step).cast(), packed) }
        }
        at = next;
    }
}

/// The values of one column in each row, not clamped, of a window of `count` quads.
///
/// # Safety
/// There are so many quads and weights.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
unsafe fn column(quads: *const Pairs, weights: *const QuadWeights, count: usize) -> [__m128i; CHANNELS] {
    let mut upper = [_mm_setzero_si128(); CHANNELS];
    let mut lower = [_mm_set1_epi32(HALF); CHANNELS];
    for at in 0..count {
        // SAFETY: promised by the caller.
        let ([first, second], weights) = unsafe {
            let weights = _mm_loadu_si128(weights.add(at).cast());
            (&*quads.add(at), weights)
        };
        let parts = [
            _mm_shuffle_epi32::<0b00_00_00_00>(weights),
            _mm_shuffle_epi32::<0b01_01_01_01>(weights),
            _mm_shuffle_epi32::<0b10_10_10_10>(weights),
            _mm_shuffle_epi32::<0b11_11_11_11>(weights),
        ];
        for channel in 0..CHANNELS {
            let [first, second] = [load(&first[channel]), load(&second[channel])];
            let high = _mm_add_epi32(_mm_madd_epi16(first, parts[0]), _mm_madd_epi16(second, parts[2]));
            let low = _mm_add_epi32(_mm_madd_epi16(first, parts[1]), _mm_madd_epi16(second, parts[3]));
            upper[channel] = _mm_add_epi32(upper[channel], high);
            lower[channel] = _mm_add_epi32(lower[channel], low);
        }
    }
    let mut values = upper;
    for (value, lower) in values.iter_mut().zip(lower) {
        let sum = _mm_add_epi32(_mm_slli_epi32::<{ LOW_BITS as i32 }>(*value), lower);
        *value = _mm_srai_epi32::<{ PRECISION as i32 }>(sum);
    }
    values
}

/// Four columns of each channel as columns of all channels in turn.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn in_turn([red, green, blue]: [__m128i; CHANNELS]) -> [__m128i; CHANNELS] {
    // Each column is at the place that it has in one of the results.
    let red = _mm_shuffle_epi32::<0b01_10_11_00>(red);
    let green = _mm_shuffle_epi32::<0b10_11_00_01>(green);
    let blue = _mm_shuffle_epi32::<0b11_00_01_10>(blue);
    const SECOND: i32 = 0b0000_1100;
    const THIRD: i32 = 0b0011_0000;
    [
        _mm_blend_epi16::<THIRD>(_mm_blend_epi16::<SECOND>(red, green), blue),
        _mm_blend_epi16::<THIRD>(_mm_blend_epi16::<SECOND>(green, blue), red),
        _mm_blend_epi16::<THIRD>(_mm_blend_epi16::<SECOND>(blue, red), green),
    ]
}

#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn load(vector: &Vector) -> __m128i {
    // SAFETY: four lanes of blocks, which are aligned as vectors.
    unsafe { _mm_load_si128(vector.as_ptr().cast()) }
}
