//! Masks, classes and values of pixels.

use ndarray::ArrayView2;

use super::Sheet;
use super::colours::{of_class, of_value};
use crate::labels::Labels;
use crate::map::range;

/// How much of a colour lies over what it marks.
const COVER: f32 = 0.45;

impl Sheet<'_> {
    /// The colour of the class where `mask`, of the image's size, is not 0, and a line around it. Nothing of it is looked for
    /// outside of `corners`, x1 y1 x2 y2 in pixels of the image.
    pub(crate) fn mask(&mut self, mask: ArrayView2<'_, u8>, corners: [f32; 4], class: i64) {
        let colour = of_class(class);
        let (height, width, _) = self.picture.dim();
        let thick = self.unit().div_ceil(2);
        let scale = self.scale;
        let is_in = |row: usize, column: usize| {
            let at = (place(row, scale), place(column, scale));
            mask.get(at).is_some_and(|value| *value != 0)
        };
        let span = |from: f32, to: f32, extent: usize| {
            let [from, to] = [from, to].map(|edge| f64::from(edge) * scale);
            // Of what is no number nothing is known: the whole.
            let from = if from.is_nan() { 0.0 } else { from };
            let to = if to.is_nan() { extent as f64 } else { to };
            (from.floor().max(0.0) as usize).min(extent)
                ..(to.ceil().max(0.0) as usize).saturating_add(1).min(extent)
        };
        let (rows, columns) = (
            span(corners[1], corners[3], height),
            span(corners[0], corners[2], width),
        );
        for row in rows {
            for column in columns.clone() {
                if !is_in(row, column) {
                    continue;
                }
                let inner = row >= thick
                    && column >= thick
                    && is_in(row - thick, column)
                    && is_in(row + thick, column)
                    && is_in(row, column - thick)
                    && is_in(row, column + thick);
                self.cover(row, column, colour, if inner { COVER } else { 1.0 });
            }
        }
    }

    /// A colour for the class of each pixel of the image, and which class has which.
    pub(crate) fn classes(&mut self, classes: ArrayView2<'_, i64>, present: &[(i64, u64)], labels: &Labels) {
        self.over(classes, |class| Some(of_class(*class)));
        let total = classes.len().max(1);
        let entries: Vec<_> = present
            .iter()
            .map(|(class, pixels)| {
                let name = labels.name_of(*class).unwrap_or_else(|| format!("class {class}"));
                let percent = 100.0 * *pixels as f64 / total as f64;
                (format!("{name} {percent:.0}%"), of_class(*class))
            })
            .collect();
        self.legend(&entries);
    }

    /// A colour where the map is not 0.
    pub(crate) fn above(&mut self, above: ArrayView2<'_, i64>) {
        self.over(above, |value| (*value != 0).then(|| of_class(0)));
    }

    /// Values of each pixel of the image from dark to light in its place, and which value has which colour.
    pub(crate) fn values(&mut self, values: ArrayView2<'_, f64>) {
        let Some([low, high]) = range(values.iter().copied()) else {
            return;
        };
        let (height, width, _) = self.picture.dim();
        for row in 0..height {
            for column in 0..width {
                let Some(value) = values.get((place(row, self.scale), place(column, self.scale))) else {
                    continue;
                };
                let part = if high > low {
                    (value - low) / (high - low)
                } else {
                    0.0
                };
                self.cover(row, column, of_value(part), 1.0);
            }
        }
        self.value_scale([low, high]);
    }

    fn over<T>(&mut self, map: ArrayView2<'_, T>, colour: impl Fn(&T) -> Option<[u8; 3]>) {
        let (height, width, _) = self.picture.dim();
        for row in 0..height {
            for column in 0..width {
                let at = (place(row, self.scale), place(column, self.scale));
                if let Some(colour) = map.get(at).and_then(&colour) {
                    self.cover(row, column, colour, COVER);
                }
            }
        }
    }

    fn cover(&mut self, row: usize, column: usize, colour: [u8; 3], part: f32) {
        for (channel, colour) in colour.into_iter().enumerate() {
            let pixel = &mut self.picture[[row, column, channel]];
            *pixel = (f32::from(*pixel) * (1.0 - part) + f32::from(colour) * part) as u8;
        }
    }
}

/// The row or column of the image that one of the picture shows.
fn place(position: usize, scale: f64) -> usize {
    (position as f64 / scale) as usize
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;

    fn drawn(size: (usize, usize), draw: impl FnOnce(&mut Sheet<'_>)) -> Array3<u8> {
        let mut picture = Array3::from_elem((size.0, size.1, 3), 100_u8);
        draw(&mut Sheet {
            picture: &mut picture,
            scale: 1.0,
        });
        picture
    }

    fn pixel(picture: &Array3<u8>, row: usize, column: usize) -> [u8; 3] {
        [0, 1, 2].map(|channel| picture[[row, column, channel]])
    }

    #[test]
    fn a_mask_lies_over_the_picture_with_a_line_around_it_in_the_colour_of_its_box() {
        let mask = Array2::from_shape_fn((40, 60), |(row, column)| {
            u8::from((10..30).contains(&row) && (20..50).contains(&column))
        });
        for corners in [
            [20.0, 10.0, 50.0, 30.0],
            [f32::NAN; 4],
            [-1e30, -1e30, 1e30, 1e30],
        ] {
            let picture = drawn((40, 60), |sheet| sheet.mask(mask.view(), corners, 2));
            let colour = of_class(2);
            assert_eq!(pixel(&picture, 10, 25), colour);
            assert_eq!(pixel(&picture, 20, 49), colour);
            let inside = pixel(&picture, 20, 35);
            assert!(inside != colour && inside != [100; 3]);
            assert_eq!(pixel(&picture, 9, 25), [100; 3]);
            assert_eq!(pixel(&picture, 20, 50), [100; 3]);
        }
    }

    #[test]
    fn classes_have_a_legend_and_values_a_scale() {
        let classes = Array2::from_shape_fn((300, 400), |(row, _)| i64::from(row > 200));
        let labels = Labels::parse("sky\nground", false).unwrap();
        let present = [(0, 201 * 400), (1, 99 * 400)];
        let picture = drawn((300, 400), |sheet| {
            sheet.classes(classes.view(), &present, &labels)
        });
        assert_ne!(pixel(&picture, 190, 390), pixel(&picture, 290, 390));
        // The whole colour is in the legend alone, which lies in the upper left.
        let places: Vec<_> = (0..300)
            .flat_map(|row| (0..400).map(move |column| (row, column)))
            .filter(|(row, column)| pixel(&picture, *row, *column) == of_class(1))
            .collect();
        assert!(!places.is_empty() && places.iter().all(|(row, column)| *row < 60 && *column < 40));

        let depth = Array2::from_shape_fn((300, 400), |(row, column)| (row + column) as f64);
        let picture = drawn((300, 400), |sheet| sheet.values(depth.view()));
        assert_eq!(pixel(&picture, 0, 0), of_value(0.0));
        assert_eq!(pixel(&picture, 150, 200), of_value(350.0 / 698.0));
        let none = Array2::from_elem((300, 400), f64::NAN);
        let picture = drawn((300, 400), |sheet| sheet.values(none.view()));
        assert_eq!(pixel(&picture, 299, 0), [100; 3]);
    }

    #[test]
    fn pictures_of_any_size_take_any_map() {
        for size in [(0, 0), (1, 1), (3, 200), (200, 3), (2000, 1500)] {
            let labels = Labels::parse("a very long name of a class that is cut somewhere\n", false).unwrap();
            let classes = Array2::from_shape_fn(size, |(row, column)| (row * 7 + column) as i64);
            let present: Vec<_> = (0..100).map(|class| (class, 1)).collect();
            drawn(size, |sheet| sheet.classes(classes.view(), &present, &labels));
            drawn(size, |sheet| sheet.above(classes.view()));
            let values = Array2::from_elem(size, f64::INFINITY);
            drawn(size, |sheet| sheet.values(values.view()));
        }
    }
}
