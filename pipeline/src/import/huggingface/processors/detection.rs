//! Detectors, segmenters and matters whose size follows from the image.

use super::{BASE, BICUBIC, Backends, Cropping, IMAGENET, OPENAI, Processor, Size};
use crate::import::huggingface::families;

const DETR: Processor = Processor {
    name: "Detr",
    family: families::detr,
    size: Size::Both([800, 1333]),
    square: false,
    cropping: Cropping::Ignored,
    statistics: Some(IMAGENET),
    ..BASE
};

const MASK_FORMER: Processor = Processor {
    name: "MaskFormer",
    family: families::mask_former,
    // Of the masks and labels.
    harmless: &["ignore_index", "num_labels"],
    ..DETR
};

const VILT: Processor = Processor {
    name: "Vilt",
    family: families::vilt,
    resample: BICUBIC,
    size: Size::Shortest(384),
    square: false,
    cropping: Cropping::Ignored,
    ..BASE
};

const NO_SIZE: Processor = Processor {
    cropping: Cropping::Ignored,
    normalize: false,
    statistics: None,
    ..BASE
};

pub(super) const ROWS: &[Processor] = &[
    DETR,
    Processor {
        name: "ConditionalDetr",
        ..DETR
    },
    Processor {
        name: "DeformableDetr",
        ..DETR
    },
    Processor {
        name: "GroundingDino",
        ..DETR
    },
    Processor {
        name: "Yolos",
        family: families::yolos,
        ..DETR
    },
    Processor {
        name: "RfDetr",
        family: families::rf_detr,
        backends: Backends::TorchvisionOnly,
        ..DETR
    },
    MASK_FORMER,
    Processor {
        name: "Mask2Former",
        ..MASK_FORMER
    },
    Processor {
        name: "OneFormer",
        converts: true,
        family: families::one_former,
        // Of the texts and labels.
        harmless: &[
            "class_info_file",
            "ignore_index",
            "metadata",
            "num_labels",
            "num_text",
            "repo_path",
        ],
        ..DETR
    },
    Processor {
        name: "Eomt",
        family: families::eomt,
        size: Size::Both([640, 640]),
        harmless: &["ignore_index"],
        ..DETR
    },
    Processor {
        name: "Sam",
        converts: true,
        family: families::sam,
        size: Size::Longest(1024),
        statistics: Some(IMAGENET),
        pads: true,
        pad_to: Some([1024, 1024]),
        // Of the masks.
        harmless: &["mask_size", "mask_pad_size"],
        ..BASE
    },
    VILT,
    Processor {
        name: "BridgeTower",
        family: families::bridge_tower,
        size: Size::Shortest(288),
        statistics: Some(OPENAI),
        ..VILT
    },
    Processor {
        name: "GLPN",
        family: families::glpn,
        ..NO_SIZE
    },
    Processor {
        name: "Swin2SR",
        family: families::swin2sr,
        ..NO_SIZE
    },
    Processor {
        name: "TextNet",
        converts: true,
        family: families::textnet,
        size: Size::Shortest(640),
        square: false,
        crop: Some([224, 224]),
        statistics: Some(IMAGENET),
        ..BASE
    },
    Processor {
        name: "CHMv2",
        family: families::chmv2,
        backends: Backends::TorchvisionOnly,
        resample: BICUBIC,
        size: Size::Exact([384, 384]),
        statistics: Some([[0.42, 0.411, 0.296], [0.213, 0.156, 0.143]]),
        heeds: &["keep_aspect_ratio"],
        ..BASE
    },
];
