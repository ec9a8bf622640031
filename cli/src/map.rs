//! A map of an image: a class or a value for each of its pixels, and what is told of it.

use std::collections::BTreeMap;

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use prep_onnx_rewriter::after::Role;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::host::Array;
use crate::labels::Labels;

/// What the pixels of a map say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapKind {
    /// A class.
    Classes,
    /// Whether the value is above a threshold.
    Above,
    /// A value.
    Values,
}

impl MapKind {
    /// What an output of this role says of the pixels of an image, where it has its size.
    pub(crate) fn of(role: Role) -> Option<Self> {
        match role {
            Role::Classes => Some(Self::Classes),
            Role::Above => Some(Self::Above),
            Role::Resized | Role::Probabilities => Some(Self::Values),
            Role::Boxes
            | Role::Scores
            | Role::Labels
            | Role::Image
            | Role::Rotated
            | Role::Keypoints
            | Role::Masks
            | Role::Embeddings
            | Role::Indices => None,
        }
    }
}

/// What is told of a map, whose numbers are too many to be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Map {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) shows: Shows,
}

/// What is on a map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shows {
    /// Each class that is there and its number of pixels, the most pixels first.
    Classes(Vec<(i64, u64)>),
    /// How many pixels are above.
    Above(u64),
    /// The least and the greatest value; none where no value is a finite number.
    Values(Option<[f32; 2]>),
}

/// The rows and columns of an array of which all other axes are 1.
pub(crate) fn plane(array: &Array) -> Result<(usize, usize)> {
    match array.shape() {
        [outer @ .., rows, columns] if outer.iter().all(|extent| *extent == 1) => Ok((*rows, *columns)),
        other => Err(Error::new("answers", "are no map")
            .expected_got("one map of rows and columns", format_args!("shape {other:?}"))
            .with_kind(ErrorKind::Model)),
    }
}

/// The least and the greatest of those that are finite.
pub(crate) fn range(values: impl Iterator<Item = f64> + Clone) -> Option<[f64; 2]> {
    let finite = values.filter(|value| value.is_finite());
    let low = finite.clone().fold(f64::INFINITY, f64::min);
    let high = finite.fold(f64::NEG_INFINITY, f64::max);
    (low <= high).then_some([low, high])
}

impl Map {
    /// What `array` shows.
    ///
    /// # Errors
    /// An array that is not one map.
    pub(crate) fn of(array: &Array, kind: MapKind) -> Result<Self> {
        let (height, width) = plane(array)?;
        let values = array.to_f64();
        let shows = match kind {
            MapKind::Classes => {
                let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
                for value in values {
                    *counts.entry(value as i64).or_default() += 1;
                }
                let mut counts: Vec<_> = counts.into_iter().collect();
                counts.sort_by_key(|(_, pixels)| std::cmp::Reverse(*pixels));
                Shows::Classes(counts)
            }
            MapKind::Above => Shows::Above(values.iter().filter(|value| **value > 0.0).count() as u64),
            MapKind::Values => {
                Shows::Values(range(values.iter().copied()).map(|range| range.map(|edge| edge as f32)))
            }
        };
        Ok(Self { height, width, shows })
    }

    /// So many of its pixels as a part in percent.
    fn percent(&self, pixels: u64) -> f64 {
        100.0 * pixels as f64 / (self.height * self.width).max(1) as f64
    }

    /// The fields of a line of JSON.
    pub(crate) fn json(&self, labels: &Labels) -> Value {
        let mut entry = json!({ "height": self.height, "width": self.width });
        match &self.shows {
            Shows::Classes(counts) => {
                let class = |(class, pixels): &(i64, u64)| {
                    let mut entry = json!({ "label": class, "pixels": pixels });
                    if let Some(name) = labels.name_of(*class) {
                        entry["name"] = name.into();
                    }
                    entry
                };
                entry["classes"] = counts.iter().map(class).collect();
            }
            Shows::Above(pixels) => entry["above"] = (*pixels).into(),
            Shows::Values(range) => {
                entry["low"] = json!(range.map(|[low, _]| low));
                entry["high"] = json!(range.map(|[_, high]| high));
            }
        }
        entry
    }

    /// A line for people.
    pub(crate) fn in_words(&self, labels: &Labels) -> String {
        const SHOWN: usize = 4;
        let said = match &self.shows {
            Shows::Classes(counts) => {
                let shown = counts.iter().take(SHOWN).map(|(class, pixels)| {
                    let name = labels.name_of(*class).unwrap_or_else(|| format!("class {class}"));
                    format!("{name} {:.1} %", self.percent(*pixels))
                });
                let more = if counts.len() > SHOWN { ", …" } else { "" };
                shown.collect::<Vec<_>>().join(", ") + more
            }
            Shows::Above(pixels) => format!("{:.1} % above", self.percent(*pixels)),
            Shows::Values(None) => "no finite values".to_owned(),
            Shows::Values(Some([low, high])) => format!("{low:.4} to {high:.4}"),
        };
        format!("{} x {}: {said}", self.height, self.width)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};

    use super::*;

    #[test]
    fn a_map_is_told_by_its_classes_or_its_range() {
        let classes = ArrayD::from_shape_vec(IxDyn(&[1, 2, 3]), vec![4_i64, 4, 0, 4, 0, 9]).unwrap();
        let map = Map::of(&Array::Int64(classes), MapKind::Classes).unwrap();
        assert_eq!(map.shows, Shows::Classes(vec![(4, 3), (0, 2), (9, 1)]));
        let labels = Labels::parse("sky\n\n\n\ntree", false).unwrap();
        assert_eq!(
            map.json(&labels),
            json!({ "height": 2, "width": 3, "classes": [
                { "label": 4, "pixels": 3, "name": "tree" },
                { "label": 0, "pixels": 2, "name": "sky" },
                { "label": 9, "pixels": 1, "name": "9" },
            ] })
        );
        let depth = |values: Vec<f32>| {
            let array = ArrayD::from_shape_vec(IxDyn(&[1, values.len()]), values).unwrap();
            Map::of(&Array::Float32(array), MapKind::Values).unwrap().shows
        };
        assert_eq!(
            depth(vec![f32::NAN, 2.0, f32::INFINITY, -1.5]),
            Shows::Values(Some([-1.5, 2.0]))
        );
        assert_eq!(depth(vec![f32::NAN, f32::INFINITY]), Shows::Values(None));
        let two = ArrayD::from_elem(IxDyn(&[2, 3, 3]), 1_u8);
        assert!(Map::of(&Array::Uint8(two), MapKind::Above).is_err());
    }
}
