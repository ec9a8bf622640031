//! Models of images and text that compare the two.

use super::{BASE, BICUBIC, Backends, CROPPED, OPENAI, Padding, Processor, Size};

const TIPS: Processor = Processor {
    name: "Tipsv2",
    converts: true,
    backends: Backends::TorchvisionOnly,
    size: Size::Exact([448, 448]),
    normalize: false,
    statistics: None,
    ..BASE
};

pub(super) const ROWS: &[Processor] = &[
    Processor {
        name: "CLIP",
        converts: true,
        ..CROPPED
    },
    Processor {
        name: "ChineseCLIP",
        converts: true,
        ..CROPPED
    },
    Processor {
        name: "Blip",
        converts: true,
        resample: BICUBIC,
        size: Size::Exact([384, 384]),
        statistics: Some(OPENAI),
        ..BASE
    },
    Processor {
        name: "Flava",
        resample: BICUBIC,
        center_crop: true,
        crop: Some([224, 224]),
        statistics: Some(OPENAI),
        padding: Padding::Ignored,
        // Of the codebook's pixels and the mask, which are outputs of their own.
        harmless: &[
            "codebook_crop_size",
            "codebook_do_center_crop",
            "codebook_do_map_pixels",
            "codebook_do_normalize",
            "codebook_do_rescale",
            "codebook_do_resize",
            "codebook_image_mean",
            "codebook_image_std",
            "codebook_resample",
            "codebook_rescale_factor",
            "codebook_size",
            "input_size_patches",
            "mask_group_max_aspect_ratio",
            "mask_group_max_patches",
            "mask_group_min_aspect_ratio",
            "mask_group_min_patches",
            "return_codebook_pixels",
            "return_image_mask",
            "total_mask_patches",
        ],
        ..BASE
    },
    Processor {
        name: "Siglip",
        converts: true,
        resample: BICUBIC,
        square: false,
        ..BASE
    },
    TIPS,
    Processor {
        name: "Tipsv2Dpt",
        converts: true,
        ..TIPS
    },
];
