//! GIF through the `gif` crate: the first frame on its canvas, as Pillow opens it.

use std::num::NonZeroU64;

use gif::{ColorOutput, DecodingError, MemoryLimit};

use super::to_rgb::{self, Palette};
use super::{DecodeOptions, Header, Orientation, Scratch};
use crate::{ErrorKind, ImageError};

pub(super) struct GifReader<'a> {
    decoder: gif::Decoder<&'a [u8]>,
    frame: Frame,
    canvas_width: usize,
    palette: Palette,
    background: u8,
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
    let mut settings = gif::DecodeOptions::new();
    settings.set_color_output(ColorOutput::Indexed);
    settings.allow_unknown_blocks(true);
    settings.set_memory_limit(
        NonZeroU64::new(options.limits.max_memory).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes),
    );
    let mut decoder = settings.read_info(bytes).map_err(error)?;
    let (screen_height, screen_width) = (usize::from(decoder.height()), usize::from(decoder.width()));
    let info = decoder.next_frame_info().map_err(error)?;
    let info = info.ok_or_else(|| ImageError::truncated("the GIF has no image"))?;
    let frame = Frame {
        top: usize::from(info.top),
        left: usize::from(info.left),
        height: usize::from(info.height),
        width: usize::from(info.width),
    };
    let background = info.transparent.unwrap_or(0);
    let local = info.palette.as_deref().map(palette);
    let palette = local
        .or_else(|| decoder.global_palette().map(palette))
        .unwrap_or_else(Palette::gray_ramp);
    // A frame that reaches over the screen enlarges it.
    let height = screen_height.max(frame.top + frame.height);
    let width = screen_width.max(frame.left + frame.width);
    options.limits.check_size(height as u64, width as u64, 4)?;
    let header = Header {
        height,
        width,
        orientation: Orientation::UPRIGHT,
    };
    Ok((
        header,
        GifReader {
            decoder,
            frame,
            canvas_width: width,
            palette,
            background,
        },
    ))
}

impl GifReader<'_> {
    pub(super) fn read(mut self, out: &mut [u8], scratch: &mut Scratch) -> Result<(), ImageError> {
        let indices = scratch.staging(self.frame.height * self.frame.width);
        self.decoder.read_into_buffer(indices).map_err(error)?;
        let background = self.palette.colour(self.background);
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
            }
        }
        Ok(())
    }
}

/// Pillow drops a palette that is the beginning of the gray ramp, so that every index is its gray value.
fn palette(colours: &[u8]) -> Palette {
    let ramp = colours
        .chunks_exact(3)
        .enumerate()
        .all(|(i, colour)| colour.iter().all(|&c| usize::from(c) == i));
    if ramp {
        Palette::gray_ramp()
    } else {
        Palette::from_rgb(colours)
    }
}

fn error(error: DecodingError) -> ImageError {
    match error {
        DecodingError::Io(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImageError::truncated("the GIF data end early")
        }
        DecodingError::MemoryLimit | DecodingError::OutOfMemory => {
            ImageError::new(ErrorKind::Limit, "GIF: the frame does not fit in memory")
        }
        other => ImageError::corrupt(format_args!("GIF: {other}")),
    }
}
