//! An ONNX file, read without its weights.

mod attribute;
mod external;
mod foreign;
mod names;
mod skeleton;
mod value;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use crate::edit::Edit;

pub(crate) use attribute::string_attribute;
pub use external::ExternalFile;
pub(crate) use external::{ExternalTensor, folder};
pub(crate) use names::Use;
pub(crate) use skeleton::{Input, Skeleton, read};
pub use value::{Dimension, ElementType, Value, ValueType};

/// An ONNX file on disk, of which everything but the weights has been read.
#[derive(Debug)]
pub struct Model {
    path: PathBuf,
    pub(crate) source: Source,
    /// The edit that makes the file, where it is not written yet.
    pub(crate) unwritten: Option<Box<Edit>>,
    pub(crate) skeleton: Skeleton,
}

/// The open file, shared with the edits made from it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) file: Arc<Mutex<File>>,
    pub(crate) len: u64,
    /// When it was changed last, where the system says so.
    modified: Option<SystemTime>,
}

impl Source {
    pub(crate) fn new(file: File) -> std::io::Result<Self> {
        let data = file.metadata()?;
        Ok(Self {
            file: Arc::new(Mutex::new(file)),
            len: data.len(),
            modified: data.modified().ok(),
        })
    }

    /// Whether it is as it was when it was opened, as far as length and time tell.
    pub(crate) fn is_unchanged(&self) -> bool {
        let now = self.with(|file| file.metadata());
        now.is_ok_and(|now| now.len() == self.len && now.modified().ok() == self.modified)
    }

    /// Runs `action` on the file while nothing else moves its cursor.
    pub(crate) fn with<T>(&self, action: impl FnOnce(&File) -> std::io::Result<T>) -> std::io::Result<T> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        action(&file)
    }
}

impl Model {
    /// Reads the model at `path`.
    ///
    /// Weights are seeked over: time and memory do not grow with them.
    ///
    /// # Errors
    /// A file that cannot be read, is no ONNX model, is cut short or damaged, nests messages more than
    /// 100 levels deep, has 2 GiB or more, or has no IR version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::open_at(path).map_err(|error| error.within(path.display()).or_kind(ErrorKind::Model))
    }

    fn open_at(path: &Path) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            let error_line = Error::io("", "cannot be read", &error);
            match error.kind() {
                std::io::ErrorKind::NotFound => error_line.fix("check the path of the model"),
                _ => error_line,
            }
        };
        if path == Path::new("-") {
            return Err(Error::new("", "is standard input, which is no model file")
                .why("weights are read in pieces, and data files lie beside the model")
                .fix("save it first, as with cat > model.onnx, and name that; ./- is a file of this name")
                .with_kind(ErrorKind::Usage));
        }
        // Before opening: opening a pipe would wait for its writer.
        let kind = std::fs::metadata(path).map_err(unreadable)?;
        if !kind.is_file() {
            let got = if kind.is_dir() {
                "a folder"
            } else {
                "a device or pipe"
            };
            return Err(Error::new("", "is not a file").expected_got("an ONNX model", got));
        }
        let file = File::open(path).map_err(unreadable)?;
        let source = Source::new(file).map_err(unreadable)?;
        let file = source.file.clone();
        let file = &*file.lock().unwrap_or_else(PoisonError::into_inner);
        let skeleton = read(file).map_err(|error| foreign::error(&head(file)).unwrap_or(error))?;
        Ok(Self {
            path: path.to_owned(),
            source,
            unwritten: None,
            skeleton,
        })
    }

    /// The file that `edit` of this model would write, as if it were written.
    ///
    /// # Errors
    /// Those of [`Model::open`].
    pub fn edited(&self, edit: &Edit) -> Result<Self> {
        let skeleton = read(edit.reader())
            .map_err(|error| error.within(self.path.display()).or_kind(ErrorKind::Model))?;
        Ok(Self {
            path: self.path.clone(),
            source: self.source.clone(),
            unwritten: Some(Box::new(edit.clone())),
            skeleton,
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that relative locations of external data start from.
    pub fn folder(&self) -> &Path {
        folder(&self.path)
    }

    /// The size of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.unwritten
            .as_ref()
            .map_or(self.source.len, |edit| edit.bytes())
    }

    /// The IR version; `None` where the file has none.
    pub fn ir_version(&self) -> Option<i64> {
        self.skeleton.ir_version.map(|(version, _)| version)
    }

    /// The name of the tool that wrote the model; empty where the file has none.
    pub fn producer(&self) -> &str {
        &self.skeleton.producer
    }

    /// The imported operator sets: domain (empty for the standard one) and version, in file order.
    pub fn opsets(&self) -> &[(String, i64)] {
        &self.skeleton.opsets
    }

    /// The version of the standard operator set (domain `""` or `ai.onnx`); the highest where there are several.
    pub fn standard_opset(&self) -> Option<i64> {
        let standard =
            |(domain, version): &(String, i64)| matches!(domain.as_str(), "" | "ai.onnx").then_some(*version);
        self.skeleton.opsets.iter().filter_map(standard).max()
    }

    /// The graph inputs that a caller has to feed: those that are not initializers, in file order.
    pub fn inputs(&self) -> impl Iterator<Item = &Value> {
        self.fed_inputs().map(|input| &input.value)
    }

    pub(crate) fn fed_inputs(&self) -> impl Iterator<Item = &Input> {
        let names = &self.skeleton.names;
        self.skeleton
            .inputs
            .iter()
            .filter(|input| !names.is(&input.value.name, Use::Initializer))
    }

    pub(crate) fn initializers_among_inputs(&self) -> impl Iterator<Item = &Input> {
        let names = &self.skeleton.names;
        self.skeleton
            .inputs
            .iter()
            .filter(|input| names.is(&input.value.name, Use::Initializer))
    }

    /// The graph outputs, in file order.
    pub fn outputs(&self) -> &[Value] {
        &self.skeleton.outputs
    }

    /// The entries of `metadata_props`, in file order.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.skeleton
            .metadata
            .iter()
            .map(|entry| (entry.key.as_str(), entry.value.as_str()))
    }

    /// The value of a `metadata_props` entry; of several with one key the last.
    pub fn metadata_value(&self, key: &str) -> Option<&str> {
        self.metadata()
            .filter(|(name, _)| *name == key)
            .map(|(_, value)| value)
            .last()
    }

    /// Domain, name and number of nodes of the model-local functions, in file order.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.skeleton
            .functions
            .iter()
            .map(|function| (function.domain.as_str(), function.name.as_str(), function.nodes))
    }

    /// The number of nodes of the main graph.
    pub fn nodes(&self) -> u64 {
        self.skeleton.nodes
    }

    /// The number of initializers of the main graph.
    pub fn initializers(&self) -> u64 {
        self.skeleton.initializers
    }

    /// The data files that tensors refer to, in the order of the first reference.
    pub fn external_files(&self) -> &[ExternalFile] {
        self.skeleton.external.files()
    }

    /// Checks that every external data file is there, long enough, and where ONNX Runtime reads it.
    ///
    /// # Errors
    /// Names the file and a tensor whose data it should hold.
    pub fn check_external_files(&self) -> Result<()> {
        let check = |file: &ExternalFile| file.check(&self.path).map(drop);
        self.external_files()
            .iter()
            .try_for_each(check)
            .map_err(|error| error.within(self.path.display()).or_kind(ErrorKind::Model))
    }

    /// Whether a value or node of the graph or of a subgraph has this name.
    pub fn has_name(&self, name: &str) -> bool {
        self.skeleton.names.contains(name)
    }

    /// `wanted` where no value or node has that name, or else the first free one of `wanted_1`, `wanted_2`, …
    pub fn free_name(&self, wanted: &str) -> String {
        self.skeleton.names.free_name(wanted)
    }

    /// A prefix that no name of the model starts with: `wanted/`, or else the first free one of
    /// `wanted_1/`, `wanted_2/`, …
    ///
    /// Values and nodes that are named with it collide with nothing, subgraphs included.
    pub fn free_prefix(&self, wanted: &str) -> String {
        self.skeleton.names.free_prefix(wanted)
    }

    /// The names of ops in the model, functions and subgraphs included, once each.
    pub fn op_types(&self) -> impl Iterator<Item = &str> {
        self.skeleton.op_types.iter().map(String::as_str)
    }

    /// The bytes `start..end` of the file, at most `most` of them.
    pub(crate) fn range(&self, start: u64, end: u64, most: u64) -> Result<Vec<u8>> {
        let len = end.saturating_sub(start);
        let subject = || format!("{}: byte {start}", self.path.display());
        if len > most {
            return Err(
                Error::new(subject(), "is too long").expected_got(format!("at most {most} bytes"), len)
            );
        }
        let mut bytes = Vec::new();
        let read = match &self.unwritten {
            Some(edit) => {
                let mut reader = edit.reader();
                reader
                    .seek(SeekFrom::Start(start))
                    .and_then(|_| reader.take(len).read_to_end(&mut bytes))
            }
            None => self.source.with(|mut file| {
                file.seek(SeekFrom::Start(start))?;
                file.take(len).read_to_end(&mut bytes)
            }),
        };
        match read {
            Ok(read) if read as u64 == len => Ok(bytes),
            Ok(_) => Err(Error::new(subject(), "the file changed while it was read")),
            Err(error) => Err(Error::io(subject(), "cannot be read", &error)),
        }
    }
}

/// The first bytes of a file; fewer where it is shorter or cannot be read.
fn head(mut file: &File) -> Vec<u8> {
    let mut bytes = Vec::new();
    if file.rewind().is_ok() {
        // What could be read is what tells.
        let _ = file.take(foreign::HEAD as u64).read_to_end(&mut bytes);
    }
    bytes
}
