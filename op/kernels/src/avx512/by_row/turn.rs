//! Turning.

use std::arch::asm;
use std::arch::x86_64::*;
use std::ops::Range;

use prep_onnx_pipeline::CHANNELS;

use super::{AT_ONCE, ROWS, Rows, Tile};
use crate::Lanes;
use crate::turned::layout::QUAD;
use crate::turned::orders::{LOAD, Source};
use crate::x86::prefetch_near;

/// The bytes of a quad: of each channel in all rows.
pub(super) type Bytes = [Lanes; CHANNELS];

/// Bytes from a quad to the next.
const STEP: usize = QUAD * CHANNELS;

/// The bytes of a row in which all loads of a tile lie.
pub(super) fn bytes(source: &Source, tile: &Tile) -> Range<usize> {
    let end = tile.first_byte + tile.quads * STEP + LOAD;
    tile.first_byte.min(source.row_bytes - LOAD)..end.min(source.row_bytes)
}

/// The quads of a tile, of which the first ones are turned.
pub(super) struct Turning {
    rows: Rows<AT_ONCE>,
    order: __m512i,
    /// Where the first quad begins in each row.
    first_byte: usize,
    quads: *mut Bytes,
    next: usize,
    /// Quads that are turned in turn: the last ones of a row, whose loads would end behind it, are turned before.
    inner: usize,
}

impl Turning {
    /// # Safety
    /// The rows have the [`bytes`] of the tile, and there is room for its quads.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    pub(super) unsafe fn new(source: &Source, tile: &Tile, rows: Rows<AT_ONCE>, quads: *mut Bytes) -> Self {
        let last = source.row_bytes - LOAD;
        let inner = (last + STEP).saturating_sub(tile.first_byte) / STEP;
        let order = |before: usize| {
            // SAFETY: 32 bytes, aligned to 32.
            let half = unsafe { _mm256_load_si256(source.orders[before].0.as_ptr().cast()) };
            _mm512_broadcast_i64x4(half)
        };
        let inner = inner.min(tile.quads);
        for quad in inner..tile.quads {
            // SAFETY: the last load of each row; the rest is promised by the caller.
            unsafe {
                turn(
                    rows,
                    last,
                    order(tile.first_byte + quad * STEP - last),
                    quads.add(quad),
                )
            }
        }
        Self {
            rows,
            order: order(0),
            first_byte: tile.first_byte,
            quads,
            next: 0,
            inner,
        }
    }

    /// How many of the next `count` quads there are.
    #[inline]
    pub(super) fn left(&self, count: usize) -> usize {
        count.min(self.inner - self.next)
    }

    /// Turns the next quad.
    ///
    /// # Safety
    /// There is one [`Self::left`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    pub(super) unsafe fn turn(&mut self) {
        let base = self.first_byte + self.next * STEP;
        // SAFETY: a quad before `inner`: all its loads lie in the rows, and there is room.
        unsafe { turn(self.rows, base, self.order, self.quads.add(self.next)) }
        // Each row at every fourth quad: 48 bytes, less than a line of the cache.
        let Self { rows, next, .. } = *self;
        for row in rows.distance.group(rows.ahead(next % AT_ONCE)) {
            prefetch_near(row, base);
        }
        self.next += 1;
    }

    /// The bytes of quad `quad`.
    #[inline]
    pub(super) fn bytes(&self, quad: usize) -> *const Bytes {
        self.quads.wrapping_add(quad)
    }
}

/// The shuffled 16 bytes at `start` of four rows, which lie four rows apart.
///
/// Instructions, since the compiler makes sixteen pointers of the addresses, for which there are no registers.
macro_rules! load {
    ($start:expr, $rows:expr, $order:expr) => {{
        let (lower, upper): (__m256i, __m256i);
        asm!(
            "vmovdqu {lower:x}, [{start}]",
            "vmovdqu {upper:x}, [{start} + {stride} * 8]",
            "vinserti128 {lower}, {lower}, [{start} + {stride} * 4], 1",
            "vinserti128 {upper}, {upper}, [{start} + {three} * 4], 1",
            start = in(reg) $start,
            stride = in(reg) $rows.distance.stride,
            three = in(reg) $rows.distance.three,
            lower = out(ymm_reg) lower,
            upper = out(ymm_reg) upper,
            options(pure, readonly, nostack, preserves_flags),
        );
        let bytes = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(lower), upper);
        _mm512_shuffle_epi8(bytes, $order)
    }};
}

/// Turns a quad from the loads at `base` on.
///
/// # Safety
/// They lie in the rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
unsafe fn turn(rows: Rows<AT_ONCE>, base: usize, order: __m512i, quad: *mut Bytes) {
    let first = rows.group(0).wrapping_add(base);
    // SAFETY: promised by the caller; the instructions write their registers alone.
    let [a, b, c, d] = unsafe {
        [
            load!(first, rows, order),
            load!(first.wrapping_add(rows.distance.stride), rows, order),
            load!(first.wrapping_add(2 * rows.distance.stride), rows, order),
            load!(first.wrapping_add(rows.distance.three), rows, order),
        ]
    };
    let low = [_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d)];
    let high = [_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d)];
    let bytes = [
        _mm512_unpacklo_epi64(low[0], low[1]),
        _mm512_unpackhi_epi64(low[0], low[1]),
        _mm512_unpacklo_epi64(high[0], high[1]),
    ];
    for (channel, bytes) in bytes.into_iter().enumerate() {
        // SAFETY: promised by the caller; blocks are aligned as vectors.
        unsafe { _mm512_store_si512((*quad)[channel].0.as_mut_ptr().cast(), bytes) }
    }
}

const _: () = assert!(ROWS == 4 && AT_ONCE == 4, "what the loads take");
