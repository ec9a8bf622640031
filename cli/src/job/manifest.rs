//! What makes two runs the same run.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use prep_onnx_pipeline::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::embedded::EmbeddedModel;

/// The version of the part files.
const VERSION: u32 = 1;

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
    /// Whether every image has its row.
    pub(super) complete: bool,
}

impl Manifest {
    /// Reads the model for its digest.
    ///
    /// # Errors
    /// A file of the model that cannot be read.
    pub(crate) fn new(embedded: &EmbeddedModel, options: Map<String, Value>) -> Result<Self> {
        let mut hasher = Sha256::new();
        hash_file(embedded.model.path(), &mut hasher)?;
        for external in embedded.model.external_files() {
            hash_file(&embedded.model.folder().join(&external.location), &mut hasher)?;
        }
        Ok(Self {
            version: VERSION,
            model: hex(&hasher.finalize()),
            pipeline: hex(&Sha256::digest(embedded.pipeline.to_json())),
            options,
            complete: false,
        })
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

fn hash_file(path: &Path, hasher: &mut Sha256) -> Result<()> {
    let cannot = |error: std::io::Error| Error::new(path.display(), format_args!("cannot be read: {error}"));
    let mut file = File::open(path).map_err(cannot)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(cannot)? {
            0 => return Ok(()),
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
