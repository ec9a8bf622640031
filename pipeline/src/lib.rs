//! What preprocessing is: steps, output sizes, resampling weights and the scalar reference.
//!
//! Nothing here reads files or knows ONNX. The other crates take their meaning from this one: a
//! [`Pipeline`] is data, [`Pipeline::reference`] is what it means, and [`FusedPlan`] is the form
//! that every backend executes.
#![forbid(unsafe_code)]

mod arithmetic;
mod at_size;
mod crop;
mod encoded;
mod error;
mod import;
mod named;
mod nearest;
mod output;
mod pipeline;
mod plan;
mod presets;
pub mod resample;
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
pub use output::{Dtype, Elements, Layout, Tensor};
pub use pipeline::{Output, Pipeline};
pub use plan::{Accept, DOMAIN, DOMAIN_VERSION, FusedPlan, Geometry, MAX_PIXELS, PLAN_ATTRIBUTE, op_name};
pub use presets::{PRESETS, Preset, imagenet_at, preset};
pub use resample::{AxisWeights, Filter, Resampler};
pub use schema::{Document, Notation, config_text};
pub use size::{MAX_EDGE, ResolvedSize, SizeRule};
pub use text::text_of;
