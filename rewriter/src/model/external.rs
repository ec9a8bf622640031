//! Tensors whose data lies in other files.

use std::collections::HashMap;
use std::path::Path;

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use serde::Serialize;

/// A data file that tensors of the model refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExternalFile {
    /// The path as the model has it: relative to the folder of the model.
    pub location: String,
    /// The first tensor that refers to it.
    pub tensor: String,
    /// How many tensors refer to it.
    pub tensors: u64,
    /// The number of bytes that the file must have at least.
    pub bytes: u64,
}

impl ExternalFile {
    /// Checks that the file is there and long enough, seen from `folder`.
    pub(crate) fn check(&self, folder: &Path) -> Result<()> {
        let path = folder.join(&self.location);
        let data = std::fs::metadata(&path)
            .ok()
            .filter(std::fs::Metadata::is_file)
            .ok_or_else(|| {
                Error::new(path.display(), "the external data file is missing")
                    .expected_got(
                        format!("a file with the data of tensor `{}`", self.tensor),
                        "no file",
                    )
                    .fix(format!("put `{}` into the folder of the model", self.location))
                    .with_kind(ErrorKind::Io)
            })?;
        if data.len() < self.bytes {
            return Err(Error::new(
                path.display(),
                format!("the external data of tensor `{}` is cut short", self.tensor),
            )
            .expected_got(format!("at least {} bytes", self.bytes), data.len())
            .fix("copy the data file again"));
        }
        Ok(())
    }
}

/// One tensor's reference, as read.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) is_external: bool,
    pub(crate) location: Option<String>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// The data files met so far.
#[derive(Debug, Default)]
pub(crate) struct ExternalFiles {
    files: Vec<ExternalFile>,
    by_location: HashMap<String, usize>,
}

impl ExternalFiles {
    /// Adds the reference of `tensor`.
    pub(crate) fn add(&mut self, tensor: &str, reference: Reference) {
        let (true, Some(location)) = (reference.is_external, reference.location) else {
            return;
        };
        let bytes = reference.offset.saturating_add(reference.length);
        let next = self.files.len();
        let index = *self.by_location.entry(location.clone()).or_insert(next);
        if let Some(file) = self.files.get_mut(index) {
            file.tensors += 1;
            file.bytes = file.bytes.max(bytes);
        } else {
            self.files.push(ExternalFile {
                location,
                tensor: tensor.to_owned(),
                tensors: 1,
                bytes,
            });
        }
    }

    /// The files, in the order of the first reference.
    pub(crate) fn files(&self) -> &[ExternalFile] {
        &self.files
    }
}
