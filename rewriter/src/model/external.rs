//! Tensors whose data lies in other files.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use serde::Serialize;

use super::foreign;
use crate::wire::Field;

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
    /// Checks that the file is there, long enough, and where ONNX Runtime reads it, seen from a model `model`,
    /// which need not exist yet. Returns its size in bytes.
    pub(crate) fn check(&self, model: &Path) -> Result<u64> {
        let bytes = self.check_readable(model)?;
        match self.escapes(model) {
            Some(real) => Err(self.escaping(model, &real)),
            None => Ok(bytes),
        }
    }

    /// Checks that the file is there and long enough. Returns its size in bytes.
    pub(crate) fn check_readable(&self, model: &Path) -> Result<u64> {
        self.check_location()?;
        let path = folder(model).join(&self.location);
        let data = std::fs::metadata(&path)
            .ok()
            .filter(std::fs::Metadata::is_file)
            .ok_or_else(|| {
                Error::new(path.display(), "the external data file is missing")
                    .expected_got(
                        format!("a file with the data of tensor `{}`", self.tensor),
                        "no file",
                    )
                    .fix(format!(
                        "put `{}` into the folder of the model: it was exported with it",
                        self.location
                    ))
                    .with_kind(ErrorKind::Io)
            })?;
        if data.len() < self.bytes {
            let short = Error::new(
                path.display(),
                format!("the external data of tensor `{}` is cut short", self.tensor),
            )
            .expected_got(format!("at least {} bytes", self.bytes), data.len());
            return Err(if is_lfs_pointer(&path) {
                short
                    .why("the file is a Git LFS pointer, not the data")
                    .fix("fetch the data: git lfs pull")
            } else {
                short.fix("copy the data file again")
            });
        }
        Ok(data.len())
    }

    fn escaping(&self, model: &Path, real: &Path) -> Error {
        Error::new(
            folder(model).join(&self.location).display(),
            format!(
                "the external data file is a link to {}, outside of the model's folder",
                real.display()
            ),
        )
        .why("ONNX Runtime refuses external data outside of the folder of the model: \"External data path escapes model directory\"")
        .fix("embed again with --single-file, which takes the data into the model (up to 2 GB), or put a copy of the data file in the place of the link")
    }

    /// Refuses what can only lie outside of the model's folder, without looking whether it is there.
    fn check_location(&self) -> Result<()> {
        let mut depth = 0_i32;
        let stays = Path::new(&self.location).components().all(|part| {
            depth += match part {
                Component::Normal(_) => 1,
                Component::ParentDir => -1,
                Component::CurDir => 0,
                Component::RootDir | Component::Prefix(_) => i32::MIN / 2,
            };
            depth >= 0
        });
        if stays && depth > 0 {
            return Ok(());
        }
        Err(Error::new(
            format!("tensor `{}`", self.tensor),
            "the location of its external data lies outside of the model's folder",
        )
        .expected_got(
            "a path relative to the folder of the model, inside of it",
            format!("`{}`", self.location),
        )
        .why("a model could read any file of this machine that way; ONNX Runtime refuses it too")
        .fix(
            "save the model again with its data beside it: onnx.save_model(..., save_as_external_data=True)",
        ))
    }

    /// Where the file really is, if that is neither below the folder of `model` nor below that of the file that
    /// `model` links to.
    pub(crate) fn escapes(&self, model: &Path) -> Option<PathBuf> {
        let real = std::fs::canonicalize(folder(model).join(&self.location)).ok()?;
        let linked = std::fs::canonicalize(model).ok();
        let folders = [Some(folder(model)), linked.as_deref().map(folder)];
        let holds =
            |folder: &Path| std::fs::canonicalize(folder).is_ok_and(|folder| real.starts_with(folder));
        let inside = folders.into_iter().flatten().any(holds);
        (!inside).then_some(real)
    }
}

/// The folder of a file.
pub(crate) fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn is_lfs_pointer(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(foreign::HEAD as u64).read_to_end(&mut head));
    read.is_ok() && foreign::is_lfs_pointer(&head)
}

/// One tensor's reference, as read.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) is_external: bool,
    pub(crate) location: Option<String>,
    pub(crate) offset: u64,
    pub(crate) length: Option<u64>,
}

/// A tensor whose data lies in another file.
#[derive(Debug, Clone)]
pub(crate) struct ExternalTensor {
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) offset: u64,
    /// The number of bytes; where there is none, type and shape decide.
    pub(crate) length: Option<u64>,
    /// Its message.
    pub(crate) field: Field,
    /// The messages around it, the outermost first; none where they are very many.
    pub(crate) holders: Option<Vec<Field>>,
}

/// The data files met so far.
#[derive(Debug, Default)]
pub(crate) struct ExternalFiles {
    files: Vec<ExternalFile>,
    by_location: HashMap<String, usize>,
    tensors: Vec<ExternalTensor>,
}

impl ExternalFiles {
    pub(crate) fn add(&mut self, tensor: ExternalTensor) {
        let bytes = tensor.offset.saturating_add(tensor.length.unwrap_or(0));
        let next = self.files.len();
        let index = *self.by_location.entry(tensor.location.clone()).or_insert(next);
        if let Some(file) = self.files.get_mut(index) {
            file.tensors += 1;
            file.bytes = file.bytes.max(bytes);
        } else {
            self.files.push(ExternalFile {
                location: tensor.location.clone(),
                tensor: tensor.name.clone(),
                tensors: 1,
                bytes,
            });
        }
        self.tensors.push(tensor);
    }

    /// The files, in the order of the first reference.
    pub(crate) fn files(&self) -> &[ExternalFile] {
        &self.files
    }

    /// The tensors, in file order.
    pub(crate) fn tensors(&self) -> &[ExternalTensor] {
        &self.tensors
    }
}
