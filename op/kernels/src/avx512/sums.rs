//! Sums of the products of bytes and the digits of weights.

use std::arch::asm;
use std::arch::x86_64::*;

use super::group::block;
use super::tables::QuadTable;

/// `sum` plus the products of four bytes, `_mm512_dpbusd_epi32`, or of two words, `_mm512_dpwssd_epi32`, in each lane.
///
/// Of the latter the compiler makes a product and an addition where it takes no processor in particular. It also moves the
/// operations of a sum behind each other, which these, not being `pure`, keep from it: side by side those of two rows wait less.
macro_rules! dot {
    ($name:ident, $instruction:literal) => {
        #[inline]
        #[target_feature(enable = "avx512f,avx512vnni")]
        fn $name(sum: &mut __m512i, taps: __m512i, weights: __m512i) {
            // SAFETY: the instruction is one of AVX-512 VNNI, which this function enables, and reads and writes its registers
            // alone.
            unsafe {
                asm!(
                    concat!($instruction, " {sum}, {taps}, {weights}"),
                    sum = inout(zmm_reg) *sum,
                    taps = in(zmm_reg) taps,
                    weights = in(zmm_reg) weights,
                    options(nomem, nostack, preserves_flags),
                );
            }
        }
    };
}

dot!(add_bytes, "vpdpbusd");
dot!(add_words, "vpdpwssd");

/// The tables of a vector: the indices of its bytes, and the digits of weights, the highest ones first.
pub(super) struct Tables<const QUADS: usize> {
    pub(super) indices: [__m512i; QUADS],
    digits: [[__m512i; QUADS]; 3],
}

impl<const QUADS: usize> Tables<QUADS> {
    /// Of the first ones of `quads`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn new(quads: &[QuadTable]) -> Self {
        let quads = &quads[..QUADS];
        let part =
            |part: usize| -> [__m512i; QUADS] { std::array::from_fn(|quad| block(&quads[quad][part])) };
        Self {
            indices: part(0),
            digits: [part(1), part(2), part(3)],
        }
    }

    /// The sums of two rows behind `rounding`, of digits `apart` or one after the other; of `TAIL` the last quad has two words for four
    /// bytes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    pub(super) fn two_rows<const TAIL: bool>(
        &self,
        rows: [[__m512i; QUADS]; 2],
        rounding: __m512i,
        apart: bool,
    ) -> [__m512i; 2] {
        if apart {
            self.apart::<TAIL>(rows, rounding)
        } else {
            self.joined::<TAIL>(rows, rounding)
        }
    }

    /// The three digits one after the other, in one sum for each row.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    fn joined<const TAIL: bool>(&self, rows: [[__m512i; QUADS]; 2], rounding: __m512i) -> [__m512i; 2] {
        let mut sums = [rounding; 2];
        self.add::<TAIL, 0>(rows, &mut sums);
        sums = sums.map(|sum| _mm512_slli_epi32::<8>(sum));
        self.add::<TAIL, 1>(rows, &mut sums);
        sums = sums.map(|sum| _mm512_slli_epi32::<8>(sum));
        self.add::<TAIL, 2>(rows, &mut sums);
        sums
    }

    /// Each digit in a sum of its own: additions more, and each waits for fewer.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    fn apart<const TAIL: bool>(&self, rows: [[__m512i; QUADS]; 2], rounding: __m512i) -> [__m512i; 2] {
        let zero = _mm512_setzero_si512();
        let (mut upper, mut middle, mut lower) = ([rounding; 2], [zero; 2], [zero; 2]);
        self.add::<TAIL, 0>(rows, &mut upper);
        self.add::<TAIL, 1>(rows, &mut middle);
        self.add::<TAIL, 2>(rows, &mut lower);
        std::array::from_fn(|row| {
            let upper = _mm512_add_epi32(_mm512_slli_epi32::<8>(upper[row]), middle[row]);
            _mm512_add_epi32(_mm512_slli_epi32::<8>(upper), lower[row])
        })
    }

    /// Adds the products of a digit to the sums of two rows, side by side.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    fn add<const TAIL: bool, const DIGIT: usize>(
        &self,
        [one, other]: [[__m512i; QUADS]; 2],
        [first, second]: &mut [__m512i; 2],
    ) {
        let full = if TAIL { QUADS - 1 } else { QUADS };
        for quad in 0..full {
            add_bytes(first, one[quad], self.digits[DIGIT][quad]);
            add_bytes(second, other[quad], self.digits[DIGIT][quad]);
        }
        // A word has two digits.
        if TAIL && DIGIT > 0 {
            add_words(first, one[QUADS - 1], self.digits[DIGIT - 1][QUADS - 1]);
            add_words(second, other[QUADS - 1], self.digits[DIGIT - 1][QUADS - 1]);
        }
    }
}
