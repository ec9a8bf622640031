//! The compressions of TIFF, as streams of decoded bytes.

use std::io::{ErrorKind as IoErrorKind, Read};

use flate2::{Decompress, FlushDecompress, Status};
use lzma_rust2::XzReader;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use weezl::{BitOrder, LzwStatus, decode as lzw};

use super::ccitt::{self, Fax};
use super::ends::ends_early;
use crate::ImageError;

/// Most KiB that a dictionary of LZMA or ZSTD may take: what xz and zstd write at their highest usual levels.
const MAX_DICTIONARY_KIB: u32 = 128 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Fax(ccitt::Kind),
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
    Lzma,
    Zstd,
}

impl Compression {
    pub(super) fn from_tag(value: u64, fax_options: u64) -> Result<Self, ImageError> {
        let name = match value {
            1 => return Ok(Self::None),
            2 => return Ok(Self::Fax(ccitt::Kind::Rle { align: 8 })),
            32_771 => return Ok(Self::Fax(ccitt::Kind::Rle { align: 16 })),
            3 => {
                let two_dimensional = fax_options & 1 != 0;
                return Ok(Self::Fax(ccitt::Kind::Group3 { two_dimensional }));
            }
            4 => return Ok(Self::Fax(ccitt::Kind::Group4)),
            5 => return Ok(Self::Lzw),
            7 => return Ok(Self::Jpeg),
            8 | 32_946 => return Ok(Self::Deflate),
            32_773 => return Ok(Self::PackBits),
            34_925 => return Ok(Self::Lzma),
            50_000 => return Ok(Self::Zstd),
            6 => "old JPEG",
            32_809 => "ThunderScan",
            34_676 | 34_677 => "SGI LogLuv",
            34_712 | 33_003 | 33_005 => "JPEG 2000",
            34_887 => "LERC",
            50_001 => "WebP",
            50_002 => "JPEG XL",
            _ => "unknown",
        };
        Err(ImageError::unsupported(format_args!(
            "TIFF: compression {value} ({name})"
        )))
    }

    /// Whether libtiff undoes a predictor behind it.
    pub(super) fn has_predictor(self) -> bool {
        match self {
            Self::Lzw | Self::Deflate | Self::Lzma | Self::Zstd => true,
            Self::None | Self::Fax(_) | Self::Jpeg | Self::PackBits => false,
        }
    }
}

/// The decoded bytes of one strip or tile.
pub(super) enum Stream<'a> {
    Raw(&'a [u8]),
    Fax(Fax<'a>),
    Lzw(Box<lzw::Decoder>, &'a [u8]),
    Deflate(Box<Decompress>, &'a [u8]),
    PackBits(PackBits<'a>),
    Lzma(Box<XzReader<&'a [u8]>>),
    Zstd(Box<StreamingDecoder<&'a [u8], FrameDecoder>>),
}

impl<'a> Stream<'a> {
    /// `width` is that of a row in pixels.
    pub(super) fn new(compression: Compression, data: &'a [u8], width: usize) -> Result<Self, ImageError> {
        Ok(match compression {
            Compression::None => Self::Raw(data),
            Compression::Fax(kind) => Self::Fax(Fax::new(kind, data, width)),
            Compression::Lzw => {
                // The first writers put the lowest bit first, and changed the code width one code later.
                let old = matches!(data, [0, second, ..] if second & 1 == 1);
                let decoder = if old {
                    lzw::Configuration::new(BitOrder::Lsb, 8)
                } else {
                    lzw::Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
                };
                Self::Lzw(Box::new(decoder.with_yield_on_full_buffer(true).build()), data)
            }
            Compression::Deflate => Self::Deflate(Box::new(Decompress::new(true)), data),
            Compression::PackBits => Self::PackBits(PackBits::new(data)),
            Compression::Lzma => {
                Self::Lzma(Box::new(XzReader::new_mem_limit(data, false, MAX_DICTIONARY_KIB)))
            }
            Compression::Zstd => {
                let mut frame = FrameDecoder::new();
                frame.set_max_window_size(u64::from(MAX_DICTIONARY_KIB) << 10);
                let decoder = StreamingDecoder::new_with_decoder(data, frame)
                    .map_err(|error| ImageError::corrupt(format_args!("TIFF: ZSTD: {error}")))?;
                Self::Zstd(Box::new(decoder))
            }
            Compression::Jpeg => return Err(ImageError::unsupported("TIFF: JPEG compression")),
        })
    }

    /// The next bytes; whole rows for the facsimile codes.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Result<(), ImageError> {
        match self {
            Self::Raw(data) => {
                let now = data.split_off(..out.len()).ok_or_else(ends_early)?;
                out.copy_from_slice(now);
                Ok(())
            }
            Self::Fax(fax) => fax.fill(out),
            Self::Lzw(decoder, data) => fill_lzw(decoder, data, out),
            Self::Deflate(stream, data) => inflate(stream, data, out),
            Self::PackBits(runs) => runs.fill(out),
            Self::Lzma(reader) => read_exactly(reader, out, "LZMA"),
            Self::Zstd(reader) => read_exactly(reader, out, "ZSTD"),
        }
    }
}

fn fill_lzw(decoder: &mut lzw::Decoder, data: &mut &[u8], out: &mut [u8]) -> Result<(), ImageError> {
    let mut done = 0;
    while done < out.len() {
        let step = decoder.decode_bytes(data, &mut out[done..]);
        *data = &data[step.consumed_in..];
        done += step.consumed_out;
        match step.status {
            Ok(LzwStatus::Ok) if step.consumed_in + step.consumed_out > 0 => {}
            Ok(LzwStatus::Done) if done == out.len() => {}
            Ok(LzwStatus::Ok | LzwStatus::NoProgress | LzwStatus::Done) => return Err(ends_early()),
            Err(error) => return Err(ImageError::corrupt(format_args!("TIFF: LZW: {error}"))),
        }
    }
    Ok(())
}

fn inflate(stream: &mut Decompress, data: &mut &[u8], out: &mut [u8]) -> Result<(), ImageError> {
    let mut done = 0;
    while done < out.len() {
        let (read, written) = (stream.total_in(), stream.total_out());
        let status = stream
            .decompress(data, &mut out[done..], FlushDecompress::None)
            .map_err(|error| ImageError::corrupt(format_args!("TIFF: deflate: {error}")))?;
        let (read, written) = (stream.total_in() - read, stream.total_out() - written);
        *data = &data[read as usize..];
        done += written as usize;
        let stalled = read == 0 && written == 0;
        if done < out.len() && (stalled || status == Status::StreamEnd) {
            return Err(ends_early());
        }
    }
    Ok(())
}

fn read_exactly(reader: &mut impl Read, out: &mut [u8], name: &str) -> Result<(), ImageError> {
    reader.read_exact(out).map_err(|error| match error.kind() {
        IoErrorKind::UnexpectedEof => ends_early(),
        _ => ImageError::corrupt(format_args!("TIFF: {name}: {error}")),
    })
}

/// Runs of literal and of repeated bytes.
pub(super) struct PackBits<'a> {
    data: &'a [u8],
    literals: usize,
    repeats: usize,
    repeated: u8,
}

impl<'a> PackBits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            literals: 0,
            repeats: 0,
            repeated: 0,
        }
    }

    fn fill(&mut self, mut out: &mut [u8]) -> Result<(), ImageError> {
        while !out.is_empty() {
            if self.literals > 0 {
                let count = self.literals.min(out.len());
                let now = self.data.split_off(..count).ok_or_else(ends_early)?;
                let (target, rest) = std::mem::take(&mut out).split_at_mut(count);
                target.copy_from_slice(now);
                self.literals -= count;
                out = rest;
                continue;
            }
            if self.repeats > 0 {
                let count = self.repeats.min(out.len());
                let (target, rest) = std::mem::take(&mut out).split_at_mut(count);
                target.fill(self.repeated);
                self.repeats -= count;
                out = rest;
                continue;
            }
            match *self.data.split_off_first().ok_or_else(ends_early)? {
                128 => {}
                code @ 0..=127 => self.literals = usize::from(code) + 1,
                code => {
                    self.repeats = 257 - usize::from(code);
                    self.repeated = *self.data.split_off_first().ok_or_else(ends_early)?;
                }
            }
        }
        Ok(())
    }
}
