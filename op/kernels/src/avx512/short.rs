//! Windows of at most four quads, whose tables stay in registers over the rows.

use std::arch::asm;
use std::arch::x86_64::*;

use super::even::Distance;
use super::group::{Group, block, pack, rounding, store, taps};
use super::tables::Columns;
use crate::x86::prefetch;

/// Tables of at most four quads.
///
/// # Safety
/// Every row has the `row_bytes` of `columns`, and `lanes` of each group room for each of its vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) unsafe fn short<const WIDE: bool>(
    columns: &Columns,
    distance: Distance,
    groups: &mut [Group<'_>],
) {
    macro_rules! arms {
        ($($quads:literal $tail:literal),*) => {
            match (columns.quads, columns.tail) {
                $(($quads, $tail) => of::<$quads, $tail, WIDE>(columns, distance, groups),)*
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

/// The most quads of windows whose bytes of four rows are in registers at a time.
const FEW_QUADS: usize = 2;

/// Where the bytes of a vector are, and its tables.
struct Vector<'a, const QUADS: usize> {
    bases: &'a [u32],
    /// Indices, and the digits of weights, the highest ones first.
    tables: [[__m512i; QUADS]; 4],
    even: u64,
    rounding: __m512i,
}

/// The bytes of row `ROW`.
///
/// # Safety
/// As many bytes lie in the rows from every base on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn row<const QUADS: usize, const TAIL: bool, const WIDE: bool, const ROW: usize>(
    first_row: *const u8,
    distance: Distance,
    vector: &Vector<'_, QUADS>,
) -> [__m512i; QUADS] {
    let full = if TAIL { QUADS - 1 } else { QUADS };
    let indices = &vector.tables[0];
    std::array::from_fn(|quad| {
        let byte = first_row.wrapping_add(vector.bases[quad] as usize);
        let mask = if quad < full { !0 } else { vector.even };
        // SAFETY: promised by the caller.
        unsafe { taps::<ROW, WIDE>(byte, distance, indices[quad], mask) }
    })
}

/// The sums of two rows, side by side.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn two_rows<const QUADS: usize, const TAIL: bool>(
    [one, other]: [[__m512i; QUADS]; 2],
    vector: &Vector<'_, QUADS>,
) -> [__m512i; 2] {
    let full = if TAIL { QUADS - 1 } else { QUADS };
    let [_, digits @ ..] = &vector.tables;
    let mut sums = [vector.rounding; 2];
    let [first, second] = &mut sums;
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
    distance: Distance,
    groups: &mut [Group<'_>],
) {
    let packing = columns.packing;
    let bases = columns.bases.chunks_exact(QUADS);
    let tables = columns.tables.chunks_exact(QUADS);
    let mut asking = columns.ahead.start();
    for (at, (bases, tables)) in bases.zip(tables).enumerate() {
        let part =
            |part: usize| -> [__m512i; QUADS] { std::array::from_fn(|quad| block(&tables[quad][part])) };
        let vector = Vector {
            bases,
            tables: [part(0), part(1), part(2), part(3)],
            even: columns.even,
            rounding: rounding(packing.mode),
        };
        let asks = asking.asks();
        for group in &mut *groups {
            if asks {
                for row in distance.group(group.ahead) {
                    prefetch(row, bases[0] as usize);
                }
            }
            // SAFETY: `Columns::filled` keeps every base a load, or two where they are wide, before `row_bytes`, and the caller
            // promises that the rows have as many bytes.
            let sums = unsafe {
                let third_and_fourth = || {
                    [
                        row::<QUADS, TAIL, WIDE, 2>(group.first, distance, &vector),
                        row::<QUADS, TAIL, WIDE, 3>(group.first, distance, &vector),
                    ]
                };
                let first_and_second = || {
                    [
                        row::<QUADS, TAIL, WIDE, 0>(group.first, distance, &vector),
                        row::<QUADS, TAIL, WIDE, 1>(group.first, distance, &vector),
                    ]
                };
                if QUADS <= FEW_QUADS {
                    let (upper, lower) = (third_and_fourth(), first_and_second());
                    let [third, fourth] = two_rows::<QUADS, TAIL>(upper, &vector);
                    let [first, second] = two_rows::<QUADS, TAIL>(lower, &vector);
                    [first, second, third, fourth]
                } else {
                    let [third, fourth] = two_rows::<QUADS, TAIL>(third_and_fourth(), &vector);
                    let [first, second] = two_rows::<QUADS, TAIL>(first_and_second(), &vector);
                    [first, second, third, fourth]
                }
            };
            // SAFETY: the caller promises room for all vectors of the table.
            unsafe { store(group.lanes, at * columns.lanes, pack(sums, packing)) }
        }
    }
}
