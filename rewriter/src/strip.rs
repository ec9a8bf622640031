//! Taking a pipeline out again.

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use crate::edit::Edit;
use crate::metadata::{STRIP_KEY, embedded_trace};
use crate::model::{Model, read};
use crate::record::{Record, to_hex};

/// The file that `model` was before a pipeline was embedded, byte for byte.
///
/// The restored file is read again before it is handed out: everything but the data of the tensors
/// must have the digest of the original. Weights that were changed in place since are kept.
///
/// Of a model that took its external data in, the model file is restored, which refers to the data again:
/// [`Edit::external_files`] names it. The data files themselves are not written.
///
/// # Errors
/// A model without a pipeline; one that was saved again by another tool after embedding.
pub fn strip(model: &Model) -> Result<Edit> {
    restore(model).map_err(|error| error.within(model.path().display()).or_kind(ErrorKind::Model))
}

fn restore(model: &Model) -> Result<Edit> {
    let Some(entry) = model
        .skeleton
        .metadata
        .iter()
        .rfind(|entry| entry.key == STRIP_KEY)
    else {
        let error = Error::new("", "cannot be stripped").fix("use the original model");
        return Err(match embedded_trace(model) {
            Some(trace) => {
                error.expected_got(format!("the metadata key `{STRIP_KEY}`"), format!("only {trace}"))
            }
            None => error.expected_got("a model with an embedded pipeline", "a model without one"),
        });
    };
    let changed = |what: String| {
        Error::new(
            "",
            format!("cannot be stripped: it was changed after embedding: {what}"),
        )
        .why("another tool saved the file again, so its bytes are not where embed put them")
        .fix("strip the file that embed wrote, or use the original model")
    };
    let record = Record::from_json(&entry.value).map_err(|error| error.within(STRIP_KEY))?;
    if entry.end != model.bytes() {
        return Err(changed(format!(
            "expected `{STRIP_KEY}` to end the file at byte {}, got byte {}",
            model.bytes(),
            entry.end
        )));
    }
    let restored = record
        .inverse()
        .and_then(|(replacements, end)| Edit::new(model, replacements, end).ok());
    let restored = restored.ok_or_else(|| {
        changed(format!(
            "`{STRIP_KEY}` does not fit a file of {} bytes",
            model.bytes()
        ))
    })?;
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
