//! Reading the preprocessing configs of other libraries, and our own.
//!
//! An importer refuses what it cannot express and names the key; it never approximates.

mod huggingface;
mod keys;
mod processors;
pub(crate) mod timm;

use serde_json::{Map, Value};

use crate::named::named_enum;
use crate::{Document, Error, ErrorKind, Notation, Pipeline, Resampler, Result};
use keys::Keys;
pub(crate) use processors::{IMAGENET_MEAN, IMAGENET_STD};

named_enum! {
    /// Whose config a pipeline was read from.
    pub enum Source("source") {
        /// `preprocessor_config.json`, or the part of a `processor_config.json` that is one.
        HuggingFace = "huggingface",
        /// timm's `config.json`.
        Timm = "timm",
        /// A pipeline of steps.
        Steps = "steps",
    }
}

/// A pipeline read from a config, with what was assumed on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The pipeline; its checks have passed.
    pub pipeline: Pipeline,
    /// What the config left open and how it was taken, one line each.
    pub notes: Vec<String>,
    /// Whose config it was.
    pub source: Source,
}

/// Reads the text of a preprocessing config.
///
/// Recognised are Hugging Face's `preprocessor_config.json` and `processor_config.json`, timm's
/// `config.json` (with `pretrained_cfg`, or flat as old versions wrote it), pipelines of our own,
/// and preset files: a `description` with one of `steps`, `huggingface`, `timm`.
///
/// `resampler` overrides whose resize is meant. `None` takes the one that the config's library uses:
/// `torchvision` for Hugging Face, `pillow` for timm. For a Hugging Face config it chooses the whole
/// backend, with its crop offsets and its float arithmetic.
///
/// # Errors
/// On a key that is unknown or cannot be expressed, and on a value that is out of range; names line
/// and key, and the expected and the actual value.
///
/// ```
/// use prep_onnx_pipeline::{Notation, Resampler, import};
///
/// let config = r#"{
///   "image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 224}, "resample": 2,
///   "do_rescale": true, "rescale_factor": 0.00392156862745098,
///   "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]
/// }"#;
/// let imported = import(config, Notation::Json, Some(Resampler::Pillow))?;
/// let steps: Vec<_> = imported.pipeline.steps.iter().map(|step| step.name()).collect();
/// assert_eq!(steps, ["resize", "rescale", "normalize"]);
/// # Ok::<(), prep_onnx_pipeline::Error>(())
/// ```
pub fn import(text: &str, notation: Notation, resampler: Option<Resampler>) -> Result<Import> {
    read(text, notation, resampler).map_err(|error| error.or_kind(ErrorKind::Config))
}

fn read(text: &str, notation: Notation, resampler: Option<Resampler>) -> Result<Import> {
    let document = Document::parse(text, notation)?;
    let Value::Object(map) = document.value.clone() else {
        return Err(Error::new("config", "is not a table of keys").fix(FORMS));
    };
    let import = recognise(map, resampler).map_err(|error| document.with_line(error))?;
    import.pipeline.check()?;
    Ok(import)
}

const FORMS: &str = "give a preprocessor_config.json, a timm config.json, or a pipeline with [[steps]]";

fn recognise(mut map: Map<String, Value>, resampler: Option<Resampler>) -> Result<Import> {
    if map.contains_key("steps") {
        return steps(map.into(), resampler);
    }
    for (key, read) in [
        (
            "huggingface",
            huggingface::read as fn(Keys, Option<Resampler>) -> Result<Import>,
        ),
        ("timm", timm::read),
    ] {
        if let Some(inner) = table(&mut map, key)? {
            let mut outer = Keys::new("", map);
            let description = outer.text("description")?;
            outer.finish(&[])?;
            let mut import = read(Keys::new(key, inner), resampler)?;
            import.pipeline.description = description.or(import.pipeline.description);
            return Ok(import);
        }
    }
    if let Some(inner) = table(&mut map, "image_processor")? {
        return huggingface::read(Keys::new("image_processor", inner), resampler);
    }
    if let Some(inner) = table(&mut map, "pretrained_cfg")? {
        return timm::read(Keys::new("pretrained_cfg", inner), resampler);
    }
    if map.contains_key("input_size") {
        return timm::read(Keys::new("", map), resampler);
    }
    if huggingface::RECOGNISED_BY
        .iter()
        .any(|key| map.contains_key(*key))
    {
        return huggingface::read(Keys::new("", map), resampler);
    }
    let error = Error::new("config", "is not a preprocessing config that is known here");
    Err(
        if map.contains_key("model_type") || map.contains_key("architectures") {
            error
                .why("it describes a model (model_type, architectures), not its preprocessing")
                .fix("give the preprocessor_config.json beside it")
        } else {
            error.fix(FORMS)
        },
    )
}

fn table(map: &mut Map<String, Value>, key: &str) -> Result<Option<Map<String, Value>>> {
    match map.remove(key) {
        None => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner)),
        Some(other) => Err(Error::new(key, "has another type").expected_got("a table of keys", other)),
    }
}

fn steps(value: Value, resampler: Option<Resampler>) -> Result<Import> {
    let pipeline = Pipeline::from_value(value)?;
    let mut notes = Vec::new();
    let pipeline = match resampler {
        None => pipeline,
        Some(resampler) => {
            let swapped = pipeline.clone().with_resampler(resampler);
            if swapped != pipeline {
                notes.push(format!(
                    "the resize is {resampler}'s now, not the one that the pipeline names"
                ));
            }
            swapped.check()?;
            swapped
        }
    };
    Ok(Import {
        pipeline,
        notes,
        source: Source::Steps,
    })
}
