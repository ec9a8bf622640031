//! Vectors near the end of a row.

use std::arch::x86_64::*;

use super::group::{Group, ROWS, Sums, load, table};
use super::tables::Edge;

/// # Safety
/// As for [`super::short::resize`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn resize(edge: &Edge, groups: &[Group<'_>], clamp: bool) {
    let bases = edge.bases.chunks_exact(edge.pairs);
    let tables = edge.tables.chunks_exact(edge.pairs);
    for ((starts, bases), tables) in edge.starts.iter().zip(bases).zip(tables) {
        for group in groups {
            let mut sums = [Sums::zero(); ROWS];
            for (bases, [indices, upper, lower]) in bases.iter().zip(tables) {
                let bases = bases.map(|base| base as usize);
                for (sums, row) in sums.iter_mut().zip(group.rows) {
                    // SAFETY: every base is a load before the `row_bytes` of the tables, which each row has.
                    let bytes = unsafe { load(row.as_ptr(), bases) };
                    sums.add(
                        _mm256_shuffle_epi8(bytes, table(indices)),
                        table(upper),
                        table(lower),
                    );
                }
            }
            // SAFETY: promised by the caller.
            unsafe { group.store(*starts, sums, clamp) }
        }
    }
}
