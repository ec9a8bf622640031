//! Four source rows to one group of packed lanes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::LOW_BITS;
use super::tables::{Columns, HALF_LANES, HALVES, HalfBlock, LOAD, PairTable};
use crate::x86::{padded, prefetch};
use crate::{HALF, PRECISION};
use crate::{Lanes, as_lanes, lanes_of, plane_blocks};

const ROWS: usize = 4;

/// Lanes of a vector.
const VECTOR: usize = 8;

#[target_feature(enable = "avx2,fma")]
pub(super) fn resize(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    scratch: &mut [Lanes],
    group: &mut [Lanes],
) {
    let mut copies = [[0; LOAD]; ROWS];
    let rows: [&[u8]; ROWS] = padded(rows, &mut copies);
    assert!(
        rows.iter().all(|row| row.len() >= columns.row_bytes),
        "rows as wide as the tables"
    );
    let ahead: [&[u8]; ROWS] = std::array::from_fn(|row| ahead.get(row).copied().unwrap_or(&[]));
    let lanes = lanes_of(scratch);
    let last = match columns.starts.last() {
        Some(starts) => starts[HALVES - 1] as usize + HALF_LANES,
        None => columns.vectors * VECTOR,
    };
    assert!(lanes.len() >= last, "room for every vector");
    // SAFETY: the rows are as wide as the tables and the lanes have room for every vector: asserted above.
    unsafe {
        match (columns.starts.is_empty(), columns.pairs_per_load, columns.clamp) {
            (true, 2, false) => sums::<false, 2, false>(columns, &rows, &ahead, lanes),
            (true, 2, true) => sums::<false, 2, true>(columns, &rows, &ahead, lanes),
            (true, _, false) => sums::<false, 1, false>(columns, &rows, &ahead, lanes),
            (true, _, true) => sums::<false, 1, true>(columns, &rows, &ahead, lanes),
            (false, 2, false) => sums::<true, 2, false>(columns, &rows, &ahead, lanes),
            (false, 2, true) => sums::<true, 2, true>(columns, &rows, &ahead, lanes),
            (false, _, false) => sums::<true, 1, false>(columns, &rows, &ahead, lanes),
            (false, _, true) => sums::<true, 1, true>(columns, &rows, &ahead, lanes),
        }
    }
    match columns.layout {
        Layout::Nchw => planes(as_lanes(scratch), group, plane_blocks(columns.columns)),
        Layout::Nhwc => {
            let blocks = group.len();
            group.copy_from_slice(&scratch[..blocks]);
        }
    }
}

/// # Safety
/// A load from byte `base` on lies inside `row`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_half(row: &[u8], base: u32) -> __m128i {
    debug_assert!(base as usize + LOAD <= row.len());
    // SAFETY: promised by the caller.
    unsafe { _mm_loadu_si128(row.as_ptr().add(base as usize).cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn table(block: &HalfBlock) -> __m256i {
    // SAFETY: a half block is 32 bytes, aligned to 32.
    unsafe { _mm256_load_si256(block.0.as_ptr().cast()) }
}

/// The bytes that the two halves of a vector load from `row`.
///
/// # Safety
/// `base` is one of a table that is no wider than `row`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load(row: &[u8], base: &[u32; HALVES]) -> __m256i {
    // SAFETY: `Columns::filled` keeps every base at least a load before `row_bytes`.
    unsafe { _mm256_set_m128i(load_half(row, base[1]), load_half(row, base[0])) }
}

/// Adds the tap pairs of one load to the sums of every row. `FIRST`: the upper sums are still zero.
///
/// # Safety
/// As for [`load`], for every row.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add<const FIRST: bool>(
    upper: &mut [__m256i; ROWS],
    lower: &mut [__m256i; ROWS],
    rows: &[&[u8]; ROWS],
    base: &[u32; HALVES],
    tables: &[PairTable],
) {
    for row in 0..ROWS {
        // SAFETY: promised by the caller.
        let bytes = unsafe { load(rows[row], base) };
        for (pair, [indices, high, low]) in tables.iter().enumerate() {
            let taps = _mm256_shuffle_epi8(bytes, table(indices));
            let high = _mm256_madd_epi16(taps, table(high));
            upper[row] = if FIRST && pair == 0 {
                high
            } else {
                _mm256_add_epi32(upper[row], high)
            };
            lower[row] = _mm256_add_epi32(lower[row], _mm256_madd_epi16(taps, table(low)));
        }
    }
}

/// Adds a tap without upper part, the last of a load, to the lower sums of every row.
///
/// # Safety
/// As for [`load`], for every row.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add_light(
    lower: &mut [__m256i; ROWS],
    rows: &[&[u8]; ROWS],
    base: &[u32; HALVES],
    [indices, _, low]: &PairTable,
) {
    for row in 0..ROWS {
        // SAFETY: promised by the caller.
        let bytes = unsafe { load(rows[row], base) };
        let tap = _mm256_shuffle_epi8(bytes, table(indices));
        lower[row] = _mm256_add_epi32(lower[row], _mm256_madd_epi16(tap, table(low)));
    }
}

/// # Safety
/// Every row has the `row_bytes` of `columns`, and `lanes` room for each of its vectors.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn sums<const STARTS: bool, const PAIRS: usize, const CLAMP: bool>(
    columns: &Columns,
    rows: &[&[u8]; ROWS],
    ahead: &[&[u8]; ROWS],
    lanes: &mut [i32],
) {
    let zero = _mm256_setzero_si256();
    let bases = columns.bases.chunks_exact(columns.loads);
    let tables = columns.tables.chunks_exact(columns.pairs);
    for (vector, (bases, tables)) in bases.zip(tables).enumerate() {
        let mut upper = [zero; ROWS];
        let mut lower = [_mm256_set1_epi32(HALF); ROWS];
        for row in ahead {
            prefetch(row, bases[0][0] as usize);
        }
        let (tables, light) = tables.split_at(columns.pairs - usize::from(columns.light));
        let full = tables.chunks_exact(PAIRS);
        let rest = full.remainder();
        let mut loads = bases.iter().zip(full);
        // SAFETY: the bases are those of `columns`, which is no wider than the rows, as the caller promises.
        unsafe {
            if let Some((base, tables)) = loads.next() {
                add::<true>(&mut upper, &mut lower, rows, base, tables);
            }
            for (base, tables) in loads {
                add::<false>(&mut upper, &mut lower, rows, base, tables);
            }
            if let (Some(base), false) = (bases.last(), rest.is_empty()) {
                add::<false>(&mut upper, &mut lower, rows, base, rest);
            }
            if let (Some(base), Some(table)) = (bases.last(), light.first()) {
                add_light(&mut lower, rows, base, table);
            }
        }
        let sum = |row: usize| {
            let sum = _mm256_add_epi32(_mm256_slli_epi32::<{ LOW_BITS as i32 }>(upper[row]), lower[row]);
            if CLAMP {
                let most = _mm256_set1_epi32((1 << 30) - 1);
                _mm256_min_epi32(_mm256_max_epi32(sum, zero), most)
            } else {
                sum
            }
        };
        // Values of two rows in the 16-bit halves of a lane.
        let two = |first: usize, second: usize| {
            let low = _mm256_srli_epi32::<{ PRECISION as i32 }>(sum(first));
            let high = _mm256_srli_epi32::<{ PRECISION as i32 - 16 }>(sum(second));
            _mm256_blend_epi16::<0b1010_1010>(low, high)
        };
        let packed = _mm256_or_si256(two(0, 1), _mm256_slli_epi32::<8>(two(2, 3)));
        // SAFETY: the caller promises room for all vectors of the table, whose halves begin in rising order: what the unused lanes of a half hold is overwritten by the next one.
        unsafe {
            let out = lanes.as_mut_ptr();
            if STARTS {
                let [first, second] = columns.starts[vector].map(|start| out.add(start as usize));
                _mm_storeu_si128(first.cast(), _mm256_castsi256_si128(packed));
                _mm_storeu_si128(second.cast(), _mm256_extracti128_si256::<1>(packed));
            } else {
                _mm256_storeu_si256(out.add(vector * VECTOR).cast(), packed);
            }
        }
    }
}

/// Sorts interleaved lanes into a plane of `blocks` blocks for each channel.
#[inline]
#[target_feature(enable = "avx2")]
fn planes(interleaved: &[i32], group: &mut [Lanes], blocks: usize) {
    let load = |lanes: &[i32]| {
        assert!(lanes.len() >= VECTOR, "a vector");
        // SAFETY: checked in the line above.
        unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) }
    };
    let lane = |channel: i32| {
        let at = |pixel: i32| (3 * pixel + channel) % VECTOR as i32;
        _mm256_setr_epi32(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))
    };
    let lanes = [lane(0), lane(1), lane(2)];
    let vectors = interleaved.chunks_exact(CHANNELS * VECTOR).take(2 * blocks);
    let plane = blocks * Lanes::COUNT;
    let out = lanes_of(group);
    for (at, three) in vectors.enumerate() {
        let three = [load(three), load(&three[VECTOR..]), load(&three[2 * VECTOR..])];
        for (channel, lane) in lanes.into_iter().enumerate() {
            let [first, second, third] = three.map(|vector| _mm256_permutevar8x32_epi32(vector, lane));
            // Which pixels come from the second and the third vector.
            let value = match channel {
                0 => {
                    _mm256_blend_epi32::<0b1100_0000>(_mm256_blend_epi32::<0b0011_1000>(first, second), third)
                }
                1 => {
                    _mm256_blend_epi32::<0b1110_0000>(_mm256_blend_epi32::<0b0001_1000>(first, second), third)
                }
                _ => {
                    _mm256_blend_epi32::<0b1110_0000>(_mm256_blend_epi32::<0b0001_1100>(first, second), third)
                }
            };
            let out = &mut out[channel * plane + at * VECTOR..][..VECTOR];
            // SAFETY: `out` has eight lanes.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), value) }
        }
    }
}
