//! Turning pixels of four rows.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use crate::turned::layout::PAIRS;
use crate::turned::orders::{LOAD, Order, Source};
use crate::x86::{Groups, prefetch_near};

/// Rows of a group.
pub(super) const ROWS: usize = 4;

/// A row in each lane.
pub(super) type Vector = [i32; ROWS];

/// The pairs of a quad, of each its channels.
pub(super) type Pairs = [[Vector; CHANNELS]; PAIRS];

/// Bytes between two requests for the pixels that come next: less than a line of the cache.
const APART: usize = 60;

/// For each pair of neighbouring pixels of quads, which are from `first_byte` on at every `STEP` pixels, and each channel one vector
/// of 16-bit elements in rows 0, 2, 1, 3 of the group.
///
/// # Safety
/// The processor has SSSE3 and SSE4.1, and the rows of the group have the `row_bytes` of the source.
#[inline(never)]
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) unsafe fn turn<const STEP: usize>(
    source: &Source,
    first_byte: usize,
    (rows, ahead): (Groups<'_, ROWS>, Groups<'_, ROWS>),
    quads: &mut [Pairs],
) {
    let (Some(rows), Some(ahead)) = (rows.first(), ahead.first()) else {
        return;
    };
    let rows = [0, 2, 1, 3].map(|row: usize| rows[row].as_ptr());
    let step = const { STEP * CHANNELS };
    let last = source.row_bytes - LOAD;
    let inner = (last + step).saturating_sub(first_byte) / step;
    let inner = inner.min(quads.len());
    let (inner, edge) = quads.split_at_mut(inner);
    let order = indices(&source.orders[0]);
    let mut start = first_byte;
    for quads in inner.chunks_mut(APART / step) {
        for row in ahead {
            prefetch_near(row.as_ptr(), start);
        }
        for quad in quads {
            // SAFETY: a load before the end of each row.
            unsafe { turn_quad(&rows, start, order, quad) }
            start += step;
        }
    }
    for quad in edge {
        // SAFETY: the last load of each row.
        unsafe { turn_quad(&rows, last, indices(&source.orders[start - last]), quad) }
        start += step;
    }
}

/// # Safety
/// All rows have [`LOAD`] bytes at `base`.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
unsafe fn turn_quad(rows: &[*const u8; ROWS], base: usize, order: __m128i, quad: &mut Pairs) {
    let mut pixels = [_mm_setzero_si128(); ROWS];
    for row in 0..ROWS {
        // SAFETY: promised by the caller.
        let bytes = unsafe { _mm_loadu_si128(rows[row].add(base).cast()) };
        pixels[row] = _mm_shuffle_epi8(bytes, order);
    }
    let [a, b, c, d] = pixels;
    let low = [_mm_unpacklo_epi32(a, b), _mm_unpacklo_epi32(c, d)];
    let high = [_mm_unpackhi_epi32(a, b), _mm_unpackhi_epi32(c, d)];
    let channels = [
        _mm_unpacklo_epi64(low[0], low[1]),
        _mm_unpackhi_epi64(low[0], low[1]),
        _mm_unpacklo_epi64(high[0], high[1]),
    ];
    for channel in 0..CHANNELS {
        let bytes = channels[channel];
        put(
            &mut quad[0][channel],
            _mm_and_si128(bytes, _mm_set1_epi16(0x00ff)),
        );
        put(&mut quad[1][channel], _mm_srli_epi16::<8>(bytes));
    }
}

#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn indices(order: &Order) -> __m128i {
    // SAFETY: sixteen bytes, aligned.
    unsafe { _mm_load_si128(order.0.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn put(vector: &mut Vector, value: __m128i) {
    // SAFETY: four lanes of blocks, which are aligned as vectors.
    unsafe { _mm_store_si128(vector.as_mut_ptr().cast(), value) }
}
