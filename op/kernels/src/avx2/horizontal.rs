//! Four source rows to one group of packed lanes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::columns::{Columns, Way};
use super::group::{Group, ROWS};
use super::tables::{ByColumn, LOAD};
use super::{by_row, edge, short, turned};
use crate::x86::{Groups, grouped, padded};
use crate::{Lanes, as_lanes, lanes_of, plane_blocks};

/// Row groups that are resized at a time: each table is read once for both.
pub(super) const AT_ONCE: usize = 2;

/// Lanes of a vector.
const VECTOR: usize = 8;

#[target_feature(enable = "avx2,fma")]
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
#[target_feature(enable = "avx2,fma")]
fn narrow(columns: &Columns, rows: &[&[u8]], scratch: &mut [Lanes], groups: &mut [&mut [Lanes]]) {
    let mut copies = [[0; LOAD]; ROWS * AT_ONCE];
    let copied: [&[u8]; ROWS * AT_ONCE] = padded(rows, &mut copies);
    wide(columns, &copied[..rows.len()], &[], scratch, groups);
}

/// [`resize`] of rows as wide as the tables.
#[target_feature(enable = "avx2,fma")]
fn wide(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    scratch: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    let count = groups.len();
    assert!((1..=AT_ONCE).contains(&count), "as many groups as have scratch");
    let asks = !ahead.is_empty();
    let (rows, ahead) = grouped::<ROWS>(rows, ahead, count, columns.row_bytes);
    match &columns.way {
        Way::ByColumn(vectors) => by_column(columns, vectors, (rows, ahead), asks, scratch, groups),
        Way::ByRow(tiles) => {
            let Some(open) = turned::open((rows, ahead), groups, columns.columns) else {
                return;
            };
            let out = (columns.layout, columns.columns);
            // SAFETY: the rows are as wide as the tables, and there is room for three planes: asserted above.
            unsafe { by_row::resize(tiles, out, &open[..count], scratch) }
        }
    }
}

/// [`wide`] where a lane is a column's channel.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn by_column(
    columns: &Columns,
    vectors: &ByColumn,
    (rows, ahead): (Groups<'_, ROWS>, Groups<'_, ROWS>),
    asks: bool,
    scratch: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    let count = groups.len();
    let (first, second) = scratch.split_at_mut(scratch.len() / AT_ONCE);
    let mut resized = [first, second];
    for scratch in &resized {
        assert!(as_lanes(scratch).len() >= vectors.lanes, "room for every vector");
    }
    let [first, second] = &mut resized;
    let open = [
        Group {
            rows: &rows[0],
            ahead: &ahead[0],
            lanes: lanes_of(first).as_mut_ptr(),
        },
        Group {
            rows: &rows[count - 1],
            ahead: &ahead[count - 1],
            lanes: lanes_of(second).as_mut_ptr(),
        },
    ];
    let open = &open[..count];
    // SAFETY: the rows are as wide as the tables and the lanes have room for every vector: asserted above.
    unsafe {
        short::resize(&vectors.straight, open, asks, vectors.clamp);
        edge::resize(&vectors.edge, open, vectors.clamp);
    }
    for (scratch, group) in resized.iter().zip(groups) {
        match columns.layout {
            Layout::Nchw => planes(as_lanes(scratch), group, plane_blocks(columns.columns)),
            Layout::Nhwc => {
                let blocks = group.len();
                group.copy_from_slice(&scratch[..blocks]);
            }
        }
    }
}

/// Sorts interleaved lanes into a plane of `blocks` blocks for each channel.
#[inline]
#[target_feature(enable = "avx2")]
fn planes(interleaved: &[i32], group: &mut [Lanes], blocks: usize) {
    let lane = |channel: i32| {
        let at = |pixel: i32| (3 * pixel + channel) % VECTOR as i32;
        _mm256_setr_epi32(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))
    };
    let orders = [lane(0), lane(1), lane(2)];
    let (vectors, _) = interleaved.as_chunks::<VECTOR>();
    let (threes, _) = vectors.as_chunks::<CHANNELS>();
    let (first, others) = lanes_of(group).split_at_mut(blocks * Lanes::COUNT);
    let (second, third) = others.split_at_mut(blocks * Lanes::COUNT);
    // Not mapped by a closure, which is a call: it has fewer instructions than this function.
    let (first, _) = first.as_chunks_mut::<VECTOR>();
    let (second, _) = second.as_chunks_mut::<VECTOR>();
    let (third, _) = third.as_chunks_mut::<VECTOR>();
    let planes = first.iter_mut().zip(second).zip(third);
    for (three, ((first, second), third)) in threes.iter().zip(planes) {
        let mut vectors = [_mm256_setzero_si256(); CHANNELS];
        for (vector, lanes) in vectors.iter_mut().zip(three) {
            // SAFETY: eight lanes.
            *vector = unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) };
        }
        let [one, two, three] = vectors;
        // Which pixels come from the second and the third vector.
        let mixed = [
            _mm256_blend_epi32::<0b0010_0100>(_mm256_blend_epi32::<0b1001_0010>(one, two), three),
            _mm256_blend_epi32::<0b0100_1001>(_mm256_blend_epi32::<0b0010_0100>(one, two), three),
            _mm256_blend_epi32::<0b1001_0010>(_mm256_blend_epi32::<0b0100_1001>(one, two), three),
        ];
        for ((out, mixed), order) in [first, second, third].into_iter().zip(mixed).zip(orders) {
            let plane = _mm256_permutevar8x32_epi32(mixed, order);
            // SAFETY: `out` has eight lanes.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), plane) }
        }
    }
}
