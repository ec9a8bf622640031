//! Turning.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use crate::avx2::group::Group;
use crate::turned::layout::PAIRS;
use crate::turned::orders::{LOAD, Order, Source};

/// Bytes between two requests for the pixels that come next: less than a line of the cache.
const APART: usize = 60;

/// Rows that are turned at a time: two groups.
pub(crate) const ROWS: usize = 8;

/// Which rows of a group a lane packs, the lowest byte first: the vertical pass takes rows 0 and 1, then rows 2 and 3, as pairs of
/// 16-bit elements.
const PAIRED: [usize; 4] = [0, 2, 1, 3];

/// A row in each lane.
pub(crate) type Vector = [i32; ROWS];

/// What a quad is turned to.
pub(crate) trait Quad {
    /// Stores the bytes of each channel: pixels 0, 2, 1 and 3 in the rows of the first group, in the order [`PAIRED`], then in those
    /// of the second.
    ///
    /// # Safety
    /// The processor has AVX2, and `self` is aligned as vectors are.
    unsafe fn store(&mut self, bytes: [__m256i; CHANNELS]);
}

/// The bytes themselves.
pub(crate) type Bytes = [Vector; CHANNELS];

/// For each pair of neighbours, then for each channel, their 16-bit elements.
pub(in crate::avx2) type Pairs = [Vector; PAIRS * CHANNELS];

impl Quad for Bytes {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store(&mut self, bytes: [__m256i; CHANNELS]) {
        for (to, bytes) in self.iter_mut().zip(bytes) {
            put(to, bytes);
        }
    }
}

impl Quad for Pairs {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store(&mut self, bytes: [__m256i; CHANNELS]) {
        for (channel, bytes) in bytes.into_iter().enumerate() {
            let even = _mm256_and_si256(bytes, _mm256_set1_epi16(0x00ff));
            let odd = _mm256_srli_epi16::<8>(bytes);
            put(&mut self[channel], even);
            put(&mut self[CHANNELS + channel], odd);
        }
    }
}

/// Turns the quads of neighbouring pixels from `first_byte` on, at every `STEP` pixels, as many as `quads`. What lies behind the end of
/// a row is zero.
///
/// # Safety
/// The processor has AVX2, the rows of each group have the `row_bytes` of the source, and quads are aligned as vectors are.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(crate) unsafe fn turn<const STEP: usize, Q: Quad>(
    source: &Source,
    first_byte: usize,
    groups: [&Group<'_>; 2],
    quads: &mut [Q],
) {
    let [first, second] = groups.map(|group| group.rows);
    let [a, b, c, d] = PAIRED;
    let rows = [
        first[a].as_ptr(),
        second[a].as_ptr(),
        first[b].as_ptr(),
        second[b].as_ptr(),
        first[c].as_ptr(),
        second[c].as_ptr(),
        first[d].as_ptr(),
        second[d].as_ptr(),
    ];
    let last = source.row_bytes - LOAD;
    let step = const { STEP * CHANNELS };
    let inner = (last + step).saturating_sub(first_byte) / step;
    let inner = inner.min(quads.len());
    let (inner, edge) = quads.split_at_mut(inner);
    let order = indices(&source.orders[0]);
    let mut start = first_byte;
    for quads in inner.chunks_mut(APART / step) {
        for group in groups {
            group.prefetch(start as u32);
        }
        for quad in quads {
            // SAFETY: a load before the end of each row; the rest is promised by the caller.
            unsafe { quad.store(turned(&rows, start, order)) }
            start += step;
        }
    }
    for quad in edge {
        // SAFETY: the last load of each row; the rest is promised by the caller.
        unsafe { quad.store(turned(&rows, last, indices(&source.orders[start - last]))) }
        start += step;
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn indices(order: &Order) -> __m256i {
    // SAFETY: 32 bytes, aligned to 32.
    unsafe { _mm256_load_si256(order.0.as_ptr().cast()) }
}

/// # Safety
/// All rows have [`LOAD`] bytes at `base`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn turned(rows: &[*const u8; ROWS], base: usize, order: __m256i) -> [__m256i; CHANNELS] {
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
    [
        _mm256_unpacklo_epi64(low[0], low[1]),
        _mm256_unpackhi_epi64(low[0], low[1]),
        _mm256_unpacklo_epi64(high[0], high[1]),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn put(vector: &mut Vector, value: __m256i) {
    // SAFETY: eight lanes of blocks, which are aligned as vectors.
    unsafe { _mm256_store_si256(vector.as_mut_ptr().cast(), value) }
}

/// The same weights in all lanes.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn everywhere(weights: &f32) -> __m256i {
    _mm256_castps_si256(_mm256_broadcast_ss(weights))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn load(vector: &Vector) -> __m256i {
    // SAFETY: eight lanes of blocks, which are aligned as vectors.
    unsafe { _mm256_load_si256(vector.as_ptr().cast()) }
}
