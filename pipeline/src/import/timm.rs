//! timm's `config.json`: what `timm.data.create_transform(**resolve_model_data_config(model))` does.

use super::keys::Keys;
use super::processors::{IMAGENET_MEAN, IMAGENET_STD};
use super::{Import, Source};
use crate::steps::{CenterCrop, Normalize, Rescale, Resize, Step};
use crate::{CropRule, Filter, Output, Pipeline, Precision, Resampler, Result, SizeRule};

/// Keys of `pretrained_cfg`, and of the flat configs of old versions, that say nothing on pixels.
const HARMLESS: &[&str] = &[
    "architecture",
    "classifier",
    "custom_load",
    "description",
    "file",
    "first_conv",
    "fixed_input_size",
    "global_pool",
    "hf_hub_filename",
    "hf_hub_id",
    "label_descriptions",
    "label_names",
    "label_offset",
    "labels",
    "license",
    "min_input_size",
    "model_args",
    "model_name",
    "notes",
    "num_classes",
    "num_features",
    "origin_url",
    "paper_ids",
    "paper_name",
    "pool_size",
    "source",
    "state_dict",
    "tag",
    "test_pool_size",
    "url",
];

/// The fraction that timm takes when a config gives none.
pub(crate) const DEFAULT_CROP_PCT: f64 = 0.875;

/// The transform that timm builds for a square or non-square `height` x `width` with crop mode
/// `center`: resize, centre crop, division by 255, normalise.
pub(crate) fn center(
    [height, width]: [usize; 2],
    fraction: f64,
    filter: Filter,
    resampler: Resampler,
    normalize: Normalize,
) -> Vec<Step> {
    let size = SizeRule::CropPct {
        height,
        width,
        fraction,
    };
    transform(size, [height, width], filter, resampler, normalize)
}

fn transform(
    size: SizeRule,
    crop: [usize; 2],
    filter: Filter,
    resampler: Resampler,
    normalize: Normalize,
) -> Vec<Step> {
    vec![
        Step::Resize(Resize {
            size,
            filter,
            resampler,
        }),
        Step::CenterCrop(CenterCrop {
            size: crop,
            offset: CropRule::Torchvision,
        }),
        Step::Rescale(Rescale {
            factor: None,
            divisor: Some(255.0),
            offset: None,
            precision: Precision::Float32,
        }),
        Step::Normalize(normalize),
    ]
}

pub(super) fn read(mut keys: Keys, resampler: Option<Resampler>) -> Result<Import> {
    let mut notes = Vec::new();
    let [height, width] = input_size(&mut keys)?.unwrap_or([224, 224]);
    let filter = interpolation(&mut keys)?;
    let fraction = match keys.number("crop_pct")? {
        // timm tests for truth, so that 0 means the default.
        None | Some(0.0) => DEFAULT_CROP_PCT,
        Some(fraction) if fraction > 0.0 && fraction <= 1.0 => fraction,
        Some(other) => {
            return Err(keys
                .error("crop_pct", "is not a fraction")
                .expected_got("above 0, at most 1", other));
        }
    };
    let mode = keys.text("crop_mode")?;
    let normalize = Normalize {
        mean: keys.per_channel("mean")?.unwrap_or(IMAGENET_MEAN),
        std: keys.divisors("std")?.unwrap_or(IMAGENET_STD),
    };
    for key in ["test_input_size", "test_crop_pct"] {
        if let Some(value) = keys.take(key) {
            notes.push(format!(
                "left {key} = {value} aside: timm takes it only with use_test_size=True"
            ));
        }
    }
    let chosen = resampler.unwrap_or(Resampler::Pillow);
    match resampler {
        None => notes.push(
            "timm resizes PIL images: took pillow (--resampler pillow12 for Pillow before 13)".to_owned(),
        ),
        Some(Resampler::Torchvision) => {
            notes.push("timm resizes PIL images, but the resize is torchvision's, as asked for".to_owned());
        }
        Some(Resampler::Pillow | Resampler::Pillow12) => {}
    }
    let steps = match mode.as_deref() {
        None | Some("" | "center") => center([height, width], fraction, filter, chosen, normalize),
        Some("squash") => {
            let [scaled_height, scaled_width] = [height, width].map(|edge| (edge as f64 / fraction) as usize);
            let size = SizeRule::Exact {
                height: scaled_height,
                width: scaled_width,
            };
            transform(size, [height, width], filter, chosen, normalize)
        }
        Some(other) => {
            return Err(keys
                .error("crop_mode", "cannot be expressed")
                .expected_got("center or squash", format_args!("{other:?}"))
                .why("border pads the image with its mean colour before the crop"));
        }
    };
    keys.finish(HARMLESS)?;
    Ok(Import {
        pipeline: Pipeline {
            description: Some(format!("timm: {height} x {width}, crop_pct {fraction}, {filter}")),
            steps,
            output: Output::default(),
        },
        notes,
        source: Source::Timm,
    })
}

fn input_size(keys: &mut Keys) -> Result<Option<[usize; 2]>> {
    let Some(value) = keys.take("input_size") else {
        return Ok(None);
    };
    let expected = |what: &str| {
        keys.error("input_size", what)
            .expected_got("[3, height, width]", &value)
    };
    match value.as_array().map(Vec::as_slice) {
        Some([channels, height, width]) if channels.as_u64() == Some(3) => Ok(Some([
            keys.edge("input_size[1]", height)?,
            keys.edge("input_size[2]", width)?,
        ])),
        Some([_, _, _]) => Err(expected("has other than 3 channels")),
        _ => Err(expected("is not a size")),
    }
}

fn interpolation(keys: &mut Keys) -> Result<Filter> {
    let name = keys.text("interpolation")?.filter(|name| !name.is_empty());
    match name.as_deref().unwrap_or("bicubic").parse() {
        Ok(Filter::NearestExact) | Err(_) => Err(keys
            .error("interpolation", "is not a filter of Pillow")
            .expected_got(
                "one of nearest, bilinear, bicubic, lanczos, box, hamming",
                format_args!("{:?}", name.unwrap_or_default()),
            )),
        Ok(filter) => Ok(filter),
    }
}
