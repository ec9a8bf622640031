//! Four rows on their way to packed lanes: what is loaded, added up and stored.

use std::arch::x86_64::*;

use super::tables::{HALVES, HalfBlock};
use crate::split::LOW_BITS;
use crate::x86::prefetch_near;
use crate::{HALF, PRECISION};

/// Rows of a group.
pub(crate) const ROWS: usize = 4;

/// Four rows on their way to packed lanes.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    pub(super) rows: &'a [&'a [u8]; ROWS],
    pub(super) ahead: &'a [&'a [u8]; ROWS],
    pub(super) lanes: *mut i32,
}

impl Group<'_> {
    /// Asks for the bytes at `offset` of the rows that come next.
    #[inline(always)]
    pub(super) fn prefetch(&self, offset: u32) {
        for row in self.ahead {
            prefetch_near(row.as_ptr(), offset as usize);
        }
    }

    /// Stores the values of four rows.
    ///
    /// # Safety
    /// The processor has AVX2, and from each of `starts` on there is room for half a vector. The halves begin in rising order: what
    /// the unused lanes of one hold is overwritten by the next one.
    #[inline(always)]
    pub(super) unsafe fn store(&self, starts: [u32; HALVES], sums: [Sums; ROWS], clamp: bool) {
        // SAFETY: promised by the caller.
        unsafe {
            let packed = pack(sums, clamp);
            let [first, second] = starts.map(|start| self.lanes.add(start as usize));
            _mm_storeu_si128(first.cast(), _mm256_castsi256_si128(packed));
            _mm_storeu_si128(second.cast(), _mm256_extracti128_si256::<1>(packed));
        }
    }
}

/// The sums of the upper and the lower parts of a row.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    pub(super) upper: __m256i,
    pub(super) lower: __m256i,
}

impl Sums {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn zero() -> Self {
        let zero = _mm256_setzero_si256();
        Self {
            upper: zero,
            lower: zero,
        }
    }

    /// Adds the taps of a pair.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn add(&mut self, taps: __m256i, upper: __m256i, lower: __m256i) {
        self.upper = _mm256_add_epi32(self.upper, _mm256_madd_epi16(taps, upper));
        self.lower = _mm256_add_epi32(self.lower, _mm256_madd_epi16(taps, lower));
    }
}

/// The values of four rows: bytes of rows 0, 2, 1 and 3 in each lane.
#[inline]
#[target_feature(enable = "avx2")]
fn pack(sums: [Sums; ROWS], clamp: bool) -> __m256i {
    let mut whole = [_mm256_set1_epi32(HALF); ROWS];
    for (whole, sums) in whole.iter_mut().zip(sums) {
        let upper = _mm256_slli_epi32::<{ LOW_BITS as i32 }>(sums.upper);
        *whole = _mm256_add_epi32(_mm256_add_epi32(*whole, sums.lower), upper);
    }
    if clamp {
        for whole in &mut whole {
            let positive = _mm256_max_epi32(*whole, _mm256_setzero_si256());
            *whole = _mm256_min_epi32(positive, _mm256_set1_epi32((1 << 30) - 1));
        }
    }
    // Values of two rows in the 16-bit halves of a lane.
    let mut two = [_mm256_setzero_si256(); 2];
    for (two, rows) in two.iter_mut().zip(whole.chunks_exact(2)) {
        let low = _mm256_srli_epi32::<{ PRECISION as i32 }>(rows[0]);
        let high = _mm256_srli_epi32::<{ PRECISION as i32 - 16 }>(rows[1]);
        *two = _mm256_blend_epi16::<0b1010_1010>(low, high);
    }
    _mm256_or_si256(two[0], _mm256_slli_epi32::<8>(two[1]))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn table(block: &HalfBlock) -> __m256i {
    // SAFETY: a half block is 32 bytes, aligned to 32.
    unsafe { _mm256_load_si256(block.0.as_ptr().cast()) }
}

/// What the two halves of a vector load from the bytes `bases` of a row on.
///
/// # Safety
/// Both loads lie inside the row.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn load(row: *const u8, bases: [usize; HALVES]) -> __m256i {
    // SAFETY: promised by the caller.
    unsafe {
        let [low, high] = bases.map(|base| _mm_loadu_si128(row.add(base).cast()));
        _mm256_set_m128i(high, low)
    }
}
