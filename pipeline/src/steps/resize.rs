//! Resize.

use serde::{Deserialize, Serialize};

use super::keys::{KeyInfo, is_true, yes};
use super::{Context, Pixels, PlanBuilder, StepKind};
use crate::plan::{Canvas, Resample};
use crate::size::size_keys;
use crate::{Filter, Resampler, Result, SizeRule};

/// Resizes the image, as `PIL.Image.resize`, torchvision's `resize`, `cv2.resize` or torch's `interpolate` does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// How the new size follows from the old one.
    #[serde(with = "size_keys")]
    pub size: SizeRule,
    /// The resampling filter.
    pub filter: Filter,
    /// Whose arithmetic is meant.
    #[serde(default = "default_resampler")]
    pub resampler: Resampler,
    /// Whether the kernel widens with the scale. OpenCV's never does.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub antialias: bool,
}

fn default_resampler() -> Resampler {
    Resampler::Pillow
}

impl StepKind for Resize {
    const NAME: &'static str = "resize";
    const SUMMARY: &'static str =
        "resize: PIL.Image.resize, torchvision Resize, cv2.resize, torch interpolate";
    const FORMULA: &'static str = "(height, width) = size(image); out = resample(image). The size rules and each library's sums: `prep-onnx steps resize`. Pillow: weights of 22 bits, `clip8((sum(weight * pixel) + 2^21) >> 22)` after each pass; torchvision: the same with int16 weights; OpenCV: weights of 11 bits, rounded once; torch: float32 sums";
    const EXAMPLE: &'static str =
        "step = \"resize\"\nsize = { shortest_edge = 256 }\nfilter = \"bilinear\"\nresampler = \"pillow\"";
    const DESCRIPTION: &'static str = "Resizes 8-bit pixels, each library with its own rounding. `size = 224` is a square of 224 x 224; torchvision's \
        `Resize(224)` is `{ shortest_edge = 224 }`. Resampler torch resizes floats and may stand after rescale (DINOv3); before \
        it, its result is rounded (torchvision version 1 on tensors).";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::required(
            "size",
            "a number, [height, width], { shortest_edge = 256 }, { shortest_edge = 800, max_edge = 1333 }, \
             { shortest_edge = 800, longest_edge = 1333 }, { longest_edge = 1024 }, { cover = [160, 224] }, \
             { target = [224, 224], crop_pct = 0.875 }, { rule = ... }",
            "the new size. Rules with a name: fit, dpt, yolos, maskformer, textnet, glpn, vilt, thumbnail (Donut), longest (Janus, Aria, TVP), \
             paddleocr_det, paddleocr_rec, paddleocr_cls, ddddocr, lcnet, height, smart (Qwen2-VL), pixtral, glm_image, kimi, idefics2, idefics3, idefics3_tiles, gemma4, naflex (SigLIP 2)",
        ),
        KeyInfo::required(
            "filter",
            "nearest, nearest_exact, bilinear, bicubic, lanczos, box, hamming, area",
            "the filter; each resampler has some of them",
        ),
        KeyInfo::optional(
            "resampler",
            "pillow, pillow12, torchvision, opencv, torch",
            "pillow",
            "whose arithmetic is meant",
        ),
        KeyInfo::optional(
            "antialias",
            "true, false",
            "true",
            "whether the kernel widens with the scale; false for torchvision and torch alone",
        ),
    ];

    fn check(&self) -> Result<()> {
        self.size.check().map_err(|error| error.within_key("size"))?;
        self.resample().map(drop)
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.resize(self.resample()?)
    }

    fn apply(&self, pixels: Pixels, at: &Context) -> Result<Pixels> {
        pixels.resampled(&self.resample()?, at)
    }
}

impl Resize {
    /// Antialiased, where the resampler can.
    pub fn new(size: SizeRule, filter: Filter, resampler: Resampler) -> Self {
        Self {
            size,
            filter,
            resampler,
            antialias: true,
        }
    }

    /// Whether torch on one thread has other bits: see [`TORCH_ONE_THREAD`](crate::resample::TORCH_ONE_THREAD).
    pub(crate) fn differs_on_one_thread(&self) -> bool {
        (self.resampler, self.filter, self.antialias) == (Resampler::Torch, Filter::Bilinear, false)
    }

    /// What [`StepKind::apply`] and a canvas give one after the other, without the pixels outside the canvas.
    pub(crate) fn apply_on(&self, pixels: Pixels, canvas: &Canvas, at: &Context) -> Result<Pixels> {
        pixels.resampled_on(&self.resample()?, canvas, at)
    }

    pub(super) fn resample(&self) -> Result<Resample> {
        Ok(Resample {
            size: self.size,
            sampling: self.resampler.arithmetic(self.filter, self.antialias)?,
        })
    }
}
