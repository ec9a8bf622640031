//! Detectors, segmenters, models of depth and of keypoints.

use super::{
    BASE, BICUBIC, Backends, Cropping, IMAGENET, OPENAI, Padding, Processor, Resizing, Size, Values,
};
use crate::import::huggingface::families;

const SAM2: Processor = Processor {
    name: "Sam2",
    converts: true,
    backends: Backends::TorchvisionOnly,
    size: Size::Exact([1024, 1024]),
    statistics: Some(IMAGENET),
    // Of the masks.
    harmless: &["mask_size", "mask_pad_size"],
    ..BASE
};

const PP_DOC_LAYOUT: Processor = Processor {
    name: "PPDocLayoutV2",
    family: families::aliased,
    backends: Backends::TorchvisionOnly,
    resample: BICUBIC,
    size: Size::Exact([800, 800]),
    statistics: Some([[0.0; 3], [1.0; 3]]),
    ..BASE
};

pub(super) const ROWS: &[Processor] = &[
    PP_DOC_LAYOUT,
    Processor {
        name: "PPDocLayoutV3",
        ..PP_DOC_LAYOUT
    },
    Processor {
        name: "DPT",
        resample: BICUBIC,
        size: Size::Exact([384, 384]),
        resizing: Resizing::Multiple,
        cropping: Cropping::TorchvisionOnly,
        padding: Padding::Divisor,
        heeds: &["keep_aspect_ratio"],
        ..BASE
    },
    Processor {
        name: "OwlViT",
        converts: true,
        resample: BICUBIC,
        size: Size::Exact([768, 768]),
        crop: Some([768, 768]),
        statistics: Some(OPENAI),
        ..BASE
    },
    Processor {
        name: "PromptDepthAnything",
        resample: BICUBIC,
        size: Size::Exact([384, 384]),
        resizing: Resizing::Multiple,
        cropping: Cropping::Ignored,
        padding: Padding::Divisor,
        heeds: &["keep_aspect_ratio"],
        // Of the depth that is given with the image.
        harmless: &["prompt_scale_to_meter"],
        ..BASE
    },
    Processor {
        name: "RTDetr",
        size: Size::Exact([640, 640]),
        square: false,
        resizing: Resizing::ExactOnly,
        cropping: Cropping::Ignored,
        normalize: false,
        statistics: Some(IMAGENET),
        ..BASE
    },
    Processor {
        name: "DepthPro",
        family: families::arithmetic_first,
        backends: Backends::TorchvisionOnly,
        size: Size::Exact([1536, 1536]),
        cropping: Cropping::Ignored,
        ..BASE
    },
    SAM2,
    Processor {
        name: "Sam3",
        converts: true,
        size: Size::Exact([1008, 1008]),
        statistics: BASE.statistics,
        ..SAM2
    },
    Processor {
        name: "Sapiens2",
        backends: Backends::TorchvisionOnly,
        size: Size::Exact([1024, 768]),
        crop: Some([224, 224]),
        statistics: Some(IMAGENET),
        padding: Padding::Refused("it fits the image into the size and pads around it"),
        // Of the keypoints in training.
        harmless: &["keypoint_heatmap_downscale_factor", "keypoint_heatmap_sigma"],
        ..BASE
    },
    Processor {
        name: "Segformer",
        size: Size::Exact([512, 512]),
        cropping: Cropping::Ignored,
        statistics: Some(IMAGENET),
        padding: Padding::Ignored,
        ..BASE
    },
    Processor {
        name: "SegGpt",
        converts: true,
        resample: BICUBIC,
        size: Size::Exact([448, 448]),
        cropping: Cropping::Ignored,
        statistics: Some(IMAGENET),
        padding: Padding::Ignored,
        // Of the palette of masks.
        harmless: &["num_labels"],
        ..BASE
    },
    Processor {
        name: "SuperPoint",
        size: Size::Exact([480, 640]),
        square: false,
        cropping: Cropping::Ignored,
        normalize: false,
        statistics: None,
        values: Values::RescaleOnly,
        padding: Padding::Ignored,
        ..BASE
    },
];
