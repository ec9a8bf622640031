//! Puts image preprocessing into an ONNX file, and takes it out again byte for byte.
//!
//! [`Model::open`] reads a file without its weights, [`ImageInput::find`] finds the input that takes
//! the image, [`insert`] puts nodes in front of it, [`strip`] undoes that, [`inspect`] tells what is
//! inside. The last two of these give an [`Edit`]: a new file made of ranges of the old one, which
//! [`Edit::write`] writes at the speed of a copy.
#![forbid(unsafe_code)]

mod edit;
mod image_input;
mod insert;
mod inspect;
mod metadata;
mod model;
mod record;
mod strip;
mod wire;

pub use edit::{Edit, Written};
pub use image_input::ImageInput;
pub use insert::{Insertion, MIN_OPSET, insert};
pub use inspect::{Embedded, External, Form, Function, Opset, Summary, inspect};
pub use metadata::{PIPELINE_KEY, STRIP_KEY, VERSION_KEY};
pub use model::{Dimension, ElementType, ExternalFile, Model, Value, ValueType};
pub use strip::strip;
