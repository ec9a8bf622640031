//! Windows of at most four quads, whose tables stay in registers over the rows. One load, or two where one does not hold their bytes,
//! serves all quads of a vector, or each has one of its own.

use std::arch::x86_64::*;

use super::even::Distance;
use super::group::{Group, each, load, pack, rounding, store};
use super::loads::{LOAD, Loads};
use super::sums::Tables;
use super::tables::Columns;

/// [`Loads`] of these windows.
pub(super) const SHARED: u8 = Loads::Shared as u8;
pub(super) const PER_QUAD: u8 = Loads::PerQuad as u8;
pub(super) const WIDE: u8 = Loads::Wide as u8;

/// Tables of at most four quads, of these `LOADS`; `asks` for the rows ahead.
///
/// # Safety
/// Every row has the `row_bytes` of `columns`, and `lanes` of each group room for each of its vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) unsafe fn short<const LOADS: u8>(
    columns: &Columns,
    distance: Distance,
    groups: &mut [Group<'_>],
    asks: bool,
) {
    macro_rules! arms {
        ($($quads:literal $tail:literal),*) => {
            match (columns.quads, columns.tail) {
                $(($quads, $tail) if suits::<LOADS>($quads) => {
                    of::<$quads, $tail, LOADS>(columns, distance, groups, asks)
                })*
                _ => unreachable!("tables of quads that the loads suit, of one without a tail"),
            }
        };
    }
    // SAFETY: promised by the caller.
    unsafe { arms!(1 false, 2 false, 2 true, 3 false, 3 true, 4 false, 4 true) }
}

/// Whether so many quads are loaded so.
const fn suits<const LOADS: u8>(quads: usize) -> bool {
    match LOADS {
        SHARED => Loads::Shared.suits(quads),
        PER_QUAD => Loads::PerQuad.suits(quads),
        WIDE => Loads::Wide.suits(quads),
        _ => false,
    }
}

/// The bytes of row `ROW` at `indices`, loaded from `places` on, of which there are as many as `LOADS` have parts; of a `TAIL` those of
/// the last quad where `even` has bits, zeros elsewhere.
///
/// # Safety
/// As many bytes as are loaded lie in the row from each place on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn row<const QUADS: usize, const TAIL: bool, const LOADS: u8, const ROW: usize>(
    places: &[*const u8; QUADS],
    distance: Distance,
    indices: &[__m512i; QUADS],
    even: __mmask64,
) -> [__m512i; QUADS] {
    // SAFETY: promised by the caller.
    let load = |place: *const u8| unsafe { load::<ROW>(place, distance) };
    let tail = |quad: usize| TAIL && quad == QUADS - 1;
    let first = load(places[0]);
    if LOADS == WIDE {
        let second = load(places[0].wrapping_add(LOAD));
        return std::array::from_fn(|quad| match tail(quad) {
            true => _mm512_maskz_permutex2var_epi8(even, first, indices[quad], second),
            false => _mm512_permutex2var_epi8(first, indices[quad], second),
        });
    }
    std::array::from_fn(|quad| {
        let bytes = if LOADS == PER_QUAD && quad > 0 {
            load(places[quad])
        } else {
            first
        };
        match tail(quad) {
            true => _mm512_maskz_permutexvar_epi8(even, indices[quad], bytes),
            false => _mm512_permutexvar_epi8(indices[quad], bytes),
        }
    })
}

/// The fewest quads whose digits are summed apart.
const LONG: usize = 4;

/// The most quads of windows whose bytes of four rows are in registers at a time.
const FEW_QUADS: usize = 2;

/// # Safety
/// As for [`short`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn of<const QUADS: usize, const TAIL: bool, const LOADS: u8>(
    columns: &Columns,
    distance: Distance,
    groups: &mut [Group<'_>],
    asks: bool,
) {
    let Columns { packing, even, .. } = *columns;
    let rounding = rounding(packing.mode);
    let apart = QUADS >= LONG && LOADS != PER_QUAD;
    let tables = columns.tables.chunks_exact(QUADS);
    let parts = if LOADS == PER_QUAD { QUADS } else { 1 };
    let loads = columns.bases.chunks_exact(parts).zip(&columns.ahead);
    for (at, ((bases, lines), tables)) in loads.zip(tables).enumerate() {
        let tables = Tables::<QUADS>::new(tables);
        macro_rules! make {
            ($group:ident) => {
                if asks {
                    $group.ask(distance, *lines);
                }
                let places: [*const u8; QUADS] =
                    std::array::from_fn(|quad| $group.first.wrapping_add(bases[quad.min(parts - 1)] as usize));
                macro_rules! rows {
                    ($one:literal $other:literal) => {
                        [
                            row::<QUADS, TAIL, LOADS, $one>(&places, distance, &tables.indices, even),
                            row::<QUADS, TAIL, LOADS, $other>(&places, distance, &tables.indices, even),
                        ]
                    };
                }
                // SAFETY: `Columns::filled` keeps what is loaded before `row_bytes`, and the caller promises that the rows have as
                // many bytes, and room for all vectors of the tables.
                unsafe {
                    let [third, fourth, first, second] = if QUADS <= FEW_QUADS {
                        let (upper, lower) = (rows!(2 3), rows!(0 1));
                        let [third, fourth] = tables.two_rows::<TAIL>(upper, rounding, apart);
                        let [first, second] = tables.two_rows::<TAIL>(lower, rounding, apart);
                        [third, fourth, first, second]
                    } else {
                        let [third, fourth] = tables.two_rows::<TAIL>(rows!(2 3), rounding, apart);
                        let [first, second] = tables.two_rows::<TAIL>(rows!(0 1), rounding, apart);
                        [third, fourth, first, second]
                    };
                    let values = pack([first, second, third, fourth], packing);
                    store($group.lanes, at * columns.lanes, values);
                }
            };
        }
        if LOADS == PER_QUAD {
            for group in &mut *groups {
                make!(group);
            }
        } else {
            each!(groups, |group| {
                make!(group);
            });
        }
    }
}
