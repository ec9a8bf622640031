//! The weighted sums of windows.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::Tile;
use super::pack::{in_turn, lanes, words};
use super::turn::{Bytes, Turning};
use crate::turned::layout::FOUR;
use crate::turned::quads;
use crate::vnni::horizontal::QuadWeights;
use crate::x86::ROUNDING;
use crate::{Lanes, PRECISION, plane_blocks};

/// The columns of a tile, with each of which `each` quads are turned, as lanes of the groups that begin at `out`.
///
/// # Safety
/// `turning` is that of the tile and so far that the quads of every window are turned before it, and the lanes of each group are
/// three planes of the columns.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) unsafe fn columns(
    tables: &quads::Columns<QuadWeights>,
    tile: &Tile,
    each: usize,
    mut turning: Turning,
    out: &[*mut i32],
) {
    let first = tile.columns.start;
    let (step, mut at) = match tables.layout {
        Layout::Nchw => (plane_blocks(tables.columns) * Lanes::COUNT, first),
        Layout::Nhwc => (FOUR, first * CHANNELS),
    };
    let mut weights = tile.weights.as_ptr();
    for firsts in tile.firsts.as_chunks::<FOUR>().0 {
        // Zeros in their place would be stored for every four.
        let mut values = [const { MaybeUninit::uninit() }; FOUR];
        for (values, first) in values.iter_mut().zip(firsts) {
            // SAFETY: promised by the caller.
            unsafe {
                values.write(column(&mut turning, each, *first as usize, weights, tile.window));
                weights = weights.add(tile.window);
            }
        }
        // SAFETY: each was written: there are as many as `firsts`.
        let values = values.map(|values| unsafe { values.assume_init() });
        let mut packed = lanes(words(values[0], values[1]), words(values[2], values[3]));
        let next = match tables.layout {
            Layout::Nchw => at + FOUR,
            Layout::Nhwc => {
                packed = in_turn(packed);
                at + FOUR * CHANNELS
            }
        };
        for (channel, packed) in packed.into_iter().enumerate() {
            let groups = [
                _mm512_castsi512_si128(packed),
                _mm512_extracti32x4_epi32::<1>(packed),
                _mm512_extracti32x4_epi32::<2>(packed),
                _mm512_extracti32x4_epi32::<3>(packed),
            ];
            for (out, lanes) in out.iter().zip(groups) {
                // SAFETY: four lanes of three planes of the columns, promised by the caller.
                unsafe { _mm_storeu_si128(out.add(at + channel * step).cast(), lanes) }
            }
        }
        at = next;
    }
}

/// The sums of the digits of a column's channels.
type Sums = [[__m512i; 3]; CHANNELS];

/// Adds a quad.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn add(sums: &mut Sums, pixels: &Bytes, weights: &QuadWeights) {
    let weights = weights.map(|digits| _mm512_castps_si512(_mm512_set1_ps(digits)));
    for (sums, pixels) in sums.iter_mut().zip(pixels) {
        // SAFETY: sixteen lanes of blocks, which are aligned as vectors.
        let pixels = unsafe { _mm512_load_si512(pixels.0.as_ptr().cast()) };
        for (sum, weights) in sums.iter_mut().zip(weights) {
            *sum = _mm512_dpbusd_epi32(*sum, pixels, weights);
        }
    }
}

/// The values of a column in each row, not clamped: `window` quads from `first` on. Meanwhile the next `each` quads are turned.
///
/// # Safety
/// There are as many quads, and weights.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn column(
    turning: &mut Turning,
    each: usize,
    first: usize,
    weights: *const QuadWeights,
    window: usize,
) -> [__m512i; CHANNELS] {
    let zero = _mm512_setzero_si512();
    let mut sums = [[_mm512_set1_epi32(ROUNDING), zero, zero]; CHANNELS];
    let quads = turning.bytes(first);
    let next = turning.left(each);
    let together = next.min(window / 2);
    // Multiply-adds and shuffles share no pipe, but only those that come near each other run at the same time.
    for at in 0..together {
        // SAFETY: promised by the caller.
        unsafe {
            add(&mut sums, &*quads.add(2 * at), &*weights.add(2 * at));
            turning.turn();
            add(&mut sums, &*quads.add(2 * at + 1), &*weights.add(2 * at + 1));
        }
    }
    for at in 2 * together..window {
        // SAFETY: promised by the caller.
        unsafe { add(&mut sums, &*quads.add(at), &*weights.add(at)) }
    }
    for _ in together..next {
        // SAFETY: promised by the caller.
        unsafe { turning.turn() }
    }
    sums.map(|[high, middle, low]| {
        let upper = _mm512_add_epi32(_mm512_slli_epi32::<8>(high), middle);
        _mm512_srai_epi32::<PRECISION>(_mm512_add_epi32(_mm512_slli_epi32::<8>(upper), low))
    })
}
