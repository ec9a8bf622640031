//! An embedded model over images whose sizes may differ.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ndarray::{Array1, Array2, Array4, ArrayView1, ArrayView2, ArrayView3, ArrayView4, Axis, stack};
use prep_onnx_loader::Batch;
use prep_onnx_pipeline::{CHANNELS, Error, Result};

use crate::host::{Array, Feed, Port, Session};

/// The inputs that take the images.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ImageInputs {
    /// uint8 [N, H, W, 3].
    Batch { images: String },
    /// uint8 [total] and int64 [N, 3].
    Ragged { pixels: String, shapes: String },
}

/// A session with what it needs beside the images.
pub(crate) struct Inference {
    session: Session,
    inputs: ImageInputs,
    output: usize,
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
    /// not fit.
    pub(crate) fn new(
        path: &Path,
        session: Session,
        input: Option<&str>,
        output: Option<&str>,
        feeds: Vec<(String, Array)>,
    ) -> Result<Self> {
        let inputs =
            ImageInputs::find(&session, input, &feeds).map_err(|error| error.within(path.display()))?;
        let counted = match &inputs {
            ImageInputs::Batch { images } => images,
            ImageInputs::Ragged { shapes, .. } => shapes,
        };
        let port = session.inputs().iter().find(|port| port.name == *counted);
        let first = port.and_then(|port| port.shape.as_ref()?.first().copied());
        let fixed_batch = first
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count > 0);
        let output = session.output_index(output)?;
        let inference = Self {
            session,
            inputs,
            output,
            feeds,
            fixed_batch,
        };
        // Any image shows whether the other inputs are there, before the first one is decoded.
        let pixel = Array4::<u8>::zeros((fixed_batch.unwrap_or(1), 1, 1, CHANNELS));
        let shapes = Array2::<i64>::zeros((fixed_batch.unwrap_or(1), CHANNELS));
        let flat = Array1::<u8>::zeros(1);
        let images = match &inference.inputs {
            ImageInputs::Batch { .. } => Images::Batch(pixel.view()),
            ImageInputs::Ragged { .. } => Images::Ragged(flat.view(), shapes.view()),
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
                ImageInputs::Ragged { .. } => (0, 0),
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

    /// The output for one image, [height, width, 3], with its batch axis.
    pub(crate) fn run_one(&mut self, image: ArrayView3<'_, u8>) -> Result<Array> {
        let row = self.run_group(&[image])?.pop();
        Array::stack(&[row.ok_or_else(|| Error::new("output", "has no row"))?])
    }

    /// How long one image, [height, width, 3], takes: of a fixed batch, its share.
    pub(crate) fn time_one(&mut self, image: ArrayView3<'_, u8>) -> Result<Duration> {
        let count = self.fixed_batch.unwrap_or(1);
        let padded = vec![image; count];
        let images = Padded::new(&self.inputs, &padded)?;
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
        };
        let feeds = all_feeds(&self.inputs, images, &self.feeds);
        let array = self.session.run(&feeds, &[self.output])?.pop();
        let array = array.ok_or_else(|| Error::new("output", "was not computed"))?;
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
        match (images.as_slice(), pixels.as_slice(), shapes.as_slice()) {
            ([images], _, _) => Ok(Self::Batch {
                images: images.name.clone(),
            }),
            ([], [pixels], [shapes]) => Ok(Self::Ragged {
                pixels: pixels.name.clone(),
                shapes: shapes.name.clone(),
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
                        "one input uint8 [N, H, W, 3], or uint8 [total] with int64 [N, 3]",
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
}

/// Images that were copied together.
enum Padded {
    Batch(Array4<u8>),
    Ragged(Array1<u8>, Array2<i64>),
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
        }
    }

    fn view(&self) -> Images<'_> {
        match self {
            Self::Batch(images) => Images::Batch(images.view()),
            Self::Ragged(pixels, shapes) => Images::Ragged(pixels.view(), shapes.view()),
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
        // Images are made for the inputs that were found; other ones leave the input unfed, which is an error.
        (ImageInputs::Batch { .. }, Images::Ragged(..)) | (ImageInputs::Ragged { .. }, Images::Batch(_)) => {}
    }
    feeds
}
