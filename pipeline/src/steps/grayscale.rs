//! Make gray of colour.

use serde::{Deserialize, Serialize};

use super::keys::KeyInfo;
use super::{Context, Pixels, PlanBuilder, StepKind, only_uint8};
use crate::plan::GrayRule;
use crate::{CHANNELS, Error, Result, scalar};

/// Three channels become one, with the integers of a library. A gray input keeps its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grayscale {
    /// Whose integers.
    #[serde(default = "pillow")]
    pub rule: GrayRule,
    /// Channels of the result: 1, or 3 equal ones.
    #[serde(default = "one")]
    pub channels: usize,
}

fn pillow() -> GrayRule {
    GrayRule::Pillow
}

fn one() -> usize {
    1
}

impl StepKind for Grayscale {
    const NAME: &'static str = "grayscale";
    const SUMMARY: &'static str =
        "make gray of colour: PIL convert(\"L\"), cv2.cvtColor, torchvision Grayscale";
    const FORMULA: &'static str = "pillow: (19595 r + 38470 g + 7471 b + 32768) >> 16; opencv: (9798 r + 19235 g + 3735 b + 16384) >> 15; torchvision: int(0.2989 r + 0.587 g + 0.114 b) in float32";
    const EXAMPLE: &'static str = "step = \"grayscale\"\nrule = \"pillow\"\nchannels = 1";
    const DESCRIPTION: &'static str = "Before other steps, or after the last resize, crop or pad; before rescale and normalize. Hugging Face and Pillow: \
        `rule = \"pillow\"`; OpenCV: `rule = \"opencv\"`; `torchvision.transforms.v2.Grayscale` of a tensor: \
        `rule = \"torchvision\"`. `channels = 3` is `num_output_channels=3`.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::optional("rule", "pillow, opencv, torchvision", "pillow", "whose integers"),
        KeyInfo::optional("channels", "1, 3", "1", "channels of the result"),
    ];

    fn check(&self) -> Result<()> {
        if self.channels == 1 || self.channels == CHANNELS {
            return Ok(());
        }
        Err(
            Error::new("channels", "is not a number of channels of a gray image")
                .expected_got("1 or 3", self.channels),
        )
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.grayscale(Self::NAME, self.rule, self.channels)
    }

    fn apply(&self, pixels: Pixels, at: &Context) -> Result<Pixels> {
        let mut image = only_uint8(Self::NAME, pixels)?;
        if at.gray_source {
            image = image.select(ndarray::Axis(2), &[0]);
        } else {
            image = scalar::gray(&image, self.rule);
        }
        Ok(Pixels::Uint8(
            image.select(ndarray::Axis(2), &vec![0; self.channels]),
        ))
    }
}
