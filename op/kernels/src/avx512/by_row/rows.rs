//! Rows at one distance from each other.

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

    /// Copies of `rows`, of the first one where there are no more, each in blocks of its own that hold `row_bytes`.
    ///
    /// # Panics
    /// When there are no rows, or `copies` has too few blocks.
    #[cold]
    pub(super) fn copied(rows: &[&[u8]], row_bytes: usize, copies: &mut [Lanes]) -> Self {
        let blocks = row_bytes.div_ceil(size_of::<Lanes>());
        assert!(copies.len() >= ROWS * AT_ONCE * blocks, "room for all rows");
        for (at, copy) in copies.chunks_exact_mut(blocks).take(ROWS * AT_ONCE).enumerate() {
            let row = rows.get(at).unwrap_or(&rows[0]);
            let bytes = row.len().min(row_bytes);
            bytes_of(copy)[..bytes].copy_from_slice(&row[..bytes]);
        }
        let stride = blocks * size_of::<Lanes>();
        Self {
            first: copies.as_ptr().cast(),
            stride,
            three: 3 * stride,
            ahead: [copies.as_ptr().cast(); AT_ONCE],
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
