//! TIFF, read here by the rules of Pillow and libtiff: the first page, in strips or tiles. The compressions are
//! those of other crates, but for the run lengths.

mod ccitt;
mod codec;
mod convert;
mod ends;
mod jpeg;
mod layout;
mod mode;
mod predictor;

use std::borrow::Cow;

use codec::{Compression, Stream};
use layout::{Layout, Segment};
use mode::{Key, Mode};
use predictor::Predictor;

use super::ifd::{Ifd, Order};
use super::to_rgb::Palette;
use super::{DecodeOptions, Header, Limits, Orientation, Scratch, over, try_grown};
use crate::ImageError;

mod tags {
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const BITS_PER_SAMPLE: u16 = 258;
    pub(super) const COMPRESSION: u16 = 259;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const FILL_ORDER: u16 = 266;
    pub(super) const STRIP_OFFSETS: u16 = 273;
    pub(super) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(super) const ROWS_PER_STRIP: u16 = 278;
    pub(super) const STRIP_BYTE_COUNTS: u16 = 279;
    pub(super) const PLANAR: u16 = 284;
    pub(super) const T4_OPTIONS: u16 = 292;
    pub(super) const PREDICTOR: u16 = 317;
    pub(super) const COLOR_MAP: u16 = 320;
    pub(super) const TILE_WIDTH: u16 = 322;
    pub(super) const TILE_LENGTH: u16 = 323;
    pub(super) const TILE_OFFSETS: u16 = 324;
    pub(super) const TILE_BYTE_COUNTS: u16 = 325;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const SAMPLE_FORMAT: u16 = 339;
    pub(super) const JPEG_TABLES: u16 = 347;
    pub(super) const XMP: u16 = 700;
    pub(super) const JPEG_XR: u16 = 0xBC01;
}

const YCBCR: u64 = 6;
const LOW_BIT_FIRST: u64 = 2;
const SEPARATE_PLANES: u64 = 2;
/// Bytes of rows that are decoded before they are converted.
const BAND: usize = 64 << 10;

pub(super) struct TiffReader<'a> {
    file: &'a [u8],
    order: Order,
    mode: Mode,
    compression: Compression,
    predictor: Predictor,
    low_bit_first: bool,
    /// Of a pixel in a row: 1 where each sample has its own plane.
    samples: usize,
    layout: Layout,
    palette: Palette,
    /// Of JPEG data.
    jpeg: Option<Jpeg<'a>>,
    limits: Limits,
    /// Whether transparent pixels are to lie over a colour.
    over: bool,
}

#[derive(Clone, Copy)]
struct Jpeg<'a> {
    tables: Option<&'a [u8]>,
    color: jpeg::Color,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Header, TiffReader<'a>), ImageError> {
    let ifd = Ifd::in_file(bytes).map_err(|_| ends::ends_early())?;
    let number = |tag| ifd.unsigned(tag).and_then(|mut values| values.next());
    if ifd.contains(tags::JPEG_XR) {
        return Err(ImageError::unsupported("TIFF: JPEG XR"));
    }
    let compression = Compression::from_tag(
        number(tags::COMPRESSION).unwrap_or(1),
        number(tags::T4_OPTIONS).unwrap_or(0),
    )?;
    let (Some(width), Some(height)) = (number(tags::WIDTH), number(tags::HEIGHT)) else {
        return Err(ImageError::corrupt("TIFF: no width or height"));
    };
    let separate = number(tags::PLANAR) == Some(SEPARATE_PLANES);
    let key = key(&ifd, separate)?;
    let is_jpeg = compression == Compression::Jpeg;
    let mode = Mode::of(&key, is_jpeg).ok_or_else(|| unsupported(&key))?;
    let predictor = if compression.has_predictor() {
        let value = number(tags::PREDICTOR).unwrap_or(1);
        Predictor::from_tag(value, mode.bits(), mode == Mode::Float32)?
    } else {
        Predictor::None
    };
    let one_bit = matches!(mode.bits(), 1);
    if matches!(compression, Compression::Fax(_)) && !one_bit {
        return Err(ImageError::corrupt(
            "TIFF: a CCITT compression of samples of more than 1 bit",
        ));
    }
    let planar = separate && key.bits.len() > 1;
    let mode = if planar {
        mode.in_planes(key.extra.is_empty() && compression != Compression::None)
    } else {
        mode
    };
    let planes = if planar { mode.planes() } else { 1 };
    let jpeg = if is_jpeg {
        let color = jpeg::Color::of(mode, key.photometric).filter(|_| !planar && !key.low_bit_first);
        Some(Jpeg {
            tables: ifd.text(tags::JPEG_TABLES),
            color: color.ok_or_else(|| unsupported(&key))?,
        })
    } else {
        None
    };
    // RGB output, and four planes that are mixed first.
    options
        .limits
        .check_size(height, width, 3 + if planes > 3 { 4 } else { 0 })?;
    let size = (height as usize, width as usize);
    let layout = Layout::new(&ifd, size, planes, compression == Compression::None)?;
    let samples = if planar { 1 } else { key.bits.len() };
    check_segments(&layout, samples * mode.bits(), &options.limits)?;
    let orientation = if options.exif_transpose {
        Orientation::in_ifd(&ifd, ifd.text(tags::XMP))
    } else {
        Orientation::UPRIGHT
    };
    let header = Header {
        height: size.0,
        width: size.1,
        orientation,
    };
    let reader = TiffReader {
        file: bytes,
        order: key.order,
        mode,
        compression,
        predictor,
        low_bit_first: key.low_bit_first,
        samples,
        layout,
        palette: palette(&ifd, mode)?,
        jpeg,
        limits: options.limits,
        over: options.background.is_some(),
    };
    Ok((header, reader))
}

/// The tags as Pillow's `_setup` reads them.
fn key(ifd: &Ifd<'_>, separate: bool) -> Result<Key, ImageError> {
    let all = |tag| -> Option<Vec<u64>> { Some(ifd.unsigned(tag)?.take(64).collect()) };
    let number = |tag| ifd.unsigned(tag).and_then(|mut values| values.next());
    let mut formats = all(tags::SAMPLE_FORMAT).unwrap_or_else(|| vec![1]);
    if formats.iter().all(|format| Some(format) == formats.first()) {
        formats.truncate(1);
    }
    let mut bits = all(tags::BITS_PER_SAMPLE).unwrap_or_else(|| vec![1]);
    let mut extra = all(tags::EXTRA_SAMPLES).unwrap_or_default();
    let mut samples = number(tags::SAMPLES_PER_PIXEL).unwrap_or(1) as usize;
    if separate && !extra.is_empty() && extra.iter().all(|&kind| kind == 0) {
        // Unspecified samples in planes of their own can be left aside.
        bits.truncate(bits.len().saturating_sub(extra.len()));
        samples = samples.saturating_sub(extra.len());
        extra.clear();
    }
    if samples < bits.len() {
        bits.truncate(samples);
    } else if let (&[one], 2..=6) = (bits.as_slice(), samples) {
        bits = vec![one; samples];
    }
    if bits.len() != samples || samples == 0 {
        return Err(ImageError::corrupt(format_args!(
            "TIFF: {samples} samples in a pixel, but the bits of {}",
            bits.len()
        )));
    }
    Ok(Key {
        order: ifd.order(),
        photometric: number(tags::PHOTOMETRIC).unwrap_or(0),
        formats,
        low_bit_first: number(tags::FILL_ORDER) == Some(LOW_BIT_FIRST),
        bits,
        extra,
    })
}

/// Tiles may be far larger than the image; all of their pixels count.
fn check_segments(layout: &Layout, bits: usize, limits: &Limits) -> Result<(), ImageError> {
    let columns = layout.segment.1 as u64;
    let decoded = (layout.width as u64).div_ceil(columns).saturating_mul(columns);
    limits.check_size(layout.height as u64, decoded, 1)?;
    limits.check_memory(columns.saturating_mul(bits as u64).div_ceil(8))
}

fn palette(ifd: &Ifd<'_>, mode: Mode) -> Result<Palette, ImageError> {
    if !matches!(mode, Mode::Palette { .. }) {
        return Ok(Palette::gray_ramp());
    }
    let map = ifd
        .unsigned(tags::COLOR_MAP)
        .ok_or_else(|| ImageError::corrupt("TIFF: no colour map"))?;
    let map: Vec<u8> = map.take(3 * 65_536).map(|value| (value >> 8) as u8).collect();
    let colours = map.len() / 3;
    Ok(Palette::from_colours(
        (0..colours).map(|i| [map[i], map[colours + i], map[2 * colours + i]]),
    ))
}

fn unsupported(key: &Key) -> ImageError {
    ImageError::unsupported(format_args!(
        "TIFF: photometric {}, bits {:?}, extra samples {:?}, sample format {:?}, {:?} byte order{}",
        key.photometric,
        key.bits,
        key.extra,
        key.formats,
        key.order,
        if key.low_bit_first { ", fill order 2" } else { "" },
    ))
}

impl TiffReader<'_> {
    pub(super) fn read(self, out: &mut [u8], scratch: &mut Scratch) -> Result<(), ImageError> {
        if self.layout.planar {
            return self.read_planes(out, scratch);
        }
        let width = self.layout.width;
        let mut opaque = true;
        for segment in self.layout.segments(0) {
            self.rows(segment, scratch, |y, source| {
                let row = &mut out[((segment.top + y) * width + segment.left) * 3..][..segment.columns * 3];
                convert::row(self.mode, self.order, &self.palette, source, row);
                opaque &= !self.over || convert::is_opaque(self.mode, self.order, source, segment.columns);
            })?;
        }
        if opaque {
            Ok(())
        } else {
            Err(over::unread("a TIFF"))
        }
    }

    /// Samples in planes of their own, of 8 or 16 bits: of the latter the high byte.
    fn read_planes(&self, out: &mut [u8], scratch: &mut Scratch) -> Result<(), ImageError> {
        let planes = self.mode.planes();
        let mode = match self.mode {
            Mode::PremultipliedRgb { .. } => Mode::PremultipliedRgb {
                wide: false,
                samples: planes,
            },
            Mode::Cmyk { .. } => Mode::Cmyk {
                wide: false,
                samples: planes,
            },
            Mode::Rgb { samples, .. } if self.over && samples > 3 => {
                return Err(over::unread("a TIFF in planes"));
            }
            _ => return self.mix_planes(planes, out, scratch),
        };
        let mut mixed = std::mem::take(&mut scratch.planes);
        let pixels = self.layout.height * self.layout.width;
        let result = try_grown(&mut mixed, pixels * planes).and_then(|target| {
            self.mix_planes(planes, target, scratch)?;
            convert::row(mode, self.order, &self.palette, target, out);
            let opaque = !self.over || convert::is_opaque(mode, self.order, target, pixels);
            if opaque {
                Ok(())
            } else {
                Err(over::unread("a TIFF"))
            }
        });
        scratch.planes = mixed;
        result
    }

    /// The samples of each pixel side by side.
    fn mix_planes(&self, planes: usize, out: &mut [u8], scratch: &mut Scratch) -> Result<(), ImageError> {
        let width = self.layout.width;
        let (bytes, high) = match self.mode.bits() {
            16 => (2, convert::high_byte(self.order)),
            _ => (1, 0),
        };
        for plane in 0..planes {
            for segment in self.layout.segments(plane) {
                self.rows(segment, scratch, |y, source| {
                    let first = (segment.top + y) * width + segment.left;
                    let row = &mut out[first * planes..][..segment.columns * planes];
                    let values = source.chunks_exact(bytes).map(|value| value[high]);
                    for (pixel, value) in row.chunks_exact_mut(planes).zip(values) {
                        pixel[plane] = value;
                    }
                })?;
            }
        }
        Ok(())
    }

    /// Gives the rows of a segment that are inside the image.
    fn rows(
        &self,
        segment: Segment,
        scratch: &mut Scratch,
        mut give: impl FnMut(usize, &[u8]),
    ) -> Result<(), ImageError> {
        let columns = self.layout.segment.1;
        let row_bytes = (columns * self.samples * self.mode.bits()).div_ceil(8);
        let mut data = Cow::Borrowed(self.layout.data(self.file, segment)?);
        if let Some(Jpeg { tables, color }) = self.jpeg {
            let decoded = scratch.staging(segment.rows * row_bytes)?;
            jpeg::decode(tables, &data, color, columns, &self.limits, decoded)?;
            for (y, row) in decoded.chunks_exact(row_bytes).enumerate() {
                give(y, row);
            }
            return Ok(());
        }
        let raw = self.compression == Compression::None;
        if self.low_bit_first && !raw {
            data.to_mut()
                .iter_mut()
                .for_each(|byte| *byte = byte.reverse_bits());
        }
        let mut stream = Stream::new(self.compression, &data, columns)?;
        let band = (BAND / row_bytes).clamp(1, segment.rows);
        let mut spare = Vec::new();
        for top in (0..segment.rows).step_by(band) {
            let rows = band.min(segment.rows - top);
            let decoded = scratch.staging(rows * row_bytes)?;
            stream.fill(decoded)?;
            if self.low_bit_first && raw {
                decoded.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
            }
            for (y, row) in decoded.chunks_exact_mut(row_bytes).enumerate() {
                self.predictor.undo(row, self.samples, self.order, &mut spare);
                give(top + y, row);
            }
        }
        Ok(())
    }
}
