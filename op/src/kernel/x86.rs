//! What the x86 levels share.

use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};

use crate::run::Axis;

/// A cache line of table bytes.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Block(pub(super) [u8; Block::BYTES]);

impl Block {
    pub(super) const BYTES: usize = 64;
    pub(super) const ZERO: Self = Self([0; Self::BYTES]);
}

/// Asks for the cache line at `offset` bytes after the start of `row`, into the second level.
#[inline(always)]
pub(super) fn prefetch(row: &[u8], offset: usize) {
    // SAFETY: a prefetch reads nothing, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(row.as_ptr().wrapping_add(offset).cast()) }
}

/// `rows` with at least `least` bytes each: themselves, or copies padded with zeros in `padded`.
///
/// Only images narrower than a vector load need copies.
pub(super) fn padded<'a, const ROWS: usize, const LEAST: usize>(
    rows: &[&'a [u8]],
    copies: &'a mut [[u8; LEAST]; ROWS],
) -> [&'a [u8]; ROWS] {
    for (copy, row) in copies.iter_mut().zip(rows) {
        if let Some(start) = copy.get_mut(..row.len()) {
            start.copy_from_slice(row);
        }
    }
    let copies = &*copies;
    std::array::from_fn(|index| match rows.get(index) {
        Some(row) if row.len() >= LEAST => *row,
        _ => copies[index].as_slice(),
    })
}

/// One lane's window: the byte of its first tap in a row, and the weights.
pub(super) struct LaneWindow<'a> {
    pub(super) byte: usize,
    pub(super) weights: &'a [i32],
}

/// The window of lane `lane`, counted along pixels and then channels; `None` past the last column.
pub(super) fn lane_window<'a>(
    axis: &'a Axis,
    origin: usize,
    channels: [usize; 3],
    lane: usize,
) -> Option<LaneWindow<'a>> {
    let (column, channel) = (lane / 3, channels[lane % 3]);
    if column >= axis.len() {
        return None;
    }
    let (start, weights) = axis.window(column);
    Some(LaneWindow {
        byte: start.saturating_sub(origin) * 3 + channel,
        weights,
    })
}
