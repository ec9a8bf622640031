//! Guesses for coefficients that an unfinished progression has not brought (`decompress_smooth_data` of
//! jdcoefct.c), from the averages of the blocks around, up to two away.

use super::entropy::Block;
use super::frame::{Component, Frame};
use super::scans::{Coefficients, Progress};

/// The coefficients that may be guessed, in the order of the file, as places in a block.
const PLACES: [usize; 10] = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24];

/// Weights of the 5 x 5 averages around a block, by rows, for the coefficients 1 to 9 where no coefficient
/// but the average is known, and last for the average itself.
#[rustfmt::skip]
const BLIND: [[i64; 25]; 10] = [
    [-1, -1, 0, 1, 1, -3, 13, 0, -13, 3, -3, 38, 0, -38, 3, -3, 13, 0, -13, 3, -1, -1, 0, 1, 1],
    [-1, -3, -3, -3, -1, -1, 13, 38, 13, -1, 0, 0, 0, 0, 0, 1, -13, -38, -13, 1, 1, 3, 3, 3, 1],
    [0, 0, 1, 0, 0, 0, 2, 7, 2, 0, 0, -5, -14, -5, 0, 0, 2, 7, 2, 0, 0, 0, 1, 0, 0],
    [-1, 0, 0, 0, 1, 0, 9, 0, -9, 0, 0, 0, 0, 0, 0, 0, -9, 0, 9, 0, 1, 0, 0, 0, -1],
    [0, 0, 0, 0, 0, 0, 2, -5, 2, 0, 1, 7, -14, 7, 1, 0, 2, -5, 2, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, 2, 0, -2, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, -3, 1, 0, 0, 0, 0, 0, 0, 0, -1, 3, -1, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, -3, 0, 3, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, -1, -2, -1, 0, 0, 0, 0, 0, 0],
    [-2, -6, -8, -6, -2, -6, 6, 42, 6, -6, -8, 42, 152, 42, -8, -6, 6, 42, 6, -6, -2, -6, -8, -6, -2],
];

/// The same for the coefficients 1 to 5 where some others are known.
#[rustfmt::skip]
const SIGHTED: [[i64; 25]; 5] = [
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -7, 50, 0, -50, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, -7, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, -50, 0, 0, 0, 0, 7, 0, 0],
    [0, 0, -1, 0, 0, 0, 0, 13, 0, 0, 0, 0, -24, 0, 0, 0, 0, 13, 0, 0, 0, 0, -1, 0, 0],
    [0, -1, 0, 1, 0, -1, 10, 0, -10, 1, 0, 0, 0, 0, 0, 1, -10, 0, 10, -1, 0, 1, 0, -1, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 13, -24, 13, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
];

/// `smoothing_ok`: all averages are known, something else is not, and no quantiser is zero.
pub(super) fn is_useful(frame: &Frame, progress: &Progress) -> bool {
    let known = frame
        .components
        .iter()
        .zip(&progress.now)
        .all(|(component, bits)| {
            let quant = component.quant.as_ref();
            bits[0] >= 0 && quant.is_some_and(|quant| PLACES.iter().all(|&at| quant[at] != 0))
        });
    known
        && progress
            .now
            .iter()
            .any(|bits| bits[1..10].iter().any(|&bit| bit != 0))
}

/// One row of blocks.
pub(super) struct Row<'a> {
    /// The rows around: two above, this one, two below, as far as there are any.
    rows: [&'a [Block]; 5],
    bits: [i32; 10],
    quant: [i64; 10],
    blind: bool,
    averages: [[i64; 5]; 5],
}

impl<'a> Row<'a> {
    pub(super) fn new(
        frame: &Frame,
        component: &Component,
        kept: &'a Coefficients,
        y: usize,
        progress: &Progress,
        index: usize,
        scans: u32,
    ) -> Self {
        let mcu_row = y / component.v;
        // libjpeg counts the rows of the last MCUs as if all MCUs had as many.
        let last = mcu_row + 1 == frame.mcu_rows();
        let per_mcu = match frame.blocks(component).1 % component.v {
            left if last && left > 0 => left,
            _ => component.v,
        };
        let place = mcu_row * per_mcu + y % component.v;
        let count = per_mcu * frame.mcu_rows();
        let row = |y: usize| &kept.blocks[y * kept.stride..][..kept.stride];
        let here = row(y);
        let above = if place > 0 { row(y - 1) } else { here };
        let above2 = if place > 1 { row(y - 2) } else { above };
        let below = if place + 1 < count { row(y + 1) } else { here };
        let below2 = if place + 2 < count { row(y + 2) } else { below };

        let known = if mcu_row <= progress.last_good_row {
            &progress.now[index]
        } else {
            &progress.before[index]
        };
        let mut bits = [-1; 10];
        bits.copy_from_slice(&known[..10]);
        if mcu_row > progress.last_good_row && scans <= 1 {
            bits = [-1; 10];
        }
        let quant = component.quant.as_ref().unwrap_or(&[1; 64]);
        Self {
            rows: [above2, above, here, below, below2],
            bits,
            quant: PLACES.map(|at| i64::from(quant[at])),
            blind: bits[1..].iter().all(|&bit| bit == -1),
            averages: [[0; 5]; 5],
        }
    }

    /// Fills in the block of column `x`; columns come one after the other, from 0.
    pub(super) fn guess(&mut self, x: usize, columns: usize, block: &mut Block) {
        for (averages, row) in self.averages.iter_mut().zip(self.rows) {
            let average = |x: usize| i64::from(row[x][0]);
            if x == 0 {
                *averages = [average(0); 5];
                if columns > 1 {
                    averages[3..].fill(average(1));
                }
            } else {
                averages.copy_within(1.., 0);
            }
            if x + 2 < columns {
                averages[4] = average(x + 2);
            }
        }
        let averages = self.averages.as_flattened();
        let weighted = |weights: &[i64; 25]| -> i64 {
            let products = weights
                .iter()
                .zip(averages)
                .map(|(weight, average)| weight * average);
            self.quant[0] * products.sum::<i64>()
        };
        let tables: &[[i64; 25]] = if self.blind { &BLIND[..9] } else { &SIGHTED };
        for (i, weights) in (1..).zip(tables) {
            let coefficient = &mut block[PLACES[i]];
            if self.bits[i] != 0 && *coefficient == 0 {
                let guess = rounded(weighted(weights), self.quant[i]);
                // No larger than what the bits that are known leave open.
                let bound = if self.bits[i] > 0 {
                    (1 << self.bits[i]) - 1
                } else {
                    i64::MAX
                };
                *coefficient = guess.clamp(-bound, bound) as i16;
            }
        }
        if self.blind {
            block[0] = rounded(weighted(&BLIND[9]), self.quant[0]) as i16;
        }
    }
}

/// `sum / (256 * quant)`, halves away from zero.
fn rounded(sum: i64, quant: i64) -> i64 {
    let magnitude = ((quant << 7) + sum.abs()) / (quant << 8);
    if sum < 0 { -magnitude } else { magnitude }
}
