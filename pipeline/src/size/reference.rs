//! The size rules, for the reference of the language.

use super::{FitRounding, GridChoice, GridFit, Grids, Limit, LongestRounding, SizeRule, SmallImage};
use crate::toml_text::inline;

/// A size rule, for the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// As it stands in a pipeline file, with usual numbers.
    pub example: String,
    /// What it gives, and whose it is.
    pub what: &'static str,
}

const EXAMPLES: &[SizeRule] = &[
    SizeRule::Exact {
        height: 224,
        width: 224,
    },
    SizeRule::ShortestEdge { size: 256, max: None },
    SizeRule::ShortestEdge {
        size: 800,
        max: Some(1333),
    },
    SizeRule::LongestEdge { size: 1024 },
    SizeRule::Cover {
        height: 160,
        width: 224,
    },
    SizeRule::CropPct {
        height: 224,
        width: 224,
        fraction: 0.875,
    },
    SizeRule::Detr {
        shortest: 800,
        longest: 1333,
    },
    SizeRule::Yolos {
        shortest: 512,
        longest: 864,
        multiple: 16,
    },
    SizeRule::Fit {
        height: 640,
        width: 640,
        rounding: FitRounding::Even,
        enlarge: true,
    },
    SizeRule::Dpt {
        height: 518,
        width: 518,
        multiple: 14,
        keep_aspect_ratio: true,
    },
    SizeRule::Textnet {
        shortest: 640,
        multiple: 32,
    },
    SizeRule::Glpn { multiple: 32 },
    SizeRule::Vilt {
        shortest: 384,
        multiple: 32,
    },
    SizeRule::Thumbnail {
        height: 2560,
        width: 1920,
    },
    SizeRule::PaddleocrDet {
        limit: 960,
        limit_type: Limit::Max,
        most: None,
    },
    SizeRule::PaddleocrRec {
        height: 48,
        width: 320,
    },
    SizeRule::PaddleocrCls {
        height: 48,
        width: 192,
    },
    SizeRule::Ddddocr { height: 64 },
    SizeRule::Height { height: 64 },
    SizeRule::Smart {
        multiple: 28,
        min_pixels: 3136,
        max_pixels: 12_845_056,
        frames: 1,
        small: SmallImage::Kept,
    },
    SizeRule::Maskformer {
        shortest: 800,
        longest: 1333,
        multiple: 32,
    },
    SizeRule::Longest {
        size: 384,
        least: 14,
        rounding: LongestRounding::Even,
    },
    SizeRule::Pixtral {
        height: 1024,
        width: 1024,
        multiple: 16,
    },
    SizeRule::GlmImage {
        multiple: 28,
        shortest: 56,
        longest: 1002,
    },
    SizeRule::Kimi {
        patch: 14,
        patches: 16_384,
        side: 512,
    },
    SizeRule::Lcnet {
        shortest: 256,
        multiple: 1,
    },
    SizeRule::Idefics2 {
        least: 378,
        longest: 980,
    },
    SizeRule::Idefics3 { longest: 1456 },
    SizeRule::Idefics3Tiles { multiple: 364 },
    SizeRule::Grid {
        height: 512,
        width: 512,
        grids: Grids::up_to(12),
        choice: GridChoice::Scale,
        fit: GridFit::Filled,
    },
    SizeRule::Ultravbert {
        longest: 3072,
        tile: 512,
        tiles: 27,
    },
    SizeRule::Nemotron {
        patch: 16,
        merge: 2,
        least: 1024,
        most: 13_312,
    },
    SizeRule::Glm5Next {
        multiple: 28,
        frames: 2,
        least: 16,
        most: 8000,
        inside: false,
    },
    SizeRule::Gemma4 {
        multiple: 48,
        blocks: 280,
    },
    SizeRule::Naflex {
        patch: 16,
        patches: 256,
    },
];

impl SizeRule {
    /// Every rule, with an example.
    pub fn reference() -> Vec<RuleInfo> {
        let info = |rule: &SizeRule| RuleInfo {
            example: inline(&rule.to_keys()),
            what: rule.what(),
        };
        EXAMPLES.iter().map(info).collect()
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Exact { .. } => "this height and width; `size = 224` and `size = [224, 224]` are the same",
            Self::ShortestEdge { max: None, .. } => {
                "the shorter edge, the other one rounded down: torchvision Resize(256)"
            }
            Self::ShortestEdge { max: Some(_), .. } => {
                "the same, within a longer edge: torchvision Resize(800, max_size=1333)"
            }
            Self::LongestEdge { .. } => "the longer edge, the other one rounded to the nearest: SAM",
            Self::Cover { .. } => "the least size that covers height and width: timm's ResizeKeepRatio",
            Self::CropPct { .. } => {
                "what leaves the part crop_pct in a later crop to the target: timm's center mode"
            }
            Self::Detr { .. } => {
                "the shorter edge within a longer one: Hugging Face's DETR, Mask2Former, Grounding DINO"
            }
            Self::Yolos { .. } => "the same, rounded down to a multiple: Hugging Face's YOLOS",
            Self::Fit { .. } => {
                "the largest size inside a box; `rounding` is even (Ultralytics), down (YOLOX), up (LLaVA-NeXT), timm or insightface"
            }
            Self::Dpt { .. } => {
                "multiples, one scale for both edges where the ratio is kept: DPT, Depth Anything"
            }
            Self::Textnet { .. } => "the shorter edge, both rounded up to a multiple: TextNet",
            Self::Glpn { .. } => "the image's own size, rounded down to a multiple: GLPN",
            Self::Vilt { .. } => {
                "the shorter edge within 1333/800 of it, rounded down to a multiple: ViLT, BridgeTower"
            }
            Self::Thumbnail { .. } => "inside a box, never enlarged: Donut, Nougat",
            Self::PaddleocrDet { .. } => {
                "multiples of 32, `limit_type` max bounds the longer edge, min the shorter one, resize_long sets the longer one: PaddleOCR detection"
            }
            Self::PaddleocrRec { .. } => {
                "a height, and the width that the text line has: PaddleOCR recognition"
            }
            Self::PaddleocrCls { .. } => {
                "a height, and the width of the text line within a largest one: PaddleOCR direction"
            }
            Self::Ddddocr { .. } => "a height, the width follows, rounded as ddddocr does",
            Self::Height { .. } => "a height, the width follows, rounded down: readers of text lines",
            Self::Smart { .. } => {
                "multiples within a number of pixels: Qwen2-VL's smart_resize; `frames` and `small` (kept, scaled, stepwise) as GLM-4V and PaddleOCR-VL have them"
            }
            Self::Maskformer { .. } => {
                "the shorter edge within a longer one, both rounded up to a multiple: MaskFormer, Mask2Former"
            }
            Self::Longest { .. } => {
                "the longer edge, the other one at least `least`; `rounding` is even (Janus, DeepSeek-VL), down (Aria) or ratio (TVP)"
            }
            Self::Pixtral { .. } => "inside a box, never enlarged, both rounded up to a multiple: Pixtral",
            Self::GlmImage { .. } => "half the image in multiples, between two edges: GLM-Image",
            Self::Kimi { .. } => {
                "shrunk to a number of patches: Kimi K2.5's navit_resize, without its padding"
            }
            Self::Lcnet { .. } => "the shorter edge, both rounded to the nearest: PP-LCNet",
            Self::Idefics2 { .. } => "a bound on the longer edge and a least one on both: Idefics2",
            Self::Idefics3 { .. } => "the longer edge, the other one even: Idefics3, SmolVLM",
            Self::Idefics3Tiles { .. } => {
                "both edges multiples of a tile's, near the image's proportion: Idefics3"
            }
            Self::Grid { .. } => {
                "a grid of tiles chosen from `grids`, a list of [rows, columns] or numbers of tiles; `choice` is effective (LLaVA-NeXT, LLaVA-OneVision), aspect (GotOcr2, Granite-Docling), scale (Cohere2 Vision, Mllama) or holding (Perception LM), `fit` filled, inside (LLaVA-NeXT) or clipped (Mllama)"
            }
            Self::Ultravbert { .. } => {
                "the longer edge, lowered until the image has few enough tiles: UltraVBert"
            }
            Self::Nemotron { .. } => {
                "the image's own size in groups of patches, between two numbers of patches: Nemotron Omni"
            }
            Self::Glm5Next { .. } => {
                "multiples that cover the image within a number of blocks, or with `inside` the image on them: GLM-5"
            }
            Self::Gemma4 { .. } => "as many whole blocks as a number of them allows: Gemma 4",
            Self::Naflex { .. } => "as many patches as a number of them allows, by bisection: SigLIP 2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_an_example() {
        let error = serde_json::from_str::<SizeRule>(r#"{"rule": "?"}"#)
            .unwrap_err()
            .to_string();
        let known = error.matches('`').count() / 2 - 1;
        let mut kinds: Vec<_> = EXAMPLES.iter().map(std::mem::discriminant).collect();
        kinds.dedup();
        assert_eq!(kinds.len(), known, "{error}");
        for rule in EXAMPLES {
            rule.check().unwrap();
        }
    }
}
