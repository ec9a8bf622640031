//! The one error shape of every crate: what is wrong with which thing, why, and what to do about it.

use std::fmt;

/// Shorthand for a result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure that a person can act on.
///
/// `subject` names the thing (a file, a key such as `steps[1].std`, a tensor), `what` says what is
/// wrong with it in one line, with the expected and the actual value where there are any. `why` and
/// `fix` are optional further lines.
///
/// ```
/// use prep_onnx_pipeline::Error;
///
/// let error = Error::new("steps[0].size", "is zero").expected_got("1 to 65535", 0).fix("give the size in pixels");
/// assert_eq!(error.to_string(), "steps[0].size: is zero: expected 1 to 65535, got 0");
/// assert_eq!(error.help(), Some("give the size in pixels"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    subject: String,
    what: String,
    why: Option<String>,
    fix: Option<String>,
}

impl Error {
    /// An error about `subject`: `what` is wrong with it.
    pub fn new(subject: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self {
            subject: subject.to_string(),
            what: what.to_string(),
            why: None,
            fix: None,
        }
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

    /// Puts a larger subject in front: a file before a key.
    #[must_use]
    pub fn within(mut self, outer: impl fmt::Display) -> Self {
        self.subject = if self.subject.is_empty() {
            outer.to_string()
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
