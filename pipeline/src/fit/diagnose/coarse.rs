//! A first look: averages of the photo under a grid of output pixels, over which the dump lies on lines or does not.

use ndarray::{Array3, ArrayView3};

use super::arrangements::Arrangement;
use super::lines::{Sums, sources};

/// Edge of the grid.
const GRID: usize = 40;
/// About the most pixels that are summed.
const PIXELS: usize = 600_000;

/// Sums of a photo over every rectangle from its corner.
pub(super) struct Integral {
    sums: Array3<f64>,
    /// Pixels of the photo that are one of the sums, along an edge.
    unit: f64,
}

impl Integral {
    pub(super) fn new(photo: ArrayView3<'_, u8>) -> Self {
        let (height, width, _) = photo.dim();
        let unit = (1..)
            .find(|unit| height * width / (unit * unit) <= PIXELS)
            .unwrap_or(1);
        let (rows, columns) = (height.div_ceil(unit), width.div_ceil(unit));
        let mut sums = Array3::zeros((rows + 1, columns + 1, 3));
        for row in 0..rows {
            let mut line = [0.0; 3];
            for column in 0..columns {
                for channel in 0..3 {
                    // One pixel stands for its block: the look is coarse.
                    let at = (
                        (row * unit + unit / 2).min(height - 1),
                        (column * unit + unit / 2).min(width - 1),
                    );
                    line[channel] += f64::from(photo[[at.0, at.1, channel]]);
                    sums[[row + 1, column + 1, channel]] = sums[[row, column + 1, channel]] + line[channel];
                }
            }
        }
        Self {
            sums,
            unit: unit as f64,
        }
    }

    fn at(&self, row: f64, column: f64, channel: usize) -> f64 {
        let (rows, columns, _) = self.sums.dim();
        let axis = |position: f64, length: usize| {
            let position = (position / self.unit).clamp(0.0, (length - 1) as f64);
            let first = (position as usize).min(length.saturating_sub(2));
            (first, position - first as f64)
        };
        let ((row, down), (column, along)) = (axis(row, rows), axis(column, columns));
        let sum = |r: usize, c: usize| self.sums[[row + r, column + c, channel]];
        (1.0 - down) * ((1.0 - along) * sum(0, 0) + along * sum(0, 1))
            + down * ((1.0 - along) * sum(1, 0) + along * sum(1, 1))
    }

    /// The mean colour between (top, left) and (bottom, right).
    fn mean(&self, [top, left, bottom, right]: [f64; 4]) -> [u8; 3] {
        let clip = |position: f64, length: usize| (position / self.unit).clamp(0.0, (length - 1) as f64);
        let (rows, columns, _) = self.sums.dim();
        let area = (clip(bottom, rows) - clip(top, rows)) * (clip(right, columns) - clip(left, columns));
        [0, 1, 2].map(|channel| {
            let sum = self.at(bottom, right, channel)
                - self.at(top, right, channel)
                - self.at(bottom, left, channel)
                + self.at(top, left, channel);
            (sum / area.max(1e-9)).round().clamp(0.0, 255.0) as u8
        })
    }

    /// What part of the dump's spread an arrangement leaves unexplained: 0 is all explained.
    pub(super) fn left(&self, arrangement: &Arrangement, values: &Array3<f64>) -> f64 {
        let (height, width, count) = values.dim();
        let resized = arrangement.resized;
        let (from, shift) = match arrangement.before {
            Some(place) => (place.size, place.offset),
            None => (arrangement.image, (0, 0)),
        };
        let scale = (from.0 as f64 / resized.0 as f64, from.1 as f64 / resized.1 as f64);
        let mut sums: Vec<Sums> = (0..count).map(|_| Sums::new()).collect();
        let mut outside: Vec<Sums> = (0..count).map(|_| Sums::new()).collect();
        let mut hits = 0_usize;
        let grid = (height.min(GRID), width.min(GRID));
        for index in 0..grid.0 * grid.1 {
            let row = (index / grid.1) * height / grid.0 + height / grid.0 / 2;
            let column = (index % grid.1) * width / grid.1 + width / grid.1 / 2;
            let (down, along) = (
                row as i64 + arrangement.after.offset.0,
                column as i64 + arrangement.after.offset.1,
            );
            let inside = |at: i64, length: usize| (0..length as i64).contains(&at);
            let top = down as f64 * scale.0 + shift.0 as f64;
            let left = along as f64 * scale.1 + shift.1 as f64;
            let rectangle = [top, left, top + scale.0, left + scale.1];
            let (photo_height, photo_width) = (arrangement.image.0 as f64, arrangement.image.1 as f64);
            let seen = rectangle[2] > 0.0 && rectangle[3] > 0.0 && top < photo_height && left < photo_width;
            let target = if inside(down, resized.0) && inside(along, resized.1) && seen {
                hits += 1;
                &mut sums
            } else {
                &mut outside
            };
            let pixel = sources(self.mean(rectangle));
            for (channel, sums) in target.iter_mut().enumerate() {
                sums.add(pixel, values[[row, column, channel]]);
            }
        }
        let total = grid.0 * grid.1;
        if hits * 8 < total {
            return 1.0;
        }
        let unexplained: f64 = sums
            .iter()
            .map(|sums| (0..4).map(|source| sums.line(source).2).fold(1.0, f64::min))
            .sum::<f64>()
            / count as f64;
        // A border is of one colour.
        let varies = if hits < total {
            (0..count)
                .map(|channel| {
                    let inside = sums[channel].spread();
                    (outside[channel].spread() / inside.max(1e-12)).min(1.0)
                })
                .sum::<f64>()
                / count as f64
        } else {
            0.0
        };
        unexplained + varies
    }
}
