//! What can be wrong with one image.

use std::fmt;

use prep_onnx_pipeline::{Error, ImageStatus};

/// The class of an [`ImageError`], for counting and for deciding whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file could not be read: absent, a directory, no permission, a broken link.
    Io,
    /// A URL could not be fetched in time.
    Network,
    /// The first bytes are those of no format that this crate reads.
    NotAnImage,
    /// The format is known, this variant of it is not read.
    Unsupported,
    /// The data end before the last pixel.
    Truncated,
    /// The data contradict themselves.
    Corrupt,
    /// The image is larger than [`Limits`](crate::Limits) allow.
    Limit,
    /// A decoder failed in a way that it should not.
    Internal,
}

impl ErrorKind {
    /// A stable lower-case word, for reports: `io`, `network`, `not_an_image`, `unsupported`,
    /// `truncated`, `corrupt`, `limit`, `internal`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Network => "network",
            Self::NotAnImage => "not_an_image",
            Self::Unsupported => "unsupported",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::Limit => "limit",
            Self::Internal => "internal",
        }
    }

    /// The status that an op for encoded images gives such an image. One that was never read counts as
    /// internal: bytes in memory have no such failure.
    pub const fn status(self) -> ImageStatus {
        match self {
            Self::NotAnImage => ImageStatus::NotAnImage,
            Self::Unsupported => ImageStatus::Unsupported,
            Self::Truncated => ImageStatus::Truncated,
            Self::Corrupt => ImageStatus::Corrupt,
            Self::Limit => ImageStatus::Limit,
            Self::Io | Self::Network | Self::Internal => ImageStatus::Internal,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why one image could not be loaded. The loader puts the id of the image in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageError {
    kind: ErrorKind,
    error: Box<Error>,
}

impl ImageError {
    pub(crate) fn new(kind: ErrorKind, what: impl fmt::Display) -> Self {
        Self {
            kind,
            error: Box::new(Error::new("", what)),
        }
    }

    pub(crate) fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unsupported, what)
    }

    pub(crate) fn corrupt(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Corrupt, what)
    }

    pub(crate) fn truncated(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Truncated, what)
    }

    pub(crate) fn map(self, change: impl FnOnce(Error) -> Error) -> Self {
        Self {
            kind: self.kind,
            error: Box::new(change(*self.error)),
        }
    }

    /// The class of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error in the shape that the whole project uses.
    pub fn as_error(&self) -> &Error {
        &self.error
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for ImageError {}

impl From<ImageError> for Error {
    fn from(error: ImageError) -> Self {
        use prep_onnx_pipeline::ErrorKind as Kind;
        let kind = match error.kind {
            ErrorKind::Io | ErrorKind::Network => Kind::Io,
            ErrorKind::NotAnImage | ErrorKind::Truncated | ErrorKind::Corrupt => Kind::Image,
            ErrorKind::Unsupported => Kind::Unsupported,
            ErrorKind::Limit => Kind::Limit,
            ErrorKind::Internal => Kind::Other,
        };
        error.error.with_kind(kind)
    }
}
