//! Language models that take patches, and a number of them that follows from the image.

use super::{BASE, BICUBIC, Backends, Cropping, HALF, OPENAI, Processor, Size};
use crate::import::huggingface::families;

const QWEN: Processor = Processor {
    name: "Qwen2VL",
    converts: true,
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
    converts: true,
    size: Size::Both([56 * 56, 28 * 28 * 6177]),
    harmless: &[],
    ..QWEN
};

const HUNYUAN: Processor = Processor {
    name: "HunYuanVL",
    converts: true,
    family: families::in_rows,
    size: Size::Both([512 * 512, 2048 * 2048]),
    harmless: &["min_pixels", "max_pixels", "spatial_patch_size"],
    ..QWEN
};

const GLM4V: Processor = Processor {
    name: "Glm4v",
    converts: true,
    size: Size::Both([112 * 112, 28 * 28 * 15_000]),
    harmless: &[],
    ..QWEN
};

const GEMMA4: Processor = Processor {
    name: "Gemma4",
    converts: true,
    family: families::gemma4,
    normalize: false,
    statistics: Some([[0.0; 3], [1.0; 3]]),
    harmless: &[],
    ..QWEN
};

pub(super) const ROWS: &[Processor] = &[
    QWEN,
    Processor {
        name: "CohereCompass",
        converts: true,
        ..QWEN
    },
    ERNIE,
    Processor {
        name: "Ernie4_5_VL_Moe",
        converts: true,
        ..ERNIE
    },
    GLM4V,
    Processor {
        name: "Glm46V",
        converts: true,
        ..GLM4V
    },
    Processor {
        name: "Glmga",
        converts: true,
        ..GLM4V
    },
    Processor {
        name: "Cosmos3Edge",
        converts: true,
        family: families::merged_channels_last,
        size: Size::Both([256 * 256, 4096 * 4096]),
        statistics: Some(HALF),
        ..GLM4V
    },
    Processor {
        name: "PaddleOCRVL",
        converts: true,
        family: families::small_images,
        size: Size::Both([384 * 384, 1536 * 1536]),
        ..QWEN
    },
    Processor {
        name: "GlmImage",
        converts: true,
        ..QWEN
    },
    Processor {
        name: "Kimi_K25",
        converts: true,
        family: families::kimi,
        backends: Backends::TorchvisionOnly,
        size: Size::Within([512, 512]),
        square: true,
        statistics: Some(HALF),
        harmless: &[],
        ..QWEN
    },
    Processor {
        name: "NeoMME",
        converts: true,
        family: families::own_size,
        backends: Backends::TorchvisionOnly,
        statistics: Some(HALF),
        harmless: &[],
        ..QWEN
    },
    Processor {
        name: "Glm5Next",
        converts: true,
        family: families::glm5,
        harmless: &[],
        ..QWEN
    },
    Processor {
        name: "NemotronH_Omni_Reasoning_V3",
        converts: true,
        family: families::nemotron,
        backends: Backends::TorchvisionOnly,
        harmless: &[],
        ..QWEN
    },
    Processor {
        name: "Inkling2",
        converts: true,
        family: families::inkling2,
        backends: Backends::TorchvisionOnly,
        size: Size::Exact([40, 40]),
        square: true,
        statistics: Some(HALF),
        harmless: &[],
        ..QWEN
    },
    Processor {
        name: "Siglip2",
        converts: false,
        family: families::naflex,
        resample: BASE.resample,
        statistics: Some(HALF),
        harmless: &[],
        ..QWEN
    },
    GEMMA4,
    Processor {
        name: "Gemma4Unified",
        converts: true,
        backends: Backends::TorchvisionOnly,
        ..GEMMA4
    },
    HUNYUAN,
    Processor {
        name: "HYV4VL",
        converts: true,
        ..HUNYUAN
    },
    Processor {
        name: "MiniMaxM3VL",
        converts: true,
        backends: Backends::TorchvisionOnly,
        size: Size::Both([4 * 28 * 28, 451_584]),
        ..QWEN
    },
    Processor {
        name: "VideoLlama3",
        converts: true,
        statistics: Some(HALF),
        ..QWEN
    },
    Processor {
        name: "Emu3",
        converts: true,
        family: families::emu3,
        backends: Backends::PillowOnly,
        size: Size::Pixels([512 * 512, 1024 * 1024]),
        harmless: &[],
        ..QWEN
    },
    Processor {
        name: "Apertus1p5",
        converts: true,
        family: families::apertus,
        backends: Backends::TorchvisionOnly,
        size: Size::Pixels([128 * 128, 1400 * 1400]),
        statistics: Some(HALF),
        harmless: &[],
        ..QWEN
    },
];
