//! JPEG through `libjpeg-turbo-rs`, bit for bit what libjpeg-turbo and so Pillow decode.

use libjpeg_turbo_rs::{
    ColorSpace, DecodeLimits, DecodeWarning, Decoder, JpegError, PixelFormat, ScalingFactor,
};

use super::{DecodeOptions, Header, Limits, Orientation, Scratch, jpeg_cmyk, to_rgb};
use crate::{ErrorKind, ImageError};

/// Most scans of a progressive file. A scan costs a pass over all coefficients however few bytes it has.
const MAX_SCANS: usize = 1000;

/// Most pixels times scans, in multiples of the pixel limit.
const MAX_SCAN_PIXELS: u64 = 16;

pub(super) struct JpegReader<'a> {
    bytes: &'a [u8],
    decoder: Decoder<'a>,
    color: Color,
    limits: Limits,
    scaled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Color {
    Rgb,
    Cmyk,
    SubsampledCmyk,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Header, JpegReader<'a>), ImageError> {
    let limits = &options.limits;
    let mut decoder = Decoder::new_with_limits(bytes, decode_limits(limits)).map_err(error)?;
    let frame = decoder.header();
    let (height, width) = (usize::from(frame.height), usize::from(frame.width));
    let components = frame.components.len();
    if frame.precision != 8 {
        return Err(
            ImageError::unsupported(format_args!("{}-bit JPEG samples", frame.precision))
                .map(|e| e.why("Pillow reads 8-bit JPEG only")),
        );
    }
    if !matches!(components, 1 | 3 | 4) {
        return Err(ImageError::unsupported(format_args!(
            "JPEG with {components} components"
        )));
    }
    // RGB output, the samples of the components, two bytes per coefficient of a progressive frame, and the
    // planes and the interleaved CMYK of four components.
    let samples = components as u64 * if frame.is_progressive { 3 } else { 1 };
    let per_pixel = 3 + samples + if components == 4 { 8 } else { 0 };
    limits.check_size(height as u64, width as u64, per_pixel)?;

    let orientation = if options.exif_transpose {
        Orientation::find(decoder.exif_data(), decoder.xmp_data())
    } else {
        Orientation::UPRIGHT
    };
    let color = match decoder.jpeg_color_space() {
        ColorSpace::Cmyk | ColorSpace::Ycck if jpeg_cmyk::is_subsampled(frame) => Color::SubsampledCmyk,
        ColorSpace::Cmyk | ColorSpace::Ycck => Color::Cmyk,
        _ => Color::Rgb,
    };
    let scalable = !frame.is_lossless && color != Color::SubsampledCmyk;
    let mut scaled = false;
    if let Some(rule) = options.scale.as_ref().filter(|_| scalable) {
        let (upright_height, upright_width) = if orientation.swaps_axes() {
            (width, height)
        } else {
            (height, width)
        };
        let denominator = rule.denominator(upright_height, upright_width);
        scaled = denominator > 1;
        decoder.set_scale(ScalingFactor::try_new(1, denominator).map_err(error)?);
    }
    decoder.set_output_format(if color == Color::Rgb {
        PixelFormat::Rgb
    } else {
        PixelFormat::Cmyk
    });
    decoder.set_block_smoothing(true);
    let header = Header {
        height: decoder.output_height(),
        width: decoder.output_width(),
        orientation,
    };
    Ok((
        header,
        JpegReader {
            bytes,
            decoder,
            color,
            limits: options.limits,
            scaled,
        },
    ))
}

impl<'a> JpegReader<'a> {
    /// A decoder of the same data at its own size, where they are complete and three components.
    pub(super) fn plain(&self) -> Option<Decoder<'a>> {
        let fits = self.color == Color::Rgb && !self.scaled && self.decoder.header().components.len() == 3;
        if !fits || !has_eoi(self.bytes) {
            return None;
        }
        Decoder::new_with_limits(self.bytes, decode_limits(&self.limits)).ok()
    }
}

impl JpegReader<'_> {
    /// Rows and columns as stored, before scaling and before turning.
    pub(super) fn stored_size(&self) -> (usize, usize) {
        let frame = self.decoder.header();
        (usize::from(frame.height), usize::from(frame.width))
    }

    pub(super) fn read(
        mut self,
        out: &mut [u8],
        limits: &Limits,
        scratch: &mut Scratch,
    ) -> Result<(), ImageError> {
        let frame = self.decoder.header();
        if frame.is_progressive {
            let scan_pixels = limits.max_pixels.saturating_mul(MAX_SCAN_PIXELS);
            let pixels = u64::from(frame.height) * u64::from(frame.width);
            let scans = scan_pixels / pixels.max(1);
            self.decoder.set_scan_limit(scans.min(MAX_SCANS as u64) as u32);
        }
        if self.color == Color::Rgb {
            return self.decode(out);
        }
        let staged = scratch.staging(out.len() / 3 * 4);
        if self.color == Color::Cmyk {
            self.decode(staged)?;
        } else {
            self.decode_planes(limits, staged)?;
        }
        to_rgb::cmyk_inverted(staged, out);
        Ok(())
    }

    /// Strict first: it stops at the first fault. libjpeg, and so Pillow, goes on after a fault that leaves
    /// the file complete, which the lenient decode repeats; data that just end are an error for both.
    fn decode(&mut self, out: &mut [u8]) -> Result<(), ImageError> {
        let complete = has_eoi(self.bytes);
        let fault = match self.decoder.decode_image_into(out) {
            Ok(_) if complete => return Ok(()),
            Ok(_) => JpegError::UnexpectedEof,
            Err(fault @ (JpegError::CorruptData(_) | JpegError::UnexpectedEof)) => fault,
            Err(other) => return Err(error(other)),
        };
        if !complete {
            return Err(ImageError::truncated("the JPEG data end early"));
        }
        self.decoder.set_lenient(true);
        let info = self.decoder.decode_image_into(out).map_err(error)?;
        if info
            .warnings
            .iter()
            .any(|w| matches!(w, DecodeWarning::UnsupportedRecovered { .. }))
        {
            return Err(error(fault));
        }
        Ok(())
    }
}

impl JpegReader<'_> {
    /// The same two attempts for the planes of a subsampled CMYK frame.
    fn decode_planes(self, limits: &Limits, out: &mut [u8]) -> Result<(), ImageError> {
        let ycck = self.decoder.jpeg_color_space() == ColorSpace::Ycck;
        let sampling = jpeg_cmyk::sampling(self.decoder.header());
        let complete = has_eoi(self.bytes);
        let raw = match self.decoder.decode_raw() {
            Ok(raw) if complete => raw,
            Err(JpegError::CorruptData(_) | JpegError::UnexpectedEof) if complete => {
                let mut lenient =
                    Decoder::new_with_limits(self.bytes, decode_limits(limits)).map_err(error)?;
                lenient.set_lenient(true);
                lenient.decode_raw().map_err(error)?
            }
            Ok(_) => return Err(error(JpegError::UnexpectedEof)),
            Err(fault) => return Err(error(fault)),
        };
        jpeg_cmyk::interleave(&raw, &sampling, ycck, out)
    }
}

/// Whether an end-of-image marker follows the first scan header. Without one libjpeg waits for more data,
/// and Pillow calls the file truncated. The headers do not count: they may hold a thumbnail with its own.
fn has_eoi(bytes: &[u8]) -> bool {
    let scans = bytes.get(first_scan(bytes)..).unwrap_or_default();
    scans.windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
}

/// Offset of the first start-of-scan marker, or of the place where the segments stop making sense.
fn first_scan(bytes: &[u8]) -> usize {
    let mut at = 2;
    while let Some(&[mark, code, high, low]) = bytes.get(at..at + 4) {
        if code == 0xFF {
            at += 1;
            continue;
        }
        if mark != 0xFF || code == 0xDA {
            break;
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    at
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
