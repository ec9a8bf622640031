//! Answers drawn onto the picture that they are of.

mod colours;
mod letters;

use ndarray::{Array3, ArrayView2};

use crate::detection::Detection;
use crate::labels::Labels;
pub(crate) use colours::of_class;

/// How much of a colour lies over what it marks.
const COVER: f32 = 0.45;

/// A picture, and how many of its pixels one of the image has.
pub(crate) struct Sheet<'a> {
    pub(crate) picture: &'a mut Array3<u8>,
    pub(crate) scale: f64,
}

impl Sheet<'_> {
    /// Lines and letters grow with the picture, so that they are read on a photo of any size.
    fn unit(&self) -> usize {
        let (height, width, _) = self.picture.dim();
        (height.min(width) / 360).max(1)
    }

    /// Boxes with class and score; those of the highest score last, over the others.
    pub(crate) fn detections(&mut self, found: &[Detection], labels: &Labels) {
        for detection in found.iter().rev() {
            let colour = of_class(detection.class);
            match detection.rotated {
                None => self.rectangle(detection.corners, colour),
                Some(rotated) => self.rotated(rotated, colour),
            }
            for point in &detection.points {
                let sure = point.get(2).is_none_or(|sure| *sure >= 0.5);
                if let (true, [x, y, ..]) = (sure, point.as_slice()) {
                    self.dot(f64::from(*x), f64::from(*y), colour);
                }
            }
        }
        for detection in found.iter().rev() {
            let name = detection
                .name(labels)
                .unwrap_or_else(|| detection.class.to_string());
            let text = format!("{name} {:.2}", detection.score);
            let [left, top, ..] = detection.corners.map(|edge| f64::from(edge) * self.scale);
            self.label(left, top, &text, of_class(detection.class));
        }
    }

    /// A colour where `mask`, of the image's size, is not 0.
    pub(crate) fn mask(&mut self, mask: ArrayView2<'_, f64>, colour: [u8; 3]) {
        self.over(mask.dim(), |row, column| {
            (mask[[row, column]] > 0.0).then_some(colour)
        });
    }

    /// A colour for the class of each pixel of the image.
    pub(crate) fn classes(&mut self, classes: ArrayView2<'_, f64>) {
        self.over(classes.dim(), |row, column| {
            Some(of_class(classes[[row, column]] as i64))
        });
    }

    /// Values of each pixel of the image from dark to light.
    pub(crate) fn values(&mut self, values: ArrayView2<'_, f64>) {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        let (rows, columns) = values.dim();
        for ((row, column, channel), pixel) in self.picture.indexed_iter_mut() {
            let at = |position: usize, extent: usize| {
                ((position as f64 / self.scale) as usize).min(extent.saturating_sub(1))
            };
            if rows * columns == 0 {
                break;
            }
            let value = values[[at(row, rows), at(column, columns)]];
            let part = if high > low {
                (value - low) / (high - low)
            } else {
                0.0
            };
            *pixel = colours::of_value(part)[channel];
        }
    }

    fn over(&mut self, (rows, columns): (usize, usize), colour: impl Fn(usize, usize) -> Option<[u8; 3]>) {
        let (height, width, _) = self.picture.dim();
        for row in 0..height {
            for column in 0..width {
                let (y, x) = (
                    (row as f64 / self.scale) as usize,
                    (column as f64 / self.scale) as usize,
                );
                if y >= rows || x >= columns {
                    continue;
                }
                let Some(colour) = colour(y, x) else { continue };
                for (channel, colour) in colour.into_iter().enumerate() {
                    let pixel = &mut self.picture[[row, column, channel]];
                    let mixed = f32::from(*pixel) * (1.0 - COVER) + f32::from(colour) * COVER;
                    *pixel = mixed as u8;
                }
            }
        }
    }

    fn set(&mut self, row: i64, column: i64, colour: [u8; 3]) {
        let (height, width, _) = self.picture.dim();
        let inside = |at: i64, extent: usize| usize::try_from(at).ok().filter(|at| *at < extent);
        if let (Some(row), Some(column)) = (inside(row, height), inside(column, width)) {
            for (channel, value) in colour.into_iter().enumerate() {
                self.picture[[row, column, channel]] = value;
            }
        }
    }

    /// A filled square of `thick` pixels around a place of the picture.
    fn spot(&mut self, y: f64, x: f64, thick: i64, colour: [u8; 3]) {
        let (row, column) = (y.round() as i64 - thick / 2, x.round() as i64 - thick / 2);
        for down in 0..thick {
            for across in 0..thick {
                self.set(row + down, column + across, colour);
            }
        }
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: [u8; 3]) {
        const LONGEST: f64 = 100_000.0;
        let thick = 2 * self.unit() as i64;
        let long = (to.0 - from.0).abs().max((to.1 - from.1).abs());
        if !long.is_finite() || long > LONGEST {
            return;
        }
        let steps = long.ceil().max(1.0);
        for step in 0..=steps as usize {
            let part = step as f64 / steps;
            let at = |from: f64, to: f64| from + (to - from) * part;
            self.spot(at(from.0, to.0), at(from.1, to.1), thick, colour);
        }
    }

    fn rectangle(&mut self, corners: [f32; 4], colour: [u8; 3]) {
        let [left, top, right, bottom] = corners.map(|edge| f64::from(edge) * self.scale);
        let corners = [(top, left), (top, right), (bottom, right), (bottom, left)];
        self.outline(corners, colour);
    }

    fn rotated(&mut self, [x, y, width, height, angle]: [f32; 5], colour: [u8; 3]) {
        let (sin, cos) = f64::from(angle).sin_cos();
        let corner = |along: f64, across: f64| {
            let (along, across) = (along * f64::from(width) / 2.0, across * f64::from(height) / 2.0);
            (
                (f64::from(y) + along * sin + across * cos) * self.scale,
                (f64::from(x) + along * cos - across * sin) * self.scale,
            )
        };
        let corners = [
            corner(1.0, 1.0),
            corner(1.0, -1.0),
            corner(-1.0, -1.0),
            corner(-1.0, 1.0),
        ];
        self.outline(corners, colour);
    }

    fn outline(&mut self, corners: [(f64, f64); 4], colour: [u8; 3]) {
        for index in 0..corners.len() {
            self.line(corners[index], corners[(index + 1) % corners.len()], colour);
        }
    }

    fn dot(&mut self, x: f64, y: f64, colour: [u8; 3]) {
        let thick = 5 * self.unit() as i64;
        self.spot(y * self.scale, x * self.scale, thick + 2, [255; 3]);
        self.spot(y * self.scale, x * self.scale, thick, colour);
    }

    /// Text on its colour, above the corner, or inside where there is no room.
    fn label(&mut self, left: f64, top: f64, text: &str, colour: [u8; 3]) {
        let size = self.unit() * 2;
        let (pad, letter) = (size as i64, (letters::EDGE * size) as i64);
        let count = text.chars().count() as i64;
        let (height, width, _) = self.picture.dim();
        let (tall, wide) = (letter + 2 * pad, count * letter + 2 * pad);
        let within = |at: i64, extent: i64, most: usize| at.min(most as i64 - extent).max(0);
        let above = top.round() as i64 - tall;
        let row = within(if above < 0 { top.round() as i64 } else { above }, tall, height);
        let column = within(left.round() as i64, wide, width);
        for down in 0..tall {
            for across in 0..wide {
                self.set(row + down, column + across, colour);
            }
        }
        let ink = colours::ink_on(colour);
        for (index, character) in text.chars().enumerate() {
            let begin = column + pad + index as i64 * letter;
            for (y, x) in letters::dots(character) {
                for down in 0..size as i64 {
                    for across in 0..size as i64 {
                        let dot = |at: usize, inner: i64| at as i64 * size as i64 + inner;
                        self.set(row + pad + dot(y, down), begin + dot(x, across), ink);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(corners: [f32; 4], class: i64) -> Detection {
        Detection {
            corners,
            score: 0.5,
            class,
            rotated: None,
            points: Vec::new(),
        }
    }

    #[test]
    fn a_box_is_outlined_and_named_inside_of_the_picture() {
        let mut picture = Array3::from_elem((100, 200, 3), 9_u8);
        let mut sheet = Sheet {
            picture: &mut picture,
            scale: 2.0,
        };
        let labels = Labels::parse("cat\ndog\n", false).unwrap();
        sheet.detections(&[detection([20.0, 30.0, 80.0, 45.0], 1)], &labels);
        let colour = of_class(1);
        let pixel = |row: usize, column: usize| [0, 1, 2].map(|channel| picture[[row, column, channel]]);
        assert_eq!(
            (pixel(60, 100), pixel(75, 40), pixel(75, 159)),
            (colour, colour, colour)
        );
        assert_eq!(pixel(75, 100), [9; 3]);
        // The label lies above the box.
        assert_eq!(pixel(41, 41), colour);
        let ink = colours::ink_on(colour);
        assert!((42..58).any(|row| (42..180).any(|column| pixel(row, column) == ink)));
    }

    #[test]
    fn what_lies_outside_or_is_no_number_is_not_drawn() {
        let mut picture = Array3::from_elem((8, 8, 3), 9_u8);
        let mut sheet = Sheet {
            picture: &mut picture,
            scale: 1.0,
        };
        for corners in [
            [f32::NAN; 4],
            [f32::INFINITY; 4],
            [-1e30, -1e30, 1e30, 1e30],
            [500.0; 4],
        ] {
            sheet.detections(&[detection(corners, i64::MIN)], &Labels::default());
        }
    }
}
