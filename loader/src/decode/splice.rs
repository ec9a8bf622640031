//! A file with another head: what a decoder is to see of it, without copying the pixel data.

use std::io::{BufRead, Error, ErrorKind, Read, Result, Seek, SeekFrom};

/// A head made here, a part of the file, and a tail, one after another.
pub(super) struct Spliced<'a> {
    head: Vec<u8>,
    body: &'a [u8],
    tail: &'static [u8],
    at: usize,
}

impl<'a> Spliced<'a> {
    pub(super) fn new(head: Vec<u8>, body: &'a [u8], tail: &'static [u8]) -> Self {
        Self {
            head,
            body,
            tail,
            at: 0,
        }
    }

    fn len(&self) -> usize {
        self.head.len() + self.body.len() + self.tail.len()
    }

    /// The part at the current position, from there on.
    fn rest(&self) -> &[u8] {
        let mut at = self.at;
        for part in [&self.head[..], self.body, self.tail] {
            if at < part.len() {
                return &part[at..];
            }
            at -= part.len();
        }
        &[]
    }
}

impl Read for Spliced<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let rest = self.rest();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl BufRead for Spliced<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        Ok(self.rest())
    }

    fn consume(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.len());
    }
}

impl Seek for Spliced<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => i64::try_from(at).ok(),
            SeekFrom::End(by) => by.checked_add_unsigned(self.len() as u64),
            SeekFrom::Current(by) => by.checked_add_unsigned(self.at as u64),
        };
        let target = target.and_then(|at| usize::try_from(at).ok());
        self.at = target
            .ok_or_else(|| Error::from(ErrorKind::InvalidInput))?
            .min(self.len());
        Ok(self.at as u64)
    }
}
