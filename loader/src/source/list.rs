//! Many sources, one after another.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, Result};

use super::lines::{Line, Lines};
use super::path_text::bytes_text;
use super::{Skipped, Source, io_error, walk};
use crate::{ErrorKind, ImageError};

/// A lazy sequence of sources: files, directories, patterns, lists and single ones, in the order added.
///
/// Directories are walked and lists are read while the loader runs, so nothing grows with their length.
///
/// ```no_run
/// use prep_onnx_loader::Sources;
///
/// let sources = Sources::new().expand("photos/")?.expand("more/**/*.{jpg,png}")?.list_file("ids.tsv")?;
/// # Ok::<(), prep_onnx_pipeline::Error>(())
/// ```
#[derive(Default)]
pub struct Sources {
    parts: VecDeque<Box<dyn Iterator<Item = Source> + Send>>,
    skipped: Skipped,
}

impl Sources {
    /// No source yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a command line argument means: an `http(s)://` address, `-` (an image on standard input), an existing
    /// file, a directory (its image files, recursively), a pattern, or else a path whose absence becomes that
    /// image's error.
    pub fn expand(self, argument: &(impl AsRef<OsStr> + ?Sized)) -> Result<Self> {
        let argument = argument.as_ref();
        let path = Path::new(argument);
        let source = match argument.to_str() {
            Some("-") => Source::reader("-", std::io::stdin()),
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => Source::url(url),
            _ if path.is_dir() => return Ok(self.directory(path)),
            // A pattern is text; other bytes are a name.
            Some(pattern) if !path.exists() && walk::is_pattern(pattern) => return self.glob(pattern),
            _ => Source::path(path),
        };
        Ok(self.then(std::iter::once(source)))
    }

    /// The image files below a directory, sorted by name, links followed. Files are taken by extension; a
    /// wrong one among the known extensions does not matter; [`skipped`](Self::skipped) counts the others. What
    /// cannot be listed becomes an error value.
    pub fn directory(self, root: impl AsRef<Path>) -> Self {
        let images = walk::directory(root.as_ref(), Some(self.skipped.clone()));
        self.then(images)
    }

    /// The count of the files that [`directory`](Self::directory) has passed over so far: complete once the
    /// sources are at their end.
    pub fn skipped(&self) -> Skipped {
        self.skipped.clone()
    }

    /// Every file below a directory, whatever its extension.
    pub fn directory_all(self, root: impl AsRef<Path>) -> Self {
        self.then(walk::directory(root.as_ref(), None))
    }

    /// The files that match a pattern (`*`, `?`, `**`, `[ab]`, `{a,b}`), sorted by name. `?` and `[ab]` stand for one
    /// character, in a name that is no Unicode for one byte.
    ///
    /// # Errors
    /// The pattern is malformed or matches nothing.
    pub fn glob(self, pattern: &str) -> Result<Self> {
        let mut found = walk::glob(pattern)?.peekable();
        if found.peek().is_none() {
            return Err(Error::new(pattern, "the pattern matches no file")
                .with_kind(prep_onnx_pipeline::ErrorKind::Io)
                .fix("check its folder and its ending; `**` matches folders below"));
        }
        Ok(self.then(found))
    }

    /// A list file: one path or address per line, or `id<TAB>path`. Empty lines are skipped. `-` is standard
    /// input.
    ///
    /// On Unix a line is the bytes of a path, in whatever encoding the file system has them; elsewhere it is UTF-8.
    /// A list with the byte order mark of UTF-16 is read as that. A line that cannot be read is an error in its
    /// place, and the others stay.
    pub fn list_file(self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if path == Path::new("-") {
            return Ok(self.list(BufReader::new(std::io::stdin())));
        }
        let file = File::open(path)
            .map_err(|error| Error::new(path.display(), "the list cannot be read").why(error))?;
        Ok(self.list(BufReader::new(file)))
    }

    /// The lines of a reader, as in [`list_file`](Self::list_file).
    pub fn list(self, reader: impl BufRead + Send + 'static) -> Self {
        let mut lines = Lines::new(reader);
        let mut number = 0;
        let mut ended = false;
        let sources = std::iter::from_fn(move || {
            while !ended {
                number += 1;
                let failed = |error| Source::failed(format!("line {number} of the list"), error);
                match lines.next() {
                    Ok(Some(Line::Bytes(line))) if line.is_empty() => {}
                    Ok(Some(Line::Bytes(line))) => {
                        return Some(in_line(line).unwrap_or_else(|| failed(no_text())));
                    }
                    Ok(Some(Line::NoText)) => return Some(failed(no_text())),
                    Ok(Some(Line::Unreadable(why))) => {
                        ended = true;
                        let error = ImageError::new(ErrorKind::Io, "the list cannot be read from here on");
                        return Some(failed(error.map(|error| {
                            error.why(why).fix("save the list as UTF-8, one path per line")
                        })));
                    }
                    Ok(None) => ended = true,
                    // A reader that fails once may fail for ever.
                    Err(error) => {
                        ended = true;
                        return Some(failed(io_error(&error)));
                    }
                }
            }
            None
        });
        self.then(sources)
    }

    /// Any further sources.
    pub fn then(mut self, sources: impl IntoIterator<Item = Source, IntoIter: Send + 'static>) -> Self {
        self.parts.push_back(Box::new(sources.into_iter()));
        self
    }
}

fn no_text() -> ImageError {
    ImageError::new(ErrorKind::Io, "is no text").map(|error| error.fix("save the list as UTF-8"))
}

/// The source that a line names; `None` where the system has no such path.
fn in_line(line: Vec<u8>) -> Option<Source> {
    let tab = line.iter().position(|byte| *byte == b'\t');
    let (id, place) = match tab {
        Some(tab) => (line.get(..tab), line.get(tab + 1..)?),
        None => (None, line.as_slice()),
    };
    let url = std::str::from_utf8(place)
        .ok()
        .filter(|place| place.starts_with("http://") || place.starts_with("https://"));
    let source = match url {
        Some(url) => Source::url(url),
        None => Source::path(path_of(place)?),
    };
    Some(match id {
        Some(id) => source.with_id(bytes_text(id)),
        None => source,
    })
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(std::ffi::OsStr::from_bytes(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
}

impl Iterator for Sources {
    type Item = Source;

    fn next(&mut self) -> Option<Source> {
        while let Some(part) = self.parts.front_mut() {
            if let Some(source) = part.next() {
                return Some(source);
            }
            self.parts.pop_front();
        }
        None
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("parts", &self.parts.len())
            .finish()
    }
}
