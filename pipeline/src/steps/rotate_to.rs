//! Turn the image to an orientation.

use serde::{Deserialize, Serialize};

use super::keys::KeyInfo;
use super::{Context, Pixels, PlanBuilder, StepKind};
use crate::plan::Turn;
use crate::{Result, scalar};

/// Turns an image of the other orientation by 90 degrees clockwise; a square stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateTo {
    /// The orientation.
    pub orientation: Turn,
}

impl StepKind for RotateTo {
    const NAME: &'static str = "rotate_to";
    const SUMMARY: &'static str =
        "turn by 90 degrees to an orientation: Donut do_align_long_axis (numpy.rot90(image, 3))";
    const FORMULA: &'static str =
        "out(y, x) = image(height - 1 - x, y) where the image has the other orientation, else the image";
    const EXAMPLE: &'static str = "step = \"rotate_to\"\norientation = \"portrait\"";
    const DESCRIPTION: &'static str = "The first step. `portrait` turns images that are wider than high, `landscape` those that are higher than wide: \
        Hugging Face's Donut turns to the orientation of its size.";
    const KEYS: &'static [KeyInfo] = &[KeyInfo::required(
        "orientation",
        "portrait, landscape",
        "the orientation",
    )];

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.turn(Self::NAME, self.orientation)
    }

    fn apply(&self, pixels: Pixels, _: &Context) -> Result<Pixels> {
        let (height, width, _) = pixels.dim();
        if !self.orientation.turns((height, width)) {
            return Ok(pixels);
        }
        Ok(match pixels {
            Pixels::Uint8(image) => Pixels::Uint8(scalar::turned(&image)),
            Pixels::Float32(image) => Pixels::Float32(scalar::turned(&image)),
        })
    }
}
