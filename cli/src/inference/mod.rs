//! An embedded model over images whose sizes may differ.

mod inputs;
mod rows;
mod taken;
mod trial;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ndarray::{Array1, Array2, Array4, ArrayView3, Axis, aview2};
use prep_onnx_loader::Batch;
use prep_onnx_pipeline::{CHANNELS, Error, ErrorKind, ImageStatus, Plan, Result, SourceFormat};
use prep_onnx_rewriter::Model;
use prep_onnx_rewriter::after::Recorded;

use crate::host::{Array, Session};
use crate::map::{Map, MapKind};
use crate::results::Kept;
use crate::source::as_source;
use inputs::{ImageInputs, Images, Padded, all_feeds};
use rows::{Known, refusal};
pub(crate) use rows::{Rows, RowsOption};
pub(crate) use taken::Taken;
use taken::{Detector, detections, ranked};
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

    /// How many images run together where at most `limit` may.
    fn together(&self, limit: usize) -> usize {
        match (&self.known, self.fixed_batch) {
            (_, Some(fixed)) => fixed,
            (Known::Settled(Rows::Each), None) => limit.max(1),
            (Known::Settled(Rows::Whole(_)) | Known::Doubted | Known::Open, None) => 1,
        }
    }

    /// The output of each image that was decoded, in order. At most `limit` images run together; where
    /// the model takes images of one size, those of one size. Where a run fails, each of its images is run
    /// alone, so that an error is that of one image.
    pub(crate) fn run(&mut self, batch: &Batch, limit: usize) -> Vec<Result<Array>> {
        let images: Vec<ArrayView3<'_, u8>> = batch.images().collect();
        let limit = self.together(limit);
        // As the loader has laid them out, without a copy.
        if self.source == SourceFormat::Rgb
            && (!self.of_batch || batch.as_batch().is_some())
            && !images.is_empty()
            && images.len() <= limit
            && self.fixed_batch.is_none_or(|fixed| fixed == images.len())
        {
            let whole = match &self.inputs {
                ImageInputs::Batch { .. } => batch.as_batch().map(Images::Batch),
                ImageInputs::Ragged { .. } => Some(Images::Ragged(batch.pixels(), batch.shapes())),
                ImageInputs::Encoded { .. } => None,
            };
            if let Some(whole) = whole {
                let rows = self.run_images(whole, images.len());
                return self.each(rows, &images);
            }
        }
        let mut groups: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (index, image) in images.iter().enumerate() {
            let (height, width, _) = image.dim();
            let key = match &self.inputs {
                ImageInputs::Batch { .. } => (height, width),
                ImageInputs::Ragged { .. } if self.of_batch => (height, width),
                ImageInputs::Ragged { .. } | ImageInputs::Encoded { .. } => (0, 0),
            };
            groups.entry(key).or_default().push(index);
        }
        let mut results: Vec<Result<Array>> =
            vec![Err(Error::new("image", "was not run").with_kind(ErrorKind::Runtime)); images.len()];
        for group in groups.values().flat_map(|indices| indices.chunks(limit)) {
            let members: Vec<_> = group
                .iter()
                .filter_map(|index| images.get(*index).copied())
                .collect();
            let rows = self.run_group(&members);
            for (index, result) in group.iter().zip(self.each(rows, &members)) {
                if let Some(slot) = results.get_mut(*index) {
                    *slot = result;
                }
            }
        }
        results
    }

    /// One result for each of `images`, of which `rows` came or did not.
    fn each(&mut self, rows: Result<Vec<Array>>, images: &[ArrayView3<'_, u8>]) -> Vec<Result<Array>> {
        match rows {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) if images.len() == 1 => vec![Err(error)],
            Err(_) => {
                let alone = |image| {
                    let row = self.run_group(&[image])?.pop();
                    row.ok_or_else(|| Error::new("output", "has no row").with_kind(ErrorKind::Runtime))
                };
                images.iter().copied().map(alone).collect()
            }
        }
    }

    /// Whether the model decodes files itself: [`Inference::run_files`] runs it, and [`Inference::run`] does not.
    pub(crate) fn takes_files(&self) -> bool {
        matches!(self.inputs, ImageInputs::Encoded { .. })
    }

    /// The output of each file, at most `limit` of them together. Where a run fails, each of its files is run
    /// alone, so that an error is that of one image.
    pub(crate) fn run_files(&mut self, files: &[&[u8]], limit: usize) -> Vec<Result<Array>> {
        let limit = match self.of_batch {
            true => self.together(1),
            false => self.together(limit),
        };
        let mut results = Vec::with_capacity(files.len());
        for group in files.chunks(limit) {
            match self.run_file_group(group) {
                Ok(rows) => results.extend(rows),
                Err(error) if group.len() == 1 => results.push(Err(of_the_file(error))),
                Err(_) => results.extend(group.iter().map(|file| {
                    let row = self.run_file_group(&[file]).map_err(of_the_file)?.pop();
                    row.unwrap_or_else(|| {
                        Err(Error::new("output", "has no row").with_kind(ErrorKind::Runtime))
                    })
                })),
            }
        }
        results
    }

    /// Runs files that fit into one call, with copies of the last one up to a fixed batch.
    fn run_file_group(&mut self, files: &[&[u8]]) -> Result<Vec<Result<Array>>> {
        let count = files.len();
        let mut padded = files.to_vec();
        if let (Some(fixed), Some(last)) = (self.fixed_batch, files.last()) {
            padded.resize(fixed.max(count), *last);
        }
        let files = Padded::files(&padded);
        let images = files.view();
        let Some(status) = self.status else {
            return Ok(self.run_images(images, count)?.into_iter().map(Ok).collect());
        };
        let feeds = all_feeds(&self.inputs, images, &self.feeds);
        let mut outputs = self.taken.outputs();
        outputs.push(status);
        let mut arrays = self.session.run(&feeds, &outputs)?;
        let Some(statuses) = arrays.pop() else {
            return Err(Error::new("output", "was not computed").with_kind(ErrorKind::Runtime));
        };
        let statuses = statuses.to_f64();
        let rows = self.split(arrays, padded.len(), count)?.into_iter().zip(statuses);
        Ok(rows
            .map(|(row, code)| readable(code as i64).map(|()| row))
            .collect())
    }

    /// The output for one image with its batch axis.
    pub(crate) fn run_one(&mut self, picture: &Picture<'_>) -> Result<Array> {
        let row = match &self.inputs {
            ImageInputs::Encoded { .. } => self.run_file_group(&[picture.file])?.pop().transpose()?,
            ImageInputs::Batch { .. } | ImageInputs::Ragged { .. } => {
                self.run_group(&[picture.pixels])?.pop()
            }
        };
        Array::stack(&[row.ok_or_else(|| Error::new("output", "has no row").with_kind(ErrorKind::Runtime))?])
    }

    /// How long one image takes: of a fixed batch, its share.
    pub(crate) fn time_one(&mut self, picture: &Picture<'_>) -> Result<Duration> {
        let count = self.fixed_batch.unwrap_or(1);
        let images = match &self.inputs {
            ImageInputs::Encoded { .. } => Padded::files(&vec![picture.file; count]),
            ImageInputs::Batch { .. } | ImageInputs::Ragged { .. } => {
                self.padded(&vec![picture.pixels; count])?
            }
        };
        let feeds = all_feeds(&self.inputs, images.view(), &self.feeds);
        let time = self.session.time(&feeds, &self.taken.outputs())?;
        Ok(time / u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Runs images that fit into one call, with copies of the last one up to a fixed batch.
    fn run_group(&mut self, images: &[ArrayView3<'_, u8>]) -> Result<Vec<Array>> {
        let count = images.len();
        let mut padded = images.to_vec();
        if let (Some(fixed), Some(last)) = (self.fixed_batch, images.last()) {
            padded.resize(fixed.max(count), *last);
        }
        let images = self.padded(&padded)?;
        self.run_images(images.view(), count)
    }

    /// The images, copied together in the source format.
    fn padded(&self, images: &[ArrayView3<'_, u8>]) -> Result<Padded> {
        let images: Vec<_> = images
            .iter()
            .map(|image| as_source(*image, self.source))
            .collect::<Result<_>>()?;
        let views: Vec<_> = images.iter().map(|image| image.view()).collect();
        Padded::new(&self.inputs, &views)
    }

    /// The result for one picture, and the masks of what was found in it: uint8 [M, height, width].
    pub(crate) fn run_with_masks(&mut self, picture: &Picture<'_>) -> Result<(Array, Option<Array>)> {
        let count = self.fixed_batch.unwrap_or(1).max(1);
        let images = self.padded(&vec![picture.pixels; count])?;
        let feeds = all_feeds(&self.inputs, images.view(), &self.feeds);
        let mut outputs = self.taken.outputs();
        let detector = match &self.taken {
            Taken::Detections(detector) => Some(detector),
            Taken::One(_) | Taken::Map(..) | Taken::Ranked(_) => None,
        };
        let masks = detector.and_then(Detector::masks);
        outputs.extend(masks);
        let mut arrays = self.session.run(&feeds, &outputs)?;
        let masks = match (
            masks.and_then(|_| arrays.pop()),
            detector.and_then(|it| it.image_of(&arrays)),
        ) {
            (Some(masks), Some(image)) => Some(of_the_first(&masks, image)?),
            _ => None,
        };
        let row = self.split(arrays, count, 1)?.pop();
        let row = row.ok_or_else(|| Error::new("output", "has no row").with_kind(ErrorKind::Runtime));
        Ok((row?, masks))
    }

    /// The output for one picture that runs alone, as it is.
    pub(crate) fn run_whole(&mut self, picture: &Picture<'_>) -> Result<Array> {
        self.outputs(&[*picture])
    }

    /// The rows of the first `count` images.
    fn run_images(&mut self, images: Images<'_>, count: usize) -> Result<Vec<Array>> {
        let ran = match &images {
            Images::Batch(images) => images.dim().0,
            Images::Ragged(_, shapes) => shapes.dim().0,
            Images::Encoded(_, lengths) => lengths.dim(),
        };
        let feeds = all_feeds(&self.inputs, images, &self.feeds);
        let arrays = self.session.run(&feeds, &self.taken.outputs())?;
        self.split(arrays, ran, count)
    }

    /// The rows of the first `count` of the `ran` images of the outputs.
    fn split(&self, mut arrays: Vec<Array>, ran: usize, count: usize) -> Result<Vec<Array>> {
        if let Some(tables) = self.taken.tables(&arrays, count)? {
            return Ok(tables);
        }
        let array = arrays
            .pop()
            .ok_or_else(|| Error::new("output", "was not computed").with_kind(ErrorKind::Runtime))?;
        let of_the_output = |what: &str| {
            Error::new(format_args!("output `{}`", self.output_name()), what).with_kind(ErrorKind::Model)
        };
        match &self.known {
            Known::Settled(Rows::Whole(_)) if ran == 1 => Ok(vec![array]),
            Known::Settled(Rows::Each) if array.shape().first() == Some(&ran) => {
                Ok((0..count).filter_map(|index| array.row(index)).collect())
            }
            Known::Settled(_) => Err(of_the_output("has no row for each image")
                .expected_got(
                    format_args!("{ran} rows"),
                    format_args!("shape {:?}", array.shape()),
                )
                .fix(if self.fixed_batch.unwrap_or(1) == 1 {
                    "run one image at a time and keep its output whole: --rows whole"
                } else {
                    "take another output with --output, or a model that takes one image at a time"
                })),
            Known::Doubted | Known::Open => Err(of_the_output("has rows of which nothing is known")
                .why("no image showed whether its first axis is that of the images")
                .fix("say what it is: --rows each or --rows whole")),
        }
    }

    /// The output for pictures that run together as they are.
    fn outputs(&mut self, pictures: &[Picture<'_>]) -> Result<Array> {
        let images = match &self.inputs {
            ImageInputs::Encoded { .. } => {
                let files: Vec<&[u8]> = pictures.iter().map(|picture| picture.file).collect();
                Padded::files(&files)
            }
            ImageInputs::Batch { .. } | ImageInputs::Ragged { .. } => {
                let pixels: Vec<_> = pictures.iter().map(|picture| picture.pixels).collect();
                self.padded(&pixels)?
            }
        };
        let feeds = all_feeds(&self.inputs, images.view(), &self.feeds);
        let array = self.session.run(&feeds, &[self.taken.first()])?.pop();
        array.ok_or_else(|| Error::new("output", "was not computed").with_kind(ErrorKind::Runtime))
    }
}

/// One image, decoded and as it is stored.
#[derive(Clone, Copy)]
pub(crate) struct Picture<'a> {
    /// [height, width, 3].
    pub(crate) pixels: ArrayView3<'a, u8>,
    pub(crate) file: &'a [u8],
}

impl<'a> Picture<'a> {
    /// For models that take pixels.
    pub(crate) fn of_pixels(pixels: ArrayView3<'a, u8>) -> Self {
        Self { pixels, file: &[] }
    }

    /// For models that take files.
    pub(crate) fn of_file(file: &'a [u8]) -> Self {
        Self {
            pixels: aview2(&[[0; CHANNELS]; 0]).insert_axis(Axis(0)),
            file,
        }
    }
}

/// Of what was found in all images, the rows of the first.
fn of_the_first(rows: &Array, image: &Array) -> Result<Array> {
    let image = image.to_f64();
    if image.iter().all(|image| *image == 0.0) {
        return Ok(rows.clone());
    }
    let first = image.iter().enumerate().filter(|(_, image)| **image == 0.0);
    let rows: Option<Vec<_>> = first.map(|(index, _)| rows.row(index)).collect();
    Array::stack(&rows.unwrap_or_default())
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

/// The reason alone where a run of one file failed because of the file.
fn of_the_file(error: Error) -> Error {
    match error.to_string().split_once("bytes[0]: ") {
        Some((_, reason)) => Error::new("", reason).with_kind(ErrorKind::Image),
        None => error,
    }
}

/// Whether the status of an image is good.
fn readable(code: i64) -> Result<()> {
    match ImageStatus::from_code(code) {
        Some(ImageStatus::Good) => Ok(()),
        Some(status) => {
            Err(Error::new("", format_args!("cannot be read: {status}")).with_kind(ErrorKind::Image))
        }
        None => {
            Err(Error::new("", format_args!("cannot be read: status {code}")).with_kind(ErrorKind::Image))
        }
    }
}
