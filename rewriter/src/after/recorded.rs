//! What a file says of the steps after its model.

use std::collections::BTreeMap;

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::{Role, Then};
use crate::metadata::{AFTER_KEY, AFTER_STRIP_KEY, LABELS_KEY};
use crate::model::Model;

/// The version of the format below.
const VERSION: u32 = 1;

/// What is kept as JSON in `metadata_props`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u32,
    prep_onnx: String,
    steps: Vec<Then>,
    outputs: BTreeMap<Role, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
}

/// What comes after the model of a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recorded {
    /// The version of prep-onnx that put it there.
    pub version: String,
    /// The steps.
    pub steps: Vec<Then>,
    /// The names of the outputs, by what they are.
    pub outputs: BTreeMap<Role, String>,
    /// What showed which steps are meant, where nobody named them.
    pub evidence: Option<String>,
    /// The names of the classes.
    pub labels: Vec<String>,
}

/// What `model` says of the steps after it; none in a file without.
///
/// # Errors
/// Metadata that this version cannot read.
pub fn recorded(model: &Model) -> Result<Option<Recorded>> {
    let Some(text) = model.metadata_value(AFTER_KEY) else {
        return Ok(None);
    };
    let invalid = |key: &str, error: &dyn std::fmt::Display| {
        Error::new(
            model.path().display(),
            format_args!("`{key}` cannot be read: {error}"),
        )
        .fix("use a newer prep-onnx, or put the steps after the model again")
        .with_kind(ErrorKind::Model)
    };
    let entry: Entry = serde_json::from_str(text).map_err(|error| invalid(AFTER_KEY, &error))?;
    if entry.version != VERSION {
        return Err(invalid(AFTER_KEY, &format_args!("version {}", entry.version)));
    }
    let labels = match model.metadata_value(LABELS_KEY) {
        None => Vec::new(),
        Some(text) => serde_json::from_str(text).map_err(|error| invalid(LABELS_KEY, &error))?,
    };
    Ok(Some(Recorded {
        version: entry.prep_onnx,
        steps: entry.steps,
        outputs: entry.outputs,
        evidence: entry.evidence,
        labels,
    }))
}

/// Checks that nothing comes after the model yet.
///
/// # Errors
/// Where something does.
pub(super) fn check_none(model: &Model) -> Result<()> {
    let key = [AFTER_KEY, AFTER_STRIP_KEY]
        .into_iter()
        .find(|key| model.metadata_value(key).is_some());
    match key {
        None => Ok(()),
        Some(key) => Err(Error::new("", "steps come after the model already")
            .expected_got("a model without", format_args!("the metadata key `{key}`"))
            .fix("strip them first: prep-onnx strip MODEL --only after -o OUT")
            .with_kind(ErrorKind::Model)),
    }
}

/// The entries of `metadata_props`.
pub(super) fn entries(
    steps: &[Then],
    outputs: BTreeMap<Role, String>,
    evidence: Option<String>,
    labels: &[String],
) -> Result<Vec<(&'static str, String)>> {
    let entry = Entry {
        version: VERSION,
        prep_onnx: env!("CARGO_PKG_VERSION").to_owned(),
        steps: steps.to_vec(),
        outputs,
        evidence,
    };
    let mut entries = vec![(AFTER_KEY, text(&entry)?)];
    if !labels.is_empty() {
        entries.push((LABELS_KEY, text(&labels)?));
    }
    Ok(entries)
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::new("", format!("cannot be encoded: {error}")))
}
