//! An embedded model over images whose sizes may differ.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ndarray::{Array1, Array2, Array4, ArrayView1, ArrayView2, ArrayView3, ArrayView4, Axis, stack};
use prep_onnx_loader::Batch;
use prep_onnx_pipeline::{CHANNELS, Error, ImageStatus, Result};

use crate::host::{Array, Feed, Port, Session};

/// The inputs that take the images.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ImageInputs {
    /// uint8 [N, H, W, 3].
    Batch { images: String },
    /// uint8 [total] and int64 [N, 3].
    Ragged { pixels: String, shapes: String },
    /// uint8 [total] and int64 [N].
    Encoded { bytes: String, lengths: String },
}

/// A session with what it needs beside the images.
pub(crate) struct Inference {
    session: Session,
    inputs: ImageInputs,
    output: usize,
    /// The output that says which files could not be read.
    status: Option<usize>,
    feeds: Vec<(String, Array)>,
    /// The number of images that the model takes at once, where it is fixed.
    fixed_batch: Option<usize>,
}

impl Inference {
    /// Finds the inputs that take the images, and checks that the model has all it needs once they are
    /// there. `input` names the first of them where several could.
    ///
    /// # Errors
    /// No input for images, or several; an input that is neither for images nor among `feeds`, or does
    /// not fit. `status` names the output that says which files could not be read.
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
        let counted = match &inputs {
            ImageInputs::Batch { images } => images,
            ImageInputs::Ragged { shapes, .. } => shapes,
            ImageInputs::Encoded { lengths, .. } => lengths,
        };
        let port = session.inputs().iter().find(|port| port.name == *counted);
        let first = port.and_then(|port| port.shape.as_ref()?.first().copied());
        let fixed_batch = first
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count > 0);
        let output = session.output_index(output)?;
        let status = status.and_then(|name| session.output_index(Some(name)).ok());
        let inference = Self {
            session,
            inputs,
            output,
            status,
            feeds,
            fixed_batch,
        };
        // Any image shows whether the other inputs are there, before the first one is decoded.
        let pixel = Array4::<u8>::zeros((fixed_batch.unwrap_or(1), 1, 1, CHANNELS));
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

    /// The name of the output that is taken.
    pub(crate) fn output_name(&self) -> &str {
        self.session
            .outputs()
            .get(self.output)
            .map_or("", |output| &output.name)
    }

    /// The output of each image that was decoded, in order. At most `limit` images run together; where
    /// the model takes images of one size, those of one size. An error is that of all that ran together.
    pub(crate) fn run(&mut self, batch: &Batch, limit: usize) -> Vec<Result<Array>> {
        let images: Vec<ArrayView3<'_, u8>> = batch.images().collect();
        let limit = self.fixed_batch.unwrap_or(limit.max(1));
        // As the loader has laid them out, without a copy.
        if !images.is_empty()
            && images.len() <= limit
            && self.fixed_batch.is_none_or(|fixed| fixed == images.len())
        {
            let whole = match &self.inputs {
                ImageInputs::Batch { .. } => batch.as_batch().map(Images::Batch),
                ImageInputs::Ragged { .. } => Some(Images::Ragged(batch.pixels(), batch.shapes())),
                ImageInputs::Encoded { .. } => None,
            };
            if let Some(whole) = whole {
                return each(self.run_images(whole, images.len()), images.len());
            }
        }
        let mut groups: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (index, image) in images.iter().enumerate() {
            let (height, width, _) = image.dim();
            let key = match &self.inputs {
                ImageInputs::Batch { .. } => (height, width),
                ImageInputs::Ragged { .. } | ImageInputs::Encoded { .. } => (0, 0),
            };
            groups.entry(key).or_default().push(index);
        }
        let mut results: Vec<Result<Array>> = vec![Err(Error::new("image", "was not run")); images.len()];
        for group in groups.values().flat_map(|indices| indices.chunks(limit)) {
            let members: Vec<_> = group
                .iter()
                .filter_map(|index| images.get(*index).copied())
                .collect();
            for (index, result) in group.iter().zip(each(self.run_group(&members), members.len())) {
                if let Some(slot) = results.get_mut(*index) {
                    *slot = result;
                }
            }
        }
        results
    }

    /// Whether the model decodes files itself: [`Inference::run_files`] runs it, and [`Inference::run`] does not.
    pub(crate) fn takes_files(&self) -> bool {
        matches!(self.inputs, ImageInputs::Encoded { .. })
    }

    /// The output of each file, at most `limit` of them together. Where a run fails, each of its files is run
    /// alone, so that an error is that of one image.
    pub(crate) fn run_files(&mut self, files: &[&[u8]], limit: usize) -> Vec<Result<Array>> {
        let limit = self.fixed_batch.unwrap_or(limit.max(1));
        let mut results = Vec::with_capacity(files.len());
        for group in files.chunks(limit) {
            match self.run_file_group(group) {
                Ok(rows) => results.extend(rows),
                Err(error) if group.len() == 1 => results.push(Err(of_the_file(error))),
                Err(_) => results.extend(group.iter().map(|file| {
                    let row = self.run_file_group(&[file]).map_err(of_the_file)?.pop();
                    row.unwrap_or_else(|| Err(Error::new("output", "has no row")))
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
        let bytes = Array1::from(padded.concat());
        let lengths: Array1<i64> = padded.iter().map(|file| file.len() as i64).collect();
        let images = Images::Encoded(bytes.view(), lengths.view());
        let Some(status) = self.status else {
            return Ok(self.run_images(images, count)?.into_iter().map(Ok).collect());
        };
        let feeds = all_feeds(&self.inputs, images, &self.feeds);
        let mut arrays = self.session.run(&feeds, &[self.output, status])?.into_iter();
        let (Some(output), Some(statuses)) = (arrays.next(), arrays.next()) else {
            return Err(Error::new("output", "was not computed"));
        };
        let statuses = statuses.to_f64();
        let rows = self.rows(output, padded.len(), count)?.into_iter().zip(statuses);
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
        Array::stack(&[row.ok_or_else(|| Error::new("output", "has no row"))?])
    }

    /// How long one image takes: of a fixed batch, its share.
    pub(crate) fn time_one(&mut self, picture: &Picture<'_>) -> Result<Duration> {
        let count = self.fixed_batch.unwrap_or(1);
        let images = match &self.inputs {
            ImageInputs::Encoded { .. } => Padded::Encoded(
                Array1::from(picture.file.repeat(count)),
                Array1::from(vec![picture.file.len() as i64; count]),
            ),
            ImageInputs::Batch { .. } | ImageInputs::Ragged { .. } => {
                Padded::new(&self.inputs, &vec![picture.pixels; count])?
            }
        };
        let feeds = all_feeds(&self.inputs, images.view(), &self.feeds);
        let time = self.session.time(&feeds, &[self.output])?;
        Ok(time / u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Runs images that fit into one call, with copies of the last one up to a fixed batch.
    fn run_group(&mut self, images: &[ArrayView3<'_, u8>]) -> Result<Vec<Array>> {
        let count = images.len();
        let mut padded = images.to_vec();
        if let (Some(fixed), Some(last)) = (self.fixed_batch, images.last()) {
            padded.resize(fixed.max(count), *last);
        }
        let images = Padded::new(&self.inputs, &padded)?;
        self.run_images(images.view(), count)
    }

    /// The rows of the first `count` images.
    fn run_images(&mut self, images: Images<'_>, count: usize) -> Result<Vec<Array>> {
        let ran = match &images {
            Images::Batch(images) => images.dim().0,
            Images::Ragged(_, shapes) => shapes.dim().0,
            Images::Encoded(_, lengths) => lengths.dim(),
        };
        let feeds = all_feeds(&self.inputs, images, &self.feeds);
        let array = self.session.run(&feeds, &[self.output])?.pop();
        let array = array.ok_or_else(|| Error::new("output", "was not computed"))?;
        self.rows(array, ran, count)
    }

    /// The rows of the first `count` of the `ran` images of an output.
    fn rows(&self, array: Array, ran: usize, count: usize) -> Result<Vec<Array>> {
        if array.shape().first() == Some(&ran) {
            return Ok((0..count).filter_map(|index| array.row(index)).collect());
        }
        if ran == 1 {
            return Ok(vec![array]);
        }
        Err(Error::new(
            format_args!("output `{}`", self.output_name()),
            "has no row for each image",
        )
        .expected_got(
            format_args!("{ran} rows"),
            format_args!("shape {:?}", array.shape()),
        )
        .fix("run one image at a time: --batch 1"))
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
}

/// The reason alone where a run of one file failed because of the file.
fn of_the_file(error: Error) -> Error {
    match error.to_string().split_once("bytes[0]: ") {
        Some((_, reason)) => Error::new("", reason),
        None => error,
    }
}

/// Whether the status of an image is good.
fn readable(code: i64) -> Result<()> {
    match ImageStatus::from_code(code) {
        Some(ImageStatus::Good) => Ok(()),
        Some(status) => Err(Error::new("", format_args!("cannot be read: {status}"))),
        None => Err(Error::new("", format_args!("cannot be read: status {code}"))),
    }
}

/// One result for each of `count` images.
fn each(rows: Result<Vec<Array>>, count: usize) -> Vec<Result<Array>> {
    match rows {
        Ok(rows) => rows.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error); count],
    }
}

impl ImageInputs {
    fn find(session: &Session, name: Option<&str>, feeds: &[(String, Array)]) -> Result<Self> {
        let free: Vec<&Port> = session
            .inputs()
            .iter()
            .filter(|port| !feeds.iter().any(|(fed, _)| *fed == port.name))
            .collect();
        let wanted = |port: &&&Port| name.is_none_or(|name| port.name == name);
        let images: Vec<_> = free
            .iter()
            .filter(wanted)
            .filter(|port| port.is_images())
            .collect();
        let pixels: Vec<_> = free
            .iter()
            .filter(wanted)
            .filter(|port| port.is_pixels())
            .collect();
        let shapes: Vec<_> = free.iter().filter(|port| port.is_image_shapes()).collect();
        let lengths: Vec<_> = free.iter().filter(|port| port.is_file_lengths()).collect();
        match (
            images.as_slice(),
            pixels.as_slice(),
            shapes.as_slice(),
            lengths.as_slice(),
        ) {
            ([images], ..) => Ok(Self::Batch {
                images: images.name.clone(),
            }),
            ([], [pixels], [shapes], _) => Ok(Self::Ragged {
                pixels: pixels.name.clone(),
                shapes: shapes.name.clone(),
            }),
            ([], [bytes], [], [lengths]) => Ok(Self::Encoded {
                bytes: bytes.name.clone(),
                lengths: lengths.name.clone(),
            }),
            (several, ..) => {
                let listed: Vec<_> = session
                    .inputs()
                    .iter()
                    .map(|port| format!("{}: {}", port.name, port.form()))
                    .collect();
                let what = if several.is_empty() {
                    "no input takes images"
                } else {
                    "several inputs take images"
                };
                Err(Error::new("inputs", what)
                    .expected_got(
                        "one input uint8 [N, H, W, 3], or uint8 [total] with int64 [N, 3] or int64 [N]",
                        listed.join("; "),
                    )
                    .fix("name the input with --input"))
            }
        }
    }
}

/// The images of one call.
enum Images<'a> {
    Batch(ArrayView4<'a, u8>),
    Ragged(ArrayView1<'a, u8>, ArrayView2<'a, i64>),
    Encoded(ArrayView1<'a, u8>, ArrayView1<'a, i64>),
}

/// Images that were copied together.
enum Padded {
    Batch(Array4<u8>),
    Ragged(Array1<u8>, Array2<i64>),
    Encoded(Array1<u8>, Array1<i64>),
}

impl Padded {
    fn new(inputs: &ImageInputs, images: &[ArrayView3<'_, u8>]) -> Result<Self> {
        match inputs {
            ImageInputs::Batch { .. } => stack(Axis(0), images)
                .map(Self::Batch)
                .map_err(|error| Error::new("images", error)),
            ImageInputs::Ragged { .. } => {
                let pixels: Array1<u8> = images.iter().flat_map(|image| image.iter().copied()).collect();
                let mut shapes = Array2::<i64>::zeros((images.len(), CHANNELS));
                for (mut row, image) in shapes.outer_iter_mut().zip(images) {
                    for (extent, got) in row.iter_mut().zip(image.shape()) {
                        *extent = *got as i64;
                    }
                }
                Ok(Self::Ragged(pixels, shapes))
            }
            ImageInputs::Encoded { .. } => Err(Error::new("images", "are wanted as files")),
        }
    }

    fn view(&self) -> Images<'_> {
        match self {
            Self::Batch(images) => Images::Batch(images.view()),
            Self::Ragged(pixels, shapes) => Images::Ragged(pixels.view(), shapes.view()),
            Self::Encoded(bytes, lengths) => Images::Encoded(bytes.view(), lengths.view()),
        }
    }
}

fn all_feeds<'a, 'b: 'a>(
    inputs: &'a ImageInputs,
    images: Images<'b>,
    others: &'a [(String, Array)],
) -> Vec<(&'a str, Feed<'a>)> {
    let mut feeds: Vec<_> = others
        .iter()
        .map(|(name, array)| (name.as_str(), Feed::Array(array)))
        .collect();
    match (inputs, images) {
        (ImageInputs::Batch { images: name }, Images::Batch(images)) => {
            feeds.push((name, Feed::Images(images.reborrow())))
        }
        (ImageInputs::Ragged { pixels, shapes }, Images::Ragged(bytes, sizes)) => {
            feeds.push((pixels, Feed::Pixels(bytes.reborrow())));
            feeds.push((shapes, Feed::Shapes(sizes.reborrow())));
        }
        (ImageInputs::Encoded { bytes, lengths }, Images::Encoded(files, sizes)) => {
            feeds.push((bytes, Feed::Pixels(files.reborrow())));
            feeds.push((lengths, Feed::Lengths(sizes.reborrow())));
        }
        // Images are made for the inputs that were found; other ones leave the input unfed, which is an error.
        (ImageInputs::Batch { .. } | ImageInputs::Ragged { .. } | ImageInputs::Encoded { .. }, _) => {}
    }
    feeds
}
