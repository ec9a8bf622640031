//! The chunks of a PNG as Pillow walks them: which it checks, which it skips, where it stops.

use super::text::{self, Text};
use crate::ImageError;

const SIGNATURE: usize = 8;
const IHDR_BYTES: usize = 13;

/// What the decode needs of a file.
pub(super) struct Chunks<'a> {
    /// The 13 bytes of the header.
    pub(super) header: [u8; IHDR_BYTES],
    /// The palette chunk of an indexed image.
    pub(super) palette: Option<&'a [u8]>,
    /// The chunk `tRNS`.
    pub(super) transparency: Option<&'a [u8]>,
    /// The first run of `IDAT` chunks, with their lengths and checksums.
    pub(super) data: &'a [u8],
    /// Whether the file ends inside that run.
    pub(super) cut: bool,
    /// Chunks that may hold EXIF or XMP, in the order of the file.
    pub(super) texts: Vec<(Text, &'a [u8])>,
}

struct Chunk<'a> {
    name: [u8; 4],
    data: &'a [u8],
    /// Offset of the next chunk.
    end: usize,
    checksum: Option<u32>,
}

enum Fault {
    /// The file ends inside the chunk.
    Cut,
    /// The name is no name.
    Name,
}

fn chunk_at(file: &[u8], at: usize) -> Result<Chunk<'_>, Fault> {
    let head = file
        .get(at..)
        .and_then(<[u8]>::first_chunk::<8>)
        .ok_or(Fault::Cut)?;
    let [a, b, c, d, name @ ..] = *head;
    if !name
        .iter()
        .all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return Err(Fault::Name);
    }
    let start = at + 8;
    let end = start
        .checked_add(u32::from_be_bytes([a, b, c, d]) as usize)
        .ok_or(Fault::Cut)?;
    let data = file.get(start..end).ok_or(Fault::Cut)?;
    let checksum = file.get(end..).and_then(<[u8]>::first_chunk::<4>);
    Ok(Chunk {
        name,
        data,
        end: end.saturating_add(4),
        checksum: checksum.map(|bytes| u32::from_be_bytes(*bytes)),
    })
}

/// Reads the chunks. Those before the pixels must be whole and have the right checksums, those behind need not.
pub(super) fn walk(file: &[u8]) -> Result<Chunks<'_>, ImageError> {
    let mut header = None;
    let mut palette = None;
    let mut transparency = None;
    let mut texts = Vec::new();
    let mut frames = None;
    let mut frame_control = None;
    let mut at = SIGNATURE;
    let first = loop {
        let is_data = |at: usize| file.get(at + 4..at + 8) == Some(b"IDAT");
        if is_data(at) {
            break at;
        }
        let chunk = chunk_at(file, at).map_err(|fault| match fault {
            Fault::Cut => ends_early(),
            Fault::Name => ImageError::corrupt("PNG: a chunk has no valid name"),
        })?;
        match &chunk.name {
            b"IEND" => return Err(ImageError::corrupt("PNG: no pixel data")),
            b"fdAT" => return Err(ImageError::unsupported("PNG: an animation without a first image")),
            b"IHDR" => header = Some(parse_header(chunk.data)?),
            b"PLTE" if header.is_some_and(|header| header[9] == 3) => palette = Some(chunk.data),
            b"tRNS" if header.is_some() => transparency = Some(chunk.data),
            b"acTL" => {
                let count = chunk
                    .data
                    .first_chunk::<4>()
                    .map(|bytes| u32::from_be_bytes(*bytes));
                // A second one makes the first void.
                frames = if frames.is_none() { count } else { None };
            }
            b"fcTL" => frame_control = Some(chunk.data),
            name => text::keep(&mut texts, name, chunk.data),
        }
        check(&chunk)?;
        at = chunk.end;
    };
    let header = header.ok_or_else(|| ImageError::corrupt("PNG: no header before the pixels"))?;
    check_first_frame(&header, frame_control)?;
    let animated = frames.is_some_and(|count| count > 1 || (count == 1 && frame_control.is_none()));
    let (data_end, cut) = data_run(file, first);
    if !cut {
        texts_behind(file, data_end, animated, &mut texts);
    }
    Ok(Chunks {
        header,
        palette,
        transparency,
        data: &file[first..data_end],
        cut,
        texts,
    })
}

fn check(chunk: &Chunk<'_>) -> Result<(), ImageError> {
    let mut crc = flate2::Crc::new();
    crc.update(&chunk.name);
    crc.update(chunk.data);
    match chunk.checksum {
        None => Err(ends_early()),
        Some(sum) if sum != crc.sum() => Err(ImageError::corrupt(format_args!(
            "PNG: the chunk {} has a wrong checksum",
            String::from_utf8_lossy(&chunk.name)
        ))),
        Some(_) => Ok(()),
    }
}

fn parse_header(data: &[u8]) -> Result<[u8; IHDR_BYTES], ImageError> {
    let mut header = *data
        .first_chunk::<IHDR_BYTES>()
        .ok_or_else(|| ImageError::corrupt("PNG: the header is too short"))?;
    if header[11] != 0 {
        return Err(ImageError::corrupt(format_args!(
            "PNG: filter method {}",
            header[11]
        )));
    }
    // Pillow does not look at the compression method, and takes every interlace method for Adam7.
    header[10] = 0;
    header[12] = header[12].min(1);
    Ok(header)
}

/// Pillow puts the first image where the frame control before it says.
fn check_first_frame(header: &[u8], control: Option<&[u8]>) -> Result<(), ImageError> {
    let whole = control
        .is_none_or(|control| control.get(4..12) == header.get(..8) && control.get(12..20) == Some(&[0; 8]));
    if whole {
        return Ok(());
    }
    Err(ImageError::unsupported(
        "PNG: the first frame of the animation does not cover the image",
    ))
}

/// End of the run of `IDAT` chunks that begins at `at`, and whether the file ends inside it.
fn data_run(file: &[u8], mut at: usize) -> (usize, bool) {
    while file.get(at + 4..at + 8) == Some(b"IDAT") {
        match chunk_at(file, at) {
            Ok(chunk) if chunk.checksum.is_some() => at = chunk.end,
            Ok(_) | Err(_) => return (file.len(), true),
        }
    }
    (at.min(file.len()), false)
}

fn texts_behind<'a>(file: &'a [u8], mut at: usize, animated: bool, texts: &mut Vec<(Text, &'a [u8])>) {
    while let Ok(chunk) = chunk_at(file, at) {
        match &chunk.name {
            b"IEND" => return,
            b"fcTL" if animated => return,
            name => text::keep(texts, name, chunk.data),
        }
        at = chunk.end;
    }
}

fn ends_early() -> ImageError {
    ImageError::truncated("the PNG data end early")
}
