//! The image processors of transformers that no pipeline can express, each with the reason.

const SIZES: &str = "its picture of the whole has another size than its tiles";
const OVERLAP: &str = "its tiles overlap, and are resized from floats that are rounded";
const WHOLE: &str = "its picture of the whole is resized from the floats of the image on its tiles";
const BFLOAT: &str = "it rescales and normalises in bfloat16";
const TIES: &str = "of two grids that are as near it takes the one that comes first in a Python set";
const TWICE: &str = "it gives every tile twice, on an axis of frames";
const WINDOWS: &str = "its windows, whose size follows from the shape of the image, are a second tensor besides the picture of the whole";
const OWN_STATISTICS: &str =
    "it normalises each image by its own mean and deviation, and writes positions beside the patches";
const PAIRS: &str = "it takes two images at once";
const ALIGNED: &str = "it resizes floats with aligned corners";
const CLAMPED: &str = "it clamps floats after their resize, which no step does";
const OF_BATCH: &str = "every image is resized to the width of the widest text line of the batch";

/// Reasons, each with the class names without `ImageProcessor` that it is for.
const REFUSED: &[(&str, &[&str])] = &[
    (SIZES, &["Lfm2Vl", "MiniCPMOcr", "MiniCPMV4_6"]),
    (OVERLAP, &["Molmo2"]),
    (WHOLE, &["Phi4Multimodal"]),
    (BFLOAT, &["Llama4"]),
    (TIES, &["MuseGlimmer"]),
    (TWICE, &["Inkling"]),
    (WINDOWS, &["Step3p7"]),
    (OWN_STATISTICS, &["Kosmos2_5", "Pix2Struct"]),
    (PAIRS, &["EfficientLoFTR", "LightGlue", "SuperGlue"]),
    (CLAMPED, &["PPDocLayoutV4"]),
    (ALIGNED, &["UVDoc", "ZoeDepth"]),
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
