//! One step of the geometry: canvas, resample, canvas.

use serde::{Deserialize, Serialize};

use super::Canvas;
use crate::resample::Arithmetic;
use crate::{Error, Operation, Result, SizeRule};

/// A resize of the image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resample {
    /// How the new size follows from the old one.
    pub size: SizeRule,
    /// Filter, windows and rounding.
    pub sampling: Arithmetic,
}

/// uint8 to uint8, in this order. A later stage starts from the result of the earlier one.
///
/// A stage without a resample has at least the canvas `after`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Crop or pad first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Canvas>,
    /// Then resize.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resample: Option<Resample>,
    /// Then crop or pad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Canvas>,
}

/// A resize of floats, after all stages: some arithmetic, then the resize, then a canvas. [`super::Values::operations`]
/// follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloatStage {
    /// What happens to each value before, in the order of the output's channels.
    pub operations: Vec<Operation>,
    /// The resize; its arithmetic is [`Arithmetic::Torch`], and its result is not rounded.
    pub resample: Resample,
    /// Crop or pad; its fill is [`super::Fill::Value`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Canvas>,
}

impl Resample {
    fn check(&self) -> Result<()> {
        self.size.check().map_err(|error| error.within_key("size"))
    }
}

impl Stage {
    /// Checks the parts.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<()> {
        let canvas = |key: &str, canvas: Option<Canvas>| {
            canvas.map_or(Ok(()), |canvas| {
                canvas.check().map_err(|error| error.within_key(key))
            })
        };
        canvas("before", self.before)?;
        canvas("after", self.after)?;
        match self.resample {
            Some(resample) => resample.check().map_err(|error| error.within_key("resample")),
            None if self.after.is_none() => {
                Err(Error::new("after", "is missing")
                    .expected_got("a resample or a canvas after it", "neither"))
            }
            None => Ok(()),
        }
    }
}

impl FloatStage {
    /// Checks the parts.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<()> {
        self.resample
            .check()
            .map_err(|error| error.within_key("resample"))?;
        if !matches!(self.resample.sampling, Arithmetic::Torch { .. }) {
            return Err(Error::new("resample.sampling", "is not one of floats")
                .expected_got("torch", format_args!("{:?}", self.resample.sampling)));
        }
        match self.after {
            Some(canvas) => {
                canvas.check().map_err(|error| error.within_key("after"))?;
                if matches!(canvas.fill, super::Fill::Value { .. }) {
                    return Ok(());
                }
                Err(Error::new("after.fill", "is not a number").expected_got("value", "a colour or a mirror"))
            }
            None => Ok(()),
        }
    }
}
