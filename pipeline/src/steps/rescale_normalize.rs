//! Rescale and normalise in one, as Hugging Face's torchvision backend does.

use serde::{Deserialize, Serialize};

use super::keys::{KeyInfo, check_divisors, check_finite, check_finite_all, per_channel};
use super::{Context, Pixels, PlanBuilder, StepKind, to_float};
use crate::arithmetic::{Operation, Operator};
use crate::{CHANNELS, Error, Result};

/// `(x - mean / factor) / (std / factor)` on pixel values in float32, where the two quotients are
/// float32 products `mean * (1 / factor)` and `std * (1 / factor)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RescaleNormalize {
    /// The rescale factor.
    pub factor: f64,
    /// The mean after rescaling, for each channel.
    #[serde(with = "per_channel")]
    pub mean: [f64; CHANNELS],
    /// The standard deviation after rescaling, for each channel.
    #[serde(with = "per_channel")]
    pub std: [f64; CHANNELS],
}

impl RescaleNormalize {
    fn operations(&self) -> [Operation; 2] {
        let inverse = (1.0 / self.factor) as f32;
        let scaled = |values: [f64; CHANNELS]| values.map(|value| f64::from(value as f32 * inverse));
        [
            Operation::float32(Operator::Subtract, scaled(self.mean)),
            Operation::float32(Operator::Divide, scaled(self.std)),
        ]
    }
}

impl StepKind for RescaleNormalize {
    const NAME: &'static str = "rescale_normalize";
    const SUMMARY: &'static str =
        "rescale and normalise at once: Hugging Face do_rescale with do_normalize (torchvision backend)";
    const FORMULA: &'static str =
        "(x - mean[c] * float32(1 / factor)) / (std[c] * float32(1 / factor)), each in float32";
    const EXAMPLE: &'static str = "step = \"rescale_normalize\"\nfactor = 0.00392156862745098\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]";
    const DESCRIPTION: &'static str = "`(x - mean / factor) / (std / factor)` on pixel values in float32: one subtraction and one division.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::required("factor", "a number other than 0", "the rescale factor"),
        KeyInfo::required("mean", "a number, or three", "the mean after rescaling"),
        KeyInfo::required(
            "std",
            "a number, or three; not 0",
            "the deviation after rescaling",
        ),
    ];

    fn check(&self) -> Result<()> {
        let invertible =
            check_finite("factor", self.factor).and_then(|()| check_divisors("factor", [self.factor]));
        invertible.map_err(|_| {
            Error::new("factor", "cannot be inverted")
                .expected_got("a finite number other than 0", self.factor)
        })?;
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
