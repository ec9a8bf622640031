//! What is known about Hugging Face's image processors: their defaults, as in transformers 5.

use super::keys::Keys;
use crate::nearest::nearest;
use crate::{CHANNELS, Result};

/// A size in the sense of the `size` key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size {
    /// `height` and `width`.
    Exact([usize; 2]),
    /// `shortest_edge`.
    Shortest(usize),
}

/// What one image processor does other than the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quirk {
    /// Nothing.
    None,
    /// Below 384: resize to the size divided by `crop_pct`, then crop; else squash.
    ConvNext,
    /// Resize to the size divided by `crop_pct`.
    PoolFormer,
    /// Resize to 256 / 224 of the size.
    Levit,
    /// `rescale_offset` subtracts 1, `include_top` divides by the deviation again.
    EfficientNet,
    /// `do_flip_channel_order` after the rescale; never normalises.
    MobileVit,
    /// BGR pixels without arithmetic.
    LayoutLmV2,
    /// A `size` that is rounded to a multiple.
    Dpt,
}

/// The defaults of one image processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processor {
    /// The class name without `ImageProcessor`.
    pub name: &'static str,
    /// `resample`, as Pillow numbers the filters.
    pub resample: u64,
    /// `size`.
    pub size: Size,
    /// Whether a `size` that is one number means a square: `default_to_square`.
    pub square: bool,
    /// `do_center_crop`; `None` where there is no centre crop.
    pub center_crop: Option<bool>,
    /// `crop_size`.
    pub crop: [usize; 2],
    /// `rescale_factor`.
    pub factor: f64,
    /// `do_normalize`.
    pub normalize: bool,
    /// `image_mean`.
    pub mean: [f64; CHANNELS],
    /// `image_std`.
    pub std: [f64; CHANNELS],
    /// Why `do_pad` cannot be expressed, where it does more than to make a batch of one size.
    pub pad: Option<&'static str>,
    /// What is special.
    pub quirk: Quirk,
}

const HALF: [f64; CHANNELS] = [0.5; CHANNELS];
/// `IMAGENET_DEFAULT_MEAN`.
pub(crate) const IMAGENET_MEAN: [f64; CHANNELS] = [0.485, 0.456, 0.406];
/// `IMAGENET_DEFAULT_STD`.
pub(crate) const IMAGENET_STD: [f64; CHANNELS] = [0.229, 0.224, 0.225];
const CLIP_MEAN: [f64; CHANNELS] = [0.48145466, 0.4578275, 0.40821073];
const CLIP_STD: [f64; CHANNELS] = [0.26862954, 0.26130258, 0.27577711];
const BILINEAR: u64 = 2;
const BICUBIC: u64 = 3;
const LANCZOS: u64 = 1;

const VIT: Processor = Processor {
    name: "ViT",
    resample: BILINEAR,
    size: Size::Exact([224, 224]),
    square: true,
    center_crop: Some(false),
    crop: [224, 224],
    factor: 1.0 / 255.0,
    normalize: true,
    mean: HALF,
    std: HALF,
    pad: None,
    quirk: Quirk::None,
};

const CLIP: Processor = Processor {
    name: "CLIP",
    resample: BICUBIC,
    size: Size::Shortest(224),
    square: false,
    center_crop: Some(true),
    mean: CLIP_MEAN,
    std: CLIP_STD,
    ..VIT
};

const MOBILENET_V1: Processor = Processor {
    name: "MobileNetV1",
    size: Size::Shortest(256),
    square: false,
    center_crop: Some(true),
    ..VIT
};

const BEIT: Processor = Processor {
    name: "Beit",
    resample: BICUBIC,
    ..VIT
};

/// A processor without a name: its config must give everything.
pub(super) const UNNAMED: Processor = Processor { name: "", ..VIT };

/// Every image processor that can be expressed.
pub(super) const PROCESSORS: &[Processor] = &[
    VIT,
    BEIT,
    CLIP,
    MOBILENET_V1,
    Processor { name: "Bit", ..CLIP },
    Processor {
        name: "Blip",
        size: Size::Exact([384, 384]),
        mean: CLIP_MEAN,
        std: CLIP_STD,
        ..BEIT
    },
    Processor {
        name: "Chameleon",
        resample: LANCZOS,
        size: Size::Shortest(512),
        crop: [512, 512],
        factor: 0.0078,
        mean: [1.0; CHANNELS],
        std: [1.0; CHANNELS],
        ..CLIP
    },
    Processor {
        name: "ChineseCLIP",
        ..CLIP
    },
    Processor {
        name: "ConvNext",
        size: Size::Shortest(384),
        square: false,
        center_crop: None,
        quirk: Quirk::ConvNext,
        ..BEIT
    },
    Processor {
        name: "DeiT",
        size: Size::Exact([256, 256]),
        center_crop: Some(true),
        ..BEIT
    },
    Processor {
        name: "DPT",
        size: Size::Exact([384, 384]),
        center_crop: None,
        pad: Some("it pads to a multiple of size_divisor"),
        quirk: Quirk::Dpt,
        ..BEIT
    },
    Processor {
        name: "EfficientNet",
        size: Size::Exact([346, 346]),
        crop: [289, 289],
        quirk: Quirk::EfficientNet,
        ..BEIT
    },
    Processor {
        name: "Gemma3",
        center_crop: None,
        ..VIT
    },
    Processor {
        name: "LayoutLMv2",
        center_crop: None,
        normalize: false,
        quirk: Quirk::LayoutLmV2,
        ..VIT
    },
    Processor {
        name: "LayoutLMv3",
        center_crop: None,
        ..VIT
    },
    Processor {
        name: "Levit",
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        quirk: Quirk::Levit,
        ..CLIP
    },
    Processor {
        name: "Llava",
        pad: Some("it pads the image to a square before the resize"),
        ..CLIP
    },
    Processor {
        name: "MobileNetV2",
        ..MOBILENET_V1
    },
    Processor {
        name: "MobileViT",
        size: Size::Shortest(224),
        square: false,
        center_crop: Some(true),
        crop: [256, 256],
        normalize: false,
        quirk: Quirk::MobileVit,
        ..BEIT
    },
    Processor {
        name: "OwlViT",
        size: Size::Exact([768, 768]),
        crop: [768, 768],
        mean: CLIP_MEAN,
        std: CLIP_STD,
        ..BEIT
    },
    Processor {
        name: "PoolFormer",
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        quirk: Quirk::PoolFormer,
        ..CLIP
    },
    Processor {
        name: "Pvt",
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        ..BEIT
    },
    Processor {
        name: "RTDetr",
        size: Size::Exact([640, 640]),
        square: false,
        center_crop: None,
        normalize: false,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        ..VIT
    },
    Processor {
        name: "Segformer",
        size: Size::Exact([512, 512]),
        center_crop: None,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        ..VIT
    },
    Processor {
        name: "Siglip",
        square: false,
        ..BEIT
    },
];

const OUTPUT_SIZE: &str = "its output size follows from the image, with padding and a mask";
const PATCHES: &str = "it cuts the image into patches or tiles";
const VIDEO: &str = "it takes videos";

/// Image processors that people ask for and that no pipeline can express, with the reason.
const INEXPRESSIBLE: &[(&[&str], &str)] = &[
    (
        &[
            "ConditionalDetr",
            "DeformableDetr",
            "Detr",
            "GroundingDino",
            "Mask2Former",
            "MaskFormer",
            "OneFormer",
            "Sam",
            "SamHQ",
            "Vilt",
            "Yolos",
        ],
        OUTPUT_SIZE,
    ),
    (
        &[
            "Gemma4",
            "Idefics2",
            "Idefics3",
            "Kimi_K25",
            "LlavaNext",
            "LlavaOnevision",
            "Pix2Struct",
            "Pixtral",
            "Qwen2VL",
            "Siglip2",
            "SmolVLM",
        ],
        PATCHES,
    ),
    (&["VideoMAE", "Vivit"], VIDEO),
    (&["DINOv3ViT"], "it rescales to float before the resize"),
    (&["Owlv2"], "it pads to a square and resizes floats"),
    (&["Perceiver"], "it crops before the resize"),
    (
        &["Donut", "Nougat"],
        "it shrinks to a thumbnail and pads around the centre",
    ),
    (
        &["GLPN", "ZoeDepth"],
        "it rounds the image's own size to a multiple",
    ),
];

const SUFFIXES: [&str; 4] = [
    "ImageProcessorFast",
    "ImageProcessorPil",
    "ImageProcessor",
    "FeatureExtractor",
];

/// The processor that a config names, or [`UNNAMED`] when it names none and leaves nothing open.
pub(super) fn named_in(keys: &mut Keys) -> Result<Processor> {
    let new = keys.text("image_processor_type")?;
    let old = keys.text("feature_extractor_type")?;
    let (key, name) = match (new, old) {
        (Some(name), _) => ("image_processor_type", name),
        (None, Some(name)) => ("feature_extractor_type", name),
        (None, None) => return unnamed(keys),
    };
    let stem = SUFFIXES
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(&name);
    if let Some(processor) = PROCESSORS.iter().find(|processor| processor.name == stem) {
        return Ok(*processor);
    }
    if let Some((_, why)) = INEXPRESSIBLE.iter().find(|(names, _)| names.contains(&stem)) {
        return Err(keys
            .error(key, format_args!("{name} cannot be expressed"))
            .why(why));
    }
    let known = || PROCESSORS.iter().map(|processor| processor.name);
    let near = nearest(stem, known());
    let names: Vec<String> = if near.is_empty() { known().collect() } else { near }
        .iter()
        .map(|stem| format!("{stem}ImageProcessor"))
        .collect();
    Err(keys
        .error(key, "is not an image processor that is known here")
        .expected_got(
            format_args!("one of {}", names.join(", ")),
            format_args!("{name:?}"),
        )
        .why("what an image processor does beside its keys is known only by its name"))
}

/// What an unnamed config must say itself: the defaults differ between processors.
fn unnamed(keys: &Keys) -> Result<Processor> {
    let on = |keys: &Keys, key: &str| keys.has(key) && !keys.is_false(key);
    let open = [
        (!keys.is_false("do_resize") && !keys.is_table("size"), "size"),
        (!keys.is_false("do_resize") && !keys.has("resample"), "resample"),
        (
            !keys.is_false("do_normalize") && !keys.has("image_mean"),
            "image_mean",
        ),
        (
            !keys.is_false("do_normalize") && !keys.has("image_std"),
            "image_std",
        ),
        (
            keys.has("crop_size") && !keys.has("do_center_crop"),
            "do_center_crop",
        ),
        (on(keys, "do_center_crop") && !keys.has("crop_size"), "crop_size"),
    ];
    match open.into_iter().find(|(open, _)| *open) {
        None => Ok(UNNAMED),
        Some((_, key)) => Err(keys
            .error("image_processor_type", "is missing")
            .expected_got(
                "the name of an image processor such as ViTImageProcessor",
                "nothing",
            )
            .why(format_args!(
                "what {key} means where the config does not spell it out depends on the processor"
            ))
            .fix("add image_processor_type (the model's page or its config.json tells which)")),
    }
}
