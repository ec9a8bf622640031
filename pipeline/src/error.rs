//! The one error shape of every crate: what is wrong with which thing, why, and what to do about it.

use std::fmt;

/// Shorthand for a result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an [`Error`] is about: what a program that handles it has to tell apart.
///
/// The first line of an error is for people and may change; this does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call itself is wrong: an option, an argument, or two that contradict each other.
    Usage,
    /// A pipeline, preset or config that says something wrong or something unknown.
    Config,
    /// An ONNX file that is none, is damaged, or cannot take the pipeline.
    Model,
    /// One image that is none, is damaged, or has a shape that the pipeline cannot take.
    Image,
    /// ONNX Runtime: none, not loadable, or a run that failed.
    Runtime,
    /// A file, folder or address that cannot be read or written.
    Io,
    /// Larger than a bound allows.
    Limit,
    /// Valid, but nothing that this version does.
    Unsupported,
    /// None of the others.
    Other,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Usage,
        Self::Config,
        Self::Model,
        Self::Image,
        Self::Runtime,
        Self::Io,
        Self::Limit,
        Self::Unsupported,
        Self::Other,
    ];

    /// A stable lower-case word, for reports: `usage`, `config`, `model`, `image`, `runtime`, `io`, `limit`,
    /// `unsupported`, `other`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Model => "model",
            Self::Image => "image",
            Self::Runtime => "runtime",
            Self::Io => "io",
            Self::Limit => "limit",
            Self::Unsupported => "unsupported",
            Self::Other => "other",
        }
    }

    /// One line on what it stands for.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Usage => "the call is wrong: an option, an argument, or two that contradict each other",
            Self::Config => "a pipeline, preset or config says something wrong or unknown",
            Self::Model => "an ONNX file is none, is damaged, or cannot take the pipeline",
            Self::Image => "an image is none, is damaged, or has a shape that the pipeline cannot take",
            Self::Runtime => "ONNX Runtime is missing, cannot be loaded, or a run failed",
            Self::Io => "a file, folder or address cannot be read or written",
            Self::Limit => "larger than a bound allows",
            Self::Unsupported => "valid, but nothing that this version does",
            Self::Other => "none of the others",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure that a person can act on.
///
/// `subject` names the thing (a file, a key such as `steps[1].std`, a tensor), `what` says what is
/// wrong with it in one line, with the expected and the actual value where there are any. `why` and
/// `fix` are optional further lines. [`Error::kind`] is what programs switch on.
///
/// ```
/// use prep_onnx_pipeline::{Error, ErrorKind, preset};
///
/// let error = Error::new("steps[0].size", "is zero").expected_got("1 to 65535", 0).fix("give the size in pixels");
/// assert_eq!(error.to_string(), "steps[0].size: is zero: expected 1 to 65535, got 0");
/// assert_eq!(error.help(), Some("give the size in pixels"));
/// assert_eq!(preset("no-such").unwrap_err().kind(), ErrorKind::Config);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    subject: String,
    what: String,
    why: Option<String>,
    fix: Option<String>,
    kind: Option<ErrorKind>,
}

impl Error {
    /// An error about `subject`: `what` is wrong with it.
    pub fn new(subject: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self {
            subject: subject.to_string(),
            what: what.to_string(),
            why: None,
            fix: None,
            kind: None,
        }
    }

    /// An error of the operating system about `subject`: `what` could not be done with it, as in `cannot be read`.
    pub fn io(subject: impl fmt::Display, what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(subject, format_args!("{what}: {error}")).with_kind(ErrorKind::Io)
    }

    /// Says what the error is about.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Says what the error is about, unless that is known: for the entrance of a part whose errors are of one kind.
    #[must_use]
    pub fn or_kind(mut self, kind: ErrorKind) -> Self {
        self.kind.get_or_insert(kind);
        self
    }

    /// Appends the expected and the actual value to the first line.
    #[must_use]
    pub fn expected_got(mut self, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        self.what = format!("{}: expected {expected}, got {got}", self.what);
        self
    }

    /// Adds the reason behind the rule that was broken.
    #[must_use]
    pub fn why(mut self, why: impl fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// Adds what the reader can do.
    #[must_use]
    pub fn fix(mut self, fix: impl fmt::Display) -> Self {
        self.fix = Some(fix.to_string());
        self
    }

    /// Says that another subject is meant.
    #[must_use]
    pub(crate) fn of(mut self, subject: impl fmt::Display) -> Self {
        self.subject = subject.to_string();
        self
    }

    /// Puts a larger subject in front: a file before a key. One that says the same more exactly takes its place:
    /// `images[3]` that of `image`.
    #[must_use]
    pub fn within(mut self, outer: impl fmt::Display) -> Self {
        let outer = outer.to_string();
        let is_same = match outer.strip_prefix(&self.subject) {
            Some(rest) => rest.is_empty() || rest.starts_with("s["),
            None => false,
        };
        self.subject = if is_same || self.subject.is_empty() {
            outer
        } else {
            format!("{outer}: {}", self.subject)
        };
        self
    }

    /// Puts a larger key in front of the key: `steps[2]` before `std` gives `steps[2].std`.
    #[must_use]
    pub fn within_key(mut self, outer: impl fmt::Display) -> Self {
        self.subject = if self.subject.is_empty() {
            outer.to_string()
        } else {
            format!("{outer}.{}", self.subject)
        };
        self
    }

    /// What the error is about, for programs.
    pub fn kind(&self) -> ErrorKind {
        self.kind.unwrap_or(ErrorKind::Other)
    }

    /// The thing that the error is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The reason, where there is one.
    pub fn reason(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// What to do, where something can be done.
    pub fn help(&self) -> Option<&str> {
        self.fix.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subject.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{}: {}", self.subject, self.what)
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        for (label, line) in [("why", &self.why), ("fix", &self.fix)] {
            if let Some(line) = line {
                write!(f, "\n  {label}: {line}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_kind_that_was_said_first_stays() {
        let error = Error::new("a", "b");
        assert_eq!(error.kind(), ErrorKind::Other);
        let error = error
            .or_kind(ErrorKind::Limit)
            .or_kind(ErrorKind::Model)
            .within("c");
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert_eq!(error.with_kind(ErrorKind::Usage).kind(), ErrorKind::Usage);
    }

    #[test]
    fn one_of_several_takes_the_place_of_the_thing() {
        let about = |subject: &str, outer: &str| Error::new(subject, "b").within(outer).subject().to_owned();
        assert_eq!(about("image", "images[3]"), "images[3]");
        assert_eq!(about("image", "image"), "image");
        assert_eq!(about("", "images[3]"), "images[3]");
        assert_eq!(about("image", "image.onnx"), "image.onnx: image");
        assert_eq!(about("std", "steps[2]"), "steps[2]: std");
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let words: BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), ErrorKind::ALL.len());
        assert_eq!(ErrorKind::ALL.last(), Some(&ErrorKind::Other));
    }
}
