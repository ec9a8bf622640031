//! What is taken of a model's outputs: one of them, or the answers of the steps after the model.

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use prep_onnx_rewriter::after::{Recorded, Role, Then};

use crate::detection::{Columns, Detection};
use crate::host::{Array, Session};
use crate::labels::Ranked;
use crate::map::MapKind;

/// Which outputs are run.
pub(crate) enum Taken {
    /// One, by its index.
    One(usize),
    /// The detections of the images of a batch.
    Detections(Detector),
    /// The highest classes of each image: scores and indices.
    Ranked([usize; 2]),
    /// A map of each image, in its size.
    Map(usize, MapKind),
}

/// The outputs of a detector, by their indices.
pub(crate) struct Detector {
    boxes: usize,
    scores: usize,
    labels: usize,
    image: usize,
    rotated: Option<usize>,
    keypoints: Option<usize>,
    /// Only what is drawn needs them.
    masks: Option<usize>,
}

impl Taken {
    /// The answers that a file records; none where it has none of its own form.
    pub(crate) fn of(session: &Session, recorded: &Recorded) -> Result<Option<Self>> {
        let index = |role: Role| {
            let name = recorded.outputs.get(&role)?;
            session.output_index(Some(name)).ok()
        };
        if let (Some(boxes), Some(scores), Some(labels), Some(image)) = (
            index(Role::Boxes),
            index(Role::Scores),
            index(Role::Labels),
            index(Role::Image),
        ) {
            return Ok(Some(Self::Detections(Detector {
                boxes,
                scores,
                labels,
                image,
                rotated: index(Role::Rotated),
                keypoints: index(Role::Keypoints),
                masks: index(Role::Masks),
            })));
        }
        Ok(match (index(Role::Scores), index(Role::Indices)) {
            (Some(scores), Some(indices)) => Some(Self::Ranked([scores, indices])),
            _ => map(session, recorded),
        })
    }

    /// The outputs that a run computes.
    pub(crate) fn outputs(&self) -> Vec<usize> {
        match self {
            Self::One(output) | Self::Map(output, _) => vec![*output],
            Self::Ranked(outputs) => outputs.to_vec(),
            Self::Detections(detector) => {
                let mut outputs = vec![detector.boxes, detector.scores, detector.labels, detector.image];
                outputs.extend(detector.rotated);
                outputs.extend(detector.keypoints);
                outputs
            }
        }
    }

    /// The first of them.
    pub(crate) fn first(&self) -> usize {
        match self {
            Self::One(output) | Self::Map(output, _) | Self::Ranked([output, _]) => *output,
            Self::Detections(detector) => detector.boxes,
        }
    }

    /// A table of numbers for each of the first `count` images, from the arrays of [`Taken::outputs`]; none for one output,
    pub(crate) fn tables(&self, arrays: &[Array], count: usize) -> Result<Option<Vec<Array>>> {
        match self {
            Self::One(_) | Self::Map(..) => Ok(None),
            Self::Ranked(_) => ranked_tables(arrays, count).map(Some),
            Self::Detections(detector) => detector.tables(arrays, count).map(Some),
        }
    }
}

/// The map that a file records, where it is one of the pixels of the image.
fn map(session: &Session, recorded: &Recorded) -> Option<Taken> {
    let is_in_its_size = |step: &Then| matches!(step, Then::ResizeToImage(_));
    if !recorded.steps.iter().any(is_in_its_size) {
        return None;
    }
    recorded.outputs.iter().find_map(|(role, name)| {
        let kind = MapKind::of(*role)?;
        let index = session.output_index(Some(name)).ok()?;
        let shape = session.outputs().get(index)?.shape.as_deref()?;
        matches!(shape, [_, _, _] | [_, 1, _, _]).then_some(Taken::Map(index, kind))
    })
}

fn wrong(what: &str) -> Error {
    Error::new("outputs", what)
        .with_kind(ErrorKind::Model)
        .fix("embed the steps after the model again")
}

/// [K, 2] for each image: score and class.
fn ranked_tables(arrays: &[Array], count: usize) -> Result<Vec<Array>> {
    let [scores, indices] = arrays else {
        return Err(wrong("are not scores and indices"));
    };
    let rows = |array: &Array| {
        let rows = (0..count).map(|image| array.row(image));
        rows.collect::<Option<Vec<_>>>()
            .ok_or_else(|| wrong("have no row for each image"))
    };
    let (scores, indices) = (rows(scores)?, rows(indices)?);
    let tables = scores.iter().zip(&indices).map(|(scores, indices)| {
        let pairs: Vec<f64> = scores
            .to_f64()
            .into_iter()
            .zip(indices.to_f64())
            .flat_map(|(score, index)| [score, index])
            .collect();
        Array::table(&pairs, 2)
    });
    Ok(tables.collect())
}

/// The highest classes of a table.
pub(crate) fn ranked(table: &Array) -> Vec<Ranked> {
    table
        .to_f64()
        .chunks_exact(2)
        .map(|pair| Ranked {
            index: pair[1] as usize,
            score: pair[0],
        })
        .collect()
}

impl Detector {
    fn tables(&self, arrays: &[Array], count: usize) -> Result<Vec<Array>> {
        let mut arrays = arrays.iter();
        let mut next = || arrays.next().ok_or_else(|| wrong("were not all computed"));
        let (boxes, scores, labels, image) = (next()?, next()?, next()?, next()?);
        let rotated = self.rotated.map(|_| next()).transpose()?;
        let keypoints = self.keypoints.map(|_| next()).transpose()?;
        let found = image.to_f64();
        let columns = Columns {
            rotated: rotated.is_some(),
            keypoints: keypoints.map_or([0, 0], |array| {
                let extent = |axis: usize| array.shape().get(axis).copied().unwrap_or_default();
                [extent(1), extent(2)]
            }),
            mask: false,
        };
        let parts = [
            Some((boxes, 4)),
            Some((scores, 1)),
            Some((labels, 1)),
            rotated.map(|array| (array, 5)),
            keypoints.map(|array| (array, columns.keypoints[0] * columns.keypoints[1])),
        ];
        let mut values = Vec::new();
        for (array, width) in parts.into_iter().flatten() {
            let numbers = array.to_f64();
            if numbers.len() != found.len() * width {
                return Err(wrong("do not have a row for each detection"));
            }
            values.push((numbers, width));
        }
        let mut tables = vec![Vec::new(); count];
        for (row, image) in found.iter().enumerate() {
            // Copies that fill a batch come after the images.
            let Some(table) = tables.get_mut(*image as usize) else {
                continue;
            };
            for (numbers, width) in &values {
                table.extend_from_slice(&numbers[row * width..][..*width]);
            }
        }
        let width = values.iter().map(|(_, width)| width).sum();
        Ok(tables.iter().map(|table| Array::table(table, width)).collect())
    }

    /// The output with key points.
    pub(crate) fn keypoints(&self) -> Option<usize> {
        self.keypoints
    }

    /// What is in the columns of a table.
    pub(crate) fn columns(&self, keypoints: [usize; 2]) -> Columns {
        Columns {
            rotated: self.rotated.is_some(),
            keypoints: if self.keypoints.is_some() {
                keypoints
            } else {
                [0, 0]
            },
            mask: false,
        }
    }

    /// The output with the masks.
    pub(crate) fn masks(&self) -> Option<usize> {
        self.masks
    }

    /// Of the arrays of [`Taken::outputs`], that which says which image each detection is of.
    pub(crate) fn image_of<'a>(&self, arrays: &'a [Array]) -> Option<&'a Array> {
        arrays.get(3)
    }
}

/// The detections of a table.
pub(crate) fn detections(table: &Array, columns: &Columns) -> Vec<Detection> {
    let width = columns.width();
    let numbers = table.to_f64();
    numbers
        .chunks_exact(width)
        .map(|row| Detection::of(row, columns))
        .collect()
}
