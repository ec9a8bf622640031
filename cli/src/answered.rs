//! The answers of a model for one image, drawn.

use std::path::Path;

use ndarray::{Array2, ArrayView3, Axis, Ix3};
use prep_onnx_pipeline::{Error, ErrorKind, Result};

use crate::answer::Outcome;
use crate::args::Global;
use crate::drawing::Sheet;
use crate::embedded::EmbeddedModel;
use crate::host::{Array, Provider, Session, SessionOptions};
use crate::inference::{Inference, Picture};
use crate::labels::Labels;
use crate::map::{MapKind, Shows, plane};
use crate::results::Kept;
use crate::trial::AtHand;

/// What a model answers for an image, as far as it can be drawn.
pub(crate) struct Answered {
    /// Boxes, or what is told of a map.
    kept: Kept,
    /// uint8 [M, rows, columns] of the boxes.
    masks: Option<Array>,
    /// A class or a value for each pixel.
    map: Option<(MapKind, Array)>,
}

impl Answered {
    /// What `array`, the result of an image, and the masks of what was found there say.
    ///
    /// # Errors
    /// A result that is no places of the image.
    pub(crate) fn new(inference: &Inference, array: &Array, masks: Option<Array>) -> Result<Self> {
        let mut kept = inference.answer(array)?.ok_or_else(no_places)?;
        if let (Kept::Found(found), Some(Array::Uint8(masks))) = (&mut kept, &masks) {
            for (detection, mask) in found.iter_mut().zip(masks.axis_iter(Axis(0))) {
                detection.mask_pixels = Some(mask.iter().filter(|value| **value != 0).count() as u64);
            }
        }
        let map = inference.map().map(|kind| (kind, array.clone()));
        Ok(Self { kept, masks, map })
    }

    /// The answers for `image`, or why there are none to draw.
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
        if !inference.has_places() {
            return Ok(Err(no_places().to_string()));
        }
        let (array, masks) = inference.run_with_masks(&Picture::of_pixels(image))?;
        Ok(Ok(Self::new(&inference, &array, masks)?))
    }

    /// How many things were found; none of a map.
    pub(crate) fn count(&self) -> Option<usize> {
        match &self.kept {
            Kept::Found(found) => Some(found.len()),
            Kept::Map(_) | Kept::Output(_) | Kept::Top(_) => None,
        }
    }

    /// What is kept of them.
    pub(crate) fn into_kept(self) -> Kept {
        self.kept
    }

    /// Draws them.
    ///
    /// # Errors
    /// An output of another shape than it is declared with.
    pub(crate) fn draw(&self, sheet: &mut Sheet<'_>, labels: &Labels) -> Result<()> {
        match (&self.kept, &self.map) {
            (Kept::Found(found), _) => {
                if let Some(Array::Uint8(masks)) = &self.masks {
                    let masks = masks.view().into_dimensionality::<Ix3>();
                    let masks = masks.map_err(|error| no_map(&error))?;
                    for (detection, mask) in found.iter().zip(masks.outer_iter()).rev() {
                        sheet.mask(mask, detection.corners, detection.class);
                    }
                }
                sheet.detections(found, labels);
            }
            (Kept::Map(told), Some((kind, map))) => {
                let size = plane(map)?;
                let values = map.to_f64();
                let whole = || values.iter().map(|value| *value as i64).collect();
                let of_shape =
                    |values: Vec<i64>| Array2::from_shape_vec(size, values).map_err(|error| no_map(&error));
                match (kind, &told.shows) {
                    (MapKind::Classes, Shows::Classes(present)) => {
                        sheet.classes(of_shape(whole())?.view(), present, labels);
                    }
                    (MapKind::Values, _) => {
                        let values = Array2::from_shape_vec(size, values).map_err(|error| no_map(&error))?;
                        sheet.values(values.view());
                    }
                    (MapKind::Classes | MapKind::Above, _) => sheet.above(of_shape(whole())?.view()),
                }
            }
            (Kept::Map(_) | Kept::Output(_) | Kept::Top(_), _) => {}
        }
        Ok(())
    }
}

fn no_places() -> Error {
    Error::new(
        "",
        "its answers are no places of the image: neither boxes nor a map in its size",
    )
}

fn no_map(error: &ndarray::ShapeError) -> Error {
    Error::new("answers", "cannot be drawn")
        .why(error)
        .with_kind(ErrorKind::Model)
}
