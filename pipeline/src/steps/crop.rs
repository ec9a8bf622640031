//! Crop at a place, or around the centre by a part of the shorter edge.

use serde::{Deserialize, Serialize};

use super::keys::{KeyInfo, check_size};
use super::{Context, Pixels, PlanBuilder, StepKind};
use crate::plan::{Anchor, Canvas, CanvasSize, Fill};
use crate::{CropRule, Error, Result};

/// Cuts a rectangle out of the image. Exactly one of `size` and `of_shorter_edge` is given.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Height and width in pixels, from `top` and `left` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<[usize; 2]>,
    /// First row.
    #[serde(default)]
    pub top: usize,
    /// First column.
    #[serde(default)]
    pub left: usize,
    /// Height and width as parts of the shorter edge, around the centre: Perceiver's crop before its resize.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_shorter_edge: Option<[f64; 2]>,
    /// Whose rule places the crop around the centre.
    #[serde(default = "floor")]
    pub offset: CropRule,
}

fn floor() -> CropRule {
    CropRule::HuggingFace
}

impl Crop {
    pub(super) fn canvas(&self) -> Canvas {
        match (self.size, self.of_shorter_edge) {
            (Some([height, width]), _) => Canvas::fixed(
                height,
                width,
                Anchor::Position {
                    top: self.top,
                    left: self.left,
                },
            ),
            (None, of) => {
                let [height, width] = of.unwrap_or([1.0, 1.0]);
                Canvas {
                    size: CanvasSize::OfShorterEdge { height, width },
                    anchor: Anchor::Center { rule: self.offset },
                    fill: Fill::BLACK,
                }
            }
        }
    }
}

impl StepKind for Crop {
    const NAME: &'static str = "crop";
    const SUMMARY: &'static str =
        "cut a rectangle: PIL.Image.crop, torchvision crop; or a part of the shorter edge: Perceiver";
    const FORMULA: &'static str = "out(y, x) = image(y + top, x + left), 0 outside";
    const EXAMPLE: &'static str = "step = \"crop\"\nsize = [480, 640]\ntop = 120\nleft = 0";
    const DESCRIPTION: &'static str = "Takes the pixels from row `top` and column `left` on, with black where the image ends. \
        With `of_shorter_edge` the crop lies around the centre and is `int(part * shorter edge)` high and wide, \
        as Hugging Face's Perceiver crops before it resizes.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::optional(
            "size",
            "[height, width] in pixels",
            "none",
            "the rectangle; one of size and of_shorter_edge",
        ),
        KeyInfo::optional("top", "a row", "0", "the first row, with size"),
        KeyInfo::optional("left", "a column", "0", "the first column, with size"),
        KeyInfo::optional(
            "of_shorter_edge",
            "[height, width], parts above 0",
            "none",
            "the size as parts of the shorter edge",
        ),
        KeyInfo::optional(
            "offset",
            "torchvision, huggingface, huggingface_pil",
            "huggingface",
            "whose rounding centres the crop",
        ),
    ];

    fn check(&self) -> Result<()> {
        match (self.size, self.of_shorter_edge) {
            (Some(size), None) => check_size("size", size)?,
            (None, Some(_)) if (self.top, self.left) == (0, 0) => {}
            (None, Some(_)) => {
                return Err(Error::new("top", "goes with size").fix("leave top and left out"));
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(
                    Error::new("crop", "takes exactly one of size and of_shorter_edge").fix(
                        "write size = [height, width] with top and left, or of_shorter_edge = [0.875, 0.875]",
                    ),
                );
            }
        }
        for (key, at) in [("top", self.top), ("left", self.left)] {
            if at > crate::MAX_EDGE {
                return Err(Error::new(key, "is out of range")
                    .expected_got(format_args!("0 to {}", crate::MAX_EDGE), at));
            }
        }
        self.canvas()
            .check()
            .map_err(|error| error.within_key("of_shorter_edge"))
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.canvas(Self::NAME, self.canvas())
    }

    fn apply(&self, pixels: Pixels, at: &Context) -> Result<Pixels> {
        pixels.on(&self.canvas(), at)
    }
}
