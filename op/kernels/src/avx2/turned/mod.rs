//! [Turned](crate::turned) pixels of eight rows: every window that reads them takes them as they are, and its weights are the same
//! for all lanes.
//!
//! [`turn()`] makes them, and [`fours()`] packs what columns are made of them.

mod fours;
mod turn;

use prep_onnx_pipeline::CHANNELS;

pub(crate) use fours::{Column, Packed, fours};
pub(in crate::avx2) use turn::Pairs;
pub(crate) use turn::{Bytes, ROWS as TURNED, Vector, everywhere, load, turn};

use super::group::{Group, ROWS};
use crate::x86::Groups;
use crate::{Lanes, lanes_of, plane_blocks};

/// The groups of `rows`, which are packed into `groups`, three planes of `columns` each: one group twice where there is no other.
///
/// # Panics
/// When a group has less room.
pub(crate) fn open<'a>(
    (rows, ahead): (Groups<'a, ROWS>, Groups<'a, ROWS>),
    groups: &mut [&mut [Lanes]],
    columns: usize,
) -> Option<[Group<'a>; 2]> {
    let lanes = CHANNELS * plane_blocks(columns) * Lanes::COUNT;
    let mut open = [const { None }; 2];
    for (((open, group), rows), ahead) in open.iter_mut().zip(groups).zip(rows).zip(ahead) {
        let out = lanes_of(group);
        assert!(out.len() >= lanes, "three planes");
        *open = Some(Group {
            rows,
            ahead,
            lanes: out.as_mut_ptr(),
        });
    }
    let [first, second] = open;
    first.map(|first| [first, second.unwrap_or(first)])
}
