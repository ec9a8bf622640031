//! An embedded model over images whose sizes may differ.

mod inputs;
mod picture;
mod rows;
mod running;
mod taken;
mod trial;

use std::path::Path;

use ndarray::{Array1, Array2, Array4};
use prep_onnx_pipeline::{CHANNELS, Plan, Result, SourceFormat};
use prep_onnx_rewriter::Model;
use prep_onnx_rewriter::after::Recorded;

use crate::host::{Array, Session};
use crate::map::{Map, MapKind};
use crate::results::Kept;
use inputs::{ImageInputs, Images, all_feeds};
pub(crate) use picture::Picture;
use rows::{Known, refusal};
pub(crate) use rows::{Rows, RowsOption};
pub(crate) use taken::Taken;
use taken::{detections, ranked};
use trial::{Shown, trial};

/// A session with what it needs beside the images.
pub(crate) struct Inference {
    session: Session,
    inputs: ImageInputs,
    taken: Taken,
    /// The output that says which files could not be read.
    status: Option<usize>,
    feeds: Vec<(String, Array)>,
    /// The number of images that the model takes at once, where it is fixed.
    fixed_batch: Option<usize>,
    /// Whether the output has a row for each image.
    known: Known,
    /// What the images are handed over as.
    source: SourceFormat,
    /// Whether the result of an image is as large as the largest of its batch: only images of one size run together, so
    /// that an image's output is its own.
    of_batch: bool,
}

impl Inference {
    /// Finds the inputs that take the images, and checks that the model has all it needs once they are
    /// there. `input` names the first of them where several could.
    ///
    /// # Errors
    /// No input for images, or several; an input that is neither for images nor among `feeds`, or does
    /// not fit. `status` names the output that says which files could not be read.
    ///
    /// The output counts as one with a row for each image until [`Inference::with_rows`] says otherwise.
    pub(crate) fn new(
        path: &Path,
        session: Session,
        input: Option<&str>,
        output: Option<&str>,
        status: Option<&str>,
        feeds: Vec<(String, Array)>,
    ) -> Result<Self> {
        let inputs =
            ImageInputs::find(&session, input, &feeds).map_err(|error| error.within(path.display()))?;
        let port = session.inputs().iter().find(|port| port.name == inputs.counted());
        let first = port.and_then(|port| port.shape.as_ref()?.first().copied());
        let fixed_batch = first
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count > 0);
        let output = session.output_index(output)?;
        let status = status.and_then(|name| session.output_index(Some(name)).ok());
        let inference = Self {
            session,
            inputs,
            taken: Taken::One(output),
            status,
            feeds,
            fixed_batch,
            known: Known::Settled(Rows::Each),
            source: SourceFormat::Rgb,
            of_batch: false,
        };
        let channels = port_channels(&inference);
        // Any image shows whether the other inputs are there, before the first one is decoded.
        let pixel = Array4::<u8>::zeros((fixed_batch.unwrap_or(1), 1, 1, channels));
        let shapes = Array2::<i64>::zeros((fixed_batch.unwrap_or(1), CHANNELS));
        let flat = Array1::<u8>::zeros(1);
        let lengths = Array1::<i64>::zeros(fixed_batch.unwrap_or(1));
        let images = match &inference.inputs {
            ImageInputs::Batch { .. } => Images::Batch(pixel.view()),
            ImageInputs::Ragged { .. } => Images::Ragged(flat.view(), shapes.view()),
            ImageInputs::Encoded { .. } => Images::Encoded(flat.view(), lengths.view()),
        };
        inference
            .session
            .check_feeds(&all_feeds(&inference.inputs, images, &inference.feeds))?;
        Ok(inference)
    }

    /// Images are handed over and grouped as the model's pipeline asks for.
    pub(crate) fn with_plan(self, plan: &Plan) -> Self {
        Self {
            source: plan.source,
            of_batch: plan.is_of_batch(),
            ..self
        }
    }

    /// Takes the answers of the steps after the model, where they have a form of their own.
    ///
    /// # Errors
    /// Those of [`Inference::with_rows`].
    pub(crate) fn with_answers(mut self, recorded: Option<&Recorded>) -> Result<Self> {
        if let Some(taken) = recorded
            .map(|recorded| Taken::of(&self.session, recorded))
            .transpose()?
            .flatten()
        {
            self.taken = taken;
        }
        Ok(self)
    }

    /// Whether the steps after the model have answers of a form of their own.
    pub(crate) fn has_answers(&self) -> bool {
        !matches!(self.taken, Taken::One(_))
    }

    /// Whether each image has detections.
    pub(crate) fn detects(&self) -> bool {
        matches!(self.taken, Taken::Detections(_))
    }

    /// Whether what is answered are places of the image.
    pub(crate) fn has_places(&self) -> bool {
        self.detects() || self.map().is_some()
    }

    /// Whether what is found in an image has masks.
    pub(crate) fn has_masks(&self) -> bool {
        matches!(&self.taken, Taken::Detections(detector) if detector.masks().is_some())
    }

    /// What the pixels of each image's map say; none where it has none.
    pub(crate) fn map(&self) -> Option<MapKind> {
        match &self.taken {
            Taken::Map(_, kind) => Some(*kind),
            Taken::One(_) | Taken::Ranked(_) | Taken::Detections(_) => None,
        }
    }

    /// What `array`, the result of an image, says; none where it is an output as it is.
    ///
    /// # Errors
    /// A map of another form than its steps make.
    pub(crate) fn answer(&self, array: &Array) -> Result<Option<Kept>> {
        Ok(match &self.taken {
            Taken::One(_) => None,
            Taken::Map(_, kind) => Some(Kept::Map(Map::of(array, *kind)?)),
            Taken::Ranked(_) => Some(Kept::Top(ranked(array))),
            Taken::Detections(detector) => {
                let port = detector
                    .keypoints()
                    .and_then(|index| self.session.outputs().get(index));
                let shape = port.and_then(|port| port.shape.as_deref()).unwrap_or_default();
                let extent = |axis: usize| {
                    let extent = shape.get(axis).and_then(|extent| usize::try_from(*extent).ok());
                    extent.unwrap_or_default()
                };
                let columns = detector.columns([extent(1), extent(2)]);
                Some(Kept::Found(detections(array, &columns)))
            }
        })
    }

    /// Finds out whether the output has a row for each image: `option` says it, or else what `model`, the file of
    /// the session, declares. Where that is not enough, [`Inference::settle`] has to find it out.
    ///
    /// # Errors
    /// An output that is no image's, of a model that takes several images at once.
    pub(crate) fn with_rows(mut self, option: RowsOption, model: &Model) -> Result<Self> {
        if !matches!(self.taken, Taken::One(_) | Taken::Map(..)) {
            // Each detection says which image it is of, and the highest classes are declared.
            self.known = Known::Settled(Rows::Each);
            return Ok(self);
        }
        let known = match option {
            RowsOption::Auto => {
                let port = self.session.outputs().get(self.taken.first());
                let inferred = port.and_then(|port| port.shape.as_deref());
                Known::of(model, self.inputs.counted(), self.output_name(), inferred)?
            }
            RowsOption::Each => Known::Settled(Rows::Each),
            RowsOption::Whole => Known::Settled(Rows::Whole("--rows whole".to_owned())),
        };
        self.known = match known {
            Known::Settled(rows) => Known::Settled(self.fitting(rows)?),
            open => open,
        };
        Ok(self)
    }

    /// The number of elements that one image's row is declared to have, where the file says it.
    pub(crate) fn row_elements(&self) -> Option<usize> {
        let Taken::One(output) = self.taken else {
            return None;
        };
        let shape = self.session.outputs().get(output)?.shape.as_ref()?;
        // ONNX Runtime has no word for an unknown rank.
        if shape.is_empty() {
            return None;
        }
        let row = match self.rows()? {
            Rows::Each => shape.get(1..)?,
            Rows::Whole(_) => shape.as_slice(),
        };
        row.iter().try_fold(1_usize, |product, extent| {
            product.checked_mul(usize::try_from(*extent).ok()?)
        })
    }

    /// Whether the output has a row for each image, once that is known.
    pub(crate) fn rows(&self) -> Option<&Rows> {
        match &self.known {
            Known::Settled(rows) => Some(rows),
            Known::Doubted | Known::Open => None,
        }
    }

    /// Takes over what an earlier run found out.
    ///
    /// # Errors
    /// As [`Inference::with_rows`].
    pub(crate) fn set_rows(&mut self, rows: Rows) -> Result<()> {
        self.known = Known::Settled(self.fitting(rows)?);
        Ok(())
    }

    /// A trial with the first of the images that can be run, where the model's declaration leaves open whether the
    /// output has a row for each image. It stays open where none of them can be run.
    ///
    /// # Errors
    /// As [`Inference::with_rows`].
    pub(crate) fn settle<'a>(&mut self, pictures: impl IntoIterator<Item = Picture<'a>>) -> Result<()> {
        for picture in pictures {
            if self.rows().is_some() {
                break;
            }
            let rows = match trial(self, &picture) {
                // The run says what is wrong with the image.
                Err(_) => continue,
                Ok(Shown::Is(Rows::Whole(why))) => Rows::Whole(format!(
                    "its declaration leaves it open, and a trial showed none: {why}"
                )),
                Ok(Shown::Is(Rows::Each)) => Rows::Each,
                Ok(Shown::Nothing) if self.known == Known::Doubted => Rows::Each,
                Ok(Shown::Nothing) => {
                    Rows::Whole("its declaration leaves it open, and a trial showed nothing".to_owned())
                }
            };
            self.set_rows(rows)?;
        }
        Ok(())
    }

    /// `rows`, unless the model cannot run one image alone.
    fn fitting(&self, rows: Rows) -> Result<Rows> {
        match (&rows, self.fixed_batch) {
            (Rows::Whole(why), Some(fixed)) if fixed > 1 => Err(refusal(self.output_name(), fixed, why)),
            _ => Ok(rows),
        }
    }

    /// The name of the output that is taken.
    pub(crate) fn output_name(&self) -> &str {
        self.session
            .outputs()
            .get(self.taken.first())
            .map_or("", |output| &output.name)
    }
}

/// The channels of the input for images of one size.
fn port_channels(inference: &Inference) -> usize {
    let port = inference
        .session
        .inputs()
        .iter()
        .find(|port| port.name == inference.inputs.counted());
    let last = port.and_then(|port| port.shape.as_ref()?.last().copied());
    last.and_then(|channels| usize::try_from(channels).ok())
        .filter(|channels| *channels > 0)
        .unwrap_or(CHANNELS)
}
