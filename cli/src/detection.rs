//! A thing that a detector found, in pixels of the image.

use serde_json::{Value, json};

use crate::labels::Labels;

/// What a row of numbers holds behind the box, the score and the class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) rotated: bool,
    /// Points, and numbers of each.
    pub(crate) keypoints: [usize; 2],
    /// Whether the pixels of its mask come last.
    pub(crate) mask: bool,
}

impl Columns {
    pub(crate) fn width(&self) -> usize {
        6 + 5 * usize::from(self.rotated) + self.keypoints[0] * self.keypoints[1] + usize::from(self.mask)
    }
}

/// A thing that was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Detection {
    /// x1 y1 x2 y2.
    pub(crate) corners: [f32; 4],
    pub(crate) score: f32,
    pub(crate) class: i64,
    /// Centre, width, height and angle in radians.
    pub(crate) rotated: Option<[f32; 5]>,
    /// x, y and, where the model says it, how sure it is.
    pub(crate) points: Vec<Vec<f32>>,
    /// The pixels of its mask, once it is drawn.
    pub(crate) mask_pixels: Option<u64>,
}

impl Detection {
    /// Reads a row of as many numbers as `columns` say.
    pub(crate) fn of(row: &[f64], columns: &Columns) -> Self {
        let at = |index: usize| row.get(index).map_or(f32::NAN, |number| *number as f32);
        let behind = 6 + 5 * usize::from(columns.rotated);
        let [points, numbers] = columns.keypoints;
        Self {
            corners: std::array::from_fn(at),
            score: at(4),
            class: row.get(5).map_or(-1, |class| *class as i64),
            rotated: columns
                .rotated
                .then(|| std::array::from_fn(|index| at(6 + index))),
            points: (0..points)
                .map(|point| {
                    (0..numbers)
                        .map(|number| at(behind + point * numbers + number))
                        .collect()
                })
                .collect(),
            mask_pixels: columns.mask.then(|| {
                row.get(behind + points * numbers)
                    .map_or(0, |pixels| *pixels as u64)
            }),
        }
    }

    /// The row that it was read of.
    pub(crate) fn row(&self) -> Vec<f64> {
        let mut row: Vec<f64> = self.corners.iter().map(|corner| f64::from(*corner)).collect();
        row.extend([f64::from(self.score), self.class as f64]);
        row.extend(self.rotated.iter().flatten().map(|number| f64::from(*number)));
        row.extend(self.points.iter().flatten().map(|number| f64::from(*number)));
        row.extend(self.mask_pixels.map(|pixels| pixels as f64));
        row
    }

    /// What its row holds.
    pub(crate) fn columns(&self) -> Columns {
        Columns {
            rotated: self.rotated.is_some(),
            keypoints: [self.points.len(), self.points.first().map_or(0, Vec::len)],
            mask: self.mask_pixels.is_some(),
        }
    }

    /// The name of its class, where there are names.
    pub(crate) fn name(&self, labels: &Labels) -> Option<String> {
        labels.name_of(self.class)
    }

    /// The fields of a line of JSON.
    pub(crate) fn json(&self, labels: &Labels) -> Value {
        let mut entry = json!({ "box": self.corners, "score": self.score, "label": self.class });
        if let Some(name) = self.name(labels) {
            entry["name"] = name.into();
        }
        if let Some(rotated) = self.rotated {
            entry["rotated"] = json!(rotated);
        }
        if !self.points.is_empty() {
            entry["keypoints"] = json!(self.points);
        }
        if let Some(pixels) = self.mask_pixels {
            entry["mask_pixels"] = pixels.into();
        }
        entry
    }
}
