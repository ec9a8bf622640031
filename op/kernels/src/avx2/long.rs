//! Windows of any number of taps: the sums of some rows stay in registers over the tables of a vector.

use std::arch::x86_64::*;

use super::horizontal::{Group, ROWS, Sums, load, table};
use super::tables::{Head, PAIR_BYTES, Straight};

/// # Safety
/// The rows of each group have the `row_bytes` of the tables, and its lanes room for all vectors.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn resize(straight: &Straight, groups: &[Group<'_>], clamp: bool) {
    // SAFETY: promised by the caller.
    unsafe {
        match straight.per_load {
            2 => vectors::<2>(straight, groups, clamp),
            _ => vectors::<1>(straight, groups, clamp),
        }
    }
}

/// # Safety
/// As for [`resize`].
#[target_feature(enable = "avx2")]
unsafe fn vectors<const PER_LOAD: usize>(straight: &Straight, groups: &[Group<'_>], clamp: bool) {
    let blocks = Straight::blocks(straight.per_load, straight.pairs, straight.light);
    for (head, tables) in straight.heads.iter().zip(straight.tables.chunks_exact(blocks)) {
        let (indices, tables) = tables.split_at(PER_LOAD);
        let (weights, lights) = tables.split_at(2 * straight.pairs);
        let indices: [__m256i; PER_LOAD] = std::array::from_fn(|at| table(&indices[at]));
        let Head { starts, bases, light } = *head;
        for group in groups {
            group.prefetch(bases[0]);
            let mut sums = [Sums::zero(); ROWS];
            let rows = group.rows;
            // SAFETY: the last load of a straight vector, and of its light pair, lies before the `row_bytes` that each row has.
            unsafe {
                let mut bases = bases.map(|base| base as usize);
                let full = weights.chunks_exact(2 * PER_LOAD);
                let rest = full.remainder();
                for weights in full {
                    for (sums, row) in sums.iter_mut().zip(rows) {
                        let bytes = load(row.as_ptr(), bases);
                        for (pair, indices) in indices.iter().enumerate() {
                            let taps = _mm256_shuffle_epi8(bytes, *indices);
                            sums.add(taps, table(&weights[2 * pair]), table(&weights[2 * pair + 1]));
                        }
                    }
                    bases = bases.map(|base| base + PER_LOAD * PAIR_BYTES);
                }
                if let [upper, lower] = rest {
                    for (sums, row) in sums.iter_mut().zip(rows) {
                        let taps = _mm256_shuffle_epi8(load(row.as_ptr(), bases), indices[0]);
                        sums.add(taps, table(upper), table(lower));
                    }
                }
                if let [indices, lower] = lights {
                    for (sums, row) in sums.iter_mut().zip(rows) {
                        let bytes = load(row.as_ptr(), light.map(|base| base as usize));
                        let taps = _mm256_shuffle_epi8(bytes, table(indices));
                        sums.lower = _mm256_add_epi32(sums.lower, _mm256_madd_epi16(taps, table(lower)));
                    }
                }
            }
            // SAFETY: promised by the caller.
            unsafe { group.store(starts, sums, clamp) }
        }
    }
}
