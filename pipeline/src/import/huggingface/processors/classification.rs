//! Classifiers.

use super::{
    BASE, BICUBIC, Backends, CROPPED, HALF, IMAGENET, LANCZOS, Padding, Processor, Resizing, Size, Values,
};
use crate::import::huggingface::families;

const MOBILENET_V1: Processor = Processor {
    name: "MobileNetV1",
    resample: BASE.resample,
    size: Size::Shortest(256),
    statistics: Some(HALF),
    ..CROPPED
};

const VIDEO_MAE: Processor = Processor {
    name: "VideoMAE",
    family: families::frames,
    resample: BASE.resample,
    statistics: Some(HALF),
    ..CROPPED
};

pub(super) const ROWS: &[Processor] = &[
    Processor {
        name: "PPLCNet",
        family: families::lcnet,
        backends: Backends::TorchvisionOnly,
        size: Size::Exact([256, 256]),
        center_crop: true,
        crop: Some([224, 224]),
        statistics: Some([[0.406, 0.456, 0.485], [0.225, 0.224, 0.229]]),
        ..BASE
    },
    VIDEO_MAE,
    Processor {
        name: "Vivit",
        family: families::vivit,
        backends: Backends::PillowOnly,
        square: false,
        size: Size::Shortest(256),
        factor: Some(1.0 / 127.5),
        ..VIDEO_MAE
    },
    Processor {
        name: "Perceiver",
        family: families::perceiver,
        resample: BICUBIC,
        center_crop: true,
        crop: Some([256, 256]),
        statistics: Some(IMAGENET),
        ..BASE
    },
    Processor {
        name: "DINOv3ViT",
        family: families::floats_first,
        backends: Backends::TorchvisionOnly,
        statistics: Some(IMAGENET),
        ..BASE
    },
    Processor { name: "ViT", ..BASE },
    Processor {
        name: "Beit",
        resample: BICUBIC,
        crop: Some([224, 224]),
        padding: Padding::Ignored,
        ..BASE
    },
    Processor {
        name: "Bit",
        converts: true,
        ..CROPPED
    },
    Processor {
        name: "Chameleon",
        converts: true,
        resample: LANCZOS,
        size: Size::Shortest(512),
        crop: Some([512, 512]),
        factor: Some(0.0078),
        statistics: Some([[1.0; 3]; 2]),
        ..CROPPED
    },
    Processor {
        name: "ConvNext",
        resample: BICUBIC,
        size: Size::Shortest(384),
        square: false,
        resizing: Resizing::ConvNext,
        padding: Padding::Ignored,
        ..BASE
    },
    Processor {
        name: "DeiT",
        resample: BICUBIC,
        size: Size::Exact([256, 256]),
        center_crop: true,
        crop: Some([224, 224]),
        ..BASE
    },
    Processor {
        name: "EfficientNet",
        resample: BICUBIC,
        size: Size::Exact([346, 346]),
        crop: Some([289, 289]),
        values: Values::EfficientNet,
        padding: Padding::Ignored,
        ..BASE
    },
    Processor {
        name: "Levit",
        resizing: Resizing::Levit,
        statistics: Some(IMAGENET),
        ..CROPPED
    },
    MOBILENET_V1,
    Processor {
        name: "MobileNetV2",
        padding: Padding::Ignored,
        ..MOBILENET_V1
    },
    Processor {
        name: "MobileViT",
        crop: Some([256, 256]),
        normalize: false,
        statistics: Some(HALF),
        values: Values::MobileVit,
        padding: Padding::Ignored,
        // Apple's configs have another name for do_flip_channel_order, which the library never reads.
        harmless: &["do_flip_channels"],
        ..CROPPED
    },
    Processor {
        name: "PoolFormer",
        resizing: Resizing::PoolFormer,
        statistics: Some(IMAGENET),
        ..CROPPED
    },
    Processor {
        name: "Pvt",
        resample: BICUBIC,
        statistics: Some(IMAGENET),
        ..BASE
    },
];
