//! JPEG, with the pixels that libjpeg-turbo and so Pillow give.
//!
//! Ordinary files are read by a fast decoder (`libjpeg-turbo-rs`, or the C library with the feature
//! `c-jpeg`). What it does not read as libjpeg does, and every file in which it finds a fault, is read by
//! the plain decoder of this folder, which follows libjpeg step by step.

mod arithmetic;
#[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
mod bands;
mod bits;
#[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
mod chroma;
#[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
mod codes;
mod conditioning;
mod convert;
mod entropy;
#[cfg_attr(feature = "c-jpeg", path = "jpeg/fast_c.rs")]
#[cfg_attr(
    all(feature = "rust-jpeg", not(feature = "c-jpeg")),
    path = "jpeg/fast_rust.rs"
)]
#[cfg_attr(
    not(any(feature = "rust-jpeg", feature = "c-jpeg")),
    path = "jpeg/fast_none.rs"
)]
mod fast;
mod frame;
mod headers;
mod huffman;
mod idct;
mod ordinary;
mod plain;
mod planes;
#[cfg_attr(
    not(all(feature = "rust-jpeg", not(feature = "c-jpeg"))),
    path = "jpeg/reduced_none.rs"
)]
mod reduced;
mod restarts;
mod scans;
mod smooth;
mod source;
#[cfg_attr(
    not(all(feature = "rust-jpeg", not(feature = "c-jpeg"))),
    path = "jpeg/stream_none.rs"
)]
mod stream;
mod upsample;
mod values;

#[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
pub(super) use self::stream::Samples;

use self::fast::Fast;
use self::headers::{Color, Headers};
use self::restarts::Restarts;
use self::source::{Fault, Source};
use self::stream::Stream;
use super::{DecodeOptions, Header, Limits, Orientation, Scratch, Window, Workers, to_rgb};
use crate::{ErrorKind, ImageError};

/// Most scans of a file. A scan costs a pass over all coefficients however few bytes it has.
const MAX_SCANS: usize = 1000;

/// Most pixels times scans, in multiples of the pixel limit.
const MAX_SCAN_PIXELS: u64 = 16;

pub(super) struct JpegReader<'a> {
    bytes: &'a [u8],
    headers: Headers<'a>,
    height: usize,
    width: usize,
    color: Color,
    /// Whether the plain decoder reads this coding.
    plain_reads: bool,
    ordinary: bool,
    restarts: Restarts,
    /// The fast decoder, for a lossless file.
    fast: Option<Fast<'a>>,
    denominator: usize,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Header, JpegReader<'a>), ImageError> {
    let limits = &options.limits;
    let mut source = Source::new(bytes);
    let mut headers = Headers::default();
    headers.read_to_first_scan(&mut source).map_err(fault)?;
    let frame = headers.frame().map_err(fault)?;
    let (height, width) = (frame.height, frame.width);
    let components = frame.components.len();
    if frame.precision != 8 {
        return Err(
            ImageError::unsupported(format_args!("{}-bit JPEG samples", frame.precision))
                .map(|e| e.why("Pillow reads 8-bit JPEG only")),
        );
    }
    let Some(color) = headers.color() else {
        return Err(ImageError::unsupported(format_args!(
            "JPEG with {components} components"
        )));
    };
    if frame.lossless && matches!(color, Color::YCbCr | Color::Ycck) {
        return Err(
            ImageError::unsupported(format_args!("lossless JPEG in {}", color.name())).map(|e| {
                e.why("libjpeg and so Pillow convert no colours of lossless JPEG")
                    .fix("convert it to PNG")
            }),
        );
    }
    let several_scans = frame.progressive || headers.scan.components.len() < components;
    // RGB output, the samples of the components, two bytes per coefficient of a frame of several scans, and
    // the planes and the interleaved CMYK of four components.
    let samples = components as u64 * if several_scans { 3 } else { 1 };
    let per_pixel = 3 + samples + if components == 4 { 8 } else { 0 };
    limits.check_size(height as u64, width as u64, per_pixel)?;
    frame.check().map_err(fault)?;

    let orientation = if options.exif_transpose {
        Orientation::find(headers.exif.as_deref(), headers.xmp)
    } else {
        Orientation::UPRIGHT
    };
    let mut denominator = 1;
    if let Some(rule) = options.scale.as_ref().filter(|_| !frame.lossless) {
        let (upright_height, upright_width) = if orientation.swaps_axes() {
            (width, height)
        } else {
            (height, width)
        };
        denominator = rule.denominator(upright_height, upright_width) as usize;
    }
    let header = Header {
        height: height.div_ceil(denominator),
        width: width.div_ceil(denominator),
        orientation,
    };
    let plain_reads = !frame.lossless;
    let mut restarts = Restarts::default();
    let ordinary = ordinary::is_ordinary(&headers, color, &source, &mut restarts);
    let fast = match plain_reads {
        true => None,
        false => Some(Fast::open(bytes, limits, color, denominator)?),
    };
    Ok((
        header,
        JpegReader {
            bytes,
            headers,
            height,
            width,
            color,
            plain_reads,
            ordinary,
            restarts,
            fast,
            denominator,
        },
    ))
}

impl<'a> JpegReader<'a> {
    /// Rows and columns as stored, before scaling and before turning.
    pub(super) fn stored_size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    pub(super) fn read(
        mut self,
        out: &mut [u8],
        limits: &Limits,
        scratch: &mut Scratch,
        workers: Option<&dyn Workers>,
    ) -> Result<(), ImageError> {
        let scan_pixels = limits.max_pixels.saturating_mul(MAX_SCAN_PIXELS);
        let pixels = (self.height * self.width) as u64;
        let most_scans = (scan_pixels / pixels.max(1)).min(MAX_SCANS as u64) as u32;
        if let Some(stream) = self.stream() {
            let is_read = if self.denominator == 1 {
                let whole = Window::whole(self.height, self.width);
                stream.read(&whole, out, (limits, workers), scratch)
            } else {
                let frame = self.headers.frame.as_ref();
                frame.is_some_and(|frame| reduced::read(&stream, frame, self.denominator, out))
            };
            if is_read {
                return Ok(());
            }
        } else if let Some(fast) = self.fast(limits) {
            match self.read_fast(fast, most_scans, out, scratch) {
                Err(error) if self.plain_reads && error.kind() != ErrorKind::Limit => {}
                other => return other,
            }
        }
        plain::decode(self.bytes, self.denominator, most_scans, out).map_err(fault)
    }

    /// The decoder of ordinary files of one baseline scan.
    fn stream(&self) -> Option<Stream<'_>> {
        self.ordinary
            .then(|| Stream::of(self.bytes, &self.headers, self.color, &self.restarts))
            .flatten()
    }

    /// The decoder of other ordinary files.
    fn fast(&mut self, limits: &Limits) -> Option<Fast<'a>> {
        let opened = self.fast.take();
        let open = || Fast::open(self.bytes, limits, self.color, self.denominator).ok();
        opened.or_else(|| self.ordinary.then(open).flatten())
    }

    /// Data that just end are an error for libjpeg too.
    fn read_fast(
        &self,
        fast: Fast<'_>,
        most_scans: u32,
        out: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<(), ImageError> {
        if !has_eoi(self.bytes) {
            return Err(ImageError::truncated("the JPEG data end early"));
        }
        let (lenient, width) = (!self.plain_reads, self.width.div_ceil(self.denominator));
        match self.color {
            Color::Gray | Color::Rgb | Color::YCbCr => fast.read(most_scans, lenient, width, out),
            Color::Cmyk | Color::Ycck => {
                let staged = scratch.staging(out.len() / 3 * 4)?;
                fast.read(most_scans, lenient, width, staged)?;
                to_rgb::cmyk_inverted(staged, out);
                Ok(())
            }
        }
    }

    /// Writes the pixels of `window` to `out`, or gives false where this frame, or its data, ask for the
    /// usual way, which also finds the error.
    pub(super) fn read_window(
        &self,
        window: &Window,
        out: &mut [u8],
        shared: (&Limits, Option<&dyn Workers>),
        scratch: &mut Scratch,
    ) -> bool {
        let read = |stream: Stream<'_>| stream.read(window, out, shared, scratch);
        self.denominator == 1 && self.stream().is_some_and(read)
    }
}

/// Whether an end-of-image marker follows the first scan header. The headers do not count: they may hold a
/// thumbnail with its own.
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

fn fault(fault: Fault) -> ImageError {
    match fault {
        Fault::Ended => ImageError::truncated("the JPEG data end early"),
        Fault::Corrupt(what) => ImageError::corrupt(format_args!("JPEG: {what}")),
        Fault::Unsupported(what) => ImageError::unsupported(format_args!("JPEG: {what}")),
        Fault::Memory(bytes) => ImageError::new(
            ErrorKind::Limit,
            format_args!("JPEG: no {bytes} bytes of memory for it"),
        ),
        Fault::Scans => ImageError::new(ErrorKind::Limit, "JPEG: it has too many scans for its size"),
    }
}
