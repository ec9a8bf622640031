//! A model, how images get into it, and what is kept of its output.

use std::ops::ControlFlow;

use prep_onnx_loader::DecodeOptions;
use prep_onnx_pipeline::{Error, ErrorKind, Result};

use super::draw::Draw;
use crate::host::Array;
use crate::inference::{Inference, Rows};
use crate::labels::top;
use crate::results::{ImageResult, Kept};

/// A model and how images get into it.
pub(crate) struct Runner {
    pub(crate) inference: Inference,
    /// Images that are decoded together and, where their sizes allow it, run together.
    pub(crate) batch: usize,
    /// Threads that decode; 0 for one per core.
    pub(crate) threads: usize,
    pub(crate) decode: DecodeOptions,
    /// Keep only so many of the highest elements.
    pub(crate) top: Option<usize>,
    /// How many elements an output has to have for its labels to be right.
    pub(crate) classes: Option<usize>,
    /// Where images are drawn with what was answered.
    pub(crate) draw: Option<Draw>,
    /// Whether maps are kept as they are, not what is told of them.
    pub(crate) whole_maps: bool,
}

/// What takes the images of a batch, with what is known of the output's rows, and says whether the next one is wanted.
pub(crate) type BatchDone<'a> = dyn FnMut(Vec<ImageResult>, Option<&Rows>) -> Result<ControlFlow<()>> + 'a;

impl Runner {
    /// What is kept of an output.
    ///
    /// # Errors
    /// Labels that are not those of the output.
    pub(super) fn kept(&self, outcome: Result<Array>) -> Result<Result<Kept>> {
        if let (Ok(array), Some(classes), false) = (&outcome, self.classes, self.inference.has_answers()) {
            check_classes(
                self.inference.output_name(),
                array.shape().iter().product(),
                classes,
            )?;
        }
        if self.whole_maps && self.inference.map().is_some() {
            return Ok(outcome.map(Kept::Output));
        }
        Ok(outcome.and_then(|array| {
            Ok(match (self.inference.answer(&array)?, self.top) {
                (Some(Kept::Top(mut ranked)), Some(count)) => {
                    ranked.truncate(count);
                    Kept::Top(ranked)
                }
                (Some(answer), _) => answer,
                (None, Some(count)) => Kept::Top(top(&array, count)),
                (None, None) => Kept::Output(array),
            })
        }))
    }
}

/// Checks that there is a label for each element of an output and for nothing else.
pub(crate) fn check_classes(output: &str, elements: usize, labels: usize) -> Result<()> {
    if elements == labels {
        return Ok(());
    }
    Err(Error::new("--labels", "are not those of this model")
        .with_kind(ErrorKind::Config)
        .expected_got(
            format_args!("{elements} names, one for each element of output `{output}`"),
            format_args!("{labels} names"),
        )
        .why("names would stand for other classes than their own")
        .fix("give the labels of this model, or leave --labels out"))
}
