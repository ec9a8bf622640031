//! Rows at one distance from each other.

use std::ops::Range;

use crate::{Lanes, lanes_of};

/// Rows of a group.
pub(super) const ROWS: usize = 4;

/// Where rows lie.
#[derive(Clone, Copy)]
pub(super) struct Distance {
    /// Bytes from each row to the next.
    pub(super) stride: usize,
    /// Bytes of three of them.
    pub(super) three: usize,
}

impl Distance {
    fn new(stride: usize) -> Self {
        Self {
            stride,
            three: 3 * stride,
        }
    }

    /// The rows of a group, from the first one on.
    #[inline(always)]
    pub(super) fn group(self, first: *const u8) -> [*const u8; ROWS] {
        [0, 1, 2, 3].map(|row| first.wrapping_add(row * self.stride))
    }
}

/// The rows of so many groups at most.
///
/// Kernels take their addresses from the first one's: the compiler would make a pointer of each row, for which there are no
/// registers.
#[derive(Clone, Copy)]
pub(super) struct Rows<const GROUPS: usize> {
    first: *const u8,
    pub(super) distance: Distance,
    /// The first one of those that are read soon, at the same distance.
    ahead: *const u8,
}

impl<const GROUPS: usize> Rows<GROUPS> {
    /// `rows`, where they are at one distance.
    pub(super) fn new(rows: &[&[u8]], ahead: &[&[u8]]) -> Option<Self> {
        // Exposed, since all rows are read from the first one's address on.
        let addresses = rows.iter().map(|row| row.as_ptr().expose_provenance());
        let first = addresses.clone().next()?;
        let stride = addresses.clone().nth(1)?.checked_sub(first)?;
        let even = addresses
            .enumerate()
            .all(|(row, address)| address == first + row * stride);
        let first = std::ptr::with_exposed_provenance(first);
        even.then(|| Self {
            first,
            distance: Distance::new(stride),
            ahead: ahead.first().map_or(first, |row| row.as_ptr()),
        })
    }

    /// Blocks of copies of `bytes` of all rows.
    pub(super) fn blocks(bytes: &Range<usize>) -> usize {
        ROWS * GROUPS * bytes.len().div_ceil(size_of::<Lanes>())
    }

    /// Copies of `bytes` of `rows`, of the first one where there are no more. Other bytes of them are not there.
    ///
    /// # Panics
    /// When there are no rows, or `copies` has not [`Self::blocks`].
    #[cold]
    pub(super) fn copied(rows: &[&[u8]], bytes: Range<usize>, copies: &mut [Lanes]) -> Self {
        let blocks = Self::blocks(&bytes);
        let stride = blocks / (ROWS * GROUPS) * size_of::<Lanes>();
        let copies = bytes_of(&mut copies[..blocks]);
        for (at, copy) in copies.chunks_exact_mut(stride).enumerate() {
            let row = rows.get(at).unwrap_or(&rows[0]);
            let row = &row[bytes.start.min(row.len())..bytes.end.min(row.len())];
            copy[..row.len()].copy_from_slice(row);
        }
        let first = copies.as_ptr().wrapping_sub(bytes.start);
        Self {
            first,
            distance: Distance::new(stride),
            ahead: first,
        }
    }

    /// The first row of group `group`.
    #[inline]
    pub(super) fn group(&self, group: usize) -> *const u8 {
        self.first.wrapping_add(group * ROWS * self.distance.stride)
    }

    /// The same of those that are read soon.
    #[inline]
    pub(super) fn ahead(&self, group: usize) -> *const u8 {
        self.ahead.wrapping_add(group * ROWS * self.distance.stride)
    }
}

/// The bytes of blocks.
fn bytes_of(blocks: &mut [Lanes]) -> &mut [u8] {
    let lanes = lanes_of(blocks);
    // SAFETY: every byte of an i32 is a byte; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(lanes.as_mut_ptr().cast(), size_of_val(lanes)) }
}
