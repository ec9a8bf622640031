//! The image processors of transformers that no pipeline can express, each with the reason.

const DETR: &str = "it scales to a shortest edge within a longest one with a rounding of its own, and pads to the largest image of the batch";
const DETR_MULTIPLE: &str =
    "it scales to a shortest edge within a longest one with a rounding of its own, and pads to a multiple";
const OWN_MULTIPLE: &str = "its output size is the image's own, rounded to a multiple";
const PATCHES: &str = "it cuts the image into patches, whose number follows from the image";
const TILES: &str = "it cuts the image into tiles, whose number follows from the image";
const FRAMES: &str = "it takes several images at once, and its output has an axis for them";
const FLOATS: &str = "it rescales to floats before the resize, which then does not round to 8 bits";
const ALIASED: &str = "it resizes without antialiasing";
const FLOATS_ALIASED: &str = "it resizes floats, without antialiasing";
const SQUARE: &str = "it fits the image into a square and pads around it";
const THUMBNAIL: &str = "it shrinks the image to a thumbnail and pads around the centre";
const PADS_MULTIPLE: &str = "it pads the image to a multiple";
const PADS_AFTER: &str =
    "it fits the image into a fixed square and pads right and below it after the normalisation";

/// Reasons, each with the class names without `ImageProcessor` that it is for.
const REFUSED: &[(&str, &[&str])] = &[
    (
        DETR,
        &[
            "ConditionalDetr",
            "DeformableDetr",
            "Detr",
            "Eomt",
            "GroundingDino",
            "OneFormer",
        ],
    ),
    (DETR_MULTIPLE, &["Mask2Former", "MaskFormer", "Yolos"]),
    (
        OWN_MULTIPLE,
        &[
            "Apertus1p5",
            "BridgeTower",
            "Emu3",
            "GLPN",
            "Pixtral",
            "TextNet",
            "Vilt",
        ],
    ),
    (
        PATCHES,
        &[
            "CohereCompass",
            "Cosmos3Edge",
            "Ernie4_5_VLMoe",
            "Ernie4_5_VL_Moe",
            "Gemma4",
            "Gemma4Unified",
            "Glm46V",
            "Glm4v",
            "Glm5Next",
            "GlmImage",
            "Glmga",
            "HYV4VL",
            "HunYuanVL",
            "Inkling",
            "Inkling2",
            "Kimi_K25",
            "Kosmos2_5",
            "Lfm2Vl",
            "MiniCPMOcr",
            "MiniCPMV4_6",
            "MiniMaxM3VL",
            "Molmo2",
            "MuseGlimmer",
            "NemotronH_Omni_Reasoning_V3",
            "NeoMME",
            "PaddleOCRVL",
            "Pix2Struct",
            "Qwen2VL",
            "Siglip2",
            "VideoLlama3",
        ],
    ),
    (
        TILES,
        &[
            "Cohere2Vision",
            "DeepseekOcr2",
            "Fuyu",
            "GraniteDocling",
            "Idefics2",
            "Idefics3",
            "Llama4",
            "LlavaNext",
            "LlavaOnevision",
            "Mllama",
            "PerceptionLM",
            "Phi4Multimodal",
            "SmolVLM",
            "Step3p7",
            "UltraVBert",
            "UnlimitedOcr",
        ],
    ),
    (
        FRAMES,
        &[
            "EfficientLoFTR",
            "LightGlue",
            "SuperGlue",
            "Tvp",
            "VideoMAE",
            "Vivit",
        ],
    ),
    (FLOATS, &["DINOv3ViT", "PPOCRV5ServerDet", "PPOCRV5ServerRec"]),
    (ALIASED, &["PPDocLayoutV2", "PPDocLayoutV3", "PPOCRV6SmallRec"]),
    (
        FLOATS_ALIASED,
        &["DepthPro", "PPDocLayoutV4", "RfDetr", "UVDoc", "ZoeDepth"],
    ),
    (SQUARE, &["Aria", "DeepseekVL", "DeepseekVLHybrid", "Janus"]),
    (THUMBNAIL, &["Donut", "Nougat", "PPFormulaNet"]),
    (PADS_MULTIPLE, &["CHMv2", "Swin2SR", "VitMatte"]),
    (PADS_AFTER, &["PI0", "Sam"]),
    ("it blurs the image and resizes floats", &["Owlv2"]),
    ("it crops before the resize", &["Perceiver"]),
    (
        "its resize has the fixed point arithmetic of OpenCV",
        &["SLANeXt"],
    ),
    (
        "its shorter edge is rounded, and its statistics are those of BGR",
        &["PPLCNet"],
    ),
    ("it cuts out a box for each person", &["VitPose"]),
    ("it turns pixels into indices of a palette", &["ImageGPT"]),
    (
        "it is timm's, whose config is the config.json beside it",
        &["TimmWrapper"],
    ),
];

/// Classes of transformers 4 that version 5 does not have.
const GONE: &[&str] = &["Deta", "EfficientFormer", "Tvlt", "ViTHybrid"];

/// Why the class of this name without `ImageProcessor` cannot be expressed, if it is one of those.
pub(super) fn reason(stem: &str) -> Option<&'static str> {
    let listed = REFUSED.iter().find(|(_, names)| names.contains(&stem));
    match listed {
        Some((why, _)) => Some(why),
        None => GONE
            .contains(&stem)
            .then_some("transformers 5 does not have it any more"),
    }
}

/// The class names without `ImageProcessor`.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    REFUSED.iter().flat_map(|(_, names)| names.iter().copied())
}
