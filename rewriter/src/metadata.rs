//! The keys that embedding adds to `metadata_props`.

use prep_onnx_pipeline::{DOMAIN, Error, ErrorKind, Result};

use crate::model::Model;

/// The key of the pipeline, as canonical JSON.
pub const PIPELINE_KEY: &str = "prep_onnx.pipeline";
/// The key of the version of prep-onnx that embedded it.
pub const VERSION_KEY: &str = "prep_onnx.version";
/// The key of what `strip` needs.
pub const STRIP_KEY: &str = "prep_onnx.strip";
/// The key of what was assumed where nobody named the pipeline; absent where somebody did.
pub const ASSUMED_KEY: &str = "prep_onnx.assumed";

/// The key of what comes after the model, as JSON.
pub const AFTER_KEY: &str = "prep_onnx.after";
/// The key of the names of classes, as a JSON list.
pub const LABELS_KEY: &str = "prep_onnx.labels";
/// The key of what `strip` needs to take off what comes after the model.
pub(crate) const AFTER_STRIP_KEY: &str = "prep_onnx.after.strip";

/// The key of the name of the image input, where the preprocessing takes the place of other inputs too.
pub(crate) const IMAGE_INPUT_KEY: &str = "prep_onnx.image_input";

/// The key of what a quantised model takes in the place of its image input, as JSON; absent where that takes floats.
pub(crate) const QUANTISED_KEY: &str = "prep_onnx.quantised";

/// What in `model` shows that a pipeline was embedded before, if anything does.
///
/// An import of our domain alone shows nothing: ONNX Runtime writes one into every model that it saves while the
/// op library is loaded.
pub(crate) fn embedded_trace(model: &Model) -> Option<String> {
    let key = [PIPELINE_KEY, STRIP_KEY]
        .into_iter()
        .find(|key| model.metadata_value(key).is_some());
    let in_domain = |domain: &str| domain == DOMAIN;
    if let Some(key) = key {
        Some(format!("the metadata key `{key}`"))
    } else if model.functions().any(|(domain, ..)| in_domain(domain)) {
        Some(format!("a function of the domain `{DOMAIN}`"))
    } else if !model.skeleton.own_nodes.is_empty() {
        Some(format!("a node of the domain `{DOMAIN}`"))
    } else {
        None
    }
}

impl Model {
    /// Checks that no pipeline is embedded in it.
    ///
    /// # Errors
    /// Says what shows that there is one.
    pub fn check_plain(&self) -> Result<()> {
        let after = [AFTER_KEY, AFTER_STRIP_KEY].into_iter();
        let mut after = after.filter(|key| self.metadata_value(key).is_some());
        let trace = embedded_trace(self).or_else(|| Some(format!("the metadata key `{}`", after.next()?)));
        match trace {
            None => Ok(()),
            Some(trace) => Err(
                Error::new(self.path().display(), "a pipeline is already embedded")
                    .expected_got("a model without one", trace)
                    .fix("strip first: prep-onnx strip MODEL -o OUT")
                    .with_kind(ErrorKind::Model),
            ),
        }
    }
}
