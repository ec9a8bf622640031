//! The folder of a run that is not finished: `OUT.parts`, with a manifest and part files.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use prep_onnx_pipeline::{Error, Result};

use super::manifest::Manifest;
use super::part::{Part, Rows};
use crate::output::OutputFile;
use crate::results::ImageResult;

/// A part is written when it has so many bytes, or when it has waited so long.
const PART_BYTES: usize = 64 << 20;
const PART_TIME: Duration = Duration::from_secs(5);

const MANIFEST: &str = "manifest.json";
const LOCK: &str = "lock";
const EXTENSION: &str = "rows";

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
    folder: PathBuf,
    manifest: Manifest,
    parts: Vec<Known>,
    rows: Rows,
    /// A part is written when it has so many rows, too.
    part_rows: usize,
    began: Instant,
    _lock: File,
}

/// A part file.
#[derive(Clone, Debug)]
struct Known {
    path: PathBuf,
    rows: usize,
    failed: usize,
}

impl Store {
    /// The folder of the run that writes `out`.
    pub(crate) fn folder(out: &Path) -> PathBuf {
        let mut name = out.to_owned().into_os_string();
        name.push(".parts");
        name.into()
    }

    /// Opens or makes the folder of a run.
    ///
    /// # Errors
    /// A folder that cannot be written, or that another process or another run has.
    pub(crate) fn open(out: &Path, manifest: Manifest, begin: Begin, part_rows: usize) -> Result<Self> {
        let folder = Self::folder(out);
        let name = folder.display();
        let cannot = |error: std::io::Error| {
            Error::new(out.display(), format_args!("cannot be written: {error}"))
                .fix("check that the folder exists, is writable and has space, or name another file")
        };
        if !folder.is_dir() {
            fs::create_dir(&folder).map_err(cannot)?;
        }
        let lock = File::create(folder.join(LOCK)).map_err(cannot)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(&name, "another process is writing this output")
                    .fix("wait for it, or name another file; --shard gives each process its own images"));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        let mut store = Self {
            folder: folder.clone(),
            manifest,
            parts: Vec::new(),
            rows: Rows::default(),
            part_rows,
            began: Instant::now(),
            _lock: lock,
        };
        let earlier = fs::read(folder.join(MANIFEST))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
        store.read_parts()?;
        match (begin, earlier) {
            (Begin::Anew, Some(earlier)) if !earlier.complete && !store.parts.is_empty() => {
                return Err(Error::new(&name, "an earlier run did not finish")
                    .expected_got("no rows", format_args!("{} rows", store.done()))
                    .fix("continue it with --resume, or delete the folder to begin again"));
            }
            (Begin::Resume, Some(earlier)) if !store.parts.is_empty() => {
                if let Some((what, earlier, now)) = earlier.difference(&store.manifest) {
                    return Err(
                        Error::new(&name, format_args!("the earlier run had another {what}"))
                            .expected_got(earlier, now)
                            .why("its rows would not go together with new ones")
                            .fix("run as before, or delete the folder to begin again"),
                    );
                }
            }
            _ => {
                for part in std::mem::take(&mut store.parts) {
                    fs::remove_file(&part.path).map_err(cannot)?;
                }
            }
        }
        store.write_manifest()?;
        Ok(store)
    }

    /// Takes up the parts that follow each other from the first row on; removes what is not complete.
    fn read_parts(&mut self) -> Result<()> {
        loop {
            let path = self.path_of(self.done());
            if !path.is_file() {
                break;
            }
            match Part::open(&path)? {
                Some(part) if part.rows > 0 => self.parts.push(Known {
                    path,
                    rows: part.rows,
                    failed: part.failed,
                }),
                _ => break,
            }
        }
        // What a killed process was writing, and parts behind a gap.
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let ours = name.to_string_lossy().starts_with(".prep-onnx-")
                || path.extension().is_some_and(|extension| extension == EXTENSION);
            if ours && !self.parts.iter().any(|part| part.path == path) {
                // One that stays is overwritten or ignored.
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }

    fn path_of(&self, first: usize) -> PathBuf {
        self.folder.join(format!("{first:012}.{EXTENSION}"))
    }

    fn write_manifest(&self) -> Result<()> {
        let mut file = OutputFile::create(&self.folder.join(MANIFEST))?;
        file.write(|out| {
            let text = serde_json::to_string_pretty(&self.manifest)?;
            writeln!(out, "{text}")
        })?;
        file.finish()
    }

    /// The rows that are in part files.
    pub(crate) fn done(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
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

    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.began = Instant::now();
        if rows.rows == 0 {
            return Ok(());
        }
        let path = self.path_of(self.done());
        rows.write(&path)?;
        self.parts.push(Known {
            path,
            rows: rows.rows,
            failed: rows.failed,
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

    /// The rows of a part, in order.
    pub(crate) fn part(&self, index: usize) -> Result<impl Iterator<Item = Result<ImageResult>> + use<>> {
        let known = self
            .parts
            .get(index)
            .ok_or_else(|| Error::new(self.folder.display(), "has no such part"))?;
        Part::open(&known.path)?.ok_or_else(|| {
            Error::new(known.path.display(), "was changed while the run went on")
                .fix("run again with --resume")
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
            part.failed = encoded.failed;
        }
        Ok(())
    }

    /// Removes the folder.
    pub(crate) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).map_err(|error| {
            Error::new(self.folder.display(), format_args!("cannot be removed: {error}"))
                .fix("delete it: the output is complete")
        })
    }
}

impl Drop for Store {
    /// A folder without rows is of no use to anybody.
    fn drop(&mut self) {
        if self.parts.is_empty() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}
