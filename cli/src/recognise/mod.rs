//! Who made a model, and what its file says about it: the traces that exporters leave.

mod literal;
mod ultralytics;

pub(crate) use ultralytics::{Task, Ultralytics};
