//! Answers drawn onto the picture that they are of.

mod colours;
mod legend;
mod letters;
mod maps;

use ndarray::Array3;

use crate::detection::Detection;
use crate::labels::Labels;
use colours::of_class;

/// A picture, and how many of its pixels one of the image has.
pub(crate) struct Sheet<'a> {
    pub(crate) picture: &'a mut Array3<u8>,
    pub(crate) scale: f64,
}

/// Rows and columns of the picture.
#[derive(Clone, Copy)]
struct Block {
    row: i64,
    column: i64,
    tall: i64,
    wide: i64,
}

impl Block {
    fn meets(&self, other: &Self) -> bool {
        let meet = |one: i64, long: i64, two: i64, length: i64| one < two + length && two < one + long;
        meet(self.row, self.tall, other.row, other.tall)
            && meet(self.column, self.wide, other.column, other.wide)
    }
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
        // Those of the highest score choose their places first, and lie above where there is no room.
        let mut placed: Vec<Block> = Vec::new();
        let mut texts = Vec::new();
        for detection in found {
            let name = detection
                .name(labels)
                .unwrap_or_else(|| detection.class.to_string());
            let text = format!("{name} {:.2}", detection.score);
            placed.push(self.place_of(&text, detection.corners, &placed));
            texts.push((text, of_class(detection.class)));
        }
        for (block, (text, colour)) in placed.iter().zip(&texts).rev() {
            self.fill(*block, *colour);
            self.text((block.row, block.column), text, colours::ink_on(*colour));
        }
    }

    /// Where the name of a box lies: above it, or else below, or inside, wherever no other name is; above where all are taken.
    fn place_of(&self, text: &str, corners: [f32; 4], placed: &[Block]) -> Block {
        let (height, width, _) = self.picture.dim();
        let (tall, wide) = self.text_size(text);
        let within = |at: i64, extent: i64, most: usize| at.min(most as i64 - extent).max(0);
        let [left, top, _, bottom] = corners.map(|edge| (f64::from(edge) * self.scale).round() as i64);
        let above = top.saturating_sub(tall);
        let block = |row: i64| Block {
            row: within(row, tall, height),
            column: within(left, wide, width),
            tall,
            wide,
        };
        let first = block(if above < 0 { top } else { above });
        let others = [bottom, top, bottom.saturating_sub(tall)].map(block);
        let is_free = |block: &Block| !placed.iter().any(|other| other.meets(block));
        std::iter::once(first)
            .chain(others)
            .find(is_free)
            .unwrap_or(first)
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

    /// Rows and columns of a text with the border around it.
    fn text_size(&self, text: &str) -> (i64, i64) {
        let (pad, letter) = self.letter();
        let count = text.chars().count() as i64;
        (letter + 2 * pad, count * letter + 2 * pad)
    }

    /// The border around a text, and the edge of a letter.
    fn letter(&self) -> (i64, i64) {
        let size = self.unit() * 2;
        (size as i64, (letters::EDGE * size) as i64)
    }

    fn fill(&mut self, block: Block, colour: [u8; 3]) {
        for down in 0..block.tall {
            for across in 0..block.wide {
                self.set(block.row + down, block.column + across, colour);
            }
        }
    }

    fn text(&mut self, (row, column): (i64, i64), text: &str, ink: [u8; 3]) {
        let (pad, letter) = self.letter();
        for (index, character) in text.chars().enumerate() {
            let begin = column + pad + index as i64 * letter;
            for (y, x) in letters::dots(character) {
                let dot = Block {
                    row: row + pad + y as i64 * pad,
                    column: begin + x as i64 * pad,
                    tall: pad,
                    wide: pad,
                };
                self.fill(dot, ink);
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
            mask_pixels: None,
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
    fn names_of_neighbours_do_not_lie_over_each_other() {
        let mut picture = Array3::zeros((300, 400, 3));
        let sheet = Sheet {
            picture: &mut picture,
            scale: 1.0,
        };
        let mut placed: Vec<Block> = Vec::new();
        for corners in [
            [50.0, 100.0, 90.0, 140.0],
            [70.0, 104.0, 110.0, 150.0],
            [60.0, 98.0, 90.0, 200.0],
        ] {
            let block = sheet.place_of("a long name 0.98", corners, &placed);
            assert!(!placed.iter().any(|other| other.meets(&block)));
            placed.push(block);
        }
        // Where all places are taken, the usual one.
        for _ in 0..9 {
            let block = sheet.place_of("a long name 0.98", [50.0, 100.0, 90.0, 140.0], &placed);
            placed.push(block);
        }
        assert_eq!(placed[11].row, 100 - placed[11].tall);
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
