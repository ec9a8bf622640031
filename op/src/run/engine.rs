//! The row loop: horizontal pass into a ring of row groups, vertical pass out of it.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Dtype, Geometry, Layout, Result};

use super::memory::grow;
use super::tables::{Prepared, span_bytes};
use crate::kernel::Finish;
use crate::kernel::{Isa, Lanes, Ring, RowOut, plane_blocks};

/// Intermediate rows of one worker, reused from band to band and from call to call.
#[derive(Default)]
pub(crate) struct Scratch {
    ring: Vec<Lanes>,
    unpacked: Vec<Lanes>,
    weighed: Vec<u8>,
    /// What the ring holds: the image, its next output row, and the first group not yet there.
    position: Option<(usize, usize, usize)>,
}

impl Scratch {
    /// Forgets what the ring holds.
    pub(crate) fn reset(&mut self) {
        self.position = None;
    }
}

/// The start of the elements of one output image. Workers write disjoint rows of it.
#[derive(Clone, Copy)]
pub(crate) struct OutputImage(pub(crate) *mut u8);

/// One image in, one image out.
pub(crate) struct Task<'a> {
    pub(crate) index: usize,
    pub(crate) geometry: Geometry,
    /// The rows and columns of the image that the tables call their source, exactly.
    pub(crate) pixels: &'a [u8],
    pub(crate) output: OutputImage,
}

/// Most row groups that are made at a time at any level.
const MAX_AT_ONCE: usize = 4;

/// Most rows that such groups have at any level.
const MAX_ROWS: usize = 4 * MAX_AT_ONCE;

/// Room in the ring for `count` row groups from `first` on, of which there are as many slots.
fn slots_from(
    ring: &mut [Lanes],
    blocks: usize,
    slots: usize,
    (first, count): (usize, usize),
) -> [&mut [Lanes]; MAX_AT_ONCE] {
    let (mut before, mut from) = ring[..slots * blocks].split_at_mut(first % slots * blocks);
    let mut room: [&mut [Lanes]; MAX_AT_ONCE] = Default::default();
    for room in &mut room[..count] {
        if from.is_empty() {
            from = std::mem::take(&mut before);
        }
        (*room, from) = std::mem::take(&mut from).split_at_mut(blocks);
    }
    room
}

/// Computes the output rows `band` of one image.
///
/// # Errors
/// When there is no memory for the intermediate rows; nothing is written then.
///
/// # Safety
/// `task.output` points to an output image of the task's geometry, of `finish`'s layout and element
/// type, aligned for it; while this runs nothing else reads or writes the rows `band` of it.
pub(crate) unsafe fn run_band<I: Isa>(
    isa: I,
    prepared: &Prepared<I>,
    finish: &Finish,
    task: &Task<'_>,
    band: Range<usize>,
    scratch: &mut Scratch,
) -> Result<()> {
    let Geometry {
        output: (output_rows, output_columns),
        vertical_first,
        ..
    } = task.geometry;
    let Prepared { columns, rows } = prepared;
    let blocks = CHANNELS * plane_blocks(output_columns);
    let stride = columns.source.len() * CHANNELS;
    let weighed_stride = span_bytes(&columns.span);
    let Scratch {
        ring,
        unpacked,
        weighed,
        position,
    } = scratch;
    let most = isa.at_once(&columns.tables);
    // Made together with the last of a window, its next ones must leave the first.
    let slots = rows.slots + most - 1;
    grow(ring, slots * blocks, Lanes::ZERO)?;
    grow(
        unpacked,
        (most * (blocks + 1)).max(isa.scratch(&columns.tables)),
        Lanes::ZERO,
    )?;
    grow(weighed, most * I::GROUP * weighed_stride, 0)?;
    // Where the last window ends: groups behind it are the next band's. An earlier one may end later, since windows are cut at
    // weights of zero.
    let last = band
        .clone()
        .next_back()
        .map_or(0, |row| rows.groups[row].0 + rows.groups[row].1);
    let mut done = match *position {
        Some((index, row, done)) if (index, row) == (task.index, band.start) => done,
        _ => 0,
    };
    let from = band.clone().next().map_or(0, |row| rows.groups[row].0);
    let asks = !vertical_first && {
        let byte = |group: usize| {
            let row = (rows.first + group * I::GROUP).min(rows.source.end);
            (row - rows.source.start) * stride
        };
        isa.asks_for(&columns.tables, &task.pixels[byte(from)..byte(last.max(from))])
    };
    // The rows of some groups, and of those behind them; made once, since empty ones for each would show in small images' time.
    let [mut source, mut ahead] = [[const { &[] as &[u8] }; MAX_ROWS]; 2];
    for row in band.clone() {
        let (group, count) = rows.groups[row];
        if count > 0 {
            done = done.max(group);
        }
        while done < group + count {
            let first = rows.first + done * I::GROUP;
            let at_once = most.min(last.max(group + count) - done);
            let some = I::GROUP * at_once;
            let mut room = slots_from(ring, blocks, slots, (done, at_once));
            let groups = &mut room[..at_once];
            if vertical_first {
                for (offset, out) in weighed
                    .chunks_exact_mut(weighed_stride.max(1))
                    .enumerate()
                    .take(some)
                {
                    let (start, weights) = rows.axis.window((first + offset).min(output_rows - 1));
                    let from = start.saturating_sub(rows.source.start) * stride
                        + (columns.span.start - columns.source.start) * CHANNELS;
                    isa.weigh_rows(&task.pixels[from..], stride, weights, out);
                }
                let mut source = [const { &[] as &[u8] }; MAX_ROWS];
                for (source, row) in source.iter_mut().zip(weighed.chunks_exact(weighed_stride.max(1))) {
                    *source = &row[..weighed_stride];
                }
                isa.horizontal(&columns.tables, &source[..some], &[], unpacked, groups);
            } else {
                let source_row = |row: usize| {
                    &task.pixels[(row.min(rows.source.end - 1) - rows.source.start) * stride..][..stride]
                };
                // Making these groups covers the latency of the memory for the next ones.
                for (at, source) in source[..some].iter_mut().enumerate() {
                    *source = source_row(first + at);
                }
                let asked = if asks { some } else { 0 };
                for (at, ahead) in ahead[..asked].iter_mut().enumerate() {
                    *ahead = source_row(first + some + at);
                }
                isa.horizontal(
                    &columns.tables,
                    &source[..some],
                    &ahead[..asked],
                    unpacked,
                    groups,
                );
            }
            done += at_once;
        }
        let filled = Ring {
            blocks: ring,
            slots,
            blocks_per_group: blocks,
        };
        // SAFETY: row `row` lies in the output image that the caller vouches for.
        let mut out = unsafe { row_out(task.output, finish, (output_rows, output_columns), row) };
        isa.vertical(&rows.tables, row, &filled, finish, &mut out);
    }
    *position = Some((task.index, band.end, done));
    Ok(())
}

/// # Safety
/// As for [`run_band`]; `row` is a row of the output image.
pub(super) unsafe fn row_out<'a>(
    OutputImage(start): OutputImage,
    finish: &Finish,
    (rows, columns): (usize, usize),
    row: usize,
) -> RowOut<'a> {
    let size = element_size(finish.dtype);
    let offsets = match finish.layout {
        Layout::Nchw => [0, 1, 2].map(|channel| (channel * rows + row) * columns),
        Layout::Nhwc => [row * columns * CHANNELS; CHANNELS],
    };
    // SAFETY: every offset is inside the rows * columns * 3 elements of the image.
    let pointers = offsets.map(|offset| unsafe { start.add(offset * size) });
    // SAFETY: `columns` elements (3 * columns for NHWC) from these offsets on are the row `row`, which
    // the caller of `run_band` keeps others away from.
    unsafe { RowOut::new(pointers, columns, finish.layout, finish.dtype) }
}

pub(crate) fn element_size(dtype: Dtype) -> usize {
    match dtype {
        Dtype::Float32 => 4,
        Dtype::Float16 => 2,
        Dtype::Uint8 => 1,
    }
}
