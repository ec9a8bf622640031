//! Language models that take images.

use super::{BASE, BICUBIC, Backends, CROPPED, Cropping, HALF, LANCZOS, OPENAI, Padding, Processor, Size};
use crate::import::huggingface::families;

const TILES: Processor = Processor {
    name: "GotOcr2",
    converts: true,
    family: families::joined_tiles,
    heeds: &["crop_to_patches"],
    resample: BICUBIC,
    size: Size::Exact([384, 384]),
    cropping: Cropping::Ignored,
    statistics: Some(OPENAI),
    padding: Padding::Ignored,
    // Of tiles, which crop_to_patches switches on.
    harmless: &["min_patches", "max_patches", "use_covering_area_grid"],
    ..BASE
};

const ANYRES: Processor = Processor {
    name: "LlavaNext",
    converts: true,
    family: families::pinpoints,
    padding: Padding::Ignored,
    pads: true,
    ..CROPPED
};

const JANUS: Processor = Processor {
    name: "Janus",
    family: families::janus,
    resample: BICUBIC,
    size: Size::Exact([384, 384]),
    cropping: Cropping::Ignored,
    statistics: Some(OPENAI),
    padding: Padding::Square,
    pads: true,
    // Made of the means anew.
    harmless: &["background_color", "high_res_background_color"],
    ..BASE
};

const PAGES: Processor = Processor {
    name: "DeepseekOcr2",
    converts: true,
    family: families::whole_page,
    resample: BICUBIC,
    size: Size::Exact([1024, 1024]),
    cropping: Cropping::Ignored,
    heeds: &["crop_to_patches"],
    // Of the tiles.
    harmless: &["min_patches", "max_patches", "tile_size"],
    ..BASE
};

const IDEFICS3: Processor = Processor {
    name: "Idefics3",
    converts: true,
    family: families::idefics3,
    resample: LANCZOS,
    size: Size::Longest(4 * 364),
    square: false,
    cropping: Cropping::Ignored,
    heeds: &["do_image_splitting"],
    harmless: &["return_row_col_info"],
    ..BASE
};

pub(super) const ROWS: &[Processor] = &[
    Processor {
        name: "PI0",
        converts: true,
        backends: Backends::TorchvisionOnly,
        resample: BICUBIC,
        size: Size::Within([224, 224]),
        square: false,
        pads: true,
        pad_to: Some([224, 224]),
        ..BASE
    },
    Processor {
        name: "Gemma3",
        converts: true,
        cropping: Cropping::Ignored,
        padding: Padding::Ignored,
        ..BASE
    },
    JANUS,
    PAGES,
    Processor {
        name: "UnlimitedOcr",
        converts: true,
        backends: Backends::TorchvisionOnly,
        harmless: &["min_patches", "max_patches", "tile_size", "maximum_pad_value"],
        ..PAGES
    },
    IDEFICS3,
    Processor {
        name: "UltraVBert",
        converts: true,
        backends: Backends::TorchvisionOnly,
        size: Size::Longest(3072),
        // Of tiles, which do_image_splitting switches off.
        harmless: &["return_row_col_info", "max_image_tiles"],
        ..IDEFICS3
    },
    Processor {
        name: "Cohere2Vision",
        converts: true,
        backends: Backends::TorchvisionOnly,
        size: Size::Exact([512, 512]),
        harmless: &["min_patches", "max_patches", "patch_size"],
        ..TILES
    },
    Processor {
        name: "GraniteDocling",
        converts: true,
        family: families::granite,
        size: Size::Exact([512, 512]),
        // An output of its own.
        harmless: &["fine_route"],
        ..TILES
    },
    Processor {
        name: "PerceptionLM",
        converts: true,
        family: families::perception,
        backends: Backends::TorchvisionOnly,
        size: Size::Exact([448, 448]),
        statistics: Some(HALF),
        harmless: &[],
        ..TILES
    },
    Processor {
        name: "Mllama",
        converts: true,
        family: families::mllama,
        resample: BASE.resample,
        size: Size::Exact([224, 224]),
        statistics: Some(HALF),
        harmless: &[],
        ..TILES
    },
    ANYRES,
    Processor {
        name: "LlavaOnevision",
        converts: true,
        size: Size::Exact([384, 384]),
        center_crop: false,
        crop: None,
        ..ANYRES
    },
    Processor {
        name: "SmolVLM",
        converts: true,
        ..IDEFICS3
    },
    Processor {
        name: "Idefics2",
        converts: true,
        family: families::idefics2,
        size: Size::Both([378, 980]),
        square: false,
        cropping: Cropping::Ignored,
        ..BASE
    },
    Processor {
        name: "Fuyu",
        family: families::fuyu,
        size: Size::Exact([1080, 1920]),
        cropping: Cropping::Ignored,
        // Of the patches that its processor cuts.
        harmless: &["patch_size"],
        ..BASE
    },
    Processor {
        name: "DeepseekVL",
        ..JANUS
    },
    Processor {
        name: "DeepseekVLHybrid",
        family: families::janus_hybrid,
        ..JANUS
    },
    Processor {
        name: "Aria",
        converts: true,
        family: families::aria,
        resample: BICUBIC,
        cropping: Cropping::Ignored,
        // Of tiles, which split_image switches on.
        harmless: &["split_resolutions"],
        ..BASE
    },
    Processor {
        name: "Tvp",
        family: families::tvp,
        size: Size::Longest(448),
        square: false,
        center_crop: true,
        crop: Some([448, 448]),
        pads: true,
        pad_to: Some([448, 448]),
        ..BASE
    },
    Processor {
        name: "Pixtral",
        converts: true,
        family: families::pixtral,
        resample: BICUBIC,
        size: Size::Longest(1024),
        statistics: Some(OPENAI),
        ..BASE
    },
    TILES,
    Processor {
        name: "Idefics",
        converts: true,
        resample: BICUBIC,
        statistics: Some(OPENAI),
        harmless: &["image_num_channels"],
        ..BASE
    },
    Processor {
        name: "Llava",
        converts: true,
        padding: Padding::Square,
        ..CROPPED
    },
    Processor {
        name: "Ovis2",
        converts: true,
        cropping: Cropping::Heeded,
        family: families::usual,
        heeds: &[],
        ..TILES
    },
    Processor {
        name: "VideoLlava",
        converts: true,
        backends: Backends::PillowOnly,
        padding: Padding::Ignored,
        null_is_default: true,
        // Of videos.
        harmless: &["return_legacy_image_output"],
        ..CROPPED
    },
];
