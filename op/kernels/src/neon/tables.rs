//! Which bytes a vector loads in the horizontal pass, and the weights beside them.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::NOTHING;
use crate::Axis;
use crate::windows::lane_window;

/// Bytes of a load.
pub(super) const LOAD: usize = 16;

/// Lanes of a vector.
pub(super) const VECTOR: usize = 4;

/// How many lanes of a vector are used, and how many taps one load serves.
pub(super) type Way = (usize, usize);

/// The best first.
const WAYS: [Way; 2] = [(4, 4), (4, 2)];

/// Fits always: the taps of one pixel are neighbours, and five of them are 15 bytes.
const PIXEL: Way = (CHANNELS, 5);

/// Tables of the horizontal pass.
pub struct Columns {
    pub(super) way: Way,
    pub(super) loads: usize,
    /// Taps of a vector; the last load may serve fewer than the others.
    pub(super) taps: usize,
    /// For each vector and load, its first byte.
    pub(super) bases: Vec<usize>,
    /// For each vector and load, the byte of every lane's first tap. The next tap is [`CHANNELS`] further.
    pub(super) indices: Vec<[u8; LOAD]>,
    /// For each vector and tap.
    pub(super) weights: Vec<[i32; VECTOR]>,
    /// How many bytes a row must have for all loads to lie inside.
    pub(super) row_bytes: usize,
    pub(super) columns: usize,
    pub(super) layout: Layout,
}

impl Columns {
    pub(super) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Self {
        let fill = |way| Self::filled(axis, &source, channels, layout, way);
        for way in WAYS {
            if let (columns, true) = fill(way) {
                return columns;
            }
        }
        fill(PIXEL).0
    }

    /// The tables for one way to load, and whether every lane's bytes lie inside its loads.
    fn filled(
        axis: &Axis,
        source: &Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
        way: Way,
    ) -> (Self, bool) {
        let (lanes, taps_per_load) = way;
        let taps = axis.max_taps().max(1);
        let loads = taps.div_ceil(taps_per_load);
        let vectors = (axis.len() * CHANNELS).div_ceil(lanes);
        let mut tables = Self {
            way,
            loads,
            taps,
            bases: vec![0; vectors * loads],
            indices: vec![[NOTHING; LOAD]; vectors * loads],
            weights: vec![[0; VECTOR]; vectors * taps],
            row_bytes: (source.len() * CHANNELS).max(LOAD),
            columns: axis.len(),
            layout,
        };
        for at in 0..vectors * loads {
            let (vector, first_tap) = (at / loads, at % loads * taps_per_load);
            let windows = || {
                (0..lanes).filter_map(|lane| {
                    let window = lane_window(axis, source.start, channels, vector * lanes + lane)?;
                    let weights = window
                        .weights
                        .get(first_tap..)
                        .filter(|weights| !weights.is_empty())?;
                    let weights = &weights[..taps_per_load.min(weights.len())];
                    Some((lane, window.byte + first_tap * CHANNELS, weights))
                })
            };
            let first_byte = windows().map(|(_, byte, _)| byte).min().unwrap_or(0);
            let base = first_byte.min(tables.row_bytes - LOAD);
            tables.bases[at] = base;
            for (lane, byte, weights) in windows() {
                let index = byte - base;
                if index + (weights.len() - 1) * CHANNELS >= LOAD {
                    return (tables, false);
                }
                tables.indices[at][4 * lane] = index as u8;
                let places = &mut tables.weights[vector * taps + first_tap..][..weights.len()];
                for (place, weight) in places.iter_mut().zip(weights) {
                    place[lane] = *weight;
                }
            }
        }
        (tables, true)
    }
}
