//! What the x86 levels share.

use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};

pub(super) use super::windows::{LaneWindow, lane_window, padded};

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
