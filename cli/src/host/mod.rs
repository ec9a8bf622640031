//! ONNX Runtime as a host: models that are loaded, and the tensors that go in and out.

mod array;
pub mod npy;
mod session;

pub use array::Array;
pub use session::{Feed, Port, Session, SessionOptions};
