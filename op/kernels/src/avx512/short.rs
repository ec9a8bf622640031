//! Windows of at most four quads, whose tables stay in registers over the rows.

use std::arch::x86_64::*;

use super::even::Distance;
use super::group::{Group, each, gather, load, pack, rounding, store};
use super::sums::Tables;
use super::tables::{Columns, LOAD, MAX_QUADS};

/// Tables of at most four quads, loaded as `L` says.
///
/// # Safety
/// Every row has the `row_bytes` of `columns`, and `lanes` of each group room for each of its vectors; the tables are those of `L`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) unsafe fn short<L: Quads>(columns: &Columns, distance: Distance, groups: &mut [Group<'_>]) {
    macro_rules! arms {
        ($($quads:literal $tail:literal),*) => {
            match (columns.quads, columns.tail) {
                $(($quads, $tail) if $quads <= L::MOST => of::<L, $quads, $tail>(columns, distance, groups),)*
                _ => unreachable!("tables of at most so many quads, of one without a tail"),
            }
        };
    }
    // SAFETY: promised by the caller.
    unsafe { arms!(1 false, 2 false, 2 true, 3 false, 3 true, 4 false, 4 true) }
}

/// A way to load the bytes of all quads of a vector.
pub(super) trait Quads {
    /// The most quads that pay.
    const MOST: usize;

    /// The bytes of row `ROW`, of which the last quad's are where `even` has bits, where it is a `TAIL`.
    ///
    /// # Safety
    /// The processor has the features of this level, and as many bytes as are loaded lie in the row from every base on.
    unsafe fn row<const QUADS: usize, const TAIL: bool, const ROW: usize>(
        first_row: *const u8,
        distance: Distance,
        bases: &[u32],
        indices: &[__m512i; QUADS],
        even: __mmask64,
    ) -> [__m512i; QUADS];
}

/// [`super::tables::Loads::Shared`].
pub(super) struct Shared;

impl Quads for Shared {
    const MOST: usize = MAX_QUADS;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn row<const QUADS: usize, const TAIL: bool, const ROW: usize>(
        first_row: *const u8,
        distance: Distance,
        bases: &[u32],
        indices: &[__m512i; QUADS],
        even: __mmask64,
    ) -> [__m512i; QUADS] {
        // SAFETY: promised by the caller.
        let bytes = unsafe { load::<ROW>(first_row.wrapping_add(bases[0] as usize), distance) };
        std::array::from_fn(|quad| {
            if TAIL && quad == QUADS - 1 {
                _mm512_maskz_permutexvar_epi8(even, indices[quad], bytes)
            } else {
                _mm512_permutexvar_epi8(indices[quad], bytes)
            }
        })
    }
}

/// [`super::tables::Loads::PerQuad`].
pub(super) struct PerQuad;

impl Quads for PerQuad {
    const MOST: usize = MAX_QUADS;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn row<const QUADS: usize, const TAIL: bool, const ROW: usize>(
        first_row: *const u8,
        distance: Distance,
        bases: &[u32],
        indices: &[__m512i; QUADS],
        even: __mmask64,
    ) -> [__m512i; QUADS] {
        std::array::from_fn(|quad| {
            let byte = first_row.wrapping_add(bases[quad] as usize);
            let mask = if TAIL && quad == QUADS - 1 { even } else { !0 };
            // SAFETY: promised by the caller.
            unsafe { gather::<ROW>(byte, distance, indices[quad], mask) }
        })
    }
}

/// [`super::tables::Loads::Wide`].
pub(super) struct Wide;

impl Quads for Wide {
    const MOST: usize = MAX_QUADS - 1;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn row<const QUADS: usize, const TAIL: bool, const ROW: usize>(
        first_row: *const u8,
        distance: Distance,
        bases: &[u32],
        indices: &[__m512i; QUADS],
        even: __mmask64,
    ) -> [__m512i; QUADS] {
        std::array::from_fn(|quad| {
            let byte = first_row.wrapping_add(bases[quad] as usize);
            let mask = if TAIL && quad == QUADS - 1 { even } else { !0 };
            // SAFETY: promised by the caller.
            let [first, second] = unsafe {
                [
                    load::<ROW>(byte, distance),
                    load::<ROW>(byte.wrapping_add(LOAD), distance),
                ]
            };
            _mm512_maskz_permutex2var_epi8(mask, first, indices[quad], second)
        })
    }
}

/// The most quads of windows whose bytes of four rows are in registers at a time.
const FEW_QUADS: usize = 2;

/// # Safety
/// As for [`short`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn of<L: Quads, const QUADS: usize, const TAIL: bool>(
    columns: &Columns,
    distance: Distance,
    groups: &mut [Group<'_>],
) {
    let packing = columns.packing;
    let rounding = rounding(packing.mode);
    let bases = columns.bases.chunks_exact(QUADS);
    let tables = columns.tables.chunks_exact(QUADS);
    let mut asking = columns.ahead.start();
    for (at, (bases, tables)) in bases.zip(tables).enumerate() {
        let tables = Tables::<QUADS>::new(tables);
        let asks = asking.asks();
        macro_rules! rows {
            ($group:ident, $one:literal $other:literal) => {
                [
                    L::row::<QUADS, TAIL, $one>($group.first, distance, bases, &tables.indices, columns.even),
                    L::row::<QUADS, TAIL, $other>(
                        $group.first,
                        distance,
                        bases,
                        &tables.indices,
                        columns.even,
                    ),
                ]
            };
        }
        each!(groups, |group| {
            if asks {
                group.ask(distance, bases[0] as usize);
            }
            // SAFETY: `Columns::filled` keeps what is loaded before `row_bytes`, and the caller promises that the rows have as many
            // bytes, and room for all vectors of the tables.
            unsafe {
                let [third, fourth, first, second] = if QUADS <= FEW_QUADS {
                    let (upper, lower) = (rows!(group, 2 3), rows!(group, 0 1));
                    let [third, fourth] = tables.two_rows::<TAIL>(upper, rounding);
                    let [first, second] = tables.two_rows::<TAIL>(lower, rounding);
                    [third, fourth, first, second]
                } else {
                    let [third, fourth] = tables.two_rows::<TAIL>(rows!(group, 2 3), rounding);
                    let [first, second] = tables.two_rows::<TAIL>(rows!(group, 0 1), rounding);
                    [third, fourth, first, second]
                };
                store(
                    group.lanes,
                    at * columns.lanes,
                    pack([first, second, third, fourth], packing),
                );
            }
        });
    }
}
