//! PNG through the `png` crate, with Pillow's conversions: the crate's own expansions are switched off. It sees
//! header and pixel data alone; all other chunks are read here.

mod chunks;
mod text;
mod transparent;

use chunks::Chunks;
use png::{BitDepth, ColorType, DecodingError, Transformations};
use transparent::Transparent;

use super::splice::Spliced;
use super::to_rgb::{self, Palette};
use super::{DecodeOptions, Header, Orientation, Scratch, over};
use crate::{ErrorKind, ImageError};

pub(super) struct PngReader<'a> {
    reader: png::Reader<Spliced<'a>>,
    layout: Layout,
}

struct Layout {
    color: ColorType,
    depth: BitDepth,
    palette: Option<Palette>,
    /// The colour below transparent pixels, and which these are.
    over: Option<([u8; 3], Transparent)>,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Header, PngReader<'a>), ImageError> {
    let limits = png::Limits {
        bytes: usize::try_from(options.limits.max_memory).unwrap_or(usize::MAX),
    };
    let chunks = chunks::walk(bytes)?;
    let mut checks = png::DecodeOptions::default();
    checks.set_ignore_adler32(false);
    // Pillow does not look at those of the pixel data.
    checks.set_ignore_crc(true);
    let mut decoder = png::Decoder::new_with_options(pixel_data(&chunks), checks);
    decoder.set_limits(limits);
    decoder.set_transformations(Transformations::IDENTITY);
    {
        let info = decoder.read_header_info().map_err(error)?;
        let staged = if info.interlaced {
            info.bytes_per_pixel() as u64
        } else {
            0
        };
        options
            .limits
            .check_size(u64::from(info.height), u64::from(info.width), 3 + staged)?;
    }
    let reader = decoder.read_info().map_err(error)?;
    let info = reader.info();
    let orientation = if options.exif_transpose {
        text::orientation(&chunks.texts)?
    } else {
        Orientation::UPRIGHT
    };
    let header = Header {
        height: info.height as usize,
        width: info.width as usize,
        orientation,
    };
    let palette = match info.color_type {
        ColorType::Indexed => Some(palette(chunks.palette)?),
        _ => None,
    };
    let over = match options.background {
        Some(colour) => {
            let which = Transparent::of(info.color_type, info.bit_depth, chunks.transparency)?;
            which.map(|which| (colour, which))
        }
        None => None,
    };
    let layout = Layout {
        color: info.color_type,
        depth: info.bit_depth,
        palette,
        over,
    };
    Ok((header, PngReader { reader, layout }))
}

impl PngReader<'_> {
    pub(super) fn read(mut self, out: &mut [u8], scratch: &mut Scratch) -> Result<(), ImageError> {
        let width = self.reader.info().width;
        let row_bytes = width as usize * 3;
        let line = self.reader.output_line_size(width).ok_or_else(too_large)?;
        if self.reader.info().interlaced {
            let size = self.reader.output_buffer_size().ok_or_else(too_large)?;
            let staged = scratch.staging(size)?;
            // The passes of samples below 8 bits are ORed together.
            staged.fill(0);
            self.reader.next_frame(staged).map_err(error)?;
            for (source, target) in staged.chunks_exact(line).zip(out.chunks_exact_mut(row_bytes)) {
                self.layout.convert(source, target);
            }
            return Ok(());
        }
        let as_stored = self.layout.color == ColorType::Rgb
            && self.layout.depth == BitDepth::Eight
            && self.layout.over.is_none();
        let row = scratch.staging(line)?;
        for target in out.chunks_exact_mut(row_bytes) {
            let place = if as_stored { &mut *target } else { &mut *row };
            if self.reader.read_row(place).map_err(error)?.is_none() {
                return Err(ImageError::truncated("the PNG has too few rows"));
            }
            if !as_stored {
                self.layout.convert(row, target);
            }
        }
        // The checksum of the compressed data. Pillow does not mind when the file ends after the last row.
        match self.reader.read_row(row).map_err(error) {
            Err(fault) if fault.kind() != ErrorKind::Truncated => Err(fault),
            _ => Ok(()),
        }
    }
}

impl Layout {
    fn convert(&self, source: &[u8], out: &mut [u8]) {
        let wide = self.depth == BitDepth::Sixteen;
        match self.color {
            ColorType::Grayscale => match self.depth {
                BitDepth::Eight => to_rgb::gray(source, out),
                BitDepth::Sixteen => {
                    to_rgb::gray16(
                        source.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])),
                        out,
                    );
                }
                packed => to_rgb::gray_packed(source, packed as u8, out),
            },
            ColorType::Indexed => {
                if let Some(palette) = &self.palette {
                    to_rgb::palette(to_rgb::unpack(source, self.depth as u8), palette, out);
                }
            }
            ColorType::GrayscaleAlpha => to_rgb::first_of(source, if wide { 4 } else { 2 }, out),
            ColorType::Rgb if wide => to_rgb::rgb16_be(source, 3, out),
            ColorType::Rgb => to_rgb::rgb_of(source, 3, out),
            ColorType::Rgba if wide => to_rgb::rgb16_be(source, 4, out),
            ColorType::Rgba => to_rgb::rgb_of(source, 4, out),
        }
        match &self.over {
            None => {}
            Some((colour, Transparent::Channel { pixel, at })) => {
                over::lay(*colour, source.chunks_exact(*pixel).map(|pixel| pixel[*at]), out);
            }
            Some((colour, Transparent::Palette(alphas))) => {
                let indices = to_rgb::unpack(source, self.depth as u8);
                over::lay(*colour, indices.map(|index| alphas[usize::from(index)]), out);
            }
            Some((colour, Transparent::Colour(key))) => {
                for pixel in out.chunks_exact_mut(3).filter(|pixel| *pixel == key) {
                    pixel.copy_from_slice(colour);
                }
            }
        }
    }
}

/// A PNG of the header and the pixel data alone.
fn pixel_data<'a>(chunks: &Chunks<'a>) -> Spliced<'a> {
    let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    head.extend(chunks.header);
    head.extend([0; 4]);
    if chunks.header[9] == 3 {
        // The crate asks for a palette, whatever is in it.
        head.extend(b"\0\0\0\x03PLTE\0\0\0\0\0\0\0");
    }
    let tail: &[u8] = if chunks.cut {
        b""
    } else {
        b"\0\0\0\0IEND\xae\x42\x60\x82"
    };
    Spliced::new(head, chunks.data, tail)
}

/// Bytes behind the last whole colour are ignored.
fn palette(colours: Option<&[u8]>) -> Result<Palette, ImageError> {
    let colours = colours.ok_or_else(|| {
        ImageError::corrupt("PNG: no palette").map(|e| e.why("Pillow makes such an image black"))
    })?;
    let count = colours.len() / 3;
    if count > 256 {
        return Err(ImageError::corrupt(format_args!(
            "PNG: a palette of {count} colours"
        )));
    }
    Ok(Palette::from_rgb(colours))
}

fn too_large() -> ImageError {
    ImageError::new(ErrorKind::Limit, "PNG: the rows do not fit in memory")
}

fn error(error: DecodingError) -> ImageError {
    match error {
        DecodingError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImageError::truncated("the PNG data end early")
        }
        DecodingError::LimitsExceeded => too_large(),
        other => ImageError::corrupt(format_args!("PNG: {other}")),
    }
}
