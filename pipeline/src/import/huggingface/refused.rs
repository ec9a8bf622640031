//! The image processors of transformers that no pipeline can express, each with the reason.

const RAISED: &str = "it raises a size of DETR's rule to multiples, which no size rule does";
const LEAST: &str = "it fits the image into a square with a least edge, which no size rule has";
const ENLARGED: &str =
    "it enlarges an image that is smaller than a patch before it finds the size, which no size rule does";
const TILES: &str =
    "it puts tiles of the image, whose number follows from the image, beside a smaller picture of the whole";
const PADDED_PATCHES: &str =
    "it fills the rows of patches up to a fixed number, whose size is found by search or by a square root";
const OWN_SIZE: &str = "the rule of its size, which follows from a number of tokens, is one that no step has";
const OWN_STATISTICS: &str =
    "it normalises each image by its own mean and deviation, and writes positions beside the patches";
const PAIRS: &str = "it takes two images at once";
const ALIGNED: &str = "it resizes floats with aligned corners";
const BOUNDED: &str = "it resizes normalised floats without antialiasing, where torch's own order of additions has no bound here";
const OF_BATCH: &str = "every image is resized to the width of the widest text line of the batch";

/// Reasons, each with the class names without `ImageProcessor` that it is for.
const REFUSED: &[(&str, &[&str])] = &[
    (RAISED, &["Mask2Former", "MaskFormer"]),
    (LEAST, &["Aria", "DeepseekVL", "DeepseekVLHybrid", "Janus"]),
    (
        ENLARGED,
        &["Cosmos3Edge", "Glm46V", "Glm4v", "Glmga", "PaddleOCRVL"],
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
            "Inkling",
            "Inkling2",
            "Lfm2Vl",
            "Llama4",
            "LlavaNext",
            "LlavaOnevision",
            "MiniCPMOcr",
            "MiniCPMV4_6",
            "Mllama",
            "Molmo2",
            "PerceptionLM",
            "Phi4Multimodal",
            "SmolVLM",
            "Step3p7",
            "UltraVBert",
            "UnlimitedOcr",
        ],
    ),
    (PADDED_PATCHES, &["Gemma4", "Gemma4Unified", "Siglip2"]),
    (
        OWN_SIZE,
        &[
            "Glm5Next",
            "GlmImage",
            "Kimi_K25",
            "MuseGlimmer",
            "NemotronH_Omni_Reasoning_V3",
            "NeoMME",
            "Pixtral",
        ],
    ),
    (OWN_STATISTICS, &["Kosmos2_5", "Pix2Struct"]),
    (PAIRS, &["EfficientLoFTR", "LightGlue", "SuperGlue"]),
    (
        "its longer edge is fixed and the other one rounded down by a product",
        &["Tvp"],
    ),
    (BOUNDED, &["DepthPro", "PPDocLayoutV4", "RfDetr"]),
    (ALIGNED, &["UVDoc", "ZoeDepth"]),
    (
        "it resizes floats that are not rescaled, to multiples of 32, and has a bound on both edges",
        &["PPOCRV5ServerDet"],
    ),
    (OF_BATCH, &["PPOCRV5ServerRec", "PPOCRV6SmallRec"]),
    ("it takes a map of the foreground with the image", &["VitMatte"]),
    ("it blurs the image and resizes floats", &["Owlv2"]),
    (
        "its resize has the fixed point arithmetic of OpenCV",
        &["SLANeXt"],
    ),
    (
        "the other edge is rounded to the nearest after a product, which no size rule does",
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
