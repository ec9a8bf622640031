//! NEON, which every 64-bit ARM processor has.
//!
//! `tbl` puts the bytes of one tap into the 32-bit lanes, where `mla` multiplies them by whole 22-bit weights:
//! on these processors a 32-bit multiply-add costs no more than the two 16-bit ones that a split weight needs.
//! Four source rows are resized horizontally at a time and packed into the bytes of one lane.
//!
//! A saturating shift (`sqshlu`) moves a sum's value into the top byte and clamps it.
//!
//! - [`tables`]: which bytes a vector loads, and the weights beside them;
//! - [`horizontal`]: the weighted sum of neighbouring pixels;
//! - [`vertical`]: the weighted sum of row groups, and the float32 form;
//! - [`weigh`]: the vertical pass where it comes first.

mod horizontal;
mod tables;
mod vertical;
mod weigh;

use std::arch::{aarch64::*, is_aarch64_feature_detected};
use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::windows::GroupWindows;
use super::{Isa, Lanes, Ring, RowOut};
use crate::{Axis, Finish, PRECISION};

/// The proof that this processor has NEON, and that the first byte of a lane in memory is its lowest.
#[derive(Clone, Copy)]
pub struct Neon(());

impl Neon {
    /// The proof, where it holds.
    pub fn new() -> Option<Self> {
        (cfg!(target_endian = "little") && is_aarch64_feature_detected!("neon")).then_some(Self(()))
    }
}

/// An index that gives a zero byte, also with a few taps added to it.
const NOTHING: u8 = 0x80;

/// The indices that put bytes `first`, `first + step`, ... into the four lanes.
const fn spread(first: u8, step: u8) -> [u8; 16] {
    let mut indices = [NOTHING; 16];
    let mut lane = 0;
    while lane < 4 {
        indices[4 * lane as usize] = first + step * lane;
        lane += 1;
    }
    indices
}

/// Lifts a sum so that its value, clamped to 0 to 255, is the top byte.
#[inline]
#[target_feature(enable = "neon")]
fn top_byte(sum: int32x4_t) -> uint32x4_t {
    vqshluq_n_s32::<{ 24 - PRECISION as i32 }>(sum)
}

/// The top bytes of sixteen lanes.
#[inline]
#[target_feature(enable = "neon")]
fn top_bytes(lanes: [uint32x4_t; 4]) -> uint8x16_t {
    let [first, second, third, fourth] = lanes.map(|lanes| vreinterpretq_u16_u32(lanes));
    let (low, high) = (vuzp2q_u16(first, second), vuzp2q_u16(third, fourth));
    vuzp2q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high))
}

#[inline]
#[target_feature(enable = "neon")]
fn bytes(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: sixteen bytes.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
fn lanes(lanes: &[i32; 4]) -> int32x4_t {
    // SAFETY: four lanes of 32 bits.
    unsafe { vld1q_s32(lanes.as_ptr()) }
}

impl Isa for Neon {
    const GROUP: usize = 4;
    type Columns = tables::Columns;
    type Rows = GroupWindows<[i32; 4]>;

    fn columns(
        self,
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> tables::Columns {
        tables::Columns::new(axis, source, channels, layout)
    }

    fn rows(self, axis: &Axis, first: usize) -> Self::Rows {
        GroupWindows::new(axis, first, |weights| weights)
    }

    fn horizontal(
        self,
        columns: &tables::Columns,
        rows: &[&[u8]],
        _: &[&[u8]],
        scratch: &mut [Lanes],
        groups: &mut [&mut [Lanes]],
    ) {
        for (rows, group) in rows.chunks_exact(Self::GROUP).zip(groups) {
            // SAFETY: `self` proves the feature.
            unsafe { horizontal::resize(columns, rows, scratch, group) }
        }
    }

    fn vertical(self, rows: &Self::Rows, row: usize, ring: &Ring<'_>, finish: &Finish, out: &mut RowOut<'_>) {
        vertical::resize(self, rows, row, ring, finish, out);
    }

    fn weigh_rows(self, source: &[u8], stride: usize, weights: &[i32], out: &mut [u8]) {
        // SAFETY: `self` proves the feature.
        unsafe { weigh::weigh_rows(source, stride, weights, out) }
    }
}
