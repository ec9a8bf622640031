//! Keys of a Hugging Face config that change no pixel, and those that may only be off.

use serde_json::Value;

/// Keys that do not change the pixels of an RGB image, whatever the class.
const HARMLESS: &[&str] = &[
    "_name_or_path",
    "_processor_class",
    "_valid_kwargs_names",
    "_valid_processor_keys",
    "apply_ocr",
    "disable_grouping",
    "do_convert_annotations",
    "do_reduce_labels",
    "format",
    "image_seq_length",
    "image_seq_len",
    "input_data_format",
    // The longer edge beside a size that is a number, of the detectors and segmenters that read it themselves.
    "max_size",
    "name_or_path",
    "num_image_tokens",
    // Of crops, which do_pan_and_scan switches on.
    "pan_and_scan_max_num_crops",
    "pan_and_scan_min_crop_size",
    "pan_and_scan_min_ratio_to_activate",
    "ocr_lang",
    "processor_class",
    "reduce_labels",
    "return_tensors",
    "tesseract_config",
    "transformers_version",
];

/// Switches that may only be off, and what they would do.
pub(super) const SWITCHES: &[(&str, &str)] = &[
    ("crop_to_patches", "it cuts the image into patches"),
    ("do_align_long_axis", "it turns the image by its longer edge"),
    ("do_color_quantize", "it maps pixels to palette indices"),
    ("do_grayscale", "it makes the image gray"),
    ("do_image_splitting", "it cuts the image into tiles"),
    ("do_pan_and_scan", "it cuts the image into crops"),
    ("do_split_image", "it cuts the image into tiles"),
    ("do_thumbnail", "it shrinks the image to a thumbnail"),
    (
        "keep_aspect_ratio",
        "the output size would follow from the image, in multiples",
    ),
    ("use_square_size", "the size is not what the key size says"),
];

/// What the classes' own code is called: transformers sets every key as an attribute, so that one
/// of these would replace it.
const CODE: &[&str] = &[
    "backend",
    "center_crop",
    "convert_to_rgb",
    "crop_image_to_patches",
    "fetch_images",
    "filter_masks",
    "flip_channel_order",
    "from_dict",
    "from_json_file",
    "from_pretrained",
    "generate_crop_boxes",
    "get_image_processor_dict",
    "get_number_of_image_patches",
    "get_palette",
    "map_pixels",
    "mask_to_rgb",
    "masking_generator",
    "normalize",
    "normalize_annotation",
    "pad",
    "pad_image",
    "pad_to_square",
    "pan_and_scan",
    "pan_and_scan_batched",
    "prepare_annotation",
    "preprocess",
    "process_image",
    "push_to_hub",
    "reduce_label",
    "register_for_auto_class",
    "rescale",
    "rescale_and_normalize",
    "rescale_and_normalize_efficientnet",
    "resize",
    "resize_annotation",
    "resize_with_aspect_ratio",
    "save_pretrained",
    "to_dict",
    "to_json_file",
    "to_json_string",
    "valid_kwargs",
];

/// Whether a key that nothing else took leaves the pixels as they are. Null is what transformers
/// itself gives every attribute that a class does not set.
pub(super) fn harmless(own: &[&str], key: &str, value: &Value) -> bool {
    HARMLESS.contains(&key)
        || own.contains(&key)
        || (value.is_null() && !key.starts_with('_') && !CODE.contains(&key))
}
