//! JPEG inside TIFF: strips or tiles that are JPEG files without tables, which stand in a tag.
//!
//! The colour space is the TIFF's, whatever the segments in the JPEG data say.

use super::super::memory::resize;
use super::super::{DecodeOptions, Limits, Scratch, jpeg};
use super::mode::Mode;
use crate::ImageError;

const END: [u8; 2] = [0xFF, 0xD9];

/// What the samples of the data are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Gray,
    /// Stored as they are.
    Rgb,
    YCbCr,
}

impl Color {
    /// `None` for what is not read.
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
            _ => None,
        }
    }

    fn components(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb | Self::YCbCr => 3,
        }
    }
}

/// Fills `out` with the samples of the first rows of a segment of `columns` columns.
pub(super) fn decode(
    tables: Option<&[u8]>,
    data: &[u8],
    color: Color,
    columns: usize,
    limits: &Limits,
    out: &mut [u8],
) -> Result<(), ImageError> {
    let stream = Stream::new(tables, data, color).ok_or_else(super::ends::ends_early)?;
    if stream.components != color.components() {
        return Err(ImageError::unsupported(format_args!(
            "TIFF: JPEG data of {} components as {color:?}",
            stream.components
        )));
    }
    let options = DecodeOptions::default().exif_transpose(false).limits(*limits);
    let (header, reader) = jpeg::open(&stream.bytes, &options)?;
    let rows = out.len() / (columns * color.components());
    if header.width != columns || header.height < rows {
        return Err(
            ImageError::corrupt("TIFF: a JPEG has not the size of its strip or tile").map(|e| {
                e.expected_got(
                    format_args!("{columns}x{rows}"),
                    format_args!("{}x{}", header.width, header.height),
                )
            }),
        );
    }
    let mut pixels = Vec::new();
    resize(&mut pixels, header.height * header.width * 3)?;
    reader.read(&mut pixels, limits, &mut Scratch::default(), None)?;
    match color {
        Color::Rgb | Color::YCbCr => out.copy_from_slice(&pixels[..out.len()]),
        Color::Gray => {
            for (sample, rgb) in out.iter_mut().zip(pixels.chunks_exact(3)) {
                *sample = rgb[0];
            }
        }
    }
    Ok(())
}

/// The tables and the data as one JPEG, with a marker that tells the colour space.
struct Stream {
    bytes: Vec<u8>,
    components: usize,
}

impl Stream {
    fn new(tables: Option<&[u8]>, data: &[u8], color: Color) -> Option<Self> {
        let mut stream = Self {
            bytes: b"\xff\xd8\xff\xee\0\x0eAdobe\0\x64\0\0\0\0".to_vec(),
            components: 0,
        };
        stream.bytes.push(u8::from(color == Color::YCbCr));
        if let Some(tables) = tables {
            stream.copy_headers(tables);
        }
        let scan = stream.copy_headers(data)?;
        stream.bytes.extend(&data[scan..]);
        // libtiff does not mind where it is missing.
        stream.bytes.extend(END);
        Some(stream)
    }

    /// Copies the segments but those of applications; gives where the first scan begins, if there is one.
    fn copy_headers(&mut self, data: &[u8]) -> Option<usize> {
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
                    match code {
                        0xE0..=0xEF => {}
                        0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                            self.components = usize::from(*segment.get(9)?);
                            self.bytes.extend(segment);
                        }
                        _ => self.bytes.extend(segment),
                    }
                    at = end;
                }
                _ => return None,
            }
        }
    }
}
