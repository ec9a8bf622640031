//! Which images a run is about.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prep_onnx_loader::{Skipped, Source, Sources, path_text};
use prep_onnx_pipeline::{Error, Result};

/// The images of a command line.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    /// Files, folders, patterns, `@` before the name of a list, and `-` for an image on standard input.
    pub(crate) arguments: Vec<OsString>,
    /// Files with one path per line; `-` is standard input.
    pub(crate) lists: Vec<PathBuf>,
    pub(crate) shard: Shard,
}

/// A part of the images: every `of`-th one, from the `number`-th on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// 1 to `of`.
    number: usize,
    of: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { number: 1, of: 1 }
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('/')
            .and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("expected I/N with I from 1 to N, as in 2/8".to_owned()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl Shard {
    fn has(self, index: usize) -> bool {
        index % self.of == self.number - 1
    }
}

impl Inputs {
    /// The images, in order: those of the arguments, then those of the lists. Nothing grows with their
    /// number. Beside them the count of the files in folders that are no images, which is complete at their end.
    ///
    /// # Errors
    /// A list that cannot be read; a pattern that matches nothing.
    pub(crate) fn sources(&self) -> Result<(impl Iterator<Item = Source> + Send + use<>, Skipped)> {
        let mut sources = Sources::new();
        for argument in &self.arguments {
            sources = match argument.to_str().and_then(|text| text.strip_prefix('@')) {
                Some(list) => sources.list_file(list)?,
                None => sources.expand(argument)?,
            };
        }
        for list in &self.lists {
            sources = sources.list_file(list)?;
        }
        let (shard, skipped) = (self.shard, sources.skipped());
        let mine = sources.enumerate().filter(move |(index, _)| shard.has(*index));
        Ok((mine.map(|(_, source)| source), skipped))
    }

    /// How often standard input is named.
    fn standard_inputs(&self) -> usize {
        let lists = self.lists.iter().filter(|list| *list == Path::new("-"));
        let arguments = self.arguments.iter().filter(|name| *name == "-" || *name == "@-");
        lists.count() + arguments.count()
    }

    /// Whether the images can be listed more than once.
    pub(crate) fn can_be_listed_again(&self) -> bool {
        self.standard_inputs() == 0
    }

    /// Checks that standard input is one thing at most.
    ///
    /// # Errors
    /// It is named twice.
    pub(crate) fn check(&self) -> Result<()> {
        if self.standard_inputs() < 2 {
            return Ok(());
        }
        Err(
            Error::new("-", "stands for standard input, which can be read once")
                .fix("name the file, or ./- where that is its name"),
        )
    }

    /// The images in words, for messages.
    pub(crate) fn in_words(&self) -> String {
        let lists = self
            .lists
            .iter()
            .map(|list| format!("--list {}", path_text(list)));
        self.arguments
            .iter()
            .map(|argument| path_text(Path::new(argument)).into_owned())
            .chain(lists)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Remembers where the sources that the loader has drawn come from, until their rows are there.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<Mutex<VecDeque<Option<String>>>>);

impl Places {
    /// The same sources; each one's place can be had by [`Places::next`] once the loader has drawn it.
    pub(super) fn of(
        &self,
        sources: impl Iterator<Item = Source> + Send + 'static,
    ) -> impl Iterator<Item = Source> + Send + 'static {
        let places = self.clone();
        sources.inspect(move |source| places.lock().push_back(source.place()))
    }

    /// The place of the next source whose row is there; rows come in the order of the sources.
    pub(super) fn next(&self) -> Option<String> {
        self.lock().pop_front().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Option<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_every_image_once() {
        let shards: Vec<Shard> = (1..=3).map(|i| format!("{i}/3").parse().unwrap()).collect();
        for index in 0..20 {
            assert_eq!(shards.iter().filter(|shard| shard.has(index)).count(), 1);
        }
        for bad in ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", ""] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
