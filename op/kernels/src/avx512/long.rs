//! Windows of any number of quads.

use std::arch::x86_64::*;

use super::group::{Group, ROWS, block, load, pack, quad, rounding, store};
use super::tables::{Columns, Mode, Packing, QuadTable};
use crate::x86::prefetch;

/// The bytes of lanes 6 to 11.
const SECOND_SIX: __mmask64 = 0xffff_ff00_0000;

/// The sums of the digits of four rows, the rounding term in the highest ones.
#[inline]
#[target_feature(enable = "avx512f")]
fn digit_sums(mode: Mode) -> [[__m512i; 3]; ROWS] {
    let zero = _mm512_setzero_si512();
    [[rounding(mode), zero, zero]; ROWS]
}

/// Adds a quad of taps to the sums of one row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add(sums: &mut [__m512i; 3], taps: __m512i, [_, high, middle, low]: &QuadTable) {
    sums[0] = _mm512_dpbusd_epi32(sums[0], taps, block(high));
    sums[1] = _mm512_dpbusd_epi32(sums[1], taps, block(middle));
    sums[2] = _mm512_dpbusd_epi32(sums[2], taps, block(low));
}

/// Stores what the sums of four rows are, from lane `at` on.
///
/// # Safety
/// There is room for a vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn finish(sums: [[__m512i; 3]; ROWS], packing: Packing, lanes: &mut [i32], at: usize) {
    let mut whole = [_mm512_setzero_si512(); ROWS];
    for (whole, [high, middle, low]) in whole.iter_mut().zip(sums) {
        let upper = _mm512_add_epi32(_mm512_slli_epi32::<8>(high), middle);
        *whole = _mm512_add_epi32(_mm512_slli_epi32::<8>(upper), low);
    }
    // SAFETY: promised by the caller.
    unsafe { store(lanes, at, pack(whole, packing)) }
}

/// Any number of quads: an accumulator per digit and row.
///
/// # Safety
/// As for [`super::short::short`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) unsafe fn long<const WIDE: bool>(columns: &Columns, groups: &mut [Group<'_>]) {
    let bases = columns.bases.chunks_exact(columns.quads);
    let tables = columns.tables.chunks_exact(columns.quads);
    for (vector, (bases, tables)) in bases.zip(tables).enumerate() {
        for group in &mut *groups {
            let mut sums = digit_sums(columns.packing.mode);
            for (at, (base, table)) in bases.iter().zip(tables).enumerate() {
                let base = *base as usize;
                let indices = block(&table[0]);
                for (row, sums) in sums.iter_mut().enumerate() {
                    if at < 3 {
                        prefetch(group.ahead[row].as_ptr(), base + at % 2 * 47);
                    }
                    // SAFETY: as in `short`.
                    let taps = unsafe { quad::<WIDE>(group.rows[row], base, indices, !0) };
                    add(sums, taps, table);
                }
            }
            // SAFETY: the caller promises room for all vectors of the table.
            unsafe { finish(sums, columns.packing, group.lanes, vector * columns.lanes) }
        }
    }
}

/// Any number of quads, two of which take their bytes from one load for each six lanes.
///
/// # Safety
/// As for [`long`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) unsafe fn pairs(columns: &Columns, groups: &mut [Group<'_>]) {
    let bases = columns.bases.chunks_exact(columns.quads);
    let tables = columns.tables.chunks_exact(columns.quads);
    for (vector, (bases, tables)) in bases.zip(tables).enumerate() {
        for group in &mut *groups {
            let mut sums = digit_sums(columns.packing.mode);
            for (at, (bases, tables)) in bases.chunks_exact(2).zip(tables.chunks_exact(2)).enumerate() {
                let [first, second] = [bases[0] as usize, bases[1] as usize];
                let mut bytes = [[_mm512_setzero_si512(); 2]; ROWS];
                for (row, bytes) in bytes.iter_mut().enumerate() {
                    if at < 2 {
                        prefetch(group.ahead[row].as_ptr(), first);
                        prefetch(group.ahead[row].as_ptr(), first + 47);
                    }
                    // SAFETY: as in `short`.
                    *bytes = unsafe { [load(group.rows[row], first), load(group.rows[row], second)] };
                }
                for table in tables {
                    let indices = block(&table[0]);
                    for (sums, [first, second]) in sums.iter_mut().zip(bytes) {
                        let first = _mm512_permutexvar_epi8(indices, first);
                        let taps = _mm512_mask_permutexvar_epi8(first, SECOND_SIX, indices, second);
                        add(sums, taps, table);
                    }
                }
            }
            // SAFETY: the caller promises room for all vectors of the table.
            unsafe { finish(sums, columns.packing, group.lanes, vector * columns.lanes) }
        }
    }
}
