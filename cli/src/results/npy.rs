//! One array with a row per image, and which image each row is.

use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use super::{ImageResult, Kept, differs};
use crate::host::{Array, npy};
use crate::output::OutputFile;

/// A .npy file, rows in the order of the images. The row of an image that failed is NaN, 0 where the
/// elements are no floats. A .jsonl file beside it has a line per row: id, size, and the error.
pub(crate) struct NpyWriter {
    file: OutputFile,
    index: OutputFile,
    rows: usize,
    /// Rows that failed before the form of the output was known.
    waiting: usize,
    /// What the row of an image that failed holds.
    missing: Option<Array>,
}

/// The file beside a .npy file that says which image each row is: `out.npy.jsonl`.
pub(crate) fn index_path(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".jsonl");
    name.into()
}

impl NpyWriter {
    pub(super) fn create(path: &Path, rows: usize) -> Result<Self> {
        Ok(Self {
            file: OutputFile::create(path)?,
            index: OutputFile::create(&index_path(path))?,
            rows,
            waiting: 0,
            missing: None,
        })
    }

    pub(super) fn push(&mut self, row: &ImageResult) -> Result<()> {
        self.index
            .write(|out| writeln!(out, "{}", row.json_without_output()))?;
        let array = match (&row.outcome, &self.missing) {
            (Ok(Kept::Output(array)), _) => array,
            (_, Some(missing)) => return self.file.write(|out| missing.write_le(out)),
            (_, None) => {
                self.waiting += 1;
                return Ok(());
            }
        };
        match &self.missing {
            Some(first) if first.shape() != array.shape() || first.dtype() != array.dtype() => {
                return Err(differs(&row.id, (first.dtype(), first.shape()), array));
            }
            Some(_) => {}
            None => {
                let missing = array.missing();
                let shape: Vec<usize> = std::iter::once(self.rows)
                    .chain(array.shape().iter().copied())
                    .collect();
                self.file.write(|out| {
                    npy::write_header(array.npy_type(), &shape, out)?;
                    (0..self.waiting).try_for_each(|_| missing.write_le(out))
                })?;
                self.missing = Some(missing);
            }
        }
        self.file.write(|out| array.write_le(out))
    }

    pub(super) fn finish(self) -> Result<()> {
        if self.missing.is_none() {
            return Err(Error::new("outputs", "there are none").with_kind(ErrorKind::Image));
        }
        self.index.finish()?;
        self.file.finish()
    }
}
