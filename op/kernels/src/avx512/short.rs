//! Windows of at most four quads, whose tables stay in registers over the rows.

use std::arch::asm;
use std::arch::x86_64::*;

use super::group::{Group, block, pack, quad, rounding, store};
use super::tables::{Columns, Packing};
use crate::x86::prefetch;

/// Tables of at most four quads.
///
/// # Safety
/// Every row has the `row_bytes` of `columns`, and `lanes` of each group room for each of its vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) unsafe fn short<const WIDE: bool>(columns: &Columns, groups: &mut [Group<'_>]) {
    macro_rules! arms {
        ($($quads:literal $tail:literal),*) => {
            match (columns.quads, columns.tail) {
                $(($quads, $tail) => of::<$quads, $tail, WIDE>(columns, groups),)*
                _ => unreachable!("tables of at most four quads, of one without a tail"),
            }
        };
    }
    // SAFETY: promised by the caller.
    unsafe { arms!(1 false, 2 false, 2 true, 3 false, 3 true, 4 false, 4 true) }
}

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

/// The sums of rows `FIRST` and the one behind it, side by side.
///
/// # Safety
/// As many bytes lie in the rows from every base on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn two_rows<const QUADS: usize, const TAIL: bool, const WIDE: bool, const FIRST: usize>(
    group: &Group<'_>,
    bases: &[u32],
    packing: &Packing,
    even: u64,
    [indices, high, middle, low]: &[[__m512i; QUADS]; 4],
) -> [__m512i; 2] {
    let full = if TAIL { QUADS - 1 } else { QUADS };
    let mut taps = [[_mm512_setzero_si512(); QUADS]; 2];
    for (row, taps) in taps.iter_mut().enumerate() {
        let row = FIRST + row;
        prefetch(group.ahead[row].as_ptr(), bases[0] as usize);
        for at in 0..QUADS {
            let mask = if TAIL && at == QUADS - 1 { even } else { !0 };
            // SAFETY: promised by the caller.
            taps[at] = unsafe { quad::<WIDE>(group.rows[row], bases[at] as usize, indices[at], mask) };
        }
    }
    let [one, other] = taps;
    let mut sums = [rounding(packing.mode); 2];
    let [first, second] = &mut sums;
    let digits = [high, middle, low];
    for digit in 0..digits.len() {
        if digit > 0 {
            *first = _mm512_slli_epi32::<8>(*first);
            *second = _mm512_slli_epi32::<8>(*second);
        }
        for quad in 0..full {
            add_bytes(first, one[quad], digits[digit][quad]);
            add_bytes(second, other[quad], digits[digit][quad]);
        }
        if TAIL && digit > 0 {
            add_words(first, one[QUADS - 1], digits[digit - 1][QUADS - 1]);
            add_words(second, other[QUADS - 1], digits[digit - 1][QUADS - 1]);
        }
    }
    sums
}

/// # Safety
/// As for [`short`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn of<const QUADS: usize, const TAIL: bool, const WIDE: bool>(
    columns: &Columns,
    groups: &mut [Group<'_>],
) {
    let packing = columns.packing;
    let even = columns.even;
    let bases = columns.bases.chunks_exact(QUADS);
    let tables = columns.tables.chunks_exact(QUADS);
    for (vector, (bases, tables)) in bases.zip(tables).enumerate() {
        let part =
            |part: usize| -> [__m512i; QUADS] { std::array::from_fn(|quad| block(&tables[quad][part])) };
        let tables = [part(0), part(1), part(2), part(3)];
        for group in &mut *groups {
            // SAFETY: `Columns::filled` keeps every base a load, or two where they are wide, before `row_bytes`, and the caller
            // promises that the rows have as many bytes.
            let sums = unsafe {
                let [third, fourth] =
                    two_rows::<QUADS, TAIL, WIDE, 2>(group, bases, &columns.packing, even, &tables);
                let [first, second] =
                    two_rows::<QUADS, TAIL, WIDE, 0>(group, bases, &columns.packing, even, &tables);
                [first, second, third, fourth]
            };
            // SAFETY: the caller promises room for all vectors of the table.
            unsafe { store(group.lanes, vector * columns.lanes, pack(sums, packing)) }
        }
    }
}
