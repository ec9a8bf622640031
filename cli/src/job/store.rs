//! The finished rows of a run that is not complete, in part files.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use super::folder::{Folder, MANIFEST};
use super::manifest::{Earlier, Manifest};
use super::part::{Part, Rows};
use crate::inference;
use crate::output::OutputFile;
use crate::results::ImageResult;

/// A part is written when it has so many bytes, or when it has waited so long.
const PART_BYTES: usize = 64 << 20;
const PART_TIME: Duration = Duration::from_secs(5);

/// How a run takes up the rows of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// From the first image on; an earlier run that is not finished is an error.
    Anew,
    /// From where an earlier run ended, if there was one.
    Resume,
}

/// The finished rows of a run, in part files. Only one process has them at a time.
pub(crate) struct Store {
    /// `None` once it is removed.
    folder: Option<Folder>,
    name: PathBuf,
    manifest: Manifest,
    parts: Vec<Known>,
    rows: Rows,
    /// A part is written when it has so many rows, too.
    part_rows: usize,
    began: Instant,
}

/// A part file.
#[derive(Clone, Debug)]
struct Known {
    path: PathBuf,
    rows: usize,
    failed: usize,
    /// Whether its rows are lost: the file is missing, or not what was written.
    lost: bool,
}

impl Store {
    /// Opens or makes the folder of a run.
    ///
    /// # Errors
    /// A folder that cannot be written, that is not ours, or that another process or another run has. Nothing is
    /// removed then.
    pub(crate) fn open(out: &Path, manifest: Manifest, begin: Begin, part_rows: usize) -> Result<Self> {
        let folder = Folder::open(out)?;
        let name = folder.path().to_owned();
        let mut store = Self {
            folder: Some(folder),
            name,
            manifest,
            parts: Vec::new(),
            rows: Rows::default(),
            part_rows,
            began: Instant::now(),
        };
        if let Err(error) = store.take_over(begin) {
            // Whatever is there stays.
            store.folder = None;
            return Err(error);
        }
        Ok(store)
    }

    fn take_over(&mut self, begin: Begin) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let numbers = folder.part_numbers()?;
        let here = |what: &str| Error::new(self.name.display(), what).with_kind(ErrorKind::Io);
        match (begin, Manifest::read(&folder.path().join(MANIFEST))) {
            (_, _) if numbers.is_empty() => {}
            (_, Earlier::Unreadable(why)) => {
                return Err(here(
                    "its manifest cannot be read, so that nothing is known of its rows; they are kept",
                )
                .why(why)
                .fix("delete the folder to begin again"));
            }
            (Begin::Anew, Earlier::Run(earlier)) if !earlier.complete => {
                let (parts, _) = read_parts(folder, &numbers)?;
                let rows: usize = parts.iter().map(|part| part.rows).sum();
                return Err(here("an earlier run did not finish")
                    .expected_got("no rows", format_args!("{rows} rows"))
                    .fix("continue it with --resume, or delete the folder to begin again"));
            }
            (Begin::Anew, Earlier::Run(_)) => folder.remove_parts(),
            (Begin::Resume, Earlier::Run(earlier)) => {
                if let Some((what, earlier, now)) = earlier.difference(&self.manifest) {
                    return Err(here(&format!("the earlier run had another {what}"))
                        .expected_got(earlier, now)
                        .why("its rows would not go together with new ones")
                        .fix("run as before, or delete the folder to begin again"));
                }
                self.manifest.rows = earlier.rows;
                let (parts, last) = read_parts(folder, &numbers)?;
                for part in parts.iter().filter(|part| part.lost) {
                    say(&part.path, &format!("its {} rows are computed again", part.rows));
                }
                if let Some(last) = last {
                    say(&last, "its rows are computed again");
                }
                self.parts = parts;
            }
        }
        self.write_manifest()
    }

    fn folder(&self) -> Result<&Folder> {
        let gone = || Error::new(self.name.display(), "was removed").with_kind(ErrorKind::Io);
        self.folder.as_ref().ok_or_else(gone)
    }

    /// The folder.
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    fn write_manifest(&self) -> Result<()> {
        let mut file = OutputFile::create(&self.name.join(MANIFEST))?;
        file.write(|out| {
            let text = serde_json::to_string_pretty(&self.manifest)?;
            writeln!(out, "{text}")
        })?;
        file.finish()
    }

    /// What the earlier run had found out about the output's rows.
    pub(crate) fn rows_rule(&self) -> Option<&inference::Rows> {
        self.manifest.rows.as_ref()
    }

    /// Remembers what was found out about the output's rows, for a run that goes on from here.
    pub(crate) fn settle(&mut self, rows: Option<&inference::Rows>) -> Result<()> {
        if rows.is_none() || self.manifest.rows.as_ref() == rows {
            return Ok(());
        }
        self.manifest.rows = rows.cloned();
        self.write_manifest()
    }

    /// The rows that are in part files.
    pub(crate) fn done(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Those among them that are lost, and have to be computed again.
    pub(crate) fn lost(&self) -> usize {
        let lost = self.parts.iter().filter(|part| part.lost);
        lost.map(|part| part.rows).sum()
    }

    /// Those among them that failed.
    pub(crate) fn failed(&self) -> usize {
        self.parts.iter().map(|part| part.failed).sum()
    }

    /// Appends a row.
    pub(crate) fn push(&mut self, row: &ImageResult) -> Result<()> {
        self.rows.push(row)
    }

    /// Says that a batch is complete: a part may end here. The next run goes on with a new batch here,
    /// so batches are the same with and without an interruption.
    pub(crate) fn end_of_batch(&mut self) -> Result<()> {
        let full = self.rows.rows >= self.part_rows
            || self.rows.bytes() >= PART_BYTES
            || self.began.elapsed() >= PART_TIME;
        if full { self.flush() } else { Ok(()) }
    }

    /// Writes the rows that are in memory.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.began = Instant::now();
        if rows.rows == 0 {
            return Ok(());
        }
        let path = self.folder()?.part(self.done());
        rows.write(&path)?;
        self.parts.push(Known {
            path,
            rows: rows.rows,
            failed: rows.failed,
            lost: false,
        });
        Ok(())
    }

    /// Writes what is left, and remembers that every image has its row.
    pub(crate) fn complete(&mut self) -> Result<()> {
        self.flush()?;
        self.manifest.complete = true;
        self.write_manifest()
    }

    /// The number of parts.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// The number of rows of a part that is lost; `None` for one that is there.
    pub(crate) fn lost_part(&self, index: usize) -> Option<usize> {
        let part = self.parts.get(index)?;
        part.lost.then_some(part.rows)
    }

    /// The rows of a part, in order.
    pub(crate) fn part(&self, index: usize) -> Result<impl Iterator<Item = Result<ImageResult>> + use<>> {
        let known = self
            .parts
            .get(index)
            .ok_or_else(|| Error::new(self.name.display(), "has no such part").with_kind(ErrorKind::Io))?;
        Part::open(&known.path)?.ok_or_else(|| {
            Error::new(known.path.display(), "was changed while the run went on")
                .with_kind(ErrorKind::Io)
                .fix("run again with --resume, which computes its rows again")
        })
    }

    /// The rows of all parts, in order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<ImageResult>> {
        (0..self.parts.len()).flat_map(|index| {
            let (rows, error) = match self.part(index) {
                Ok(rows) => (Some(rows), None),
                Err(error) => (None, Some(Err(error))),
            };
            rows.into_iter().flatten().chain(error)
        })
    }

    /// Puts other rows in the place of a part's.
    pub(crate) fn replace(
        &mut self,
        index: usize,
        rows: impl Iterator<Item = Result<ImageResult>>,
    ) -> Result<()> {
        let mut encoded = Rows::default();
        for row in rows {
            encoded.push(&row?)?;
        }
        if let Some(part) = self.parts.get_mut(index) {
            encoded.write(&part.path)?;
            (part.failed, part.lost) = (encoded.failed, false);
        }
        Ok(())
    }

    /// Removes the folder; returns whether it is gone, which one with files of others is not.
    pub(crate) fn remove(mut self) -> bool {
        self.folder.take().is_none_or(Folder::remove)
    }
}

impl Drop for Store {
    /// A folder without rows is of no use to anybody.
    fn drop(&mut self) {
        if self.parts.is_empty()
            && let Some(folder) = self.folder.take()
            && folder.part_numbers().is_ok_and(|parts| parts.is_empty())
        {
            folder.remove();
        }
    }
}

/// The parts that follow each other from the first row on, and the last one where it is damaged: how many rows it
/// had is not known.
fn read_parts(folder: &Folder, numbers: &[usize]) -> Result<(Vec<Known>, Option<PathBuf>)> {
    let mut parts = Vec::new();
    let mut done = 0;
    let lost = |first: usize, rows: usize| Known {
        path: folder.part(first),
        rows,
        failed: 0,
        lost: true,
    };
    for (index, first) in numbers.iter().copied().enumerate() {
        let path = folder.part(first);
        if first < done {
            return Err(Error::new(path.display(), "has rows that another part has too")
                .with_kind(ErrorKind::Io)
                .fix("delete the folder to begin again"));
        }
        // One is missing in between.
        if first > done {
            parts.push(lost(done, first - done));
            done = first;
        }
        let rows = match (Part::open(&path)?, numbers.get(index + 1)) {
            (Some(part), _) => {
                parts.push(Known {
                    path,
                    rows: part.rows,
                    failed: part.failed,
                    lost: false,
                });
                part.rows
            }
            (None, Some(next)) => {
                parts.push(lost(first, next - first));
                next - first
            }
            (None, None) => return Ok((parts, Some(path))),
        };
        done += rows;
    }
    Ok((parts, None))
}

fn say(part: &Path, what: &str) {
    anstream::eprintln!(
        "{} {} is not what was written: {what}",
        crate::ui::bad("damaged:"),
        part.display()
    );
}
