//! ONNX Runtime as a host: models that are loaded, and the tensors that go in and out.

mod array;
pub mod npy;
mod provider;
mod session;

pub use array::Array;
pub use provider::Provider;
pub use session::{Feed, Port, Session, SessionOptions};

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
