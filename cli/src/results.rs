//! What a run writes: .npy or .jsonl.

use std::path::Path;

use prep_onnx_pipeline::{Error, Result};
use serde_json::{Value, json};

use crate::host::{Array, npy};
use crate::labels::{Labels, Ranked};
use crate::output::OutputFile;

/// The output of one image, or why there is none.
pub(crate) struct ImageResult {
    pub(crate) id: String,
    pub(crate) size: Option<(usize, usize)>,
    pub(crate) output: Result<Array>,
    /// The highest elements, where they are asked for.
    pub(crate) top: Vec<Ranked>,
}

impl ImageResult {
    /// One line of a .jsonl file.
    pub(crate) fn json(&self, labels: &Labels) -> Value {
        let mut entry = json!({ "id": self.id });
        if let Some((height, width)) = self.size {
            entry["height"] = height.into();
            entry["width"] = width.into();
        }
        match (&self.output, self.top.as_slice()) {
            (Err(error), _) => entry["error"] = error.to_string().into(),
            (Ok(array), []) => entry["output"] = array.to_json(),
            (Ok(_), top) => {
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
}

/// The file that a run writes.
pub(crate) enum Writer {
    /// One array, a row per image that could be run.
    Npy { file: OutputFile, rows: Vec<Array> },
    /// One line of JSON per image, in order, those that failed included.
    Jsonl { file: OutputFile },
}

impl Writer {
    /// Begins a file of the format that its extension names.
    ///
    /// # Errors
    /// Another extension; a place that is not writable.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = || OutputFile::create(path);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => Ok(Self::Npy {
                file: file()?,
                rows: Vec::new(),
            }),
            Some("jsonl") => Ok(Self::Jsonl { file: file()? }),
            other => Err(unknown_format(path, other)),
        }
    }

    pub(crate) fn push(&mut self, result: &ImageResult, labels: &Labels) -> Result<()> {
        match self {
            Self::Npy { rows, .. } => {
                if let Ok(array) = &result.output {
                    rows.push(array.clone());
                }
                Ok(())
            }
            Self::Jsonl { file } => file.write(|out| writeln!(out, "{}", result.json(labels))),
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    /// Rows that differ in shape, for .npy; what writing meets.
    pub(crate) fn finish(self) -> Result<()> {
        match self {
            Self::Jsonl { file } => file.finish(),
            Self::Npy { mut file, rows } => {
                let array = Array::stack(&rows).map_err(|error| {
                    error.fix("write .jsonl, whose lines may have any shape, or name another --output")
                })?;
                file.write(|out| npy::write(&array, out))?;
                file.finish()
            }
        }
    }
}

fn unknown_format(path: &Path, extension: Option<&str>) -> Error {
    Error::new(path.display(), "has an unknown format").expected_got(
        ".npy or .jsonl",
        extension.map_or_else(|| "no extension".to_owned(), |e| format!(".{e}")),
    )
}
