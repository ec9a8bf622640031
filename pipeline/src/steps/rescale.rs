//! Multiply or divide by a constant.

use serde::{Deserialize, Serialize};

use super::keys::{KeyInfo, check_divisors, check_double, check_finite, rounded};
use super::{Context, Pixels, PlanBuilder, StepKind, to_float};
use crate::arithmetic::{Operation, Operator, Precision};
use crate::{CHANNELS, Error, Result};

/// Scales pixel values. Exactly one of `factor` and `divisor` is given; `offset` is added afterwards.
///
/// `divisor = 255` is torchvision's `ToTensor` and timm; `factor` in float64 is Hugging Face's
/// Pillow backend (`image.astype(float64) * factor`, then float32), in float32 its torchvision backend without
/// normalisation, and PaddleOCR.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rescale {
    /// What pixels are multiplied by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// What pixels are divided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divisor: Option<f64>,
    /// What is added to the float32 result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<f64>,
    /// The type that `factor` or `divisor` is applied in.
    #[serde(default = "default_precision")]
    pub precision: Precision,
}

fn default_precision() -> Precision {
    Precision::Float32
}

impl Rescale {
    fn operations(&self) -> Vec<Operation> {
        let scale = match (self.factor, self.divisor) {
            (Some(factor), _) => Some((Operator::Multiply, factor)),
            (None, Some(divisor)) => Some((Operator::Divide, divisor)),
            (None, None) => None,
        };
        let scale = scale.map(|(operator, operand)| match self.precision {
            Precision::Float32 => Operation::float32(operator, [operand; CHANNELS]),
            Precision::Float64 | Precision::Unrounded => Operation::float64(operator, [operand; CHANNELS]),
        });
        let offset = self
            .offset
            .map(|offset| Operation::float32(Operator::Add, [offset; CHANNELS]));
        scale.into_iter().chain(offset).collect()
    }
}

impl StepKind for Rescale {
    const NAME: &'static str = "rescale";
    const SUMMARY: &'static str =
        "scale pixel values: torchvision ToTensor (divisor = 255), Hugging Face do_rescale (factor)";
    const FORMULA: &'static str = "x * factor, or x / divisor, then + offset";
    const EXAMPLE: &'static str = "step = \"rescale\"\ndivisor = 255";
    const DESCRIPTION: &'static str = "Exactly one of `factor` and `divisor`, then `offset`. torchvision and timm divide by 255 in float32; Hugging Face's Pillow \
        backend multiplies in float64, its torchvision backend and PaddleOCR in float32.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::optional(
            "factor",
            "a number",
            "none",
            "what pixels are multiplied by; one of factor and divisor",
        ),
        KeyInfo::optional(
            "divisor",
            "a number other than 0",
            "none",
            "what pixels are divided by",
        ),
        KeyInfo::optional(
            "offset",
            "a number",
            "none",
            "what is added to the float32 result",
        ),
        KeyInfo::optional(
            "precision",
            "float32, float64",
            "float32",
            "the type that factor or divisor is applied in",
        ),
    ];

    fn check(&self) -> Result<()> {
        rounded("precision", self.precision)?;
        let scale = |key: &str, value: f64| match self.precision {
            Precision::Float32 => check_finite(key, value),
            Precision::Float64 | Precision::Unrounded => check_double(key, value),
        };
        match (self.factor, self.divisor) {
            (Some(factor), None) => scale("factor", factor)?,
            (None, Some(divisor)) => {
                scale("divisor", divisor)?;
                check_divisors("divisor", [divisor])?;
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::new("rescale", "takes exactly one of factor and divisor")
                    .fix("write divisor = 255, or factor = 0.00392156862745098"));
            }
        }
        self.offset
            .map_or(Ok(()), |offset| check_finite("offset", offset))
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.operate(self.operations());
        Ok(())
    }

    fn apply(&self, pixels: Pixels, _: &Context) -> Result<Pixels> {
        Ok(super::apply_operations(to_float(pixels), &self.operations()))
    }
}
