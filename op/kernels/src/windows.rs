//! What the tables of the SIMD levels share: windows by lane and by row group, and rows long enough to load.

use crate::Axis;

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

/// Rows of a group at the levels that use [`GroupWindows`].
const ROWS: usize = 4;

/// For each output row the row groups that it is made of, with a `W` for the weights of each group.
#[cfg_attr(
    target_arch = "x86_64",
    allow(unreachable_pub, reason = "with NEON it is the tables of a level itself")
)]
pub struct GroupWindows<W> {
    /// First row group, and where its weights start and end.
    windows: Vec<(usize, std::ops::Range<usize>)>,
    weights: Vec<W>,
}

impl<W> GroupWindows<W> {
    /// Windows over row groups, the first of which begins at source row `first`. A group's rows outside a
    /// window weigh 0.
    pub(super) fn new(axis: &Axis, first: usize, group_weights: impl Fn([i32; ROWS]) -> W) -> Self {
        let mut all = Self {
            windows: Vec::with_capacity(axis.len()),
            weights: Vec::new(),
        };
        for row in 0..axis.len() {
            let (start, weights) = axis.window(row);
            let start = start.saturating_sub(first);
            let (group, inside) = (start / ROWS, start % ROWS);
            let first_weight = all.weights.len();
            for at in 0..(inside + weights.len()).div_ceil(ROWS) {
                all.weights.push(group_weights(std::array::from_fn(|row| {
                    let tap = (ROWS * at + row).checked_sub(inside);
                    tap.and_then(|tap| weights.get(tap)).copied().unwrap_or(0)
                })));
            }
            all.windows.push((group, first_weight..all.weights.len()));
        }
        all
    }

    /// The first row group of output row `row`, and the weights of each of its groups.
    pub(super) fn window(&self, row: usize) -> (usize, &[W]) {
        let (group, weights) = &self.windows[row];
        (*group, &self.weights[weights.clone()])
    }
}
