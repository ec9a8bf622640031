//! Four source rows to one group of packed lanes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::group::{Group, ROWS};
use super::short::short;
use super::tables::{Columns, LOAD, Loads};
use crate::x86::{grouped, padded};
use crate::{Lanes, lanes_of, plane_blocks};

/// Row groups that are resized at a time: each table is read once for both.
pub(super) const AT_ONCE: usize = 2;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn resize(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    scratch: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    if rows.first().is_some_and(|row| row.len() < LOAD) {
        narrow(columns, rows, scratch, groups);
    } else {
        wide(columns, rows, ahead, scratch, groups);
    }
}

/// [`resize`] of rows shorter than a load.
#[cold]
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn narrow(columns: &Columns, rows: &[&[u8]], scratch: &mut [Lanes], groups: &mut [&mut [Lanes]]) {
    let mut copies = [[0; LOAD]; ROWS * AT_ONCE];
    let copied: [&[u8]; ROWS * AT_ONCE] = padded(rows, &mut copies);
    wide(columns, &copied[..rows.len()], &[], scratch, groups);
}

/// [`resize`] of rows as wide as the tables.
///
/// Without arrays that the rows are sorted into: the compiler makes a gather and a scatter of that.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn wide(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    scratch: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    let count = groups.len();
    assert!((1..=AT_ONCE).contains(&count), "as many groups as have scratch");
    let (rows, ahead) = grouped::<ROWS>(rows, ahead, count, columns.row_bytes);
    let last = columns.vectors.saturating_sub(1) * columns.lanes;
    let (first, second) = scratch.split_at_mut(scratch.len() / AT_ONCE);
    let mut resized = [first, second];
    let [first, second] = &mut resized;
    let mut open = [
        Group {
            rows: &rows[0],
            ahead: &ahead[0],
            lanes: lanes_of(first),
        },
        Group {
            rows: &rows[count - 1],
            ahead: &ahead[count - 1],
            lanes: lanes_of(second),
        },
    ];
    for group in &open {
        assert!(group.lanes.len() >= last + Lanes::COUNT, "room for every vector");
    }
    let open = &mut open[..count];
    // SAFETY: the rows are as wide as the tables and the lanes have room for every vector: asserted above.
    unsafe {
        match columns.loads {
            Loads::Wide => short::<true>(columns, open),
            Loads::Shared | Loads::PerQuad => short::<false>(columns, open),
        }
    }
    for (scratch, group) in resized.iter().zip(groups) {
        match columns.layout {
            Layout::Nchw => planes(scratch, columns.thirds, group, plane_blocks(columns.columns)),
            Layout::Nhwc => {
                let blocks = group.len();
                group.copy_from_slice(&scratch[..blocks]);
            }
        }
    }
}

/// For each channel: which lane of three blocks, put over each other, each of its 16 pixels is.
static PLANE: [Lanes; CHANNELS] = {
    let mut tables = [Lanes::ZERO; CHANNELS];
    let mut channel = 0;
    while channel < CHANNELS {
        let mut pixel = 0;
        while pixel < Lanes::COUNT {
            tables[channel].0[pixel] = ((pixel * CHANNELS + channel) % Lanes::COUNT) as i32;
            pixel += 1;
        }
        channel += 1;
    }
    tables
};

/// Sorts interleaved lanes into a plane of `blocks` blocks for each channel.
///
/// A channel has every third lane of a block, and other ones in each of three blocks: put over each other they fill one.
#[inline]
#[target_feature(enable = "avx512f")]
fn planes(interleaved: &[Lanes], thirds: [u16; CHANNELS], group: &mut [Lanes], blocks: usize) {
    let lanes = |lanes: &Lanes| {
        // SAFETY: `Lanes` is 64 bytes, aligned to 64.
        unsafe { _mm512_load_si512(lanes.0.as_ptr().cast()) }
    };
    let tables = PLANE.each_ref().map(lanes);
    let (first, others) = group.split_at_mut(blocks);
    let (second, third) = others.split_at_mut(blocks);
    let (interleaved, _) = interleaved.as_chunks::<CHANNELS>();
    let planes = first.iter_mut().zip(second).zip(third);
    for (three, ((first, second), third)) in interleaved.iter().zip(planes) {
        let [one, two, three] = [lanes(&three[0]), lanes(&three[1]), lanes(&three[2])];
        for (channel, (out, table)) in [first, second, third].into_iter().zip(tables).enumerate() {
            let [of_three, of_two] = [thirds[(channel + 1) % CHANNELS], thirds[(channel + 2) % CHANNELS]];
            let plane = _mm512_mask_mov_epi32(_mm512_mask_mov_epi32(one, of_two, two), of_three, three);
            // SAFETY: as for the loads.
            unsafe { _mm512_store_si512(out.0.as_mut_ptr().cast(), _mm512_permutexvar_epi32(table, plane)) }
        }
    }
}
