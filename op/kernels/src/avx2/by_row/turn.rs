//! Pixels of eight rows, so that a lane is a row.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use super::layout::{PAIRS, QUAD_BYTES, ROWS, Vector};
use super::tiles::{Tile, Tiles};
use crate::avx2::group::{Group, table};
use crate::avx2::tables::LOAD;
use crate::{Lanes, lanes_of};

/// Quads between two requests for the pixels that come next: less than a line of the cache.
const APART: usize = 5;

/// The pairs of a quad.
type Pairs = [Vector; PAIRS * CHANNELS];

/// The bytes of a quad.
type Bytes = [Vector; CHANNELS];

/// For each quad of neighbouring pixels and channel of a tile one vector: pixels 0, 2, 1 and 3 in rows 0, 2, 1, 3 of the first
/// group, then in those of the second. Before them, for each pair of neighbours one, of 16-bit elements.
///
/// # Safety
/// The processor has AVX2, and the rows of each group have the `row_bytes` of the tiles.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn turn(tiles: &Tiles, tile: &Tile, groups: [&Group<'_>; 2], turned: &mut [Lanes]) {
    let (vectors, _) = lanes_of(turned).as_chunks_mut::<ROWS>();
    let (pairs, bytes) = vectors.split_at_mut(tiles.bytes_from * CHANNELS);
    let pairs = &mut pairs.as_chunks_mut::<{ PAIRS * CHANNELS }>().0[..tile.quads];
    let bytes = &mut bytes.as_chunks_mut::<CHANNELS>().0[..tile.quads];
    let [first, second] = groups.map(|group| group.rows);
    let rows = [
        first[0].as_ptr(),
        second[0].as_ptr(),
        first[2].as_ptr(),
        second[2].as_ptr(),
        first[1].as_ptr(),
        second[1].as_ptr(),
        first[3].as_ptr(),
        second[3].as_ptr(),
    ];
    let last = tiles.row_bytes - LOAD;
    let inner = (last + QUAD_BYTES).saturating_sub(tile.first_byte) / QUAD_BYTES;
    let inner = inner.min(tile.quads);
    let (inner, edge) = pairs.split_at_mut(inner);
    let (inner_bytes, edge_bytes) = bytes.split_at_mut(inner.len());
    let order = table(&tiles.orders[0]);
    let mut start = tile.first_byte;
    for (pairs, bytes) in inner.chunks_mut(APART).zip(inner_bytes.chunks_mut(APART)) {
        for group in groups {
            group.prefetch(start as u32);
        }
        for quad in pairs.iter_mut().zip(bytes) {
            // SAFETY: a load before the end of each row.
            unsafe { turn_quad(&rows, start, order, quad) }
            start += QUAD_BYTES;
        }
    }
    for quad in edge.iter_mut().zip(edge_bytes) {
        // SAFETY: the last load of each row.
        unsafe { turn_quad(&rows, last, table(&tiles.orders[start - last]), quad) }
        start += QUAD_BYTES;
    }
}

/// # Safety
/// All rows have [`LOAD`] bytes at `base`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn turn_quad(
    rows: &[*const u8; ROWS],
    base: usize,
    order: __m256i,
    (pairs, quads): (&mut Pairs, &mut Bytes),
) {
    macro_rules! pixels {
        ($low:literal $high:literal) => {{
            // SAFETY: promised by the caller.
            let both = unsafe {
                let high = _mm_loadu_si128(rows[$high].add(base).cast());
                _mm256_set_m128i(high, _mm_loadu_si128(rows[$low].add(base).cast()))
            };
            _mm256_shuffle_epi8(both, order)
        }};
    }
    let (a, b, c, d) = (pixels!(0 1), pixels!(2 3), pixels!(4 5), pixels!(6 7));
    let low = [_mm256_unpacklo_epi32(a, b), _mm256_unpacklo_epi32(c, d)];
    let high = [_mm256_unpackhi_epi32(a, b), _mm256_unpackhi_epi32(c, d)];
    let channels = [
        _mm256_unpacklo_epi64(low[0], low[1]),
        _mm256_unpackhi_epi64(low[0], low[1]),
        _mm256_unpacklo_epi64(high[0], high[1]),
    ];
    for (channel, bytes) in channels.into_iter().enumerate() {
        let even = _mm256_and_si256(bytes, _mm256_set1_epi16(0x00ff));
        let odd = _mm256_srli_epi16::<8>(bytes);
        store(&mut pairs[channel], even);
        store(&mut pairs[CHANNELS + channel], odd);
        store(&mut quads[channel], bytes);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(vector: &mut Vector, value: __m256i) {
    // SAFETY: eight lanes of blocks, which are aligned as vectors.
    unsafe { _mm256_store_si256(vector.as_mut_ptr().cast(), value) }
}
