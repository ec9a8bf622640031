//! The answers of a model for one image, drawn.

use std::path::Path;

use ndarray::{Array2, ArrayView3};
use prep_onnx_pipeline::{Error, ErrorKind, Result};
use prep_onnx_rewriter::after::Role;

use crate::answer::Outcome;
use crate::args::Global;
use crate::detection::Detection;
use crate::drawing::{Sheet, of_class};
use crate::embedded::EmbeddedModel;
use crate::host::{Array, Provider, Session, SessionOptions};
use crate::inference::{Inference, Picture};
use crate::labels::Labels;
use crate::results::Kept;
use crate::trial::AtHand;

/// What a model answers for an image, as far as it can be drawn.
pub(crate) struct Answered {
    found: Vec<Detection>,
    masks: Option<Array>,
    /// int64 [1, rows, columns].
    classes: Option<Array>,
    /// float32 [1, rows, columns].
    values: Option<Array>,
    labels: Labels,
}

impl Answered {
    /// The answers, or why there are none to draw.
    ///
    /// # Errors
    /// A model that does not load or run.
    pub(crate) fn of(
        path: &Path,
        embedded: &EmbeddedModel,
        global: &Global,
        image: ArrayView3<'_, u8>,
    ) -> Outcome<std::result::Result<Self, String>> {
        let Some(after) = &embedded.after else {
            return Ok(Err("no steps come after the model".to_owned()));
        };
        let drawn = [Role::Boxes, Role::Classes, Role::Resized];
        if !drawn.iter().any(|role| after.outputs.contains_key(role)) {
            return Ok(Err("its answers are no places of the image".to_owned()));
        }
        if embedded.accept.form().decodes {
            return Ok(Err(
                "it takes files, of which the model makes the pixels".to_owned()
            ));
        }
        let loaded = match AtHand::find(global, Provider::Cpu)? {
            AtHand::Yes(loaded) => loaded,
            AtHand::No(why) => return Ok(Err(why)),
        };
        let options = SessionOptions {
            fused: true,
            ..SessionOptions::default()
        };
        let session = Session::open(&loaded, path, options)?;
        let mut inference = Inference::new(path, session, None, None, None, Vec::new())?
            .with_plan(&embedded.plan()?)
            .with_answers(Some(after))?;
        let picture = Picture::of_pixels(image);
        let found = if inference.detects() {
            let table = inference.run_alone(&picture)?;
            match inference.answer(&table) {
                Some(Kept::Found(found)) => found,
                Some(Kept::Output(_) | Kept::Top(_)) | None => Vec::new(),
            }
        } else {
            Vec::new()
        };
        let mut one = |role: Role| -> Result<Option<Array>> {
            let Some(name) = after.outputs.get(&role) else {
                return Ok(None);
            };
            inference.run_output(&picture, name).map(Some)
        };
        Ok(Ok(Self {
            found,
            masks: one(Role::Masks)?,
            classes: one(Role::Classes)?,
            values: one(Role::Resized)?,
            labels: Labels::of(after.labels.clone()),
        }))
    }

    /// How many things were found; none of a map.
    pub(crate) fn count(&self) -> Option<usize> {
        (self.classes.is_none() && self.values.is_none()).then_some(self.found.len())
    }

    /// Draws them.
    ///
    /// # Errors
    /// An output of another shape than it is declared with.
    pub(crate) fn draw(&self, sheet: &mut Sheet<'_>) -> Result<()> {
        if let Some(values) = &self.values {
            sheet.values(plane(values)?.view());
        }
        if let Some(classes) = &self.classes {
            sheet.classes(plane(classes)?.view());
        }
        if let Some(masks) = &self.masks {
            for (index, detection) in self.found.iter().enumerate().rev() {
                let mask = masks.row(index).ok_or_else(|| wrong(masks))?;
                sheet.mask(plane(&mask)?.view(), of_class(detection.class));
            }
        }
        sheet.detections(&self.found, &self.labels);
        Ok(())
    }
}

/// The last two axes of an array of which all others are 1.
fn plane(array: &Array) -> Result<Array2<f64>> {
    let [.., rows, columns] = array.shape() else {
        return Err(wrong(array));
    };
    Array2::from_shape_vec((*rows, *columns), array.to_f64()).map_err(|_| wrong(array))
}

fn wrong(array: &Array) -> Error {
    Error::new("answers", "cannot be drawn")
        .expected_got(
            "one map of rows and columns",
            format_args!("shape {:?}", array.shape()),
        )
        .with_kind(ErrorKind::Model)
}
