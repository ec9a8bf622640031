//! Output-size rules of a resize.

mod check;
mod grid;
mod keys;
mod output;
mod reference;

use serde::{Deserialize, Serialize};

pub use check::MAX_EDGE;
pub(crate) use check::check_edge;
pub use grid::{GridChoice, GridFit, GridList, Grids};
pub(crate) use keys::{pair, size_keys};
pub use output::{GLM5_BITS, NAFLEX_HALVINGS, NAFLEX_SCALES};
pub(crate) use output::{nothing_left, text_line_canvas};
pub use reference::RuleInfo;

use crate::named::named_enum;

named_enum! {
    /// How the edges of an image are rounded that is scaled into a box.
    pub enum FitRounding("rounding") {
        /// `round(edge * scale)`, halves to even, at least 1: Ultralytics.
        Even = "even",
        /// `int(edge * scale)`: YOLOX, Hugging Face's `max_height` and `max_width`.
        Down = "down",
        /// `min(ceil(edge * scale), box)`: LLaVA-NeXT.
        Up = "up",
        /// `round(edge / max(height / box height, width / box width))`, halves to even: timm's `ResizeKeepRatio(longest=1)`.
        Timm = "timm",
        /// `int(box height / aspect)` or `int(box height * aspect)` with the aspect `height / width` of the image: InsightFace.
        Insightface = "insightface",
    }
}

named_enum! {
    /// How the shorter edge is rounded where the longer one is given.
    pub enum LongestRounding("rounding") {
        /// `round(edge * (size / longer))`, halves to even: Janus, DeepSeek-VL.
        Even = "even",
        /// `int(edge * (size / longer))`: Aria.
        Down = "down",
        /// `int(size * (edge / longer))`: TVP.
        Ratio = "ratio",
    }
}

named_enum! {
    /// What becomes of an image with an edge below the multiple, before its size is found.
    pub enum SmallImage("small") {
        /// Nothing: Qwen2-VL.
        Kept = "kept",
        /// Both edges `int(edge * scale)`, with the scale of the edge that lacks most: GLM-4V.
        Scaled = "scaled",
        /// Height, then width becomes the multiple, and the other one `round(edge * multiple / old)`: PaddleOCR-VL.
        Stepwise = "stepwise",
    }
}

named_enum! {
    /// Which edge PaddleOCR's text detection limits.
    pub enum Limit("limit_type") {
        /// The longer edge is at most the limit.
        Max = "max",
        /// The shorter edge is at least the limit.
        Min = "min",
        /// The longer edge becomes the limit.
        ResizeLong = "resize_long",
    }
}

/// How the size of a resized image follows from the size of the image. All sizes are in pixels.
///
/// In a pipeline: `size = 224` and `size = [224, 224]` are exact; `{ shortest_edge = 256 }`,
/// `{ shortest_edge = 800, max_edge = 1333 }` (torchvision), `{ shortest_edge = 800, longest_edge = 1333 }` (DETR),
/// `{ longest_edge = 1024 }`, `{ cover = [160, 224] }`, `{ target = [224, 224], crop_pct = 0.875 }`; every other rule is
/// named: `{ rule = "dpt", height = 518, width = 518, multiple = 14, keep_aspect_ratio = true }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum SizeRule {
    /// This height and width, whatever the image: `Resize((height, width))`.
    Exact {
        /// Height.
        height: usize,
        /// Width.
        width: usize,
    },
    /// The shorter edge becomes `size`, the longer one `size * long / short` rounded down: `Resize(size)`.
    ShortestEdge {
        /// Target of the shorter edge.
        size: usize,
        /// If the longer edge would exceed this, it becomes this and the shorter edge follows,
        /// rounded down: `Resize(size, max_size=max)`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<usize>,
    },
    /// The longer edge becomes `size`, the shorter one is rounded half up: Hugging Face's SAM.
    LongestEdge {
        /// Target of the longer edge.
        size: usize,
    },
    /// The smallest size of the same aspect ratio that covers height x width, rounded half to even:
    /// timm's `ResizeKeepRatio`.
    Cover {
        /// Height to cover.
        height: usize,
        /// Width to cover.
        width: usize,
    },
    /// timm's `crop_pct` of a later centre crop to height x width: the target divided by the
    /// fraction, rounded down, then [`SizeRule::ShortestEdge`] for a square and [`SizeRule::Cover`] otherwise.
    CropPct {
        /// Height of the later crop.
        height: usize,
        /// Width of the later crop.
        width: usize,
        /// The fraction of the resized image that the crop keeps, above 0. Above 1 the crop pads.
        fraction: f64,
    },
    /// The shorter edge becomes `shortest`, but the longer one at most `longest`: Hugging Face's `get_size_with_aspect_ratio`
    /// (DETR and its family), with its own rounding.
    Detr {
        /// Target of the shorter edge.
        shortest: usize,
        /// Bound of the longer edge.
        longest: usize,
    },
    /// As [`SizeRule::Detr`], then each edge is cut to a multiple: YOLOS.
    Yolos {
        /// Target of the shorter edge.
        shortest: usize,
        /// Bound of the longer edge.
        longest: usize,
        /// The divisor: 16.
        multiple: usize,
    },
    /// The largest size of the same aspect ratio inside height x width.
    Fit {
        /// Height of the box.
        height: usize,
        /// Width of the box.
        width: usize,
        /// How the edges are rounded.
        rounding: FitRounding,
        /// Whether a smaller image is enlarged.
        enlarge: bool,
    },
    /// Near height x width, each edge `round(scale * edge / multiple) * multiple`, halves to even: DPT, Depth-Anything, ZoeDepth.
    Dpt {
        /// Target height.
        height: usize,
        /// Target width.
        width: usize,
        /// The divisor.
        multiple: usize,
        /// Whether both edges are scaled by the scale that is nearer to 1.
        keep_aspect_ratio: bool,
    },
    /// As [`SizeRule::ShortestEdge`], then each edge grows to a multiple: TextNet.
    Textnet {
        /// Target of the shorter edge.
        shortest: usize,
        /// The divisor.
        multiple: usize,
    },
    /// Each edge is cut to a multiple: GLPN.
    Glpn {
        /// The divisor.
        multiple: usize,
    },
    /// The shorter edge becomes `shortest`, the longer one at most `int(1333 / 800 * shortest)`, both are rounded half up and
    /// cut to a multiple: ViLT, BridgeTower.
    Vilt {
        /// Target of the shorter edge.
        shortest: usize,
        /// The divisor.
        multiple: usize,
    },
    /// Shrinks an image that is higher or wider than the box: Donut's `thumbnail`.
    Thumbnail {
        /// Height of the box.
        height: usize,
        /// Width of the box.
        width: usize,
    },
    /// PaddleOCR's text detection: one edge is limited, then each is rounded to a multiple of 32, at least 32.
    PaddleocrDet {
        /// The limit.
        limit: usize,
        /// Which edge it limits.
        limit_type: Limit,
        /// The largest edge, whatever the limit, before the rounding: transformers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most: Option<usize>,
    },
    /// PaddleOCR's text recognition: this height, and the width `ceil(height * aspect)`, at most that of
    /// [`CanvasSize::TextLine`](crate::plan::CanvasSize::TextLine).
    PaddleocrRec {
        /// Height.
        height: usize,
        /// The least width of the canvas.
        width: usize,
    },
    /// PaddleOCR's text direction: this height, and the width `ceil(height * aspect)`, at most `width`.
    PaddleocrCls {
        /// Height.
        height: usize,
        /// The largest width.
        width: usize,
    },
    /// ddddocr: this height, and the width `int(width * (height / old height))` in float64.
    Ddddocr {
        /// Height.
        height: usize,
    },
    /// This height, and the width in proportion, `max(int(width * height / old height), 1)`.
    Height {
        /// Height.
        height: usize,
    },
    /// Multiples of `multiple` whose product lies between two bounds: Qwen2-VL's `smart_resize`.
    Smart {
        /// The divisor: patch size times merge size.
        multiple: usize,
        /// The least number of pixels, of all frames.
        min_pixels: usize,
        /// The largest number of pixels, of all frames.
        max_pixels: usize,
        /// How many frames the image counts as: GLM-4V.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        frames: usize,
        /// What becomes of an image below the multiple.
        #[serde(default = "kept", skip_serializing_if = "is_kept")]
        small: SmallImage,
    },
    /// As [`SizeRule::Detr`], then each edge is raised to a multiple: MaskFormer, Mask2Former.
    Maskformer {
        /// Target of the shorter edge.
        shortest: usize,
        /// Bound of the longer edge.
        longest: usize,
        /// The divisor: 32.
        multiple: usize,
    },
    /// The longer edge becomes `size`, the other one follows and is at least `least`: Janus, DeepSeek-VL, Aria, TVP.
    Longest {
        /// Target of the longer edge.
        size: usize,
        /// The least edge, at most `size`; 0 for none.
        least: usize,
        /// How the shorter edge is rounded.
        rounding: LongestRounding,
    },
    /// Inside height x width, rounded down and never enlarged, then each edge is raised to a multiple: Pixtral.
    Pixtral {
        /// Height of the box.
        height: usize,
        /// Width of the box.
        width: usize,
        /// The divisor: the patch size.
        multiple: usize,
    },
    /// Near half the image, whose edges are first scaled to between `shortest` and `longest`, in multiples: GLM-Image.
    GlmImage {
        /// The divisor: patch size times merge size.
        multiple: usize,
        /// What the shorter edge is enlarged to.
        shortest: usize,
        /// What the longer edge is limited to.
        longest: usize,
    },
    /// Shrinks an image of too many patches, or of too many along an edge: Kimi's `navit_resize`, without its padding.
    Kimi {
        /// Edge of a patch.
        patch: usize,
        /// The largest number of patches.
        patches: usize,
        /// The largest number of patches along an edge.
        side: usize,
    },
    /// The shorter edge becomes `shortest`, both are rounded to the nearest, halves to even, and raised to a multiple: PP-LCNet.
    Lcnet {
        /// Target of the shorter edge.
        shortest: usize,
        /// The divisor; 1 for none.
        multiple: usize,
    },
    /// The longer edge is limited to `longest`, the other one follows, rounded down; each is at least `least`: Idefics2.
    Idefics2 {
        /// The least edge.
        least: usize,
        /// Bound of the longer edge.
        longest: usize,
    },
    /// The longer edge becomes `longest`, the other one follows, rounded down and then up to an even number: Idefics3, SmolVLM.
    Idefics3 {
        /// Target of the longer edge, at most 4095.
        longest: usize,
    },
    /// The longer edge is raised to a multiple, the other one follows, rounded down and then up to a multiple: the tiles of
    /// Idefics3.
    Idefics3Tiles {
        /// Edge of a tile.
        multiple: usize,
    },
    /// A grid of tiles, chosen by the size of the image.
    Grid {
        /// Height of a tile.
        height: usize,
        /// Width of a tile.
        width: usize,
        /// The grids that there are.
        grids: Grids,
        /// By what one is chosen.
        choice: GridChoice,
        /// What becomes of the image in it.
        fit: GridFit,
    },
    /// As [`SizeRule::Idefics3`], the longer edge lowered by a tile at a time until [`SizeRule::Idefics3Tiles`] of the result has
    /// at most `tiles` tiles: UltraVBert.
    Ultravbert {
        /// Target of the longer edge, at most 4095.
        longest: usize,
        /// Edge of a tile.
        tile: usize,
        /// The largest number of tiles.
        tiles: usize,
    },
    /// Near the image's own size in groups of `merge` x `merge` patches, between two numbers of patches: Nemotron Omni.
    Nemotron {
        /// Edge of a patch.
        patch: usize,
        /// Edge of a group, in patches.
        merge: usize,
        /// The least number of patches.
        least: usize,
        /// The largest number of patches.
        most: usize,
    },
    /// Multiples of `multiple` that cover the image, between two numbers of such blocks: the canvas of GLM-5, or with `inside` the
    /// image on it.
    Glm5Next {
        /// The divisor: patch size times merge size.
        multiple: usize,
        /// How many frames the image counts as.
        frames: usize,
        /// The least number of blocks.
        least: usize,
        /// The largest number of blocks.
        most: usize,
        /// Whether the size of the image inside the canvas is meant.
        inside: bool,
    },
    /// As large as `blocks` blocks of `multiple` x `multiple` pixels allow in the image's proportion, in whole blocks: Gemma 4.
    Gemma4 {
        /// Edge of a block: patch size times pooling size.
        multiple: usize,
        /// The largest number of blocks.
        blocks: usize,
    },
    /// As large as `patches` patches allow in the image's proportion, each edge raised to a multiple of a patch; the scale
    /// is found by bisection: SigLIP 2's NaFlex.
    Naflex {
        /// Edge of a patch.
        patch: usize,
        /// The largest number of patches.
        patches: usize,
    },
}

const fn one() -> usize {
    1
}

const fn is_one(frames: &usize) -> bool {
    *frames == 1
}

const fn kept() -> SmallImage {
    SmallImage::Kept
}

fn is_kept(small: &SmallImage) -> bool {
    *small == SmallImage::Kept
}

impl SizeRule {
    /// (height, width) where it does not depend on the image.
    pub fn fixed(self) -> Option<(usize, usize)> {
        match self {
            Self::Exact { height, width } => Some((height, width)),
            Self::ShortestEdge { .. }
            | Self::LongestEdge { .. }
            | Self::Cover { .. }
            | Self::CropPct { .. }
            | Self::Detr { .. }
            | Self::Yolos { .. }
            | Self::Fit { .. }
            | Self::Dpt { .. }
            | Self::Textnet { .. }
            | Self::Glpn { .. }
            | Self::Vilt { .. }
            | Self::Thumbnail { .. }
            | Self::PaddleocrDet { .. }
            | Self::PaddleocrRec { .. }
            | Self::PaddleocrCls { .. }
            | Self::Ddddocr { .. }
            | Self::Height { .. }
            | Self::Smart { .. }
            | Self::Maskformer { .. }
            | Self::Longest { .. }
            | Self::Pixtral { .. }
            | Self::GlmImage { .. }
            | Self::Kimi { .. }
            | Self::Lcnet { .. }
            | Self::Idefics2 { .. }
            | Self::Idefics3 { .. }
            | Self::Idefics3Tiles { .. }
            | Self::Grid { .. }
            | Self::Ultravbert { .. }
            | Self::Nemotron { .. }
            | Self::Glm5Next { .. }
            | Self::Gemma4 { .. }
            | Self::Naflex { .. } => None,
        }
    }

    /// The height where that does not depend on the image, while the width does.
    pub const fn fixed_height(self) -> Option<usize> {
        match self {
            Self::Exact { height, .. }
            | Self::PaddleocrRec { height, .. }
            | Self::PaddleocrCls { height, .. }
            | Self::Ddddocr { height }
            | Self::Height { height } => Some(height),
            Self::ShortestEdge { .. }
            | Self::LongestEdge { .. }
            | Self::Cover { .. }
            | Self::CropPct { .. }
            | Self::Detr { .. }
            | Self::Yolos { .. }
            | Self::Fit { .. }
            | Self::Dpt { .. }
            | Self::Textnet { .. }
            | Self::Glpn { .. }
            | Self::Vilt { .. }
            | Self::Thumbnail { .. }
            | Self::PaddleocrDet { .. }
            | Self::Smart { .. }
            | Self::Maskformer { .. }
            | Self::Longest { .. }
            | Self::Pixtral { .. }
            | Self::GlmImage { .. }
            | Self::Kimi { .. }
            | Self::Lcnet { .. }
            | Self::Idefics2 { .. }
            | Self::Idefics3 { .. }
            | Self::Idefics3Tiles { .. }
            | Self::Grid { .. }
            | Self::Ultravbert { .. }
            | Self::Nemotron { .. }
            | Self::Glm5Next { .. }
            | Self::Gemma4 { .. }
            | Self::Naflex { .. } => None,
        }
    }

    /// Whether it depends on more than the image that is resized: on the source image, and on the canvas of the batch.
    pub const fn looks_beyond(self) -> bool {
        matches!(self, Self::PaddleocrRec { .. })
    }
}
