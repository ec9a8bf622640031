//! The fast decoder in C, libjpeg-turbo itself.
//!
//! The crate does not tell warnings from errors, so both make the plain decoder take over.

use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

use super::super::Limits;
use super::headers::Color;
use crate::ImageError;

pub(super) struct Fast<'a> {
    bytes: &'a [u8],
    decoder: Decompressor,
    format: PixelFormat,
}

impl<'a> Fast<'a> {
    pub(super) fn open(
        bytes: &'a [u8],
        _: &Limits,
        color: Color,
        denominator: usize,
    ) -> Result<Self, ImageError> {
        let mut decoder = Decompressor::new().map_err(error)?;
        decoder
            .set_scaling_factor(ScalingFactor::new(1, denominator))
            .map_err(error)?;
        let format = match color {
            // Of a lossless file the library makes no RGB of gray.
            Color::Gray => PixelFormat::GRAY,
            Color::Rgb | Color::YCbCr => PixelFormat::RGB,
            Color::Cmyk | Color::Ycck => PixelFormat::CMYK,
        };
        Ok(Self {
            bytes,
            decoder,
            format,
        })
    }

    /// Decodes to RGB, or CMYK, of `width` columns. There is no lenient decode.
    pub(super) fn read(
        mut self,
        most_scans: u32,
        _: bool,
        width: usize,
        out: &mut [u8],
    ) -> Result<(), ImageError> {
        self.decoder.set_scan_limit(most_scans).map_err(error)?;
        let pitch = width * self.format.size();
        let gray = matches!(self.format, PixelFormat::GRAY);
        let samples = if gray { out.len() / 3 } else { out.len() };
        let output = Image {
            height: samples / pitch.max(1),
            pixels: &mut out[..samples],
            width,
            pitch,
            format: self.format,
        };
        self.decoder.decompress(self.bytes, output).map_err(error)?;
        if gray {
            // From the last pixel on, which no earlier one overwrites.
            for at in (0..samples).rev() {
                let value = out[at];
                out[3 * at..3 * at + 3].fill(value);
            }
        }
        Ok(())
    }
}

fn error(error: turbojpeg::Error) -> ImageError {
    ImageError::corrupt(format_args!("JPEG: {error}"))
}
