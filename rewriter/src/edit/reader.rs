//! Reading an edit as if it were written.

use std::io::{self, Read, Seek, SeekFrom};

use super::{Edit, Segment};
use crate::model::Source;

/// The new file of an [`Edit`], read from its pieces.
#[derive(Debug)]
pub(crate) struct Spliced<'a> {
    edit: &'a Edit,
    /// Where each segment starts in the new file.
    starts: Vec<u64>,
    len: u64,
    position: u64,
}

impl<'a> Spliced<'a> {
    pub(super) fn new(edit: &'a Edit) -> Self {
        let mut len = 0;
        let starts = edit.segments.iter().map(|segment| {
            let start = len;
            len += segment.len();
            start
        });
        let starts = starts.collect();
        Self {
            edit,
            starts,
            len,
            position: 0,
        }
    }
}

impl Read for Spliced<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.len {
            return Ok(0);
        }
        let index = self.starts.partition_point(|start| *start <= self.position) - 1;
        let segment = &self.edit.segments[index];
        let offset = self.position - self.starts[index];
        let left = segment.len() - offset;
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let buffer = &mut buffer[..most];
        let read = match segment {
            Segment::New(bytes) => (&bytes[offset as usize..]).read(buffer)?,
            Segment::Copy { start, .. } => read_at(&self.edit.source, start + offset, buffer)?,
            Segment::Other(data) => read_at(&data.source, data.start + offset, buffer)?,
        };
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Spliced<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.len.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

fn read_at(source: &Source, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    source.with(|mut file| {
        file.seek(SeekFrom::Start(at))?;
        file.read(buffer)
    })
}
