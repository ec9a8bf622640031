//! Four source rows to one group of packed lanes.

use std::arch::aarch64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::tables::{Columns, LOAD, VECTOR};
use super::{bytes, lanes, top_byte};
use crate::HALF;
use crate::windows::padded;
use crate::{Lanes, as_lanes, lanes_of, plane_blocks};

const ROWS: usize = 4;

#[target_feature(enable = "neon")]
pub(super) fn resize(columns: &Columns, rows: &[&[u8]], scratch: &mut [Lanes], group: &mut [Lanes]) {
    let mut copies = [[0; LOAD]; ROWS];
    let rows: [&[u8]; ROWS] = padded(rows, &mut copies);
    assert!(
        rows.iter().all(|row| row.len() >= columns.row_bytes),
        "rows as wide as the tables"
    );
    let lanes = lanes_of(scratch);
    // SAFETY: the rows are as wide as the tables: asserted above.
    unsafe {
        match columns.way {
            (4, 4) => sums::<4, 4>(columns, &rows, lanes),
            (4, _) => sums::<4, 2>(columns, &rows, lanes),
            _ => sums::<3, 5>(columns, &rows, lanes),
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

/// Adds the taps of one load to the sums of every row.
///
/// # Safety
/// A load from byte `base` on lies inside every row.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn add(
    sums: &mut [int32x4_t; ROWS],
    rows: &[&[u8]; ROWS],
    base: usize,
    indices: &[u8; LOAD],
    weights: &[[i32; VECTOR]],
) {
    let loaded = rows.map(|row| {
        debug_assert!(base + LOAD <= row.len());
        // SAFETY: promised by the caller.
        unsafe { vld1q_u8(row.as_ptr().add(base)) }
    });
    let next_tap = vreinterpretq_u8_u32(vdupq_n_u32(CHANNELS as u32));
    let mut indices = bytes(indices);
    for weights in weights {
        let weights = lanes(weights);
        for (sum, loaded) in sums.iter_mut().zip(loaded) {
            let taps = vreinterpretq_s32_u8(vqtbl1q_u8(loaded, indices));
            *sum = vmlaq_s32(*sum, taps, weights);
        }
        indices = vaddq_u8(indices, next_tap);
    }
}

/// # Safety
/// Every row has the `row_bytes` of `columns`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn sums<const LANES: usize, const TAPS: usize>(
    columns: &Columns,
    rows: &[&[u8]; ROWS],
    out: &mut [i32],
) {
    let bases = columns.bases.chunks_exact(columns.loads);
    let indices = columns.indices.chunks_exact(columns.loads);
    let weights = columns.weights.chunks_exact(columns.taps);
    for (vector, ((bases, indices), weights)) in bases.zip(indices).zip(weights).enumerate() {
        let mut sums = [vdupq_n_s32(HALF); ROWS];
        let mut loads = bases.iter().zip(indices);
        let (full, rest) = weights.as_chunks::<TAPS>();
        for (weights, (base, indices)) in full.iter().zip(&mut loads) {
            // SAFETY: `Columns::filled` keeps every base at least a load before `row_bytes`, and the caller
            // promises that the rows have as many bytes.
            unsafe { add(&mut sums, rows, *base, indices, weights) }
        }
        if let Some((base, indices)) = loads.next() {
            // SAFETY: as above.
            unsafe { add(&mut sums, rows, *base, indices, rest) }
        }
        let [first, second, third, fourth] = sums.map(|sum| top_byte(sum));
        let packed = vsriq_n_u32::<8>(fourth, third);
        let packed = vsriq_n_u32::<16>(packed, second);
        let packed = vsriq_n_u32::<24>(packed, first);
        let out = &mut out[vector * LANES..][..VECTOR];
        // SAFETY: `out` has four lanes.
        unsafe { vst1q_s32(out.as_mut_ptr(), vreinterpretq_s32_u32(packed)) }
    }
}

/// Sorts interleaved lanes into a plane of `blocks` blocks for each channel.
#[target_feature(enable = "neon")]
fn planes(interleaved: &[i32], group: &mut [Lanes], blocks: usize) {
    let plane = blocks * Lanes::COUNT;
    let vectors = interleaved.as_chunks::<{ CHANNELS * VECTOR }>().0;
    let out = lanes_of(group);
    for (at, three) in vectors.iter().take(plane / VECTOR).enumerate() {
        // SAFETY: `three` has the lanes of three vectors.
        let int32x4x3_t(first, second, third) = unsafe { vld3q_s32(three.as_ptr()) };
        for (channel, lanes) in [first, second, third].into_iter().enumerate() {
            let out = &mut out[channel * plane + at * VECTOR..][..VECTOR];
            // SAFETY: `out` has four lanes.
            unsafe { vst1q_s32(out.as_mut_ptr(), lanes) }
        }
    }
}
