//! Rows at one distance from each other.

use std::ops::Range;

use super::{AT_ONCE, ROWS};
use crate::x86::prefetch_near;
use crate::{Lanes, lanes_of};

/// Sixteen rows.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) first: *const u8,
    /// Bytes from each row to the next.
    pub(super) stride: usize,
    /// Bytes of three of them.
    pub(super) three: usize,
    /// The first row of each group of those that are read soon, at the same distance.
    ahead: [*const u8; AT_ONCE],
}

impl Rows {
    /// `rows`, where there are as many, at one distance.
    pub(super) fn new(rows: &[&[u8]], ahead: &[&[u8]]) -> Option<Self> {
        // Exposed, since all rows are read from the first one's address on.
        let addresses = rows.iter().map(|row| row.as_ptr().expose_provenance());
        let first = addresses.clone().next()?;
        let stride = addresses.clone().nth(1)?.checked_sub(first)?;
        let even = addresses
            .enumerate()
            .all(|(row, address)| address == first + row * stride);
        let first = std::ptr::with_exposed_provenance(first);
        let soon = ahead.first().map_or(first, |row| row.as_ptr());
        (even && rows.len() == ROWS * AT_ONCE).then(|| Self {
            first,
            stride,
            three: 3 * stride,
            ahead: std::array::from_fn(|group| soon.wrapping_add(group * ROWS * stride)),
        })
    }

    /// Blocks of copies of `bytes` of all rows.
    pub(super) fn blocks(bytes: &Range<usize>) -> usize {
        ROWS * AT_ONCE * bytes.len().div_ceil(size_of::<Lanes>())
    }

    /// Copies of `bytes` of `rows`, of the first one where there are no more. Other bytes of them are not there.
    ///
    /// # Panics
    /// When there are no rows, or `copies` has not [`Self::blocks`].
    #[cold]
    pub(super) fn copied(rows: &[&[u8]], bytes: Range<usize>, copies: &mut [Lanes]) -> Self {
        let blocks = Self::blocks(&bytes);
        let stride = blocks / (ROWS * AT_ONCE) * size_of::<Lanes>();
        let copies = bytes_of(&mut copies[..blocks]);
        for (at, copy) in copies.chunks_exact_mut(stride).enumerate() {
            let row = rows.get(at).unwrap_or(&rows[0]);
            let row = &row[bytes.start.min(row.len())..bytes.end.min(row.len())];
            copy[..row.len()].copy_from_slice(row);
        }
        let first = copies.as_ptr().wrapping_sub(bytes.start);
        Self {
            first,
            stride,
            three: 3 * stride,
            ahead: [first; AT_ONCE],
        }
    }

    /// Asks for the bytes at `offset` of the rows of group `group` of those that are read soon.
    #[inline]
    pub(super) fn prefetch(&self, group: usize, offset: usize) {
        let first = self.ahead[group].wrapping_add(offset);
        prefetch_near(first, 0);
        prefetch_near(first, self.stride);
        prefetch_near(first, 2 * self.stride);
        prefetch_near(first, self.three);
    }
}

/// The bytes of blocks.
fn bytes_of(blocks: &mut [Lanes]) -> &mut [u8] {
    let lanes = lanes_of(blocks);
    // SAFETY: every byte of an i32 is a byte; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(lanes.as_mut_ptr().cast(), size_of_val(lanes)) }
}
