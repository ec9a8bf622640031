//! WebP: the container by libwebp's rules, the picture through `image-webp`.
//!
//! Pillow reads every WebP as an animation. The first frame is decoded onto an empty canvas without blending,
//! so its alpha never changes a colour, and only its colours are decoded here.

use image_webp::{DecodingError, WebPDecoder};

use super::splice::Spliced;
use super::{DecodeOptions, Header, Orientation, Scratch, over, probe, to_rgb};
use crate::{ErrorKind, ImageError};

const HEADER: usize = 12;
const CHUNK_HEADER: usize = 8;
const ANIMATION: u8 = 1 << 1;
const ALPHA: u8 = 1 << 4;
const XMP: u8 = 1 << 2;
const EXIF: u8 = 1 << 3;
/// The flags that libwebp knows; any other one makes the file invalid.
const FLAGS: u8 = 0b11_1110;

pub(super) struct WebPReader<'a> {
    picture: Picture<'a>,
    canvas_width: usize,
    top: usize,
    left: usize,
    /// The colour below transparent pixels.
    over: Option<[u8; 3]>,
}

/// The chunk `VP8 ` or `VP8L`, without its padding.
#[derive(Clone, Copy)]
struct Picture<'a> {
    chunk: &'a [u8],
    height: usize,
    width: usize,
}

#[derive(Clone, Copy)]
struct Chunk<'a> {
    name: &'a [u8],
    data: &'a [u8],
    /// With its header.
    whole: &'a [u8],
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Header, WebPReader<'a>), ImageError> {
    let riff_bytes = bytes.get(4..8).map_or(0, le) + CHUNK_HEADER;
    // What stands behind the container is not looked at.
    let file = bytes.get(..riff_bytes).ok_or_else(ends_early)?;
    let first = chunks(file, HEADER).next().ok_or_else(ends_early)?;
    let (reader, height, orientation) = if first.name == b"VP8X" {
        extended(file, first, options)?
    } else {
        let picture = picture(first)?;
        let reader = WebPReader {
            picture,
            canvas_width: picture.width,
            top: 0,
            left: 0,
            over: options.background,
        };
        (reader, picture.height, Orientation::UPRIGHT)
    };
    // RGB output, RGBA of the frame and, in the codec, up to one more frame of RGBA.
    options
        .limits
        .check_size(height as u64, reader.canvas_width as u64, 3 + 4 + 4)?;
    let header = Header {
        height,
        width: reader.canvas_width,
        orientation,
    };
    Ok((header, reader))
}

type Opened<'a> = (WebPReader<'a>, usize, Orientation);

fn extended<'a>(file: &'a [u8], first: Chunk<'a>, options: &DecodeOptions) -> Result<Opened<'a>, ImageError> {
    let Some(&[flags, _, _, _, ref size @ ..]) = first.data.first_chunk::<10>() else {
        return Err(ImageError::corrupt("WebP: the header is too short"));
    };
    if flags & !FLAGS != 0 {
        return Err(ImageError::corrupt(format_args!(
            "WebP: unknown flags {flags:#04x}"
        )));
    }
    let (width, height) = (le(&size[..3]) + 1, le(&size[3..]) + 1);
    let animated = flags & ANIMATION != 0;
    let (mut frame, mut exif, mut xmp, mut begun) = (None, None, None, false);
    for chunk in chunks(file, HEADER + first.whole.len()) {
        match chunk.name {
            b"VP8 " | b"VP8L" if !animated && frame.is_none() => frame = Some((0, 0, picture(chunk)?)),
            b"VP8 " | b"VP8L" => return Err(ImageError::corrupt("WebP: a picture too many")),
            b"ANIM" => begun = true,
            b"ANMF" if !begun => {
                return Err(ImageError::corrupt("WebP: a frame before the animation begins"));
            }
            b"ANMF" if animated && frame.is_none() => frame = Some(animation_frame(chunk)?),
            b"EXIF" if flags & EXIF != 0 && exif.is_none() => exif = Some(chunk.data),
            b"XMP " if flags & XMP != 0 && xmp.is_none() => xmp = Some(chunk.data),
            _ => {}
        }
    }
    let (top, left, picture) = frame.ok_or_else(|| ImageError::corrupt("WebP: no picture"))?;
    let inside = top + picture.height <= height && left + picture.width <= width;
    let whole = (picture.height, picture.width) == (height, width);
    if !inside || !(animated || whole) {
        return Err(
            ImageError::corrupt("WebP: the picture does not fit its canvas").map(|e| {
                e.expected_got(
                    format_args!("{width}x{height}"),
                    format_args!("{}x{} at ({left}, {top})", picture.width, picture.height),
                )
            }),
        );
    }
    let orientation = if options.exif_transpose {
        Orientation::find(exif, xmp)
    } else {
        Orientation::UPRIGHT
    };
    let reader = WebPReader {
        picture,
        canvas_width: width,
        top,
        left,
        over: options.background.filter(|_| flags & ALPHA != 0),
    };
    if reader.over.is_some() && reader.picture.chunk.starts_with(b"VP8 ") {
        return Err(over::unread("a lossy WebP"));
    }
    Ok((reader, height, orientation))
}

/// Row, column and picture of an `ANMF` chunk.
fn animation_frame(chunk: Chunk<'_>) -> Result<(usize, usize, Picture<'_>), ImageError> {
    const FIELDS: usize = 16;
    let fields = chunk.data.get(..FIELDS).ok_or_else(ends_early)?;
    let (left, top) = (2 * le(&fields[..3]), 2 * le(&fields[3..6]));
    let inner = chunks(chunk.data, FIELDS).find(|inner| matches!(inner.name, b"VP8 " | b"VP8L"));
    let inner = inner.ok_or_else(|| ImageError::corrupt("WebP: the first frame has no picture"))?;
    Ok((top, left, picture(inner)?))
}

/// The size that the picture itself tells.
fn picture(chunk: Chunk<'_>) -> Result<Picture<'_>, ImageError> {
    let damaged = || ImageError::corrupt("WebP: the picture has a damaged header");
    let (height, width) = match (chunk.name, chunk.data) {
        (b"VP8 ", &[_, _, _, 0x9D, 0x01, 0x2A, a, b, c, d, ..]) => {
            (le(&[c, d]) & 0x3FFF, le(&[a, b]) & 0x3FFF)
        }
        (b"VP8L", &[0x2F, ref bits @ ..]) => {
            let bits = le(bits.first_chunk::<4>().ok_or_else(damaged)?);
            (((bits >> 14) & 0x3FFF) + 1, (bits & 0x3FFF) + 1)
        }
        _ => return Err(damaged()),
    };
    Ok(Picture {
        chunk: chunk.whole,
        height,
        width,
    })
}

/// The chunks from `at` on, up to one that is cut off.
fn chunks(bytes: &[u8], mut at: usize) -> impl Iterator<Item = Chunk<'_>> {
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let size = le(rest.get(4..CHUNK_HEADER)?);
        let data = rest.get(CHUNK_HEADER..)?.get(..size)?;
        let end = CHUNK_HEADER + size;
        at += end + size % 2;
        Some(Chunk {
            name: &rest[..4],
            data,
            whole: &rest[..end],
        })
    })
}

impl WebPReader<'_> {
    pub(super) fn read(
        self,
        out: &mut [u8],
        limits: &super::Limits,
        scratch: &mut Scratch,
    ) -> Result<(), ImageError> {
        let Picture { chunk, height, width } = self.picture;
        // The crate allocates without asking: up to two frames of RGBA.
        probe(height * width * 8, "WebP")?;
        let mut head = b"RIFF".to_vec();
        let padding: &[u8] = if chunk.len() % 2 == 0 { b"" } else { b"\0" };
        head.extend(((4 + chunk.len() + padding.len()) as u32).to_le_bytes());
        head.extend(b"WEBP");
        let mut decoder = WebPDecoder::new(Spliced::new(head, chunk, padding)).map_err(error)?;
        decoder.set_memory_limit(usize::try_from(limits.max_memory).unwrap_or(usize::MAX));
        let channels = if decoder.has_alpha() { 4 } else { 3 };
        if channels == 3 && out.len() == height * width * 3 {
            return decoder.read_image(out).map_err(error);
        }
        let frame = scratch.staging(height * width * channels)?;
        decoder.read_image(frame).map_err(error)?;
        let canvas_row = self.canvas_width * 3;
        if out.len() != height * width * 3 {
            for pixel in out.chunks_exact_mut(3) {
                pixel.copy_from_slice(&self.over.unwrap_or_default());
            }
        }
        let rows = out.chunks_exact_mut(canvas_row).skip(self.top);
        for (source, row) in frame.chunks_exact(width * channels).zip(rows) {
            let target = &mut row[self.left * 3..(self.left + width) * 3];
            to_rgb::rgb_of(source, channels, target);
            if let (Some(colour), 4) = (self.over, channels) {
                over::lay(colour, source.chunks_exact(4).map(|pixel| pixel[3]), target);
            }
        }
        Ok(())
    }
}

fn le(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | usize::from(byte))
}

fn ends_early() -> ImageError {
    ImageError::truncated("the WebP data end early")
}

fn error(error: DecodingError) -> ImageError {
    match error {
        DecodingError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => ends_early(),
        DecodingError::MemoryLimitExceeded => {
            ImageError::new(ErrorKind::Limit, "WebP: the image does not fit in memory")
        }
        other => ImageError::corrupt(format_args!("WebP: {other}")),
    }
}
