//! EXIF and XMP in the text chunks of a PNG, as Pillow looks for them.

use flate2::{Decompress, FlushDecompress, Status};

use super::super::Orientation;
use crate::{ErrorKind, ImageError};

/// Most bytes that a compressed text may have: Pillow's `MAX_TEXT_CHUNK`.
const MAX_TEXT: usize = 1 << 20;

/// Most bytes of all texts: Pillow's `MAX_TEXT_MEMORY`.
const MAX_TEXTS: usize = 64 * MAX_TEXT;

const XMP_KEY: &[u8] = b"XML:com.adobe.xmp";
const RAW_EXIF_KEY: &[u8] = b"Raw profile type exif";
/// Of the plain texts, one with this key stays bytes.
const EXIF_KEY: &[u8] = b"exif";

/// The chunks that may hold EXIF or XMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Exif,
    Plain,
    Compressed,
    International,
}

/// Adds a chunk to those that may tell the orientation, if it is one.
pub(super) fn keep<'a>(texts: &mut Vec<(Text, &'a [u8])>, name: &[u8; 4], data: &'a [u8]) {
    let text = match name {
        b"eXIf" => Text::Exif,
        b"tEXt" => Text::Plain,
        b"zTXt" => Text::Compressed,
        b"iTXt" => Text::International,
        _ => return,
    };
    let (key, _) = split(data);
    if text != Text::Exif && key != XMP_KEY && key != RAW_EXIF_KEY && (text, key) != (Text::Plain, EXIF_KEY) {
        return;
    }
    // Only the last one counts.
    if let (Text::Exif, Some(last @ (Text::Exif, _))) = (text, texts.last_mut()) {
        *last = (text, data);
    } else {
        texts.push((text, data));
    }
}

/// Pillow's `info`: a later chunk replaces an earlier one of the same key.
#[derive(Default)]
struct Info {
    exif: Option<Vec<u8>>,
    raw_exif: Option<Vec<u8>>,
    /// Under the key `XML:com.adobe.xmp`.
    xmp_text: Option<Vec<u8>>,
    /// Under the key `xmp`, for which text that is no UTF-8 counts too.
    xmp: Option<Vec<u8>>,
    /// Of all texts so far.
    bytes: usize,
}

/// The orientation that the chunks tell. Texts that cannot tell it are not decompressed.
pub(super) fn orientation(texts: &[(Text, &[u8])]) -> Result<Orientation, ImageError> {
    let mut info = Info::default();
    for &(text, data) in texts {
        match text {
            Text::Exif => info.exif = Some(data.to_vec()),
            Text::Plain => {
                let (key, value) = split(data);
                if key == EXIF_KEY {
                    info.exif = Some(value.to_vec());
                } else {
                    info.put(key, value.to_vec());
                }
            }
            Text::Compressed => {
                let (key, value) = split(data);
                let value = value.get(1..).unwrap_or_default();
                info.put(key, inflate(value)?.unwrap_or_default());
            }
            Text::International => international(&mut info, data)?,
        }
        if info.bytes > MAX_TEXTS {
            return Err(too_large("the texts together are", MAX_TEXTS));
        }
    }
    let raw = info.raw_exif.as_deref().map(raw_profile);
    let exif = info.exif.or(raw);
    let xmp = info.xmp_text.filter(|text| !text.is_empty()).or(info.xmp);
    Ok(Orientation::find(exif.as_deref(), xmp.as_deref()))
}

impl Info {
    fn put(&mut self, key: &[u8], value: Vec<u8>) {
        self.bytes = self.bytes.saturating_add(value.len());
        if key == XMP_KEY {
            self.xmp_text = Some(value);
        } else if key == RAW_EXIF_KEY {
            self.raw_exif = Some(value);
        }
    }
}

/// Key, compression flag and method, language, translated key, text.
fn international(info: &mut Info, data: &[u8]) -> Result<(), ImageError> {
    let (key, rest) = split(data);
    let Some((&[compressed, method], rest)) = rest.split_first_chunk::<2>() else {
        return Ok(());
    };
    let mut parts = rest.splitn(3, |&byte| byte == 0);
    let (Some(language), Some(translated), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(());
    };
    let text = match (compressed, method) {
        (0, _) => text.to_vec(),
        (_, 0) => match inflate(text)? {
            Some(text) => text,
            None => return Ok(()),
        },
        (_, _) => return Ok(()),
    };
    if key == XMP_KEY {
        info.bytes = info.bytes.saturating_add(text.len());
        info.xmp = Some(text.clone());
    }
    if [language, translated, &text]
        .iter()
        .all(|part| std::str::from_utf8(part).is_ok())
    {
        info.put(key, text);
    }
    Ok(())
}

fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|&byte| byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}

/// At most [`MAX_TEXT`] bytes; data that end early give what they have, damaged ones `None`.
fn inflate(data: &[u8]) -> Result<Option<Vec<u8>>, ImageError> {
    let mut text = vec![0; MAX_TEXT.min(data.len().saturating_mul(1040) + 64)];
    let mut stream = Decompress::new(true);
    loop {
        let (read, written) = (stream.total_in() as usize, stream.total_out() as usize);
        let status = stream.decompress(&data[read..], &mut text[written..], FlushDecompress::None);
        let stalled = (read, written) == (stream.total_in() as usize, stream.total_out() as usize);
        let written = stream.total_out() as usize;
        match status {
            Err(_) => return Ok(None),
            Ok(Status::StreamEnd) => {
                text.truncate(written);
                return Ok(Some(text));
            }
            Ok(_) if written == text.len() && (stream.total_in() as usize) < data.len() => {
                return Err(too_large("a compressed text is", MAX_TEXT));
            }
            Ok(_) if stalled => {
                text.truncate(written);
                return Ok(Some(text));
            }
            Ok(_) => {}
        }
    }
}

fn too_large(what: &str, limit: usize) -> ImageError {
    ImageError::new(ErrorKind::Limit, format_args!("PNG: {what} too large")).map(|e| {
        e.expected_got(format_args!("at most {limit} bytes"), "more")
            .why("Pillow refuses it too")
            .fix("remove the text chunks from the file, or decode without turning by EXIF")
    })
}

/// Hexadecimal digits behind three lines: the form in which ImageMagick writes EXIF. What is none is no EXIF
/// block, and so upright.
fn raw_profile(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = text
        .split(|&byte| byte == b'\n')
        .skip(3)
        .flatten()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|&byte| char::from(byte).to_digit(16).map_or(u8::MAX, |digit| digit as u8))
        .collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() || digits.contains(&u8::MAX) {
        return b"?".to_vec();
    }
    pairs.iter().map(|&[high, low]| high << 4 | low).collect()
}
