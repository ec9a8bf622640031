//! Runs: images together as far as the model allows, and each alone where one of them fails.

use std::collections::BTreeMap;
use std::time::Duration;

use ndarray::ArrayView3;
use prep_onnx_loader::Batch;
use prep_onnx_pipeline::{Error, ErrorKind, ImageStatus, Result, SourceFormat};

use super::inputs::{ImageInputs, Images, Padded, all_feeds};
use super::rows::{Known, Rows};
use super::taken::{Detector, Taken};
use super::{Inference, Picture};
use crate::host::Array;
use crate::source::as_source;

impl Inference {
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
    pub(super) fn outputs(&mut self, pictures: &[Picture<'_>]) -> Result<Array> {
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
