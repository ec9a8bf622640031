//! Scale into a box and pad to it.

use serde::{Deserialize, Serialize};

use super::keys::{KeyInfo, check_size, color, yes};
use super::pad::PadAnchor;
use super::{Context, Pixels, PlanBuilder, StepKind};
use crate::plan::{Canvas, CanvasSize, Fill, Resample};
use crate::size::{FitRounding, check_edge, pair};
use crate::{CHANNELS, Filter, Resampler, Result, SizeRule};

/// Scales the image into a box, keeping its aspect ratio, and fills the rest: Ultralytics' `LetterBox`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letterbox {
    /// Height and width of the box.
    #[serde(deserialize_with = "pair")]
    pub size: [usize; 2],
    /// The colour around the image.
    #[serde(default = "gray", with = "color")]
    pub color: [u8; CHANNELS],
    /// Whether a smaller image is enlarged: `scaleup`.
    #[serde(default = "yes")]
    pub scale_up: bool,
    /// With a stride the canvas is the smallest rectangle whose edges are the box's, less whole strides: `auto=True`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Where the image lies.
    #[serde(default = "center")]
    pub anchor: PadAnchor,
    /// How the scaled edges are rounded.
    #[serde(default = "even")]
    pub rounding: FitRounding,
    /// The resampling filter.
    #[serde(default = "bilinear")]
    pub filter: Filter,
    /// Whose arithmetic is meant.
    #[serde(default = "opencv")]
    pub resampler: Resampler,
}

fn gray() -> [u8; CHANNELS] {
    [114; CHANNELS]
}

fn center() -> PadAnchor {
    PadAnchor::Center
}

fn even() -> FitRounding {
    FitRounding::Even
}

fn bilinear() -> Filter {
    Filter::Bilinear
}

fn opencv() -> Resampler {
    Resampler::Opencv
}

impl Letterbox {
    fn resample(&self) -> Result<Resample> {
        let [height, width] = self.size;
        Ok(Resample {
            size: SizeRule::Fit {
                height,
                width,
                rounding: self.rounding,
                enlarge: self.scale_up,
            },
            sampling: self.resampler.arithmetic(self.filter, true)?,
        })
    }

    fn canvas(&self) -> Canvas {
        let [height, width] = self.size;
        Canvas {
            size: match self.stride {
                None => CanvasSize::Fixed { height, width },
                Some(stride) => CanvasSize::Stride {
                    height,
                    width,
                    stride,
                },
            },
            anchor: self.anchor.anchor(),
            fill: Fill::Color { color: self.color },
        }
    }
}

impl StepKind for Letterbox {
    const NAME: &'static str = "letterbox";
    const SUMMARY: &'static str =
        "scale into a box and fill the rest: Ultralytics LetterBox, YOLOX preproc, InsightFace";
    const FORMULA: &'static str = "scale = min(box height / height, box width / width), at most 1 with scale_up = false; edges = round(edge * scale), half to even, at least 1 (rounding = even); the rest is filled, half of it, rounded down, before the image (center)";
    const EXAMPLE: &'static str = "step = \"letterbox\"\nsize = 640\ncolor = 114\nscale_up = true";
    const DESCRIPTION: &'static str = "Ultralytics: the defaults; `scale_up = false` for `scaleup=False`, `stride = 32` for `auto=True`. YOLOX: \
        `anchor = \"top_left\"` and `rounding = \"down\"`. InsightFace's SCRFD: `anchor = \"top_left\"`, \
        `rounding = \"insightface\"`, `color = 0`.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::required("size", "a number, or [height, width]", "the box"),
        KeyInfo::optional(
            "color",
            "0 to 255, or three of them",
            "114",
            "what is around the image",
        ),
        KeyInfo::optional(
            "scale_up",
            "true, false",
            "true",
            "whether a smaller image is enlarged",
        ),
        KeyInfo::optional(
            "stride",
            "a number of pixels",
            "none",
            "the smallest rectangle to this stride instead of the box",
        ),
        KeyInfo::optional(
            "anchor",
            "top_left, bottom_right, center, center_huggingface_pil, center_torchvision",
            "center",
            "where the image lies",
        ),
        KeyInfo::optional(
            "rounding",
            "even, down, up, timm, insightface",
            "even",
            "how the scaled edges are rounded",
        ),
        KeyInfo::optional(
            "filter",
            "a filter of the resampler",
            "bilinear",
            "the resampling filter",
        ),
        KeyInfo::optional(
            "resampler",
            "pillow, pillow12, torchvision, opencv, torch",
            "opencv",
            "whose arithmetic is meant",
        ),
    ];

    fn check(&self) -> Result<()> {
        check_size("size", self.size)?;
        if let Some(stride) = self.stride {
            check_edge("stride", stride)?;
        }
        self.resample().map(drop)
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.resize(self.resample()?)?;
        plan.canvas(Self::NAME, self.canvas())
    }

    fn apply(&self, pixels: Pixels, at: &Context) -> Result<Pixels> {
        pixels.resampled(&self.resample()?, at)?.on(&self.canvas(), at)
    }
}
