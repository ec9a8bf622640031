//! Who made a model, and what its file says about it: the traces that exporters leave.

mod graph;
mod literal;
mod paddleocr;
mod ultralytics;

pub(crate) use graph::likely;
pub(crate) use paddleocr::PaddleOcr;
pub(crate) use ultralytics::{Task, Ultralytics};
