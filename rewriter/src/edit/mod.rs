//! A new file made of ranges of an old one and of new bytes.

mod reader;
mod write;

use std::ops::Range;
use std::path::PathBuf;

use prep_onnx_pipeline::{Error, Result};

pub(crate) use reader::Spliced;
pub use write::Written;

use crate::model::{ExternalFile, Model, Source};

/// A file that is ready to be written: ranges of the model it was made from, and new bytes.
#[derive(Debug, Clone)]
pub struct Edit {
    source: Source,
    source_path: PathBuf,
    /// What has to lie beside the new file as it lies beside the old one.
    external: Vec<ExternalFile>,
    /// What the new file refers to.
    refers: Vec<ExternalFile>,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
enum Segment {
    /// The bytes `start..end` of the source.
    Copy { start: u64, end: u64 },
    /// A part of another file.
    Other(DataRange),
    /// New bytes.
    New(Vec<u8>),
}

impl Segment {
    fn len(&self) -> u64 {
        match self {
            Self::Copy { start, end } => end - start,
            Self::Other(range) => range.len,
            Self::New(bytes) => bytes.len() as u64,
        }
    }

    /// Its bytes `from..to`, which it has.
    fn part(&self, from: u64, to: u64) -> Self {
        match self {
            Self::Copy { start, .. } => Self::Copy {
                start: start + from,
                end: start + to,
            },
            Self::Other(range) => Self::Other(DataRange {
                source: range.source.clone(),
                start: range.start + from,
                len: to - from,
            }),
            Self::New(bytes) => Self::New(bytes[from as usize..to as usize].to_vec()),
        }
    }
}

/// `len` bytes of a data file from `start` on.
#[derive(Debug, Clone)]
pub(crate) struct DataRange {
    pub(crate) source: Source,
    pub(crate) start: u64,
    pub(crate) len: u64,
}

/// One change: `removed` bytes at `at` give way to `inserted` and, after these, to `data`.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    pub(crate) at: u64,
    pub(crate) removed: u64,
    pub(crate) inserted: Vec<u8>,
    pub(crate) data: Option<DataRange>,
}

impl Replacement {
    pub(crate) fn new(at: u64, removed: u64, inserted: Vec<u8>) -> Self {
        Self {
            at,
            removed,
            inserted,
            data: None,
        }
    }

    /// How many bytes come in.
    pub(crate) fn added(&self) -> u64 {
        self.inserted.len() as u64 + self.data.as_ref().map_or(0, |data| data.len)
    }
}

impl Edit {
    /// `model` with `replacements`, which are sorted and apart, and without what follows byte `end`.
    pub(crate) fn new(model: &Model, replacements: Vec<Replacement>, end: u64) -> Result<Self> {
        let out_of_order = || {
            Error::new(
                model.path().display(),
                "the changes to the file overlap or lie outside it",
            )
        };
        let mut made = Self::empty(model);
        let mut position = 0;
        for Replacement {
            at,
            removed,
            inserted,
            data,
        } in replacements
        {
            let after = at
                .checked_add(removed)
                .filter(|after| at >= position && *after <= end)
                .ok_or_else(out_of_order)?;
            made.copy(model, position, at);
            if !inserted.is_empty() {
                made.segments.push(Segment::New(inserted));
            }
            made.segments.extend(data.map(Segment::Other));
            position = after;
        }
        if end > model.bytes() {
            return Err(out_of_order());
        }
        made.copy(model, position, end);
        Ok(made)
    }

    /// The parts of `model` that lie in `ranges`, in their order.
    pub(crate) fn of_ranges(model: &Model, ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut joined: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => joined.push(range),
            }
        }
        let mut edit = Self::empty(model);
        for range in joined {
            edit.copy(model, range.start, range.end);
        }
        edit
    }

    /// An edit without a byte.
    fn empty(model: &Model) -> Self {
        Self {
            source: model.source.clone(),
            source_path: model.path().to_owned(),
            external: match &model.unwritten {
                None => model.external_files().to_vec(),
                Some(edit) => edit.external.clone(),
            },
            refers: model.external_files().to_vec(),
            segments: Vec::new(),
        }
    }

    /// Adds the bytes `start..end` of `model`.
    fn copy(&mut self, model: &Model, start: u64, end: u64) {
        if start >= end {
            return;
        }
        match &model.unwritten {
            None => self.segments.push(Segment::Copy { start, end }),
            Some(edit) => self.segments.extend(edit.part(start, end)),
        }
    }

    /// The pieces of the bytes `start..end` of the new file.
    fn part(&self, start: u64, end: u64) -> Vec<Segment> {
        let mut position = 0;
        let pieces = self.segments.iter().filter_map(|segment| {
            let from = position;
            position += segment.len();
            let (first, last) = (start.max(from), end.min(position));
            (first < last).then(|| segment.part(first - from, last - from))
        });
        pieces.collect()
    }

    /// The files that it reads.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        let others = self.segments.iter().filter_map(|segment| match segment {
            Segment::Other(data) => Some(&data.source),
            Segment::Copy { .. } | Segment::New(_) => None,
        });
        std::iter::once(&self.source).chain(others)
    }

    /// The same edit of a model whose external data went into it.
    pub(crate) fn without_external_data(mut self) -> Self {
        self.external.clear();
        self.refers.clear();
        self
    }

    /// The same edit, of which the new file refers to `files`.
    pub(crate) fn referring_to(mut self, files: &[ExternalFile]) -> Self {
        self.refers = files.to_vec();
        self
    }

    /// The external data files that the new file refers to, by paths relative to its folder.
    pub fn external_files(&self) -> &[ExternalFile] {
        &self.refers
    }

    /// The size of the new file in bytes.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(Segment::len).sum()
    }

    /// How many of them are not copied from the model.
    pub fn new_bytes(&self) -> u64 {
        let new = self
            .segments
            .iter()
            .filter(|segment| matches!(segment, Segment::New(_)));
        new.map(Segment::len).sum()
    }

    /// The new file as a reader, without writing it.
    pub(crate) fn reader(&self) -> Spliced<'_> {
        Spliced::new(self)
    }
}
