//! An image on its way through the steps.

use ndarray::Array3;

use crate::plan::{Canvas, Fill, Placement, Resample};
use crate::resample::{Arithmetic, resize_floats};
use crate::scalar::canvas::{Outside, place, place_resized};
use crate::{Error, Operation, Result};

/// An image, [height, width, channel].
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// Before any arithmetic.
    Uint8(Array3<u8>),
    /// After the first arithmetic step.
    Float32(Array3<f32>),
}

/// What a step knows besides the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// (height, width) of the source image, turned where it is turned.
    pub source: (usize, usize),
    /// (height, width) of the last canvas, where it is that of a batch.
    pub batch: Option<(usize, usize)>,
    /// Whether the host hands over gray images.
    pub gray_source: bool,
}

impl Context {
    /// An RGB image of (height, width) alone.
    pub fn alone(source: (usize, usize)) -> Self {
        Self {
            source,
            batch: None,
            gray_source: false,
        }
    }
}

impl Pixels {
    /// Height, width and channels.
    pub fn dim(&self) -> (usize, usize, usize) {
        match self {
            Self::Uint8(image) => image.dim(),
            Self::Float32(image) => image.dim(),
        }
    }

    /// The image on a canvas. Zeros are zeros in either domain.
    pub(super) fn on(self, canvas: &Canvas, at: &Context) -> Result<Self> {
        let (height, width, _) = self.dim();
        let placement = canvas_placement(canvas, (height, width), at)?;
        Ok(match self {
            Self::Uint8(image) => Self::Uint8(place(&image, &placement, around_bytes(canvas.fill))),
            Self::Float32(image) => {
                let outside = match canvas.fill {
                    Fill::Color { color } => Outside::Values(color.map(f32::from)),
                    Fill::Value { value } => Outside::Values(value.map(|value| value as f32)),
                    Fill::Mirror { mode } => Outside::Mirror(mode),
                };
                Self::Float32(place(&image, &placement, outside))
            }
        })
    }

    /// The image, resized, on a canvas.
    pub(super) fn resampled_on(self, resample: &Resample, canvas: &Canvas, at: &Context) -> Result<Self> {
        let Self::Uint8(image) = self else {
            return self.resampled(resample, at)?.on(canvas, at);
        };
        let (height, width, _) = image.dim();
        let from = resample.size.on((height, width), at.source, at.batch)?;
        let placement = canvas_placement(canvas, from, at)?;
        let sampling = resample.sampling;
        Ok(Self::Uint8(place_resized(
            image.view(),
            sampling,
            &placement,
            around_bytes(canvas.fill),
        )))
    }

    /// The image, resized.
    pub(super) fn resampled(self, resample: &Resample, at: &Context) -> Result<Self> {
        let (height, width, _) = self.dim();
        let to = resample.size.on((height, width), at.source, at.batch)?;
        match (self, resample.sampling) {
            (Self::Uint8(image), sampling) => Ok(Self::Uint8(sampling.resize(image.view(), to))),
            (Self::Float32(image), Arithmetic::Torch { filter, antialias }) => {
                Ok(Self::Float32(resize_floats(image.view(), to, filter, antialias)))
            }
            (Self::Float32(_), Arithmetic::Passes { .. } | Arithmetic::Opencv { .. }) => {
                Err(Error::new("steps", "resize comes after rescale or normalize")
                    .fix("put resize before them, or choose resampler torch"))
            }
        }
    }
}

fn canvas_placement(canvas: &Canvas, from: (usize, usize), at: &Context) -> Result<Placement> {
    let size = match at.batch {
        Some(batch) if canvas.is_of_batch() => batch,
        _ => canvas.alone(from, at.source),
    };
    if size.0 == 0 || size.1 == 0 {
        return Err(crate::size::nothing_left(from, size));
    }
    Ok(Placement {
        from,
        offset: canvas.anchor.offset(from, size),
        size,
    })
}

fn around_bytes(fill: Fill) -> Outside<u8> {
    match fill {
        Fill::Color { color } => Outside::Values(color),
        Fill::Value { value } => Outside::Values(value.map(|value| value as u8)),
        Fill::Mirror { mode } => Outside::Mirror(mode),
    }
}

/// Refuses a step after arithmetic that works on 8-bit pixels.
pub(super) fn only_uint8(step: &str, pixels: Pixels) -> Result<Array3<u8>> {
    match pixels {
        Pixels::Uint8(image) => Ok(image),
        Pixels::Float32(_) => Err(Error::new(
            "steps",
            format_args!("{step} comes after rescale or normalize"),
        )
        .fix(format_args!("put {step} before them"))),
    }
}

pub(crate) fn to_float(pixels: Pixels) -> Array3<f32> {
    match pixels {
        Pixels::Uint8(image) => image.mapv(f32::from),
        Pixels::Float32(image) => image,
    }
}

pub(super) fn apply_operations(mut image: Array3<f32>, operations: &[Operation]) -> Pixels {
    for ((_, _, channel), value) in image.indexed_iter_mut() {
        *value = Operation::chain(operations, *value, channel);
    }
    Pixels::Float32(image)
}
