//! Learns the pipeline of another program: asks it about images that it makes, and looks for the pipeline that gives every bit.
//!
//! No constant is guessed. Images of one colour tell the line from pixel values to values and the order of the channels, so that
//! every other output can be read as pixels. Ramps tell where each pixel comes from; noise tells the resize that gives exactly these
//! pixels; several sizes tell the rules of sizes and offsets, and where two rules are left, an image is asked about on which they
//! differ. The table of the 256 values is then written as arithmetic, bit for bit. What was found counts once it gives every bit of
//! images that were not used to find it.

mod answer;
mod build;
mod choose;
mod confirm;
mod constants;
mod diagnose;
mod feasible;
mod float32;
mod float64;
mod learn;
mod levels;
mod look;
mod measure;
mod probes;
mod resolve;
mod rules;
mod session;
mod table;
mod ways;

use std::fmt;

use ndarray::ArrayView3;

use crate::{Dtype, Error, Layout, Pipeline, Result, Tensor};

pub use diagnose::{Diagnosis, Finding, Mistake, diagnose};
pub use learn::learn;

/// A program that makes a tensor of an RGB image, [height, width, 3].
///
/// Its tensor is [C, H, W] or [H, W, C], alone or as a batch of one; a gray one may be [H, W].
pub type Callable<'a> = dyn FnMut(ArrayView3<'_, u8>) -> Result<Tensor> + 'a;

/// The most probes of a learning, unless another number is asked for.
pub const PROBES: usize = 60;

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many probes were asked about.
    pub asked: usize,
    /// The most that will be.
    pub most: usize,
    /// What they are for, in a few words.
    pub stage: &'static str,
}

/// A pipeline that gave every bit of every probe.
#[derive(Clone, Debug)]
pub struct Learned {
    /// The pipeline, with layout and element type.
    pub pipeline: Pipeline,
    /// Axis order of the callable's tensor.
    pub layout: Layout,
    /// Its element type.
    pub dtype: Dtype,
    /// How often the callable was asked.
    pub probes: usize,
    /// On how many of these images it failed.
    pub failed: usize,
    /// How many of these were images that had not been used to find the pipeline; all were equal in every bit.
    pub confirmed: usize,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// Why no pipeline was learned.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What is wrong, and why.
    pub error: Error,
    /// How often the callable was asked.
    pub probes: usize,
    /// The pipeline that came nearest, where one came near.
    pub nearest: Option<Box<Nearest>>,
}

/// A pipeline that is not the callable's, and how far it is from it on one probe.
#[derive(Clone, Debug)]
pub struct Nearest {
    /// The pipeline; its sizes are those of the one probe where the rule is not known.
    pub pipeline: Pipeline,
    /// (height, width) of the probe.
    pub size: (usize, usize),
    /// The part of the values that differ, from 0 to 1.
    pub differing: f64,
    /// The largest distance, in steps of the pixel value.
    pub largest: f64,
    /// Where they differ, in words.
    pub place: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Refusal {}

/// What is wrong with the callable.
fn refuse(what: impl fmt::Display) -> Error {
    Error::new("the callable", what)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}
