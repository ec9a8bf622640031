//! What the x86 levels share.

use std::arch::x86_64::{_MM_HINT_ET0, _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};

pub(super) use super::windows::{lane_window, padded};
use crate::finish::AffineForm;
use crate::windows::GroupWindows;
use crate::{HALF, Lanes, Ring};

/// A cache line of table bytes.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Block(pub(super) [u8; Block::BYTES]);

impl Block {
    pub(super) const BYTES: usize = 64;
    pub(super) const ZERO: Self = Self([0; Self::BYTES]);
}

/// A weight as signed bytes, the highest first: `w = (d[0] * 256 + d[1]) * 256 + d[2]`.
pub(super) fn digits(weight: i32) -> [u8; 3] {
    let low = i32::from(weight as i8);
    let rest = (weight - low) >> 8;
    let middle = i32::from(rest as i8);
    let high = (rest - middle) >> 8;
    debug_assert!(i8::try_from(high).is_ok(), "a wide axis");
    [high as u8, middle as u8, low as u8]
}

/// Half a step, as the first sum of the highest [`digits`], before the two shifts by 8.
pub(super) const ROUNDING: i32 = HALF >> 16;

/// Asks for the cache line at `offset` bytes after the start of `row`, into the second level.
#[inline(always)]
pub(super) fn prefetch(row: *const u8, offset: usize) {
    // SAFETY: a prefetch reads nothing, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(row.wrapping_add(offset).cast()) }
}

/// Rows in groups.
pub(super) type Groups<'a, const ROWS: usize> = &'a [[&'a [u8]; ROWS]];

/// The rows of `count` groups, each of `row_bytes` bytes at least, and of those ahead: the same rows where others are not as many.
#[inline(always)]
pub(super) fn grouped<'a, const ROWS: usize>(
    rows: &'a [&'a [u8]],
    ahead: &'a [&'a [u8]],
    count: usize,
    row_bytes: usize,
) -> (Groups<'a, ROWS>, Groups<'a, ROWS>) {
    for row in rows {
        assert!(row.len() >= row_bytes, "rows as wide as the tables");
    }
    let (rows, _) = rows.as_chunks::<ROWS>();
    assert!(rows.len() == count, "the rows of all groups");
    match ahead.as_chunks::<ROWS>() {
        (ahead, []) if ahead.len() == count => (rows, ahead),
        _ => (rows, rows),
    }
}

/// [`prefetch`] into the first level.
#[inline(always)]
pub(super) fn prefetch_near(row: *const u8, offset: usize) {
    // SAFETY: a prefetch reads nothing, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(offset).cast()) }
}

/// Asks for the elements that come `out.len()` behind those from `first` on: the row below, of the same plane. Its lines are
/// there when it is stored, which a tensor larger than the second level of the cache otherwise waits for.
#[inline(always)]
pub(super) fn prefetch_below<T>(out: &[T], first: usize) {
    // SAFETY: a prefetch reads nothing, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_ET0>(out.as_ptr().wrapping_add(out.len() + first).cast()) }
}

/// The most row groups of a window with code of its own.
const FEW_GROUPS: usize = 4;

/// The vertical window of one output row, of whole row groups.
pub(super) struct Window<'a, I, W> {
    pub(super) isa: I,
    /// First row group.
    pub(super) group: usize,
    /// Where the first groups begin.
    pub(super) starts: [*const Lanes; FEW_GROUPS],
    /// Weights of each group.
    pub(super) weights: &'a [W],
    pub(super) clamp: bool,
    pub(super) ring: &'a Ring<'a>,
}

impl<'a, I, W> Window<'a, I, W> {
    #[inline(always)]
    pub(super) fn new(
        isa: I,
        windows: &'a GroupWindows<W>,
        row: usize,
        clamp: bool,
        ring: &'a Ring<'a>,
    ) -> Self {
        let (group, weights) = windows.window(row);
        Self {
            isa,
            group,
            starts: ring.starts(group, weights.len()),
            weights,
            clamp,
            ring,
        }
    }
}

/// Constants of the affine form, a vector of lanes each.
pub(super) type Constants<V> = [V; 5];

/// Floats of the affine form, of one channel for each run.
pub(super) struct Uniform<'a>(pub(super) &'a AffineForm);

/// Floats of the affine form, of all channels in turn.
pub(super) struct InTurn<'a>(pub(super) &'a AffineForm);

/// The values as they are.
pub(super) struct Bytes;

/// What elements are made of the values of a row, a block of 16 lanes at a time.
pub(super) trait Sink<Values> {
    type Element;
    /// What the elements of a run take, in vectors.
    type Held;

    /// For run `run` of a row.
    ///
    /// # Safety
    /// The processor has the features of the level that implements this for its vectors.
    unsafe fn held(&self, run: usize) -> Self::Held;

    /// Stores the elements of block `block`, whose values are 0 to 255.
    ///
    /// # Safety
    /// As for [`Sink::held`], and the block starts inside `out`.
    unsafe fn store(&self, held: &Self::Held, out: &mut [Self::Element], block: usize, values: Values);
}
