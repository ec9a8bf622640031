//! JPEG inside TIFF: strips or tiles that are JPEG files without tables, which stand in a tag.
//!
//! The colour space is the TIFF's, whatever the segments in the JPEG data say.

use libjpeg_turbo_rs::{DecodeLimits, Decoder, JpegError, PixelFormat};

use super::super::{Limits, probe};
use super::mode::Mode;
use crate::{ErrorKind, ImageError};

const END: [u8; 2] = [0xFF, 0xD9];

/// What the samples of the data are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Gray,
    /// Stored as they are.
    Rgb,
    YCbCr,
    /// CMYK or RGBA, stored as they are.
    Four,
}

impl Color {
    /// `None` for what no JPEG holds.
    pub(super) fn of(mode: Mode, photometric: u64) -> Option<Self> {
        match mode {
            Mode::Gray { bits: 8, .. } => Some(Self::Gray),
            Mode::Rgb {
                wide: false,
                samples: 3,
            } if photometric == super::YCBCR => Some(Self::YCbCr),
            Mode::Rgb {
                wide: false,
                samples: 3,
            } => Some(Self::Rgb),
            Mode::Cmyk {
                wide: false,
                samples: 4,
            }
            | Mode::Rgb {
                wide: false,
                samples: 4,
            }
            | Mode::PremultipliedRgb {
                wide: false,
                samples: 4,
            } => Some(Self::Four),
            _ => None,
        }
    }

    fn format(self) -> (PixelFormat, usize) {
        match self {
            Self::Gray => (PixelFormat::Grayscale, 1),
            Self::Rgb | Self::YCbCr => (PixelFormat::Rgb, 3),
            Self::Four => (PixelFormat::Cmyk, 4),
        }
    }
}

/// Fills `out` with the first rows of a segment of `columns` columns.
pub(super) fn decode(
    tables: Option<&[u8]>,
    data: &[u8],
    color: Color,
    columns: usize,
    limits: &Limits,
    out: &mut [u8],
) -> Result<(), ImageError> {
    let stream = stream(tables, data, color).ok_or_else(super::codec::ends_early)?;
    let bounds = DecodeLimits {
        max_width: 65_535,
        max_height: 65_535,
        max_pixels: limits.max_pixels,
        ..DecodeLimits::default()
    };
    let mut decoder = Decoder::new_with_limits(&stream, bounds).map_err(error)?;
    let (format, channels) = color.format();
    let frame = decoder.header();
    let rows = out.len() / (columns * channels);
    let (height, width) = (usize::from(frame.height), usize::from(frame.width));
    let plain = frame.precision == 8 && frame.components.len() == channels && !frame.is_lossless;
    // The crate is wrong for these.
    let factors = |i: usize| {
        (
            frame.components[i].horizontal_sampling,
            frame.components[i].vertical_sampling,
        )
    };
    let subsampled = color == Color::Four && (1..frame.components.len()).any(|i| factors(i) != factors(0));
    if !plain || subsampled {
        return Err(ImageError::unsupported(format_args!(
            "TIFF: JPEG data of {} components of {} bits",
            frame.components.len(),
            frame.precision
        )));
    }
    if width != columns || height < rows {
        return Err(
            ImageError::corrupt("TIFF: a JPEG has not the size of its strip or tile")
                .map(|e| e.expected_got(format_args!("{columns}x{rows}"), format_args!("{width}x{height}"))),
        );
    }
    decoder.set_output_format(format);
    decoder.set_block_smoothing(true);
    if height == rows {
        decoder.decode_image_into(out).map_err(error)?;
        return Ok(());
    }
    let bytes = height * width * channels;
    limits.check_memory(bytes as u64)?;
    probe(bytes, "TIFF")?;
    let mut whole = vec![0; bytes];
    decoder.decode_image_into(&mut whole).map_err(error)?;
    out.copy_from_slice(&whole[..out.len()]);
    Ok(())
}

/// The tables and the data as one JPEG, with a marker that tells the colour space.
fn stream(tables: Option<&[u8]>, data: &[u8], color: Color) -> Option<Vec<u8>> {
    let transform = u8::from(color == Color::YCbCr);
    let mut stream = vec![0xFF, 0xD8];
    stream.extend(b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0");
    stream.push(transform);
    if let Some(tables) = tables {
        headers(tables, &mut stream);
    }
    let scan = headers(data, &mut stream)?;
    stream.extend(&data[scan..]);
    // libtiff does not mind where it is missing.
    stream.extend(END);
    Some(stream)
}

/// Copies the segments but those of applications; gives where the first scan begins, if there is one.
fn headers(data: &[u8], stream: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        match *data.get(at..at + 2)? {
            [0xFF, 0xFF] => at += 1,
            [0xFF, 0xD8 | 0xD9] => at += 2,
            [0xFF, 0xDA] => return Some(at),
            [0xFF, code] => {
                let length = data.get(at + 2..at + 4)?;
                let end = at + 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
                let segment = data.get(at..end)?;
                if !matches!(code, 0xE0..=0xEF) {
                    stream.extend(segment);
                }
                at = end;
            }
            _ => return None,
        }
    }
}

fn error(error: JpegError) -> ImageError {
    match error {
        JpegError::Unsupported(what) => ImageError::unsupported(format_args!("TIFF: JPEG: {what}")),
        JpegError::LimitExceeded { what, actual, limit } => {
            ImageError::new(ErrorKind::Limit, format_args!("TIFF: JPEG: {what}"))
                .map(|e| e.expected_got(format_args!("at most {limit}"), actual))
        }
        JpegError::AllocationFailed { what, bytes } => super::super::memory::none_left(bytes, what),
        JpegError::UnexpectedEof => super::codec::ends_early(),
        other => ImageError::corrupt(format_args!("TIFF: JPEG: {other}")),
    }
}
