//! Windows of at most four quads, whose tables stay in registers over the rows. One load, or two where one does not hold their bytes,
//! serves all quads of a vector.

use std::arch::x86_64::*;

use super::even::Distance;
use super::group::{Group, each, load, pack, rounding, store};
use super::sums::Tables;
use super::tables::{Columns, LOAD};

/// Tables of at most four quads, of [`super::tables::Loads::Wide`] or [`super::tables::Loads::Shared`]; `asks` for the rows ahead.
///
/// # Safety
/// Every row has the `row_bytes` of `columns`, and `lanes` of each group room for each of its vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) unsafe fn short<const WIDE: bool>(
    columns: &Columns,
    distance: Distance,
    groups: &mut [Group<'_>],
    asks: bool,
) {
    macro_rules! arms {
        ($($quads:literal $tail:literal),*) => {
            match (columns.quads, columns.tail) {
                $(($quads, $tail) => of::<$quads, $tail, WIDE>(columns, distance, groups, asks),)*
                _ => unreachable!("tables of at most four quads, of one without a tail"),
            }
        };
    }
    // SAFETY: promised by the caller.
    unsafe { arms!(1 false, 2 false, 2 true, 3 false, 3 true, 4 false, 4 true) }
}

/// The bytes of row `ROW` at `indices`; of a `TAIL` those of the last quad where `even` has bits, zeros elsewhere.
///
/// # Safety
/// As many bytes as are loaded lie in the row from `byte` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn row<const QUADS: usize, const TAIL: bool, const WIDE: bool, const ROW: usize>(
    byte: *const u8,
    distance: Distance,
    indices: &[__m512i; QUADS],
    even: __mmask64,
) -> [__m512i; QUADS] {
    // SAFETY: promised by the caller.
    let first = unsafe { load::<ROW>(byte, distance) };
    let tail = |quad: usize| TAIL && quad == QUADS - 1;
    if WIDE {
        // SAFETY: as above.
        let second = unsafe { load::<ROW>(byte.wrapping_add(LOAD), distance) };
        return std::array::from_fn(|quad| match tail(quad) {
            true => _mm512_maskz_permutex2var_epi8(even, first, indices[quad], second),
            false => _mm512_permutex2var_epi8(first, indices[quad], second),
        });
    }
    std::array::from_fn(|quad| match tail(quad) {
        true => _mm512_maskz_permutexvar_epi8(even, indices[quad], first),
        false => _mm512_permutexvar_epi8(indices[quad], first),
    })
}

/// The most quads of windows whose bytes of four rows are in registers at a time.
const FEW_QUADS: usize = 2;

/// # Safety
/// As for [`short`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn of<const QUADS: usize, const TAIL: bool, const WIDE: bool>(
    columns: &Columns,
    distance: Distance,
    groups: &mut [Group<'_>],
    asks: bool,
) {
    let Columns { packing, even, .. } = *columns;
    let rounding = rounding(packing.mode);
    let tables = columns.tables.chunks_exact(QUADS);
    let loads = columns.bases.iter().zip(&columns.ahead);
    for (at, ((base, lines), tables)) in loads.zip(tables).enumerate() {
        let base = *base as usize;
        let tables = Tables::<QUADS>::new(tables);
        each!(groups, |group| {
            if asks {
                group.ask(distance, *lines);
            }
            let byte = group.first.wrapping_add(base);
            macro_rules! rows {
                ($one:literal $other:literal) => {
                    [
                        row::<QUADS, TAIL, WIDE, $one>(byte, distance, &tables.indices, even),
                        row::<QUADS, TAIL, WIDE, $other>(byte, distance, &tables.indices, even),
                    ]
                };
            }
            // SAFETY: `Columns::filled` keeps what is loaded before `row_bytes`, and the caller promises that the rows have as many
            // bytes, and room for all vectors of the tables.
            unsafe {
                let [third, fourth, first, second] = if QUADS <= FEW_QUADS {
                    let (upper, lower) = (rows!(2 3), rows!(0 1));
                    let [third, fourth] = tables.two_rows::<TAIL>(upper, rounding);
                    let [first, second] = tables.two_rows::<TAIL>(lower, rounding);
                    [third, fourth, first, second]
                } else {
                    let [third, fourth] = tables.two_rows::<TAIL>(rows!(2 3), rounding);
                    let [first, second] = tables.two_rows::<TAIL>(rows!(0 1), rounding);
                    [third, fourth, first, second]
                };
                let values = pack([first, second, third, fourth], packing);
                store(group.lanes, at * columns.lanes, values);
            }
        });
    }
}
