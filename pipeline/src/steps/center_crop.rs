//! Crop around the centre.

use serde::{Deserialize, Serialize};

use super::keys::{KeyInfo, check_size};
use super::{Context, Pixels, PlanBuilder, StepKind};
use crate::size::pair;
use crate::{CropRule, Result};

/// Cuts height x width pixels out of the centre; a smaller image is surrounded by zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {
    /// Height and width of the crop, in pixels.
    #[serde(deserialize_with = "pair")]
    pub size: [usize; 2],
    /// Whose rule places the crop.
    #[serde(default = "default_offset")]
    pub offset: CropRule,
}

fn default_offset() -> CropRule {
    CropRule::Torchvision
}

impl StepKind for CenterCrop {
    const NAME: &'static str = "center_crop";
    const SUMMARY: &'static str =
        "crop around the centre, zeros outside: torchvision CenterCrop, Hugging Face center_crop";
    const FORMULA: &'static str = "out(y, x) = image(y + top, x + left), 0 outside; top = (height - crop height) / 2, rounded half to even (torchvision), down (huggingface, huggingface_pil); around a smaller image the deficit / 2 is rounded down, up in huggingface_pil";
    const EXAMPLE: &'static str = "step = \"center_crop\"\nsize = [224, 224]\noffset = \"torchvision\"";

    const DESCRIPTION: &'static str = "Takes height x width pixels around the centre. A smaller image lies on black, or on zeros where the step stands \
        after rescale or normalize. Libraries round the place of the crop in three ways.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::required(
            "size",
            "a number, or [height, width]",
            "the size of the crop in pixels",
        ),
        KeyInfo::optional(
            "offset",
            "torchvision, huggingface, huggingface_pil",
            "torchvision",
            "whose rounding places the crop: torchvision and timm, Hugging Face's torchvision backend, its Pillow backend",
        ),
    ];

    fn check(&self) -> Result<()> {
        check_size("size", self.size)
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.canvas(Self::NAME, self.canvas())
    }

    fn apply(&self, pixels: Pixels, at: &Context) -> Result<Pixels> {
        pixels.on(&self.canvas(), at)
    }
}
