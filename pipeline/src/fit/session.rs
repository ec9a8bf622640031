//! The questions that were asked, and their answers.

use ndarray::Array3;

use super::answer::{Answer, layout_of};
use super::{Callable, Nearest, Progress, refuse};
use crate::{Dtype, Error, Layout, Pipeline, Plan, Tensor};

pub(super) type Size = (usize, usize);

/// Why the learning ends without a pipeline.
pub(super) struct Stop {
    pub(super) error: Box<Error>,
    pub(super) nearest: Option<Box<Nearest>>,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self {
            error: Box::new(error),
            nearest: None,
        }
    }
}

/// One question and its answer.
pub(super) struct Record {
    pub(super) image: Array3<u8>,
    pub(super) tensor: Tensor,
}

pub(super) struct Session<'a, 'b> {
    pub(super) call: &'a mut Callable<'b>,
    pub(super) on: &'a mut dyn FnMut(Progress),
    pub(super) most: usize,
    pub(super) stage: &'static str,
    pub(super) asked: usize,
    pub(super) log: Vec<Record>,
    pub(super) failed: Vec<(Size, Error)>,
    pub(super) form: Option<(Layout, Dtype)>,
}

/// A pipeline that is still possible.
pub(super) struct Candidate {
    pub(super) pipeline: Pipeline,
    pub(super) plan: Plan,
}

pub(super) fn random() -> Error {
    refuse("is not deterministic: one image gives two tensors")
        .why("what is random cannot be written into a model")
        .fix("turn random transforms off (model.eval(), no RandomCrop), or fix what they do")
}

impl Session<'_, '_> {
    /// Asks about an image; `None` where the callable fails on it.
    pub(super) fn ask(&mut self, image: Array3<u8>) -> Result<Option<usize>, Stop> {
        if self.asked >= self.most {
            return Err(
                refuse(format_args!("is not understood after {} images", self.asked))
                    .why("what it does has more parts than these images tell apart")
                    .into(),
            );
        }
        self.asked += 1;
        (self.on)(Progress {
            asked: self.asked,
            most: self.most,
            stage: self.stage,
        });
        let size = (image.dim().0, image.dim().1);
        match (self.call)(image.view()) {
            Ok(tensor) => {
                if let Some((layout, dtype)) = self.form
                    && (tensor.dtype() != dtype || layout_of(&tensor.shape)? != layout)
                {
                    return Err(refuse("gives tensors of several forms").into());
                }
                self.log.push(Record { image, tensor });
                Ok(Some(self.log.len() - 1))
            }
            Err(error) => {
                self.failed.push((size, error.clone()));
                if self.log.is_empty() || self.failed.len() > self.most / 4 {
                    return Err(error
                        .within(format_args!("an image of {} x {}", size.0, size.1))
                        .into());
                }
                Ok(None)
            }
        }
    }

    /// Whether the callable may take images of this size: it failed on none that was as large along its shorter edge.
    pub(super) fn takes(&self, size: Size) -> bool {
        self.failed
            .iter()
            .all(|((height, width), _)| size.0.min(size.1) > *height.min(width))
    }

    /// As [`Session::ask`], where a failure ends the learning.
    pub(super) fn must_ask(&mut self, image: Array3<u8>) -> Result<usize, Stop> {
        match self.ask(image)? {
            Some(index) => Ok(index),
            None => Err(self
                .failed
                .last()
                .map_or_else(|| refuse("failed"), |(_, error)| error.clone())
                .into()),
        }
    }

    pub(super) fn answer(&self, index: usize) -> Result<Answer, Stop> {
        let (layout, _) = self.form.unwrap_or((Layout::Nchw, Dtype::Float32));
        Ok(Answer::new(&self.log[index].tensor, layout)?)
    }
}
