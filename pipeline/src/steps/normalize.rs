//! Subtract the mean, divide by the standard deviation.

use serde::{Deserialize, Serialize};

use super::keys::{KeyInfo, check_divisors, check_finite_all, per_channel};
use super::{Context, Pixels, PlanBuilder, StepKind, to_float};
use crate::arithmetic::{Operation, Operator};
use crate::{CHANNELS, Result};

/// `(x - mean) / std` in float32, each operation rounded: `torchvision.transforms.Normalize`, timm,
/// Hugging Face's Pillow backend.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// What is subtracted, for each channel.
    #[serde(with = "per_channel")]
    pub mean: [f64; CHANNELS],
    /// What is divided by, for each channel.
    #[serde(with = "per_channel")]
    pub std: [f64; CHANNELS],
}

impl Normalize {
    fn operations(&self) -> [Operation; 2] {
        [
            Operation::float32(Operator::Subtract, self.mean),
            Operation::float32(Operator::Divide, self.std),
        ]
    }
}

impl StepKind for Normalize {
    const NAME: &'static str = "normalize";
    const SUMMARY: &'static str =
        "(x - mean) / std in float32: torchvision Normalize, Hugging Face do_normalize (Pillow backend)";
    const FORMULA: &'static str = "(x - mean[c]) / std[c], each in float32";
    const EXAMPLE: &'static str =
        "step = \"normalize\"\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]";
    const DESCRIPTION: &'static str =
        "Subtracts the mean, then divides by the deviation, both float32 and each result rounded.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::required("mean", "a number, or three", "what is subtracted"),
        KeyInfo::required("std", "a number, or three; not 0", "what is divided by"),
    ];

    fn check(&self) -> Result<()> {
        check_finite_all("mean", self.mean)?;
        check_finite_all("std", self.std)?;
        check_divisors("std", self.std)
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.operate(self.operations());
        Ok(())
    }

    fn apply(&self, pixels: Pixels, _: &Context) -> Result<Pixels> {
        Ok(super::apply_operations(to_float(pixels), &self.operations()))
    }
}
