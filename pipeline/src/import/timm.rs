//! timm's `config.json`: what `timm.data.create_transform(**resolve_model_data_config(model))` does.

use serde_json::{Map, Value};

use super::keys::{Given, Keys};
use super::{IMAGENET_MEAN, IMAGENET_STD, Import, ImportOptions, Source, size_note, table};
use crate::plan::CanvasSize;
use crate::size::{FitRounding, MAX_EDGE};
use crate::steps::{CenterCrop, Normalize, Pad, PadAnchor, Rescale, Resize, Step};
use crate::{CHANNELS, CropRule, Filter, Output, Pipeline, Precision, Resampler, Result, SizeRule};

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
            antialias: true,
        }),
        Step::CenterCrop(CenterCrop {
            size: crop,
            offset: CropRule::Torchvision,
        }),
    ]
    .into_iter()
    .chain(values(normalize))
    .collect()
}

fn values(normalize: Normalize) -> [Step; 2] {
    [
        Step::Rescale(Rescale {
            factor: None,
            divisor: Some(255.0),
            offset: None,
            precision: Precision::Float32,
        }),
        Step::Normalize(normalize),
    ]
}

/// `ResizeKeepRatio(scaled, longest=1)` and `CenterCropOrPad(size, fill=color)`, also open_clip's.
pub(super) fn bordered(
    [scaled_height, scaled_width]: [usize; 2],
    [height, width]: [usize; 2],
    filter: Filter,
    resampler: Resampler,
    color: [u8; CHANNELS],
) -> Vec<Step> {
    let fit = SizeRule::Fit {
        height: scaled_height,
        width: scaled_width,
        rounding: FitRounding::Timm,
        enlarge: true,
    };
    vec![
        Step::Resize(Resize::new(fit, filter, resampler)),
        Step::Pad(Pad {
            to: CanvasSize::Fixed { height, width },
            anchor: PadAnchor::CenterTorchvision,
            color: Some(color),
            value: None,
            mode: None,
        }),
    ]
}

/// Reads a whole config.json, of which `pretrained_cfg` says most: `timm.models._hub._parse_model_cfg`.
pub(super) fn read_model(mut map: Map<String, Value>, options: &ImportOptions<'_>) -> Result<Import> {
    let mut inner = table(&mut map, "pretrained_cfg")?.unwrap_or_default();
    let mut outer = Keys::new("", map);
    let Some(args) = outer.take("model_args") else {
        return read(Keys::new("pretrained_cfg", inner), options);
    };
    let Value::Object(args) = args else {
        return Err(outer
            .error("model_args", "has another type")
            .expected_got("a table of keys", args));
    };
    let mut args = Keys::new("model_args", args);
    let channels = args.take("in_chans");
    if channels
        .as_ref()
        .is_some_and(|channels| channels.as_u64() != Some(CHANNELS as u64))
    {
        return Err(args
            .error("in_chans", "has other than 3 channels")
            .expected_got(CHANNELS, channels.unwrap_or_default()));
    }
    // A model that takes any size keeps the one of its pretraining.
    let any = args.switch("dynamic_img_size", false)?
        || !args.switch("strict_img_size", true)?
        || args.switch("use_naflex", false)?;
    let fixed = inner.get("fixed_input_size").and_then(Value::as_bool) == Some(true);
    if let Some(size) = args.take("img_size")
        && fixed
        && !any
    {
        let [height, width] = match size.as_array().map(Vec::as_slice) {
            Some([height, width]) => [
                args.edge("img_size[0]", height)?,
                args.edge("img_size[1]", width)?,
            ],
            Some(_) => {
                return Err(args
                    .error("img_size", "is not a size")
                    .expected_got("a number, or [height, width]", size));
            }
            None => [args.edge("img_size", &size)?; 2],
        };
        let size: Vec<Value> = vec![CHANNELS.into(), height.into(), width.into()];
        inner.insert("input_size".to_owned(), size.into());
    }
    read(Keys::new("pretrained_cfg", inner), options)
}

pub(super) fn read(mut keys: Keys, options: &ImportOptions<'_>) -> Result<Import> {
    let mut notes = Vec::new();
    let own = input_size(&mut keys)?.unwrap_or([224, 224]);
    let [height, width] = options.size.unwrap_or(own);
    notes.extend(size_note([height, width], own));
    let filter = interpolation(&mut keys)?;
    let fraction = match keys.number("crop_pct")? {
        // timm tests for truth, so that 0 means the default.
        Given::Absent | Given::Null | Given::Is(0.0) => DEFAULT_CROP_PCT,
        Given::Is(fraction) if fraction > 0.0 => fraction,
        Given::Is(other) => {
            return Err(keys
                .error("crop_pct", "is not a fraction")
                .expected_got("above 0", other));
        }
    };
    let mode = keys.text("crop_mode")?;
    let normalize = Normalize {
        mean: statistic(&mut keys, "mean", IMAGENET_MEAN)?,
        std: statistic(&mut keys, "std", IMAGENET_STD)?,
    };
    if let Some(channel) = normalize.std.iter().position(|std| *std as f32 == 0.0) {
        return Err(keys.zero(&format!("std[{channel}]")));
    }
    for key in ["test_input_size", "test_crop_pct"] {
        if let Some(value) = keys.take(key) {
            notes.push(format!(
                "left {key} = {value} aside: timm takes it only with use_test_size=True"
            ));
        }
    }
    let resampler = options.resampler.unwrap_or(Resampler::Pillow);
    match options.resampler {
        None => notes.push(
            "timm resizes PIL images: took pillow (--resampler pillow12 for Pillow before 13)".to_owned(),
        ),
        Some(other @ (Resampler::Torchvision | Resampler::Opencv | Resampler::Torch)) => {
            notes.push(format!(
                "timm resizes PIL images, but the resize is {other}'s, as asked for"
            ));
        }
        Some(Resampler::Pillow | Resampler::Pillow12) => {}
    }
    let [scaled_height, scaled_width] = [height, width].map(|edge| (edge as f64 / fraction) as usize);
    if [scaled_height, scaled_width]
        .iter()
        .any(|edge| !(1..=MAX_EDGE).contains(edge))
    {
        return Err(keys
            .error("crop_pct", "leads to a resize that is not possible")
            .expected_got(
                format_args!("edges of 1 to {MAX_EDGE} pixels"),
                format_args!("{scaled_height} x {scaled_width}"),
            ));
    }
    let steps = match mode.as_deref() {
        None | Some("" | "center") if fraction <= 1.0 => {
            center([height, width], fraction, filter, resampler, normalize)
        }
        // The image is smaller than the crop, which then adds zeros around it.
        None | Some("" | "center") => {
            let size = if scaled_height == scaled_width {
                SizeRule::ShortestEdge {
                    size: scaled_height,
                    max: None,
                }
            } else {
                SizeRule::Cover {
                    height: scaled_height,
                    width: scaled_width,
                }
            };
            transform(size, [height, width], filter, resampler, normalize)
        }
        Some("squash") => {
            let size = SizeRule::Exact {
                height: scaled_height,
                width: scaled_width,
            };
            transform(size, [height, width], filter, resampler, normalize)
        }
        Some("border") => {
            // Python rounds halves to even.
            let color = normalize.mean.map(|mean| (mean * 255.0).round_ties_even());
            if color.iter().any(|value| !(0.0..=255.0).contains(value)) {
                return Err(keys
                    .error("mean", "is not a colour")
                    .expected_got("values of 0 to 1", format_args!("{:?}", normalize.mean))
                    .why("the crop_mode border fills the border with it"));
            }
            let mut steps = bordered(
                [scaled_height, scaled_width],
                [height, width],
                filter,
                resampler,
                color.map(|value| value as u8),
            );
            steps.extend(values(normalize));
            steps
        }
        Some(other) => {
            return Err(keys
                .error("crop_mode", "cannot be expressed")
                .expected_got("center, squash or border", format_args!("{other:?}"))
                .why("timm takes an unknown one for center"));
        }
    };
    keys.finish(|key, _| HARMLESS.contains(&key))?;
    Ok(Import {
        pipeline: Pipeline {
            description: Some(format!("timm: {height} x {width}, crop_pct {fraction}, {filter}")),
            steps,
            output: Output::default(),
            ..Pipeline::default()
        },
        notes,
        source: Source::Timm,
    })
}

/// `mean` or `std`. timm tests for truth, so that the number 0 means the default.
fn statistic(keys: &mut Keys, key: &'static str, default: [f64; CHANNELS]) -> Result<[f64; CHANNELS]> {
    let one_number = keys.peek(key).is_some_and(Value::is_number);
    Ok(match keys.per_channel(key)? {
        Given::Absent | Given::Null => default,
        Given::Is(numbers) if one_number && numbers == [0.0; CHANNELS] => default,
        Given::Is(numbers) => numbers,
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
