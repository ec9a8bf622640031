//! Puts image preprocessing into an ONNX file, and takes it out again byte for byte.
//!
//! [`Model::open`] reads a file without its weights. [`embed`] puts a pipeline in front of the input
//! that takes the image, [`strip`] undoes that, [`inspect`] tells what is inside. The first two give an
//! [`Edit`]: a new file made of ranges of the old one, which [`Edit::write`] writes at the speed of a
//! copy. [`ImageInput::find`] and [`insert`] are the parts of `embed`.
#![forbid(unsafe_code)]

pub mod after;
mod edit;
mod embed;
mod image_input;
mod insert;
mod inspect;
mod lowering;
mod metadata;
mod model;
mod nodes;
mod order;
pub mod portable;
mod preprocessing;
mod quantised;
mod record;
mod single_file;
mod sorted;
mod splice;
mod strip;
mod text;
mod wire;

pub use edit::{Edit, Written};
pub use embed::{EmbedOptions, Embedding, Feed, Quantisation, Report, embed};
pub use image_input::{ImageInput, ImageKind};
pub use insert::{Insertion, MIN_OPSET, insert};
pub use inspect::{Embedded, External, Function, Opset, Summary, inspect};
pub use lowering::Lowering;
pub use metadata::{AFTER_KEY, ASSUMED_KEY, LABELS_KEY, PIPELINE_KEY, STRIP_KEY, VERSION_KEY};
pub use model::{Dimension, ElementType, ExternalFile, Model, Value, ValueType};
pub use nodes::{AttributeValue, Node, NodeInput, nodes, output_size_depends_on_values};
pub use preprocessing::preprocessing;
pub use quantised::{Folded, Quantised};
pub use strip::{strip, strip_after};
