//! Windows of one quad, of two neighbouring vectors at a time, which one load serves.

use std::arch::x86_64::*;

use super::even::Distance;
use super::group::{Group, each, load, pack, rounding, store};
use super::sums::Tables;
use super::tables::Columns;

/// Tables of [`super::loads::Loads::Pair`]; `asks` for the rows ahead.
///
/// # Safety
/// Every row has the `row_bytes` of `columns`, and `lanes` of each group room for each of its vectors; the tables are those of pairs.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) unsafe fn pair(columns: &Columns, distance: Distance, groups: &mut [Group<'_>], asks: bool) {
    let packing = columns.packing;
    let rounding = rounding(packing.mode);
    let (tables, _) = columns.tables.as_chunks::<2>();
    let loads = columns.bases.iter().zip(&columns.ahead);
    for (at, ((base, lines), tables)) in loads.zip(tables).enumerate() {
        let base = *base as usize;
        let [one, other] = tables
            .each_ref()
            .map(|quad| Tables::<1>::new(std::slice::from_ref(quad)));
        each!(groups, |group| {
            if asks {
                group.ask(distance, *lines);
            }
            let byte = group.first.wrapping_add(base);
            // SAFETY: `Columns::filled` keeps what is loaded before `row_bytes`, and the caller promises that the rows have as many
            // bytes, and room for all vectors of the tables.
            unsafe {
                let [first, second, third, fourth] = [
                    load::<0>(byte, distance),
                    load::<1>(byte, distance),
                    load::<2>(byte, distance),
                    load::<3>(byte, distance),
                ];
                macro_rules! vector {
                    ($tables:ident, $lane:expr) => {
                        let taps = |row: __m512i| [_mm512_permutexvar_epi8($tables.indices[0], row)];
                        let [third, fourth] =
                            $tables.two_rows::<false>([taps(third), taps(fourth)], rounding, false);
                        let [first, second] =
                            $tables.two_rows::<false>([taps(first), taps(second)], rounding, false);
                        store(
                            group.lanes,
                            $lane,
                            pack([first, second, third, fourth], packing),
                        );
                    };
                }
                vector!(one, 2 * at * columns.lanes);
                vector!(other, (2 * at + 1) * columns.lanes);
            }
        });
    }
}
