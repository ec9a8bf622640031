//! TIFF through the `tiff` crate, with Pillow's conversions.

use std::borrow::Cow;
use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits as TiffLimits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffFormatError};

use super::ifd::Ifd;
use super::to_rgb::{self, Palette};
use super::{DecodeOptions, Header, Orientation};
use crate::{ErrorKind, ImageError};

const PHOTOMETRIC: u16 = 262;
const WHITE_IS_ZERO: u64 = 0;
const BLACK_IS_ZERO: u8 = 1;
const PALETTE: u64 = 3;
const ASSOCIATED_ALPHA: u64 = 1;
const UNCOMPRESSED: u64 = 1;
/// Old and new style.
const JPEG: [u64; 2] = [6, 7];
const LOW_BIT_FIRST: u64 = 2;

pub(super) struct TiffReader<'a> {
    decoder: Decoder<Cursor<Cow<'a, [u8]>>>,
    color: ColorType,
    palette: Option<Palette>,
    photometric: u64,
    premultiplied: bool,
    low_bit_first: bool,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Header, TiffReader<'a>), ImageError> {
    let (bytes, palette) = without_palette(bytes);
    let limit = usize::try_from(options.limits.max_memory).unwrap_or(usize::MAX);
    let mut limits = TiffLimits::default();
    limits.decoding_buffer_size = limit;
    limits.intermediate_buffer_size = limit;
    let mut decoder = Decoder::new(Cursor::new(bytes))
        .map_err(error)?
        .with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(error)?;
    let color = decoder.colortype().map_err(error)?;
    let layout = decoder.image_buffer_layout().map_err(error)?;
    let samples = decoder
        .find_tag_unsigned::<u64>(Tag::SamplesPerPixel)
        .map_err(error)?
        .unwrap_or(1);
    let staged = samples.saturating_mul(u64::from(color.bit_depth()).div_ceil(8));
    options
        .limits
        .check_size(u64::from(height), u64::from(width), staged.saturating_add(3))?;
    options.limits.check_memory(layout.complete_len as u64)?;
    let orientation = if options.exif_transpose {
        Orientation::from_exif(
            decoder
                .find_tag_unsigned(Tag::Orientation)
                .map_err(error)?
                .unwrap_or(1),
        )
    } else {
        Orientation::UPRIGHT
    };
    let photometric = decoder
        .find_tag_unsigned(Tag::PhotometricInterpretation)
        .map_err(error)?
        .unwrap_or(0);
    let extra = decoder
        .find_tag_unsigned_vec::<u64>(Tag::ExtraSamples)
        .map_err(error)?;
    let premultiplied = extra.is_some_and(|extra| extra.first() == Some(&ASSOCIATED_ALPHA));
    let compression = decoder
        .find_tag_unsigned::<u64>(Tag::Compression)
        .map_err(error)?
        .unwrap_or(UNCOMPRESSED);
    // Another crate in a build may switch the tiff crate's own JPEG decoder on, which is not exact.
    if JPEG.contains(&compression) {
        return Err(ImageError::unsupported("TIFF: JPEG compression"));
    }
    let low_bit_first =
        decoder.find_tag_unsigned::<u64>(Tag::FillOrder).map_err(error)? == Some(LOW_BIT_FIRST);
    if low_bit_first && (compression != UNCOMPRESSED || color.bit_depth() > 8) {
        return Err(ImageError::unsupported(
            "TIFF: fill order 2 of compressed or 16-bit samples",
        ));
    }
    let header = Header {
        height: height as usize,
        width: width as usize,
        orientation,
    };
    Ok((
        header,
        TiffReader {
            decoder,
            color,
            palette,
            photometric,
            premultiplied,
            low_bit_first,
        },
    ))
}

impl TiffReader<'_> {
    pub(super) fn read(mut self, out: &mut [u8], width: usize) -> Result<(), ImageError> {
        let mut result = DecodingResult::U8(Vec::new());
        let layout = self.decoder.read_image_to_buffer(&mut result).map_err(error)?;
        let row_bytes = width * 3;
        let stride = layout.row_stride.map_or(0, std::num::NonZeroUsize::get);
        let plane = layout.plane_stride.map_or(0, std::num::NonZeroUsize::get);
        let sample = usize::from(self.color.bit_depth()).div_ceil(8);
        if stride == 0 || plane == 0 || result.as_buffer(0).byte_len() < layout.complete_len {
            return Err(ImageError::new(
                ErrorKind::Limit,
                "TIFF: the image does not fit in memory",
            ));
        }
        // 8 bits per sample from here on, except for gray.
        let wide_gray = matches!(self.color, ColorType::Gray(16 | 32));
        if wide_gray {
            return self.wide_gray(&result, out);
        }
        let mut bytes = match result {
            DecodingResult::U8(bytes) => bytes,
            DecodingResult::I8(bytes) => bytes.into_iter().map(|v| v as u8).collect(),
            DecodingResult::U16(wide) => wide.into_iter().map(|v| (v >> 8) as u8).collect(),
            _ => return Err(self.unsupported()),
        };
        if self.low_bit_first {
            bytes.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        let (stride, plane) = (stride / sample, plane / sample);
        let bytes = if layout.planes > 1 {
            interleave(&bytes, layout.planes, plane, stride, width)
        } else {
            bytes
        };
        let stride = if layout.planes > 1 {
            width * layout.planes
        } else {
            stride
        };
        let channels = stride / width;
        for (source, row) in bytes.chunks_exact(stride).zip(out.chunks_exact_mut(row_bytes)) {
            match (self.color, &self.palette) {
                (ColorType::Gray(bits @ (1 | 2 | 4 | 8)), Some(palette)) => {
                    to_rgb::palette(to_rgb::unpack(source, bits), palette, row);
                }
                (ColorType::Gray(8), None) => to_rgb::gray(source, row),
                (ColorType::Gray(bits @ (1 | 2 | 4)), None) => to_rgb::gray_packed(source, bits, row),
                (
                    ColorType::Multiband {
                        bit_depth: 8,
                        num_samples: 2,
                    },
                    Some(palette),
                ) => {
                    to_rgb::palette(source.chunks_exact(2).map(|pair| pair[0]), palette, row);
                }
                (
                    ColorType::Multiband {
                        bit_depth: 8,
                        num_samples: 2,
                    },
                    None,
                ) if !self.premultiplied => {
                    to_rgb::first_of(source, 2, row);
                }
                (ColorType::RGB(8 | 16) | ColorType::RGBA(8 | 16), _) if channels >= 3 => {
                    if self.premultiplied && channels >= 4 {
                        to_rgb::rgb_premultiplied(source, channels, row);
                    } else {
                        to_rgb::rgb_of(source, channels, row);
                    }
                }
                (ColorType::CMYK(8 | 16) | ColorType::CMYKA(8), _) if channels >= 4 => {
                    to_rgb::cmyk(source, channels, row);
                }
                _ => return Err(self.unsupported()),
            }
        }
        Ok(())
    }

    /// `I;16`, `I` and `F`: clipped to 0..=255, fractions cut off.
    fn wide_gray(&self, result: &DecodingResult, out: &mut [u8]) -> Result<(), ImageError> {
        // The decoder inverts white-is-zero samples; Pillow takes those of 16 bits as they are.
        let white_is_zero = self.photometric == WHITE_IS_ZERO;
        match result {
            DecodingResult::U16(values) if white_is_zero => {
                to_rgb::gray16(values.iter().map(|&v| u16::MAX - v), out);
            }
            DecodingResult::U16(values) => to_rgb::gray16(values.iter().copied(), out),
            _ if white_is_zero => return Err(self.unsupported()),
            DecodingResult::I16(values) => to_rgb::gray16(values.iter().map(|&v| v.max(0) as u16), out),
            DecodingResult::I32(values) => {
                to_rgb::gray16(values.iter().map(|&v| v.clamp(0, 255) as u16), out)
            }
            // Pillow keeps these in a signed 32-bit image.
            DecodingResult::U32(values) => {
                to_rgb::gray16(values.iter().map(|&v| (v as i32).clamp(0, 255) as u16), out);
            }
            DecodingResult::F32(values) => {
                to_rgb::gray16(values.iter().map(|&v| v.clamp(0.0, 255.0) as u16), out)
            }
            _ => return Err(self.unsupported()),
        }
        Ok(())
    }

    fn unsupported(&self) -> ImageError {
        ImageError::unsupported(format_args!(
            "TIFF of {:?}, photometric {}",
            self.color, self.photometric
        ))
    }
}

/// A palette image as a gray one, and its palette: the `tiff` crate reads the indices only under that name.
fn without_palette(bytes: &[u8]) -> (Cow<'_, [u8]>, Option<Palette>) {
    let indexed = Ifd::first(bytes).ok().and_then(|ifd| {
        if ifd.values(PHOTOMETRIC)?.next()? != PALETTE {
            return None;
        }
        let map: Vec<u8> = ifd
            .values(Tag::ColorMap.to_u16())?
            .take(3 * 65_536)
            .map(|v| (v >> 8) as u8)
            .collect();
        let colours = map.len() / 3;
        let palette =
            Palette::from_colours((0..colours).map(|i| [map[i], map[colours + i], map[2 * colours + i]]));
        let low_byte = ifd.offset_of(PHOTOMETRIC)? + usize::from(ifd.is_big_endian());
        Some((low_byte, palette))
    });
    match indexed {
        Some((low_byte, palette)) => {
            let mut gray = bytes.to_vec();
            if let Some(byte) = gray.get_mut(low_byte) {
                *byte = BLACK_IS_ZERO;
            }
            (Cow::Owned(gray), Some(palette))
        }
        None => (Cow::Borrowed(bytes), None),
    }
}

fn interleave(bytes: &[u8], planes: usize, plane: usize, stride: usize, width: usize) -> Vec<u8> {
    let mut mixed = Vec::with_capacity(planes * plane);
    for y in 0..plane / stride {
        for x in 0..width {
            mixed.extend((0..planes).map(|p| bytes.get(p * plane + y * stride + x).copied().unwrap_or(0)));
        }
    }
    mixed
}

fn error(error: TiffError) -> ImageError {
    match error {
        TiffError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImageError::truncated("the TIFF data end early")
        }
        TiffError::FormatError(TiffFormatError::InvalidTagValueType(_)) => {
            ImageError::corrupt("TIFF: a tag has a wrong type")
        }
        TiffError::UnsupportedError(what) => ImageError::unsupported(format_args!("TIFF: {what}")),
        TiffError::LimitsExceeded => {
            ImageError::new(ErrorKind::Limit, "TIFF: the image does not fit in memory")
        }
        other => ImageError::corrupt(format_args!("TIFF: {other}")),
    }
}
