//! The inputs that take the images, and images laid out for them.

use ndarray::{Array1, Array2, Array4, ArrayView1, ArrayView2, ArrayView3, ArrayView4, Axis, stack};
use prep_onnx_pipeline::{CHANNELS, Error, ErrorKind, Result};

use crate::host::{Array, Feed, Port, Session};

/// The inputs that take the images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ImageInputs {
    /// uint8 [N, H, W, 3].
    Batch { images: String },
    /// uint8 [total] and int64 [N, 3].
    Ragged { pixels: String, shapes: String },
    /// uint8 [total] and int64 [N].
    Encoded { bytes: String, lengths: String },
}

impl ImageInputs {
    /// The input whose first extent is the number of images.
    pub(super) fn counted(&self) -> &str {
        match self {
            Self::Batch { images } => images,
            Self::Ragged { shapes, .. } => shapes,
            Self::Encoded { lengths, .. } => lengths,
        }
    }

    pub(super) fn find(session: &Session, name: Option<&str>, feeds: &[(String, Array)]) -> Result<Self> {
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
                    .with_kind(ErrorKind::Model)
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
pub(super) enum Images<'a> {
    Batch(ArrayView4<'a, u8>),
    Ragged(ArrayView1<'a, u8>, ArrayView2<'a, i64>),
    Encoded(ArrayView1<'a, u8>, ArrayView1<'a, i64>),
}

/// Images that were copied together.
pub(super) enum Padded {
    Batch(Array4<u8>),
    Ragged(Array1<u8>, Array2<i64>),
    Encoded(Array1<u8>, Array1<i64>),
}

impl Padded {
    pub(super) fn new(inputs: &ImageInputs, images: &[ArrayView3<'_, u8>]) -> Result<Self> {
        match inputs {
            ImageInputs::Batch { .. } => stack(Axis(0), images)
                .map(Self::Batch)
                .map_err(|error| Error::new("images", error).with_kind(ErrorKind::Image)),
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
            ImageInputs::Encoded { .. } => {
                Err(Error::new("images", "are wanted as files").with_kind(ErrorKind::Model))
            }
        }
    }

    pub(super) fn files(files: &[&[u8]]) -> Self {
        let lengths = files.iter().map(|file| file.len() as i64);
        Self::Encoded(Array1::from(files.concat()), lengths.collect())
    }

    pub(super) fn view(&self) -> Images<'_> {
        match self {
            Self::Batch(images) => Images::Batch(images.view()),
            Self::Ragged(pixels, shapes) => Images::Ragged(pixels.view(), shapes.view()),
            Self::Encoded(bytes, lengths) => Images::Encoded(bytes.view(), lengths.view()),
        }
    }
}

pub(super) fn all_feeds<'a, 'b: 'a>(
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
