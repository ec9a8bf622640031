//! Language models that take patches, and a number of them that follows from the image.

use super::{BASE, BICUBIC, Backends, Cropping, HALF, OPENAI, Processor, Size};
use crate::import::huggingface::families;

const QWEN: Processor = Processor {
    name: "Qwen2VL",
    family: families::merged,
    resample: BICUBIC,
    size: Size::Both([56 * 56, 28 * 28 * 1280]),
    square: false,
    cropping: Cropping::Ignored,
    statistics: Some(OPENAI),
    // They are in `size` now.
    harmless: &["min_pixels", "max_pixels"],
    ..BASE
};

const ERNIE: Processor = Processor {
    name: "Ernie4_5_VLMoe",
    size: Size::Both([56 * 56, 28 * 28 * 6177]),
    harmless: &[],
    ..QWEN
};

const HUNYUAN: Processor = Processor {
    name: "HunYuanVL",
    family: families::in_rows,
    size: Size::Both([512 * 512, 2048 * 2048]),
    harmless: &["min_pixels", "max_pixels", "spatial_patch_size"],
    ..QWEN
};

pub(super) const ROWS: &[Processor] = &[
    QWEN,
    Processor {
        name: "CohereCompass",
        ..QWEN
    },
    ERNIE,
    Processor {
        name: "Ernie4_5_VL_Moe",
        ..ERNIE
    },
    HUNYUAN,
    Processor {
        name: "HYV4VL",
        ..HUNYUAN
    },
    Processor {
        name: "MiniMaxM3VL",
        backends: Backends::TorchvisionOnly,
        size: Size::Both([4 * 28 * 28, 451_584]),
        ..QWEN
    },
    Processor {
        name: "VideoLlama3",
        statistics: Some(HALF),
        ..QWEN
    },
    Processor {
        name: "Emu3",
        family: families::emu3,
        backends: Backends::PillowOnly,
        size: Size::Pixels([512 * 512, 1024 * 1024]),
        harmless: &[],
        ..QWEN
    },
    Processor {
        name: "Apertus1p5",
        family: families::apertus,
        backends: Backends::TorchvisionOnly,
        size: Size::Pixels([128 * 128, 1400 * 1400]),
        statistics: Some(HALF),
        harmless: &[],
        ..QWEN
    },
];
