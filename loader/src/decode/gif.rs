//! GIF: the container by Pillow's rules, the first frame through the `gif` crate, on its canvas.

use std::num::NonZeroU64;

use gif::{ColorOutput, DecodingError, MemoryLimit};

use super::splice::Spliced;
use super::to_rgb::{self, Palette};
use super::{DecodeOptions, Header, Orientation, Scratch, over};
use crate::{ErrorKind, ImageError};

const COLOUR_TABLE: u8 = 0x80;
const INTERLACED: u8 = 0x40;

pub(super) struct GifReader<'a> {
    decoder: gif::Decoder<Spliced<'a>>,
    frame: Frame,
    canvas_width: usize,
    palette: Palette,
    background: u8,
    /// The colour below transparent pixels, and their index.
    over: Option<([u8; 3], u8)>,
}

struct Frame {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Header, GifReader<'a>), ImageError> {
    let mut file = Blocks { rest: bytes };
    let &[_, _, _, _, _, _, w0, w1, h0, h1, flags, _, _] = file.take()?;
    let global = file.colour_table(flags)?.and_then(palette);
    let transparent = file.skip_to_image()?;
    let &[x0, x1, y0, y1, fw0, fw1, fh0, fh1, flags] = file.take()?;
    let le = |low, high| usize::from(u16::from_le_bytes([low, high]));
    let frame = Frame {
        top: le(y0, y1),
        left: le(x0, x1),
        height: le(fh0, fh1),
        width: le(fw0, fw1),
    };
    let local = file.colour_table(flags)?.and_then(palette);
    // Without any colour table an index is its gray value.
    let palette = local.or(global).unwrap_or_else(Palette::gray_ramp);
    // A frame that reaches over the screen enlarges it.
    let height = le(h0, h1).max(frame.top + frame.height);
    let width = le(w0, w1).max(frame.left + frame.width);
    options.limits.check_size(height as u64, width as u64, 4)?;
    if frame.height == 0 || frame.width == 0 {
        return Err(ImageError::corrupt("GIF: the first frame has no pixels"));
    }
    let header = Header {
        height,
        width,
        orientation: Orientation::UPRIGHT,
    };

    let mut settings = gif::DecodeOptions::new();
    settings.set_color_output(ColorOutput::Indexed);
    settings.set_memory_limit(
        NonZeroU64::new(options.limits.max_memory).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes),
    );
    let size = [fw0, fw1, fh0, fh1];
    let mut decoder = settings
        .read_info(frame_alone(size, flags & INTERLACED, file.rest))
        .map_err(error)?;
    decoder.next_frame_info().map_err(error)?;
    Ok((
        header,
        GifReader {
            decoder,
            frame,
            canvas_width: width,
            palette,
            background: transparent.unwrap_or(0),
            over: options.background.zip(transparent),
        },
    ))
}

/// A GIF of one frame that covers the screen. Its colours do not matter: the indices are asked for.
fn frame_alone(size: [u8; 4], interlaced: u8, data: &[u8]) -> Spliced<'_> {
    let mut head = b"GIF89a".to_vec();
    head.extend(size);
    head.extend([COLOUR_TABLE, 0, 0]);
    head.extend([0; 6]);
    head.extend(b",\0\0\0\0");
    head.extend(size);
    head.push(interlaced);
    Spliced::new(head, data, b"")
}

/// What is left of a file.
struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Blocks<'a> {
    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], ImageError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(taken)
    }

    fn colour_table(&mut self, flags: u8) -> Result<Option<&'a [u8]>, ImageError> {
        if flags & COLOUR_TABLE == 0 {
            return Ok(None);
        }
        let table = self.rest.split_off(..6 << (flags & 7)).ok_or_else(ends_early)?;
        Ok(Some(table))
    }

    /// A block of data; `None` at the one of no bytes that ends a sequence.
    fn block(&mut self) -> Result<Option<&'a [u8]>, ImageError> {
        let &[size] = self.take()?;
        if size == 0 {
            return Ok(None);
        }
        self.rest
            .split_off(..usize::from(size))
            .map(Some)
            .ok_or_else(ends_early)
    }

    /// Skips to behind the separator of the first image; the transparent index that was told on the way.
    /// Bytes between the blocks that begin none are skipped one by one.
    fn skip_to_image(&mut self) -> Result<Option<u8>, ImageError> {
        const CONTROL: u8 = 0xF9;
        let mut transparent = None;
        loop {
            match self.take()? {
                b"," => return Ok(transparent),
                b";" => return Err(ImageError::truncated("the GIF has no image")),
                b"!" => {
                    let &[label] = self.take()?;
                    let mut block = self.block()?;
                    if let (CONTROL, Some(control)) = (label, block) {
                        // It may be longer than it should be.
                        let &[flags, _, _, index] = control
                            .first_chunk::<4>()
                            .ok_or_else(|| ImageError::corrupt("GIF: the graphic control is too short"))?;
                        if flags & 1 != 0 {
                            transparent = Some(index);
                        }
                    }
                    // A first block of no bytes is not yet the end to Pillow, but in comments.
                    if label != 0xFE && block.is_none() {
                        block = self.block()?;
                    }
                    while block.is_some() {
                        block = self.block()?;
                    }
                }
                _ => {}
            }
        }
    }
}

impl GifReader<'_> {
    pub(super) fn read(mut self, out: &mut [u8], scratch: &mut Scratch) -> Result<(), ImageError> {
        let indices = scratch.staging(self.frame.height * self.frame.width)?;
        self.decoder.read_into_buffer(indices).map_err(error)?;
        let background = match self.over {
            Some((colour, _)) => colour,
            None => self.palette.colour(self.background),
        };
        let row_bytes = self.canvas_width * 3;
        let covered = self.frame.left * 3..(self.frame.left + self.frame.width) * 3;
        let mut rows = indices.chunks_exact(self.frame.width.max(1));
        for (y, row) in out.chunks_exact_mut(row_bytes).enumerate() {
            let inside = y >= self.frame.top && y < self.frame.top + self.frame.height;
            let source = if inside { rows.next() } else { None };
            if source.is_none() || covered.len() < row_bytes {
                for pixel in row.chunks_exact_mut(3) {
                    pixel.copy_from_slice(&background);
                }
            }
            if let (Some(source), Some(target)) = (source, row.get_mut(covered.clone())) {
                to_rgb::palette(source.iter().copied(), &self.palette, target);
                if let Some((colour, transparent)) = self.over {
                    let alphas = source
                        .iter()
                        .map(|&index| if index == transparent { 0 } else { 255 });
                    over::lay(colour, alphas, target);
                }
            }
        }
        Ok(())
    }
}

/// Pillow drops a palette that is the beginning of the gray ramp, as if it were not there: also a local one in front
/// of a global one.
fn palette(colours: &[u8]) -> Option<Palette> {
    let ramp = colours
        .chunks_exact(3)
        .enumerate()
        .all(|(i, colour)| colour.iter().all(|&c| usize::from(c) == i));
    (!ramp).then(|| Palette::from_rgb(colours))
}

fn ends_early() -> ImageError {
    ImageError::truncated("the GIF data end early")
}

fn error(error: DecodingError) -> ImageError {
    match error {
        DecodingError::Io(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => ends_early(),
        DecodingError::MemoryLimit | DecodingError::OutOfMemory => {
            ImageError::new(ErrorKind::Limit, "GIF: the frame does not fit in memory")
        }
        other => ImageError::corrupt(format_args!("GIF: {other}")),
    }
}
