//! Many sources, one after another.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use prep_onnx_pipeline::{Error, Result};

use super::{Source, io_error, walk};

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
}

impl Sources {
    /// No source yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a command line argument means: an `http(s)://` address, an existing file, a directory (its image
    /// files, recursively), a pattern, or else a path whose absence becomes that image's error.
    pub fn expand(self, argument: &str) -> Result<Self> {
        if argument.starts_with("http://") || argument.starts_with("https://") {
            return Ok(self.then(std::iter::once(Source::url(argument))));
        }
        let path = Path::new(argument);
        if path.is_dir() {
            return Ok(self.directory(path));
        }
        if !path.exists() && walk::is_pattern(argument) {
            return self.glob(argument);
        }
        Ok(self.then(std::iter::once(Source::path(path))))
    }

    /// The image files below a directory, sorted by name, links followed. Files are taken by extension; a
    /// wrong one among the known extensions does not matter. What cannot be listed becomes an error value.
    pub fn directory(self, root: impl AsRef<Path>) -> Self {
        self.then(walk::directory(root.as_ref(), false))
    }

    /// Every file below a directory, whatever its extension.
    pub fn directory_all(self, root: impl AsRef<Path>) -> Self {
        self.then(walk::directory(root.as_ref(), true))
    }

    /// The files that match a pattern (`*`, `?`, `**`, `[ab]`, `{a,b}`), sorted by name.
    ///
    /// # Errors
    /// The pattern is malformed or matches nothing.
    pub fn glob(self, pattern: &str) -> Result<Self> {
        let mut found = walk::glob(pattern)?.peekable();
        if found.peek().is_none() {
            return Err(Error::new(pattern, "the pattern matches no file"));
        }
        Ok(self.then(found))
    }

    /// A list file: one path or address per line, or `id<TAB>path`. Empty lines are skipped. `-` is standard
    /// input.
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
        let lines = reader.lines().enumerate().scan(false, |failed, (number, line)| {
            if *failed {
                return None;
            }
            Some(match line {
                Ok(line) => in_line(&line),
                // A reader that fails once may fail for ever.
                Err(error) => {
                    *failed = true;
                    Some(Source::failed(
                        format!("line {} of the list", number + 1),
                        io_error(&error),
                    ))
                }
            })
        });
        self.then(lines.flatten())
    }

    /// Any further sources.
    pub fn then(mut self, sources: impl IntoIterator<Item = Source, IntoIter: Send + 'static>) -> Self {
        self.parts.push_back(Box::new(sources.into_iter()));
        self
    }
}

fn in_line(line: &str) -> Option<Source> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return None;
    }
    let (id, place) = line
        .split_once('\t')
        .map_or((None, line), |(id, place)| (Some(id), place));
    let remote = place.starts_with("http://") || place.starts_with("https://");
    let source = if remote {
        Source::url(place)
    } else {
        Source::path(place)
    };
    Some(match id {
        Some(id) => source.with_id(id),
        None => source,
    })
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
