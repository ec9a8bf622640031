//! The trial that shows whether the first axis of an output is that of the images.
//!
//! Copies of an image run together; then the first of them is another one, then the last. Where the rows of the
//! others keep their bits and that of the changed one does not, each row is its image's.

use ndarray::Array3;
use prep_onnx_loader::{DecodeOptions, Scratch, decode};
use prep_onnx_pipeline::{CHANNELS, Error, ErrorKind, Result};

use super::rows::Rows;
use super::{Inference, Picture};
use crate::host::Array;

/// What a trial showed.
pub(super) enum Shown {
    Is(Rows),
    /// No change of an image changed anything.
    Nothing,
}

/// An image as the model takes it.
struct Sample {
    pixels: Array3<u8>,
    file: Vec<u8>,
}

impl Sample {
    fn picture(&self) -> Picture<'_> {
        Picture {
            pixels: self.pixels.view(),
            file: &self.file,
        }
    }
}

/// Runs the trial with variants of `picture`.
///
/// # Errors
/// An image that cannot be run.
pub(super) fn trial(inference: &mut Inference, picture: &Picture<'_>) -> Result<Shown> {
    let count = inference.fixed_batch.unwrap_or(2);
    let refuted = |why: String| Ok(Shown::Is(Rows::Whole(why)));
    let sample = Sample::of(picture, inference.takes_files())?;
    let same = vec![sample.picture(); count];
    if inference.fixed_batch.is_none() {
        inference.outputs(&same[..1])?;
    }
    let base = match inference.outputs(&same) {
        Ok(base) => base,
        Err(error) if inference.fixed_batch.is_some() => return Err(error),
        Err(error) => return refuted(format!("{count} images do not run together: {error}")),
    };
    if base.shape().first() != Some(&count) {
        return refuted(format!("{count} images gave the shape {:?}", base.shape()));
    }
    let base = rows(&base)?;
    let variants = sample.variants(inference.takes_files())?;
    for variant in &variants {
        let mut shown = 0;
        for changed in [0, count - 1] {
            let mut pictures = same.clone();
            if let Some(place) = pictures.get_mut(changed) {
                *place = variant.picture();
            }
            let got = rows(&inference.outputs(&pictures)?)?;
            let differ: Vec<usize> = (0..count.max(got.len()))
                .filter(|index| base.get(*index) != got.get(*index))
                .collect();
            if got.len() != count || differ.iter().any(|index| *index != changed) {
                return refuted("a change of one image changed the rows of others".to_owned());
            }
            shown += differ.len();
        }
        if shown == 2 {
            return Ok(Shown::Is(Rows::Each));
        }
    }
    Ok(Shown::Nothing)
}

/// The bytes of each row.
fn rows(array: &Array) -> Result<Vec<Vec<u8>>> {
    let count = array.shape().first().copied().unwrap_or(0);
    (0..count)
        .filter_map(|index| array.row(index))
        .map(|row| {
            let mut bytes = Vec::new();
            row.write_le(&mut bytes)
                .map_err(|error| Error::new("output", error).with_kind(ErrorKind::Runtime))?;
            Ok(bytes)
        })
        .collect()
}

impl Sample {
    fn of(picture: &Picture<'_>, as_file: bool) -> Result<Self> {
        let pixels = if as_file {
            let image = decode(
                picture.file,
                &DecodeOptions::default(),
                &mut Scratch::default(),
                Vec::new(),
            )?;
            Array3::from_shape_vec((image.height, image.width, CHANNELS), image.data)
                .map_err(|error| Error::new("pixels", error).with_kind(ErrorKind::Image))?
        } else {
            picture.pixels.to_owned()
        };
        Ok(Self {
            pixels,
            file: picture.file.to_vec(),
        })
    }

    /// Other images of the same size.
    fn variants(&self, as_file: bool) -> Result<Vec<Self>> {
        let mut state = 1_u32;
        let noise = self.pixels.mapv(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let black = Array3::zeros(self.pixels.dim());
        let white = Array3::from_elem(self.pixels.dim(), u8::MAX);
        [self.pixels.mapv(|value| !value), noise, black, white]
            .into_iter()
            .map(|pixels| {
                let file = if as_file { png(&pixels)? } else { Vec::new() };
                Ok(Self { pixels, file })
            })
            .collect()
    }
}

fn png(pixels: &Array3<u8>) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| Error::new("trial image", error).with_kind(ErrorKind::Image);
    let edge = |edge: usize| u32::try_from(edge).map_err(|error| failed(&error));
    let (height, width, _) = pixels.dim();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, edge(width)?, edge(height)?);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().map_err(|error| failed(&error))?;
    let bytes: Vec<u8> = pixels.iter().copied().collect();
    writer.write_image_data(&bytes).map_err(|error| failed(&error))?;
    writer.finish().map_err(|error| failed(&error))?;
    Ok(file)
}
