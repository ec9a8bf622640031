//! What preprocessing is: steps, output sizes, resampling weights and the scalar reference.
//!
//! Nothing here reads files or knows ONNX. The other crates take their meaning from this one: a
//! [`Pipeline`] is data, [`Pipeline::reference`] is what it means, and [`Plan`] is the form
//! that every backend executes; [`FusedPlan`] is the part of it that version 1 of the op has.
#![forbid(unsafe_code)]

mod arithmetic;
mod at_size;
mod crop;
mod encoded;
mod error;
pub mod fit;
mod import;
mod input_form;
mod named;
mod names;
mod nearest;
mod output;
pub mod pages;
mod pipeline;
pub mod plan;
mod presets;
#[cfg(feature = "random")]
pub mod random;
pub mod resample;
mod scalar;
mod schema;
mod size;
pub mod steps;
mod text;
mod toml_text;

pub use arithmetic::{CHANNELS, Operation, Operator, Precision, ValueTable};
pub use crop::CropRule;
pub use encoded::{ImageStatus, ON_BAD_IMAGE_ATTRIBUTE, OnBadImage, STATUS_OUTPUT};
pub use error::{Error, ErrorKind, Result};
pub use import::{Import, ImportOptions, Source, import, import_with};
pub use input_form::{Accept, InputElement, InputExtent, InputForm, InputTensor};
pub use names::{Checkpoint, Library, checkpoint};
pub use output::{Answers, Dtype, Elements, Extras, Layout, Tensor};
pub use pipeline::{Output, Pipeline};
pub use plan::v1::{FusedPlan, Geometry, ResolvedSize};
pub use plan::wire::Version;
pub use plan::{
    DOMAIN, DOMAIN_VERSION, MAX_PIXELS, OutputKind, PLAN_ATTRIBUTE, Plan, Signature, SourceFormat,
};
pub use presets::{PRESETS, Preset, imagenet_at, preset};
pub use resample::{AxisWeights, Filter, Resampler, Windows};
pub use schema::{Document, Notation, json_once};
pub use size::{
    FitRounding, GLM5_BITS, GridChoice, GridFit, GridList, Grids, Limit, LongestRounding, MAX_EDGE,
    NAFLEX_HALVINGS, NAFLEX_SCALES, RuleInfo, SizeRule, SmallImage,
};
pub use text::{config_text, text_of};
