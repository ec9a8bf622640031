//! Where images come from.

#[cfg(feature = "http")]
mod http;
mod limited;
mod lines;
mod list;
mod path_text;
mod pattern;
mod read;
mod skipped;
mod walk;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use list::Sources;
pub use path_text::path_text;
pub use skipped::Skipped;

use crate::{ErrorKind, ImageError, Limits};

/// One image to load, with the id that its result will carry.
pub struct Source {
    id: String,
    origin: Origin,
}

pub(crate) enum Origin {
    Path(PathBuf),
    Bytes(Vec<u8>),
    Reader(Box<dyn Read + Send>),
    Url(String),
    Failed(ImageError),
}

impl Source {
    /// A file; its id is the path, as [`path_text`] writes it.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            id: path_text(&path).into_owned(),
            origin: Origin::Path(path),
        }
    }

    /// An encoded image in memory.
    pub fn bytes(id: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            id: id.into(),
            origin: Origin::Bytes(bytes.into()),
        }
    }

    /// An encoded image behind a reader, which a decode thread reads to its end.
    pub fn reader(id: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self {
            id: id.into(),
            origin: Origin::Reader(Box::new(reader)),
        }
    }

    /// An `http://` or `https://` address; its id is the address. Needs the feature `http`.
    pub fn url(url: impl Into<String>) -> Self {
        let url = url.into();
        Self {
            id: url.clone(),
            origin: Origin::Url(url),
        }
    }

    /// A source that is known not to be readable: its error arrives in its place among the others.
    pub(crate) fn failed(id: impl Into<String>, error: ImageError) -> Self {
        Self {
            id: id.into(),
            origin: Origin::Failed(error),
        }
    }

    /// The same source under another id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// The id: the path or address unless another one was given.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The file that it is read from, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Path(path) => Some(path),
            Origin::Url(_) | Origin::Bytes(_) | Origin::Reader(_) | Origin::Failed(_) => None,
        }
    }

    /// The path, as [`path_text`] writes it, or the address that it is read from; `None` for bytes and readers.
    pub fn place(&self) -> Option<String> {
        match &self.origin {
            Origin::Path(path) => Some(path_text(path).into_owned()),
            Origin::Url(url) => Some(url.clone()),
            Origin::Bytes(_) | Origin::Reader(_) | Origin::Failed(_) => None,
        }
    }

    /// Reads the encoded bytes to their end, without looking at them.
    ///
    /// # Errors
    /// What the system says; a file larger than `limits` allow.
    pub fn read(self, limits: &Limits) -> Result<Vec<u8>, ImageError> {
        self.origin.read(limits, Vec::new())
    }

    pub(crate) fn into_parts(self) -> (String, Origin) {
        (self.id, self.origin)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match &self.origin {
            Origin::Path(_) => "path",
            Origin::Bytes(_) => "bytes",
            Origin::Reader(_) => "reader",
            Origin::Url(_) => "url",
            Origin::Failed(_) => "failed",
        };
        f.debug_struct("Source")
            .field("id", &self.id)
            .field("origin", &origin)
            .finish()
    }
}

fn io_error(error: &std::io::Error) -> ImageError {
    ImageError::new(ErrorKind::Io, format_args!("cannot be read: {error}"))
}
