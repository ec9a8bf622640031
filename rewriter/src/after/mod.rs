//! What comes after a model, in the same file: the mirror of the preprocessing before it.
//!
//! A chain of [`Then`] steps becomes standard ops at the model's own operator set. They take outputs of the model, whose
//! places their results take, and are recorded apart from the preprocessing: [`strip_after`](crate::strip_after) takes
//! them off alone.

mod before;
mod builder;
mod chain;
mod enlarged;
mod families;
mod flow;
mod masks;
mod ops;
mod recorded;
mod roles;
mod rotated;
mod select;
mod source;
mod splice;
mod steps;

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use serde::Serialize;

pub use before::before;
pub use builder::Before;
pub use families::{FAMILIES, Family};
pub use recorded::{Recorded, recorded};
pub use roles::Role;
pub use steps::{
    Argmax, Detections, Interpolation, L2Normalize, Masks, Nms, ResizeToImage, Sigmoid, Softmax, Then,
    Threshold, TopK, Unmap,
};

use crate::edit::Edit;
use crate::model::{Model, Value};

/// How to put steps after a model.
#[derive(Clone, Debug, Default)]
pub struct AfterOptions {
    /// What is before the model.
    pub before: Before,
    /// Whether the outputs that the steps take stay; the new ones come behind them then.
    pub keep_outputs: bool,
    /// The names of the classes, which travel with the file.
    pub labels: Vec<String>,
    /// What showed which steps are meant, where nobody named them.
    pub evidence: Option<String>,
}

/// A model with steps after it, ready to be written.
#[derive(Debug)]
pub struct After {
    /// The new file.
    pub edit: Edit,
    /// What was done.
    pub report: AfterReport,
}

/// What was put after a model.
#[derive(Clone, Debug, Serialize)]
pub struct AfterReport {
    /// The steps, with everything said that was left open.
    pub steps: Vec<Then>,
    /// Those of them that nobody named and that follow from the others.
    pub added: usize,
    /// The outputs of the model that the steps take.
    pub takes: Vec<String>,
    /// The new outputs, and what each is.
    pub outputs: Vec<Output>,
    /// The inputs that may be fed, with what they are where they are not.
    pub thresholds: Vec<Optional>,
    /// The number of standard ops.
    pub nodes: usize,
    /// What was decided, one line each.
    pub notes: Vec<String>,
}

/// An output of the new file.
#[derive(Clone, Debug, Serialize)]
pub struct Output {
    /// What it is.
    pub role: Role,
    /// Its name and form.
    #[serde(flatten)]
    pub value: Value,
}

/// An input that may be fed: float32 `[1]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Optional {
    /// Its name.
    pub name: String,
    /// What it is where it is not fed.
    pub default: f32,
}

/// `model` with `steps` after it.
///
/// # Errors
/// Steps that do not go with the outputs of the model or with each other, with what was seen; a model that has steps
/// after it already, or an operator set below [`MIN_OPSET`](crate::MIN_OPSET); names of more or fewer classes.
pub fn after(model: &Model, steps: &[Then], options: &AfterOptions) -> Result<After> {
    let within =
        |error: prep_onnx_pipeline::Error| error.within(model.path().display()).or_kind(ErrorKind::Model);
    recorded::check_none(model).map_err(within)?;
    crate::insert::check_model(model, true).map_err(within)?;
    let built = chain::build(model, steps, &options.before).map_err(within)?;
    check_labels(built.classes, &options.labels).map_err(within)?;
    splice::splice(model, built, options).map_err(within)
}

/// Checks that there is a name for each class, where there are names.
fn check_labels(classes: Option<i64>, labels: &[String]) -> Result<()> {
    match classes {
        Some(classes) if !labels.is_empty() && classes != labels.len() as i64 => Err(Error::new(
            "labels",
            "are not as many as the model tells classes apart",
        )
        .expected_got(format_args!("{classes} names"), labels.len())
        .fix("give a name for each class, in their order: --labels FILE")
        .with_kind(ErrorKind::Usage)),
        Some(_) | None => Ok(()),
    }
}
