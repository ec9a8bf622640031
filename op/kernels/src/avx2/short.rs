//! Windows of few taps: the tables of a vector stay in registers over all rows.

use std::arch::x86_64::*;

use super::group::{Group, Sums, load, table};
use super::tables::{Head, PAIR_BYTES, Straight};

/// How many pairs one load serves, how many there are, and whether there is a light one more.
type Kind = (usize, usize, bool);

macro_rules! kinds {
    ($($per_load:literal $pairs:literal $light:literal),*) => {
        /// Those that there is code for.
        pub(super) const KINDS: &[Kind] = &[$(($per_load, $pairs, $light)),*];

        /// Nothing for vectors of other kinds. `asks` whether the rows ahead are asked for.
        ///
        /// # Safety
        /// The rows of each group have the `row_bytes` of the tables, and its lanes room for all vectors.
        #[target_feature(enable = "avx2")]
        pub(super) unsafe fn resize(straight: &Straight, groups: &[Group<'_>], asks: bool, clamp: bool) {
            // SAFETY: promised by the caller.
            unsafe {
                match (straight.per_load, straight.pairs, straight.light) {
                    $(($per_load, $pairs, $light) => vectors::<$per_load, $pairs, $light>(straight, groups, asks, clamp),)*
                    _ => debug_assert!(straight.heads.is_empty(), "vectors of one of the kinds"),
                }
            }
        }
    };
}
kinds!(2 1 false, 2 1 true, 2 2 false, 2 2 true, 2 3 false, 2 3 true, 2 4 false, 1 2 false, 1 2 true, 1 3 false, 1 3 true);

/// # Safety
/// As for [`resize`].
#[target_feature(enable = "avx2")]
unsafe fn vectors<const PER_LOAD: usize, const PAIRS: usize, const LIGHT: bool>(
    straight: &Straight,
    groups: &[Group<'_>],
    asks: bool,
    clamp: bool,
) {
    let blocks = const { Straight::blocks(PER_LOAD, PAIRS, LIGHT) };
    for (head, tables) in straight.heads.iter().zip(straight.tables.chunks_exact(blocks)) {
        let indices: [__m256i; PER_LOAD] = std::array::from_fn(|at| table(&tables[at]));
        let [upper, lower]: [[__m256i; PAIRS]; 2] = std::array::from_fn(|part| {
            std::array::from_fn(|pair| table(&tables[PER_LOAD + 2 * pair + part]))
        });
        let lights =
            [0, 1].map(|part| table(&tables[if LIGHT { PER_LOAD + 2 * PAIRS + part } else { part }]));
        let Head { starts, bases, light } = *head;
        let [first_base, second_base] = [bases[0] as usize, bases[1] as usize];
        for group in groups {
            if asks {
                group.prefetch(bases[0]);
            }
            // Rows one by one and not in a loop, which would keep the sums in memory.
            macro_rules! sums {
                ($($row:literal)*) => {
                    [$({
                        let row = group.rows[$row].as_ptr();
                        let mut sums = Sums::zero();
                        for first in (0..PAIRS).step_by(PER_LOAD) {
                            let offset = first * PAIR_BYTES;
                            // SAFETY: the last load of a straight vector lies before the `row_bytes` that each row has.
                            let bytes = unsafe { load(row, [first_base + offset, second_base + offset]) };
                            for inside in 0..PER_LOAD.min(PAIRS - first) {
                                let taps = _mm256_shuffle_epi8(bytes, indices[inside]);
                                sums.add(taps, upper[first + inside], lower[first + inside]);
                            }
                        }
                        if LIGHT {
                            // SAFETY: as above.
                            let bytes = unsafe { load(row, [light[0] as usize, light[1] as usize]) };
                            let taps = _mm256_shuffle_epi8(bytes, lights[0]);
                            sums.lower = _mm256_add_epi32(sums.lower, _mm256_madd_epi16(taps, lights[1]));
                        }
                        sums
                    }),*]
                };
            }
            let sums = sums!(0 1 2 3);
            // SAFETY: promised by the caller.
            unsafe { group.store(starts, sums, clamp) }
        }
    }
}
