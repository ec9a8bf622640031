//! What makes two runs the same run.

use std::path::Path;

use prep_onnx_pipeline::Pipeline;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::inference::Rows;

/// The version of the part files.
const VERSION: u32 = 2;

/// What the rows of a run depend on, beside the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    version: u32,
    /// The sha256 of the model with its external data.
    model: String,
    /// The sha256 of the canonical JSON of the pipeline.
    pipeline: String,
    /// The options that rows depend on, and the version of ONNX Runtime.
    options: Map<String, Value>,
    /// What was found out about the output's rows, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<Rows>,
    /// Whether every image has its row.
    pub(super) complete: bool,
}

/// What a folder says of the run that made it.
pub(super) enum Earlier {
    Run(Manifest),
    /// Nothing that can be read; why.
    Unreadable(String),
}

/// Whether a file is a manifest of the first release, whose folders have no mark.
pub(super) fn is_of_first_release(path: &Path) -> bool {
    matches!(Manifest::read(path), Earlier::Run(manifest) if manifest.version == 1)
}

impl Manifest {
    /// A run of the model with that digest.
    pub(crate) fn new(model: String, pipeline: &Pipeline, options: Map<String, Value>) -> Self {
        Self {
            version: VERSION,
            model,
            pipeline: hex(&Sha256::digest(pipeline.to_json())),
            options,
            rows: None,
            complete: false,
        }
    }

    pub(super) fn read(path: &Path) -> Earlier {
        let read = std::fs::read(path).map_err(|error| error.to_string());
        let parsed = read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
        parsed.map_or_else(Earlier::Unreadable, Earlier::Run)
    }

    /// What differs from another run, with both values.
    pub(super) fn difference(&self, other: &Self) -> Option<(String, String, String)> {
        let named = [
            ("version", self.version.to_string(), other.version.to_string()),
            ("pipeline", self.pipeline.clone(), other.pipeline.clone()),
            ("model", self.model.clone(), other.model.clone()),
        ];
        let named = named
            .into_iter()
            .map(|(name, mine, theirs)| (name.to_owned(), mine, theirs));
        let value = |options: &Map<String, Value>, key: &String| match options.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => "none".to_owned(),
            Some(value) => value.to_string(),
        };
        let keys = self.options.keys().chain(other.options.keys());
        let options = keys.map(|key| (key.clone(), value(&self.options, key), value(&other.options, key)));
        named.chain(options).find(|(_, mine, theirs)| mine != theirs)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
