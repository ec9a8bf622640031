//! Hugging Face's `preprocessor_config.json`, as transformers 5 and older versions save it.

mod arithmetic;
mod geometry;

use super::keys::Keys;
use super::processors::{self, Processor};
use super::{Import, Source};
use crate::{Layout, Output, Pipeline, Resampler, Result};

/// Any of these makes a text a preprocessor config.
pub(super) const RECOGNISED_BY: &[&str] = &[
    "image_processor_type",
    "feature_extractor_type",
    "do_resize",
    "do_rescale",
    "do_normalize",
    "do_center_crop",
    "image_mean",
];

/// Keys that do not change the pixels of an RGB image.
const HARMLESS: &[&str] = &[
    "_name_or_path",
    "_valid_kwargs_names",
    "_valid_processor_keys",
    "apply_ocr",
    "disable_grouping",
    "do_convert_annotations",
    "do_convert_rgb",
    "do_reduce_labels",
    "format",
    "image_seq_length",
    "image_seq_len",
    "input_data_format",
    "name_or_path",
    "num_image_tokens",
    "ocr_lang",
    "processor_class",
    "reduce_labels",
    "return_tensors",
    "tesseract_config",
    "transformers_version",
];

/// Switches that may only be off, and what they would do.
const SWITCHES: &[(&str, &str)] = &[
    (
        "auto_map",
        "it names code of the model's own; remove it if the image processor of the library is in use",
    ),
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

/// Which of the library's two implementations is meant.
#[derive(Clone, Copy, PartialEq)]
enum Backend {
    Torchvision,
    Pillow,
}

struct Reader {
    keys: Keys,
    processor: Processor,
    backend: Backend,
    resampler: Resampler,
    defaults: Vec<&'static str>,
}

pub(super) fn read(mut keys: Keys, resampler: Option<Resampler>) -> Result<Import> {
    let mut notes = Vec::new();
    let processor = processors::named_in(&mut keys)?;
    if processor.name.is_empty() {
        notes.push(
            "the config names no image processor: took resize, centre crop, rescale and normalise in the usual order"
                .to_owned(),
        );
    }
    let resampler = resampler.unwrap_or_else(|| {
        notes.push(
            "a Hugging Face config names no resampler: took torchvision, the backend of transformers 5 \
             (--resampler pillow for its Pillow backend)"
                .to_owned(),
        );
        Resampler::Torchvision
    });
    let backend = match resampler {
        Resampler::Torchvision => Backend::Torchvision,
        Resampler::Pillow | Resampler::Pillow12 => Backend::Pillow,
    };
    let mut reader = Reader {
        keys,
        processor,
        backend,
        resampler,
        defaults: Vec::new(),
    };
    for (key, why) in SWITCHES {
        reader.keys.off(key, why)?;
    }
    if let Some(device) = reader.keys.text("device")?.filter(|device| device != "cpu") {
        notes.push(format!(
            "left device = {device:?} aside: the CPU's arithmetic is meant"
        ));
    }
    let layout = reader.layout()?;
    let mut steps = Vec::new();
    reader.geometry(&mut steps)?;
    reader.pad(&steps)?;
    reader.arithmetic(&mut steps)?;
    let Reader { keys, defaults, .. } = reader;
    keys.finish(HARMLESS)?;
    if !defaults.is_empty() {
        notes.push(format!(
            "not in the config, so as {}ImageProcessor has it: {}",
            processor.name,
            defaults.join(", ")
        ));
    }
    let name = if processor.name.is_empty() {
        "Hugging Face image processor".to_owned()
    } else {
        format!("{}ImageProcessor", processor.name)
    };
    let backend = match backend {
        Backend::Torchvision => "torchvision",
        Backend::Pillow => "Pillow",
    };
    Ok(Import {
        pipeline: Pipeline {
            description: Some(format!("{name}, {backend} backend")),
            steps,
            output: Output { layout, dtype: None },
        },
        notes,
        source: Source::HuggingFace,
    })
}

impl Reader {
    /// The value of the config, or the processor's own, which is then noted.
    fn or_default<T>(&mut self, key: &'static str, value: Option<T>, default: T) -> T {
        value.unwrap_or_else(|| {
            self.defaults.push(key);
            default
        })
    }

    fn layout(&mut self) -> Result<Option<Layout>> {
        match self.keys.text("data_format")?.as_deref() {
            None | Some("channels_first") => Ok(None),
            Some(other) => Err(self
                .keys
                .error("data_format", "cannot be expressed")
                .expected_got("channels_first", format_args!("{other:?}"))
                .why("the axis order follows from the model")),
        }
    }
}
