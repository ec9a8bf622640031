//! Reading: one field after another, each checked against the message that holds it.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use prep_onnx_pipeline::{Error, Result};
use sha2::{Digest, Sha256};

/// A string of an ONNX file (a name, a shape parameter) longer than this is refused.
const MAX_NAME: u64 = 1 << 16;

/// One field: its header has been read, its payload has not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// The field number.
    pub(crate) number: u32,
    /// Where the tag starts.
    pub(crate) start: u64,
    /// Where the tag ends, so where the value or the length starts.
    pub(crate) after_tag: u64,
    /// Where the payload of a length-delimited field starts; otherwise the same as `end`.
    pub(crate) payload: u64,
    /// One past the last byte.
    pub(crate) end: u64,
    /// What kind of value it holds.
    pub(crate) value: Value,
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// An integer, already read.
    Varint(u64),
    /// Four or eight bytes, little-endian, already read.
    Fixed(u64),
    /// A payload that the caller has to read, skip or enter.
    Bytes,
}

impl Field {
    /// Whether it is the length-delimited field `number`.
    pub(crate) fn is_bytes(&self, number: u32) -> bool {
        self.number == number && self.value == Value::Bytes
    }
}

/// Reads fields from `R` in file order and digests everything but the skipped payloads.
pub(crate) struct Scanner<R> {
    reader: BufReader<R>,
    position: u64,
    digest: Sha256,
}

impl<R: Read + Seek> Scanner<R> {
    /// A scanner over the whole of `reader`, from its start, and the length of `reader` in bytes.
    pub(crate) fn new(mut reader: R) -> Result<(Self, u64)> {
        let len = reader
            .seek(SeekFrom::End(0))
            .and_then(|len| reader.rewind().map(|()| len));
        let len = len.map_err(|error| Error::io("", "cannot be read", &error))?;
        let reader = BufReader::with_capacity(1 << 14, reader);
        Ok((
            Self {
                reader,
                position: 0,
                digest: Sha256::new(),
            },
            len,
        ))
    }

    /// SHA-256 of what was read: everything up to here without the payloads that were skipped.
    pub(crate) fn digest(self) -> [u8; 32] {
        self.digest.finalize().into()
    }

    /// The next field of a message that ends at `end`; `None` at its end.
    ///
    /// # Errors
    /// A group, an overlong or cut varint, a field number of 0, a payload that runs past `end`.
    pub(crate) fn field(&mut self, end: u64) -> Result<Option<Field>> {
        if self.position >= end {
            return Ok(None);
        }
        let start = self.position;
        let tag = self.varint::<5>(end)?;
        let (number, wire_type) = match u32::try_from(tag) {
            Ok(tag) if tag >> 3 != 0 => (tag >> 3, tag & 7),
            _ => {
                return Err(
                    damaged(start, "holds no valid field number").expected_got("1 to 536870911", tag >> 3)
                );
            }
        };
        let after_tag = self.position;
        let value = match wire_type {
            0 => Value::Varint(self.varint::<10>(end)?),
            1 => self.fixed::<8>(end)?,
            5 => self.fixed::<4>(end)?,
            2 => {
                let len = self.varint::<10>(end)?;
                let left = end - self.position;
                if len > left {
                    let what =
                        format!("a field claims more bytes than its message or the file has: field {number}");
                    return Err(damaged(start, what).expected_got(format!("at most {left} bytes"), len));
                }
                return Ok(Some(Field {
                    number,
                    start,
                    after_tag,
                    payload: self.position,
                    end: self.position + len,
                    value: Value::Bytes,
                }));
            }
            other => {
                return Err(damaged(
                    start,
                    format!("field {number} is a group or of an unknown wire type"),
                )
                .expected_got("0, 1, 2 or 5", other));
            }
        };
        Ok(Some(Field {
            number,
            start,
            after_tag,
            payload: self.position,
            end: self.position,
            value,
        }))
    }

    /// Seeks over the payload of `field` without reading it.
    pub(crate) fn skip(&mut self, field: &Field) -> Result<()> {
        let distance = field.end - self.position;
        let distance = i64::try_from(distance).map_err(|_| damaged(field.start, "is too long"))?;
        self.reader
            .seek_relative(distance)
            .map_err(|error| self.failed(&error))?;
        self.position = field.end;
        Ok(())
    }

    /// Reads over the payload of `field`, for the digest only.
    pub(crate) fn pass(&mut self, field: &Field) -> Result<()> {
        while self.position < field.end {
            let chunk = match self.reader.fill_buf() {
                Ok([]) => return Err(self.failed(&std::io::ErrorKind::UnexpectedEof.into())),
                Ok(chunk) => chunk,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(&error)),
            };
            let len =
                usize::try_from(field.end - self.position).map_or(chunk.len(), |left| left.min(chunk.len()));
            self.digest.update(&chunk[..len]);
            self.reader.consume(len);
            self.position += len as u64;
        }
        Ok(())
    }

    /// The payload of `field`, which may have at most `most` bytes.
    pub(crate) fn bytes(&mut self, field: &Field, most: u64) -> Result<Vec<u8>> {
        let len = field.end - field.payload;
        if len > most {
            let what = format!("field {} is too long", field.number);
            return Err(damaged(field.start, what).expected_got(format!("at most {most} bytes"), len));
        }
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(len).read_to_end(&mut bytes);
        match read {
            Ok(read) if read as u64 == len => {}
            Ok(_) => return Err(self.failed(&std::io::ErrorKind::UnexpectedEof.into())),
            Err(error) => return Err(self.failed(&error)),
        }
        self.digest.update(&bytes);
        self.position = field.end;
        Ok(bytes)
    }

    /// The payload of `field` as a name.
    pub(crate) fn name(&mut self, field: &Field) -> Result<String> {
        self.text(field, MAX_NAME)
    }

    /// The payload of `field` as text of at most `most` bytes.
    pub(crate) fn text(&mut self, field: &Field, most: u64) -> Result<String> {
        let bytes = self.bytes(field, most)?;
        String::from_utf8(bytes).map_err(|_| {
            damaged(
                field.start,
                format!("the text in field {} is not UTF-8", field.number),
            )
        })
    }

    fn fixed<const N: usize>(&mut self, end: u64) -> Result<Value> {
        if end - self.position < N as u64 {
            return Err(damaged(
                self.position,
                format!("a value of {N} bytes runs past its message or the file"),
            ));
        }
        let mut bytes = [0; N];
        self.reader
            .read_exact(&mut bytes)
            .map_err(|error| self.failed(&error))?;
        self.digest.update(bytes);
        self.position += N as u64;
        Ok(Value::Fixed(
            bytes
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        ))
    }

    /// An integer of at most `MOST` bytes: 10 for 64 bits, 5 for a tag.
    fn varint<const MOST: usize>(&mut self, end: u64) -> Result<u64> {
        let start = self.position;
        let (mut bytes, mut value) = ([0; MOST], 0);
        for index in 0..MOST {
            if self.position >= end {
                return Err(damaged(start, "an integer runs past its message or the file"));
            }
            let mut byte = [0];
            self.reader
                .read_exact(&mut byte)
                .map_err(|error| self.failed(&error))?;
            self.position += 1;
            bytes[index] = byte[0];
            value |= u64::from(byte[0] & 0x7f) << (7 * index);
            if byte[0] < 0x80 {
                if index == 9 && byte[0] > 1 {
                    break;
                }
                self.digest.update(&bytes[..=index]);
                return Ok(value);
            }
        }
        Err(damaged(start, "an integer is too long").expected_got(format!("at most {MOST} bytes"), "more"))
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::new(
            format!("byte {}", self.position),
            format!("cannot be read: {error}"),
        )
    }
}

/// An error about the wire format at byte `at`.
pub(crate) fn damaged(at: u64, what: impl std::fmt::Display) -> Error {
    Error::new(format!("byte {at}"), what)
        .why("the file is no ONNX model, or it is cut short or damaged")
        .fix("export or download the model again and check it with onnx.checker")
}
