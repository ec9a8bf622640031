//! What a run finds out about each image, and the files that it writes.

mod boxes;
mod jsonl;
mod npy;
mod parquet;

use std::path::Path;

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::detection::Detection;
use crate::host::Array;
use crate::labels::{Labels, Ranked};
use crate::map::Map;

/// One row: the fate of one image.
pub(crate) struct ImageResult {
    /// The path, or what a list calls it.
    pub(crate) id: String,
    /// Where it was read from, where that is known.
    pub(crate) path: Option<String>,
    /// Height and width of the image in the file, turned upright.
    pub(crate) size: Option<(usize, usize)>,
    /// The file that it is drawn in with what was answered.
    pub(crate) drawn: Option<String>,
    /// What the model made of it, or why there is nothing.
    pub(crate) outcome: Result<Kept>,
}

/// What is kept of a model's output.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kept {
    /// All of it.
    Output(Array),
    /// Its highest elements.
    Top(Vec<Ranked>),
    /// What was found in the image.
    Found(Vec<Detection>),
    /// What is told of its map.
    Map(Map),
}

impl ImageResult {
    /// The lines of a .jsonl file: one, or of detections one for each box with a status: `ok`, `none` where nothing was found,
    /// `error`.
    pub(crate) fn lines(&self, labels: &Labels, detects: bool) -> Vec<Value> {
        if !detects {
            return vec![self.json(labels)];
        }
        let with_status = |status: &str| {
            let mut entry = self.json_without_output();
            entry["status"] = status.into();
            entry
        };
        match &self.outcome {
            Ok(Kept::Found(found)) if !found.is_empty() => found
                .iter()
                .map(|detection| {
                    let mut entry = with_status("ok");
                    if let (Some(entry), Value::Object(fields)) =
                        (entry.as_object_mut(), detection.json(labels))
                    {
                        entry.extend(fields);
                    }
                    entry
                })
                .collect(),
            Ok(Kept::Found(_)) => vec![with_status("none")],
            Ok(Kept::Output(_) | Kept::Top(_) | Kept::Map(_)) => vec![self.json(labels)],
            Err(_) => vec![with_status("error")],
        }
    }

    /// One line of a .jsonl file.
    pub(crate) fn json(&self, labels: &Labels) -> Value {
        let mut entry = self.json_without_output();
        match &self.outcome {
            Err(_) => {}
            Ok(Kept::Output(array)) => entry["output"] = array.to_json(),
            Ok(Kept::Map(map)) => entry["map"] = map.json(labels),
            Ok(Kept::Found(found)) => {
                entry["found"] = found.iter().map(|detection| detection.json(labels)).collect();
            }
            Ok(Kept::Top(top)) => {
                let ranked = top.iter().map(|ranked| {
                    let mut entry = json!({ "index": ranked.index, "score": ranked.score });
                    if !labels.is_empty() {
                        entry["label"] = labels.name(ranked.index).into();
                    }
                    entry
                });
                entry["top"] = ranked.collect();
            }
        }
        entry
    }

    fn json_without_output(&self) -> Value {
        let mut entry = json!({ "id": self.id });
        if let Some(path) = self.path.as_ref().filter(|path| **path != self.id) {
            entry["path"] = path.as_str().into();
        }
        if let Some((height, width)) = self.size {
            entry["height"] = height.into();
            entry["width"] = width.into();
        }
        if let Some(drawn) = &self.drawn {
            entry["drawn"] = drawn.as_str().into();
        }
        if let Err(error) = &self.outcome {
            entry["error"] = error.to_string().into();
        }
        entry
    }
}

/// A format of files with one row per image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One array, and a .jsonl file beside it that says which image each row is.
    Npy,
    /// One line of JSON per image.
    Jsonl,
    /// One table.
    Parquet,
}

impl Format {
    /// The format that the extension of a file names.
    ///
    /// # Errors
    /// Another extension.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => Ok(Self::Npy),
            Some("jsonl") => Ok(Self::Jsonl),
            Some("parquet") => Ok(Self::Parquet),
            other => Err(Error::new(path.display(), "has an unknown format")
                .expected_got(
                    ".npy, .jsonl or .parquet",
                    other.map_or_else(|| "no extension".to_owned(), |e| format!(".{e}")),
                )
                .with_kind(ErrorKind::Usage)),
        }
    }
}

/// What the rows of a run are of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowsOf {
    /// Whether there is one for each thing that was found.
    pub(crate) detects: bool,
    /// Whether the images are drawn.
    pub(crate) drawn: bool,
}

/// A file that is being written, row by row, in memory that does not grow with their number.
pub(crate) enum Writer<'a> {
    Npy(Box<npy::NpyWriter>),
    Jsonl(jsonl::JsonlWriter<'a>),
    Parquet(Box<parquet::ParquetWriter<'a>>),
    Boxes(Box<boxes::BoxesWriter<'a>>),
}

impl<'a> Writer<'a> {
    /// Begins a file of `rows` rows.
    ///
    /// # Errors
    /// An unknown format; a place that is not writable.
    pub(crate) fn create(path: &Path, rows: usize, labels: &'a Labels, of: RowsOf) -> Result<Self> {
        let RowsOf { detects, drawn } = of;
        Ok(match Format::of(path)? {
            Format::Npy => Self::Npy(Box::new(npy::NpyWriter::create(path, rows)?)),
            Format::Jsonl => Self::Jsonl(jsonl::JsonlWriter::create(path, labels, detects)?),
            Format::Parquet if detects => {
                Self::Boxes(Box::new(boxes::BoxesWriter::create(path, labels, drawn)?))
            }
            Format::Parquet => Self::Parquet(Box::new(parquet::ParquetWriter::create(path, labels, drawn)?)),
        })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// An output of another form than those before, where the format needs one form; what writing meets.
    pub(crate) fn push(&mut self, row: &ImageResult) -> Result<()> {
        match self {
            Self::Npy(writer) => writer.push(row),
            Self::Jsonl(writer) => writer.push(row),
            Self::Parquet(writer) => writer.push(row),
            Self::Boxes(writer) => writer.push(row),
        }
    }

    /// Puts the complete file into its place.
    pub(crate) fn finish(self) -> Result<()> {
        match self {
            Self::Npy(writer) => writer.finish(),
            Self::Jsonl(writer) => writer.finish(),
            Self::Parquet(writer) => writer.finish(),
            Self::Boxes(writer) => writer.finish(),
        }
    }
}

/// The error of an output that does not go into one array with those before.
pub(crate) fn differs(id: &str, first: (&str, &[usize]), array: &Array) -> Error {
    Error::new("outputs", "differ in shape from image to image")
        .with_kind(ErrorKind::Model)
        .expected_got(
            format_args!("{} {:?}", first.0, first.1),
            format_args!("{} {:?} for {id}", array.dtype(), array.shape()),
        )
        .fix("write .jsonl, whose lines may have any shape, or name another --output")
}
