//! Taking a pipeline out again.

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use crate::edit::Edit;
use crate::metadata::{AFTER_KEY, AFTER_STRIP_KEY, STRIP_KEY, embedded_trace};
use crate::model::{Model, read};
use crate::record::{Record, to_hex};

/// The file that `model` was before a pipeline and what comes after the model were embedded, byte for byte.
///
/// The restored file is read again before it is handed out: everything but the data of the tensors
/// must have the digest of the original. Weights that were changed in place since are kept.
///
/// Of a model that took its external data in, the model file is restored, which refers to the data again:
/// [`Edit::external_files`] names it. The data files themselves are not written.
///
/// # Errors
/// A model without a pipeline; one that another tool changed after embedding. One that a protobuf library read and wrote
/// again, as `onnx.load` and `onnx.save` do, is none: only the order of its fields is another, which the record knows.
pub fn strip(model: &Model) -> Result<Edit> {
    let within = |error: Error| error.within(model.path().display()).or_kind(ErrorKind::Model);
    if !has_after(model) {
        return restore(model, STRIP_KEY).map_err(within);
    }
    let edit = restore(model, AFTER_STRIP_KEY).map_err(within)?;
    let before = model.edited(&edit)?;
    if embedded_trace(&before).is_none() {
        return Ok(edit);
    }
    restore(&before, STRIP_KEY).map_err(within)
}

/// The file that `model` was before something was put after it, byte for byte: a pipeline in front of it stays.
///
/// # Errors
/// A model with nothing after it; one that was saved again by another tool since.
pub fn strip_after(model: &Model) -> Result<Edit> {
    restore(model, AFTER_STRIP_KEY)
        .map_err(|error| error.within(model.path().display()).or_kind(ErrorKind::Model))
}

/// `model` without what comes after it.
pub(crate) fn without_after(model: &Model) -> Result<Option<Model>> {
    if !has_after(model) {
        return Ok(None);
    }
    model.edited(&strip_after(model)?).map(Some)
}

fn has_after(model: &Model) -> bool {
    [AFTER_KEY, AFTER_STRIP_KEY]
        .iter()
        .any(|key| model.metadata_value(key).is_some())
}

fn restore(model: &Model, key: &'static str) -> Result<Edit> {
    let Some(entry) = model.skeleton.metadata.iter().rfind(|entry| entry.key == key) else {
        let error = Error::new("", "cannot be stripped").fix("use the original model");
        let trace = match key {
            STRIP_KEY => embedded_trace(model),
            _ => has_after(model).then(|| format!("the metadata key `{AFTER_KEY}`")),
        };
        return Err(match (trace, key) {
            (Some(trace), _) => {
                error.expected_got(format!("the metadata key `{key}`"), format!("only {trace}"))
            }
            (None, STRIP_KEY) => {
                error.expected_got("a model with an embedded pipeline", "a model without one")
            }
            (None, _) => Error::new("", "cannot be stripped of what comes after the model")
                .expected_got("a model with something after it", "a model without")
                .fix("leave --only out"),
        });
    };
    let record = Record::from_json(&entry.value).map_err(|error| error.within(key))?;
    as_written(model, key, &record).or_else(|error| {
        // A library that wrote the file again sorted its fields. The digest tells whether it did nothing else.
        let put_back = record.order.as_ref().map(|order| order.put_back(model));
        let Some(edit) = put_back.transpose()?.flatten() else {
            return Err(error);
        };
        as_written(&model.edited(&edit)?, key, &record).map_err(|_| error)
    })
}

/// What `record` restores of `model`, whose bytes are where `embed` put them.
fn as_written(model: &Model, key: &'static str, record: &Record) -> Result<Edit> {
    let changed = |what: String| {
        Error::new(
            "",
            format!("cannot be stripped: it was changed after embedding: {what}"),
        )
        .why("another tool changed the file, so its bytes are not those that embed put there")
        .fix("strip the file that embed wrote, or use the original model")
    };
    let end = model
        .skeleton
        .metadata
        .iter()
        .rfind(|entry| entry.key == key)
        .map(|entry| entry.end);
    if end != Some(model.bytes()) {
        return Err(changed(format!(
            "expected `{key}` to end the file at byte {}, got byte {}",
            model.bytes(),
            end.unwrap_or_default()
        )));
    }
    let restored = record
        .inverse()
        .and_then(|(replacements, end)| Edit::new(model, replacements, end).ok());
    let restored =
        restored.ok_or_else(|| changed(format!("`{key}` does not fit a file of {} bytes", model.bytes())))?;
    if restored.bytes() != record.length {
        return Err(changed(format!(
            "expected {} bytes, got {}",
            record.length,
            restored.bytes()
        )));
    }
    let skeleton = read(restored.reader())
        .map_err(|error| changed(format!("the restored file is no model: {error}")))?;
    let digest = to_hex(&skeleton.digest);
    if digest != record.sha256 {
        return Err(changed(format!(
            "expected a digest of {}, got {digest}",
            record.sha256
        )));
    }
    Ok(restored.referring_to(skeleton.external.files()))
}
