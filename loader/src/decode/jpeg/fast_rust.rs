//! The fast decoder in Rust, `libjpeg-turbo-rs`.

use libjpeg_turbo_rs::{DecodeLimits, DecodeWarning, Decoder, JpegError, PixelFormat, ScalingFactor};

use super::super::Limits;
use super::MAX_SCANS;
use super::headers::Color;
use crate::{ErrorKind, ImageError};

pub(super) struct Fast<'a> {
    decoder: Decoder<'a>,
}

impl<'a> Fast<'a> {
    pub(super) fn open(
        bytes: &'a [u8],
        limits: &Limits,
        color: Color,
        denominator: usize,
    ) -> Result<Self, ImageError> {
        let mut decoder = Decoder::new_with_limits(bytes, decode_limits(limits)).map_err(error)?;
        if denominator > 1 {
            let scale = ScalingFactor::try_new(1, denominator as u32).map_err(error)?;
            decoder.set_scale(scale);
        }
        decoder.set_output_format(match color {
            Color::Gray | Color::Rgb | Color::YCbCr => PixelFormat::Rgb,
            Color::Cmyk | Color::Ycck => PixelFormat::Cmyk,
        });
        decoder.set_block_smoothing(true);
        Ok(Self { decoder })
    }

    /// Decodes to RGB, or CMYK. Strictly, which stops at the first fault; or leniently from there, for the
    /// codings that the plain decoder does not read.
    pub(super) fn read(
        mut self,
        most_scans: u32,
        lenient: bool,
        _: usize,
        out: &mut [u8],
    ) -> Result<(), ImageError> {
        self.decoder.set_scan_limit(most_scans);
        let fault = match self.decoder.decode_image_into(out) {
            Ok(_) => return Ok(()),
            Err(fault @ (JpegError::CorruptData(_) | JpegError::UnexpectedEof)) if lenient => fault,
            Err(other) => return Err(error(other)),
        };
        self.decoder.set_lenient(true);
        let info = self.decoder.decode_image_into(out).map_err(error)?;
        let recovered =
            |warning: &DecodeWarning| matches!(warning, DecodeWarning::UnsupportedRecovered { .. });
        if info.warnings.iter().any(recovered) {
            return Err(error(fault));
        }
        Ok(())
    }
}

fn decode_limits(limits: &Limits) -> DecodeLimits {
    DecodeLimits {
        // The format's own bound; the size is checked by `Limits`, with its own message.
        max_width: 65_535,
        max_height: 65_535,
        max_pixels: limits.max_pixels,
        max_scans: MAX_SCANS,
        ..DecodeLimits::default()
    }
}

fn error(error: JpegError) -> ImageError {
    match error {
        JpegError::Unsupported(what) => ImageError::unsupported(format_args!("JPEG: {what}")),
        JpegError::LimitExceeded { what, actual, limit } => {
            ImageError::new(ErrorKind::Limit, format_args!("JPEG: {what}"))
                .map(|e| e.expected_got(format_args!("at most {limit}"), actual))
        }
        JpegError::AllocationFailed { what, bytes } => ImageError::new(
            ErrorKind::Limit,
            format_args!("JPEG: no {bytes} bytes of memory for {what}"),
        ),
        JpegError::UnexpectedEof => ImageError::truncated("the JPEG data end early"),
        other => ImageError::corrupt(format_args!("JPEG: {other}")),
    }
}
