//! Language models that take images.

use super::{BASE, BICUBIC, Backends, CROPPED, Cropping, OPENAI, Padding, Processor, Size};

const TILES: Processor = Processor {
    name: "GotOcr2",
    resample: BICUBIC,
    size: Size::Exact([384, 384]),
    cropping: Cropping::Ignored,
    statistics: Some(OPENAI),
    padding: Padding::Ignored,
    // Of tiles, which crop_to_patches switches on.
    harmless: &["min_patches", "max_patches", "use_covering_area_grid"],
    ..BASE
};

pub(super) const ROWS: &[Processor] = &[
    Processor {
        name: "PI0",
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
        cropping: Cropping::Ignored,
        padding: Padding::Ignored,
        ..BASE
    },
    TILES,
    Processor {
        name: "Idefics",
        resample: BICUBIC,
        statistics: Some(OPENAI),
        harmless: &["image_num_channels"],
        ..BASE
    },
    Processor {
        name: "Llava",
        padding: Padding::Square,
        ..CROPPED
    },
    Processor {
        name: "Ovis2",
        cropping: Cropping::Heeded,
        ..TILES
    },
    Processor {
        name: "VideoLlava",
        backends: Backends::PillowOnly,
        padding: Padding::Ignored,
        null_is_default: true,
        // Of videos.
        harmless: &["return_legacy_image_output"],
        ..CROPPED
    },
];
