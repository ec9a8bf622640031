//! See commit.
use crate::answer::{Answer, Outcome};
use crate::args::Global;
use clap::Args;
/// Demo
#[derive(Debug, Args)]
pub(crate) struct Options {}
pub(crate) fn run(_: &Options, _: &Global) -> Outcome {
    Ok(Answer::new("", serde_json::Value::Null))
}
