//! open_clip's `open_clip_config.json`: what `image_transform_v2(PreprocessCfg(...), is_train=False)` does.

use serde_json::{Map, Value};

use super::keys::{Given, Keys};
use super::{Import, ImportOptions, OPENAI_MEAN, OPENAI_STD, Source, size_note, table};
use crate::steps::{CenterCrop, Normalize, Rescale, Resize, Step};
use crate::{CHANNELS, CropRule, Error, Filter, Output, Pipeline, Precision, Resampler, Result, SizeRule};

/// Any of these makes a text the preprocessing of open_clip alone.
pub(super) const RECOGNISED_BY: &[&str] = &["resize_mode", "fill_color"];

/// Reads a whole `open_clip_config.json`: the size is that of the model, the rest is in `preprocess_cfg`.
pub(super) fn read_model(mut map: Map<String, Value>, options: &ImportOptions<'_>) -> Result<Import> {
    let mut inner = table(&mut map, "preprocess_cfg")?.unwrap_or_default();
    let vision = map
        .get("model_cfg")
        .and_then(|model| model.get("vision_cfg"))
        .ok_or_else(|| {
            Error::new("model_cfg.vision_cfg", "is missing")
                .expected_got("a table of keys", "nothing")
                .why("open_clip takes the size from the model")
        })?;
    // The default of open_clip's CLIPVisionCfg.
    let size = vision.get("image_size").cloned().unwrap_or_else(|| 224.into());
    inner.insert("size".to_owned(), size);
    read(Keys::new("preprocess_cfg", inner), options)
}

/// Reads the preprocessing alone, as immich keeps it in `preprocess_cfg.json`.
pub(super) fn read(mut keys: Keys, options: &ImportOptions<'_>) -> Result<Import> {
    let mut notes = Vec::new();
    if let Some(mode) = keys.text("mode")?.filter(|mode| mode != "RGB") {
        return Err(keys
            .error("mode", "cannot be expressed")
            .expected_got("RGB", format_args!("{mode:?}")));
    }
    let size = size(&mut keys, options, &mut notes)?;
    let filter = interpolation(&mut keys)?;
    let mean = keys.per_channel("mean")?.value().unwrap_or(OPENAI_MEAN);
    let std = keys.divisors("std")?.value().unwrap_or(OPENAI_STD);
    // Of a border, which only the mode `longest` has.
    let fill = keys.whole("fill_color")?;
    let mode = keys.text("resize_mode")?.unwrap_or_else(|| "shortest".to_owned());
    let resampler = options.resampler.unwrap_or_else(|| {
        notes.push(
            "open_clip resizes PIL images: took pillow (--resampler pillow12 for Pillow before 13)"
                .to_owned(),
        );
        Resampler::Pillow
    });
    let mut steps = match mode.as_str() {
        "longest" => longest(&keys, fill, size, filter, resampler)?,
        mode => geometry(&keys, mode, size, filter, resampler)?,
    };
    steps.push(Step::Rescale(Rescale {
        factor: None,
        divisor: Some(255.0),
        offset: None,
        precision: Precision::Float32,
    }));
    steps.push(Step::Normalize(Normalize { mean, std }));
    keys.finish(|_, _| false)?;
    let [height, width] = size;
    Ok(Import {
        pipeline: Pipeline {
            description: Some(format!("open_clip: {height} x {width}, {mode}, {filter}")),
            steps,
            output: Output::default(),
            ..Pipeline::default()
        },
        notes,
        source: Source::OpenClip,
    })
}

fn geometry(
    keys: &Keys,
    mode: &str,
    [height, width]: [usize; 2],
    filter: Filter,
    resampler: Resampler,
) -> Result<Vec<Step>> {
    let resize = |size: SizeRule, filter: Filter| Step::Resize(Resize::new(size, filter, resampler));
    let crop = Step::CenterCrop(CenterCrop {
        size: [height, width],
        offset: CropRule::Torchvision,
    });
    match mode {
        "squash" => Ok(vec![resize(SizeRule::Exact { height, width }, filter)]),
        "shortest" if height == width => {
            let shortest = SizeRule::ShortestEdge {
                size: height,
                max: None,
            };
            Ok(vec![resize(shortest, filter), crop])
        }
        // open_clip leaves the interpolation out here, so that it is bicubic.
        "shortest" => Ok(vec![
            resize(SizeRule::Cover { height, width }, Filter::Bicubic),
            crop,
        ]),
        other => Err(keys
            .error("resize_mode", "is unknown")
            .expected_got("shortest, longest or squash", format_args!("{other:?}"))),
    }
}

/// Inside the size, with `fill_color` around the centre.
fn longest(
    keys: &Keys,
    fill: Given<u64>,
    size: [usize; 2],
    filter: Filter,
    resampler: Resampler,
) -> Result<Vec<Step>> {
    let color = match fill {
        Given::Absent => Some(0),
        Given::Is(color) => u8::try_from(color).ok(),
        Given::Null => None,
    };
    let Some(color) = color else {
        return Err(keys
            .error("fill_color", "is not a colour")
            .expected_got("0 to 255", "another value"));
    };
    let color = [color; CHANNELS];
    Ok(super::timm::bordered(size, size, filter, resampler, color))
}

fn size(keys: &mut Keys, options: &ImportOptions<'_>, notes: &mut Vec<String>) -> Result<[usize; 2]> {
    let own = match keys.given("size") {
        Given::Is(Value::Array(edges)) => match edges.as_slice() {
            [height, width] => Some([keys.edge("size[0]", height)?, keys.edge("size[1]", width)?]),
            _ => {
                return Err(keys
                    .error("size", "is not a size")
                    .expected_got("a number, or [height, width]", Value::Array(edges)));
            }
        },
        Given::Is(edge) => Some([keys.edge("size", &edge)?; 2]),
        Given::Absent | Given::Null => None,
    };
    if let (Some(asked), Some(own)) = (options.size, own) {
        notes.extend(size_note(asked, own));
    }
    options.size.or(own).ok_or_else(|| {
        keys.error("size", "is missing")
            .expected_got("a number of pixels, or [height, width]", "nothing")
            .why("open_clip takes the size from the model")
            .fix("give open_clip_config.json, add size, or say --size")
    })
}

fn interpolation(keys: &mut Keys) -> Result<Filter> {
    let name = keys.text("interpolation")?;
    match name.as_deref() {
        // open_clip's inference takes `random` for bicubic.
        None | Some("" | "bicubic" | "random") => Ok(Filter::Bicubic),
        Some("bilinear") => Ok(Filter::Bilinear),
        Some(other) => Err(keys
            .error("interpolation", "is unknown")
            .expected_got("bicubic, bilinear or random", format_args!("{other:?}"))),
    }
}
