//! The image processors of transformers that no pipeline can express, each with the reason.

const TILES: &str = "the grid of its tiles is found by a search among several, which no size rule makes";
const EDGES: &str = "its tiles at the edge of the image are incomplete";
const WINDOWS: &str = "whether it pads, and how large its windows are, follows from the shape of the image in cases that no rule has";
const OWN_SIZE: &str = "the rule of its size, which follows from a number of tokens, is one that no step has";
const OWN_STATISTICS: &str =
    "it normalises each image by its own mean and deviation, and writes positions beside the patches";
const PAIRS: &str = "it takes two images at once";
const ALIGNED: &str = "it resizes floats with aligned corners";
const CLAMPED: &str = "it clamps floats after their resize, which no step does";
const OF_BATCH: &str = "every image is resized to the width of the widest text line of the batch";

/// Reasons, each with the class names without `ImageProcessor` that it is for.
const REFUSED: &[(&str, &[&str])] = &[
    (
        TILES,
        &[
            "Cohere2Vision",
            "GraniteDocling",
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
            "UltraVBert",
        ],
    ),
    (
        OWN_SIZE,
        &["Glm5Next", "MuseGlimmer", "NemotronH_Omni_Reasoning_V3"],
    ),
    (EDGES, &["Inkling", "Inkling2"]),
    (WINDOWS, &["Step3p7"]),
    (OWN_STATISTICS, &["Kosmos2_5", "Pix2Struct"]),
    (PAIRS, &["EfficientLoFTR", "LightGlue", "SuperGlue"]),
    (CLAMPED, &["PPDocLayoutV4"]),
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
