//! What [`RowKernels`] are at this level.

use prep_onnx_pipeline::Layout;

use super::Avx512;
use super::copy::{Copied, halve, take_apart};
use super::linear::{Taps, across, down, down_planes};
use crate::Finish;
use crate::RowOut;
use crate::elements::write_row;
use crate::rows::{RowKernels, Spread, Tap};

impl RowKernels for Avx512 {
    type Taps = Taps;

    fn spread(self, row: &[u8], spread: Spread, lanes: &mut [u8]) {
        match spread.layout {
            Layout::Nchw => {
                let planes = spread.planes(lanes, row.len() / 3);
                // SAFETY: `self` proves the features.
                unsafe { take_apart(row, spread.channels, planes) }
            }
            Layout::Nhwc => spread.in_turn(row, lanes),
        }
    }

    fn finish(self, lanes: &[u8], finish: &Finish, out: &mut RowOut<'_>) {
        write_row(&Copied { isa: self, lanes }, finish, out);
    }

    fn taps(self, row_bytes: usize, taps: &[Tap]) -> Taps {
        Taps::new(self, row_bytes, taps)
    }

    fn across(self, row: &[u8], taps: &Taps, line: &mut [i16]) {
        // SAFETY: `self` proves the features.
        unsafe { across(self, row, taps, line) }
    }

    fn down(self, lines: [&[i16]; 2], weights: [i32; 2], out: &mut [u8]) {
        // SAFETY: `self` proves the features.
        unsafe { down(lines, weights, out) }
    }

    fn down_spread(
        self,
        lines: [&[i16]; 2],
        weights: [i32; 2],
        row: &mut [u8],
        spread: Spread,
        lanes: &mut [u8],
    ) {
        match spread.layout {
            Layout::Nchw => {
                let planes = spread.planes(lanes, row.len() / 3);
                // SAFETY: `self` proves the features.
                unsafe { down_planes(lines, weights, spread.channels, planes) }
            }
            Layout::Nhwc => {
                self.down(lines, weights, row);
                spread.in_turn(row, lanes);
            }
        }
    }

    fn halve(self, rows: [&[u8]; 2], spread: Spread, lanes: &mut [u8]) {
        let planes = spread.planes(lanes, rows[0].len() / 6);
        // SAFETY: `self` proves the features.
        unsafe { halve(rows, spread.channels, planes) }
    }

    fn turn(self, pixels: &[u8], size: (usize, usize), out: &mut [u8]) {
        self.avx2().turn(pixels, size, out);
    }
}
