//! Reading the preprocessing configs of other libraries, and our own.
//!
//! An importer refuses what it cannot express and names the key; it never approximates.

mod huggingface;
mod keys;
mod open_clip;
pub(crate) mod timm;

use serde_json::{Map, Value};

use crate::named::named_enum;
use crate::{CHANNELS, Document, Error, ErrorKind, Notation, Pipeline, Resampler, Result};
use keys::Keys;

/// `IMAGENET_DEFAULT_MEAN`.
pub(crate) const IMAGENET_MEAN: [f64; CHANNELS] = [0.485, 0.456, 0.406];
/// `IMAGENET_DEFAULT_STD`.
pub(crate) const IMAGENET_STD: [f64; CHANNELS] = [0.229, 0.224, 0.225];
/// `OPENAI_CLIP_MEAN`, `OPENAI_DATASET_MEAN`.
const OPENAI_MEAN: [f64; CHANNELS] = [0.48145466, 0.4578275, 0.40821073];
/// `OPENAI_CLIP_STD`, `OPENAI_DATASET_STD`.
const OPENAI_STD: [f64; CHANNELS] = [0.26862954, 0.26130258, 0.27577711];

named_enum! {
    /// Whose config a pipeline was read from.
    pub enum Source("source") {
        /// `preprocessor_config.json`, or the part of a `processor_config.json` that is one.
        HuggingFace = "huggingface",
        /// timm's `config.json`.
        Timm = "timm",
        /// open_clip's `open_clip_config.json`, or the preprocessing of one alone.
        OpenClip = "open_clip",
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

/// What is known beside the text of a config.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions<'a> {
    /// Whose resize is meant. `None` takes the one that the config's library uses: `torchvision` for
    /// Hugging Face, `pillow` for timm and open_clip. For a Hugging Face config it chooses the whole
    /// backend, with its crop offsets and its float arithmetic.
    pub resampler: Option<Resampler>,
    /// Height and width of the result, in the place of the config's own.
    pub size: Option<[usize; 2]>,
    /// The text of the `config.json` beside a Hugging Face config: its model type decides what a
    /// config without `image_processor_type` means.
    pub model_config: Option<&'a str>,
}

/// Reads the text of a preprocessing config: [`import_with`] a resampler alone.
///
/// # Errors
/// As [`import_with`].
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
    let options = ImportOptions {
        resampler,
        ..ImportOptions::default()
    };
    import_with(text, notation, &options)
}

/// Reads the text of a preprocessing config.
///
/// Recognised are Hugging Face's `preprocessor_config.json` and `processor_config.json`, timm's
/// `config.json` (with `pretrained_cfg`, or flat as old versions wrote it), open_clip's
/// `open_clip_config.json` and its preprocessing alone, pipelines of our own, and preset files: a
/// `description` with one of `steps`, `huggingface`, `timm`.
///
/// # Errors
/// On a key that is unknown or cannot be expressed, and on a value that is out of range or that the
/// library refuses; names line and key, and the expected and the actual value. On a size that the
/// pipeline cannot have.
pub fn import_with(text: &str, notation: Notation, options: &ImportOptions<'_>) -> Result<Import> {
    read(text, notation, options).map_err(|error| error.or_kind(ErrorKind::Config))
}

fn read(text: &str, notation: Notation, options: &ImportOptions<'_>) -> Result<Import> {
    for edge in options.size.into_iter().flatten() {
        crate::size::check_edge("size", edge)?;
    }
    let document = Document::parse(text, notation)?;
    let Value::Object(map) = document.value.clone() else {
        return Err(Error::new("config", "is not a table of keys").fix(FORMS));
    };
    let import = recognise(map, options).map_err(|error| document.with_line(error))?;
    import.pipeline.check()?;
    Ok(import)
}

const FORMS: &str = "give a preprocessor_config.json, a timm config.json, an open_clip_config.json, or a pipeline with [[steps]]";

type Reader = fn(Keys, &ImportOptions<'_>) -> Result<Import>;

fn recognise(mut map: Map<String, Value>, options: &ImportOptions<'_>) -> Result<Import> {
    if map.contains_key("steps") {
        return steps(map.into(), options);
    }
    // An answer of `prep-onnx --json` that holds a pipeline.
    if map.contains_key("schema")
        && let Some(inner) = table(&mut map, "pipeline")?
    {
        return steps(inner.into(), options).map_err(|error| error.within_key("pipeline"));
    }
    for (key, read) in [("huggingface", huggingface::read as Reader), ("timm", timm::read)] {
        if let Some(inner) = table(&mut map, key)? {
            let mut outer = Keys::new("", map);
            let description = outer.text("description")?;
            outer.finish(|_, _| false)?;
            let mut import = read(Keys::new(key, inner), options)?;
            import.pipeline.description = description.or(import.pipeline.description);
            return Ok(import);
        }
    }
    if let Some(inner) = table(&mut map, "image_processor")? {
        return huggingface::read(Keys::new("image_processor", inner), options);
    }
    if map.contains_key("pretrained_cfg") {
        return timm::read_model(map, options);
    }
    if map.contains_key("input_size") {
        return timm::read(Keys::new("", map), options);
    }
    if map.contains_key("preprocess_cfg") {
        return open_clip::read_model(map, options);
    }
    if open_clip::RECOGNISED_BY.iter().any(|key| map.contains_key(*key)) {
        return open_clip::read(Keys::new("", map), options);
    }
    if huggingface::RECOGNISED_BY
        .iter()
        .any(|key| map.contains_key(*key))
    {
        return huggingface::read(Keys::new("", map), options);
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

/// The error of a pipeline that cannot have the size that is asked for.
fn no_size([height, width]: [usize; 2]) -> Error {
    Error::new(
        "size",
        format_args!("{height} x {width} cannot take the place of the config's own"),
    )
    .fix("leave the size out, or describe the pipeline at that size in steps")
}

/// The note of a size that is not the config's own.
fn size_note([height, width]: [usize; 2], old: [usize; 2]) -> Option<String> {
    let [old_height, old_width] = old;
    (old != [height, width]).then(|| {
        format!("the size is {height} x {width}, as asked for, in the place of {old_height} x {old_width}")
    })
}

fn table(map: &mut Map<String, Value>, key: &str) -> Result<Option<Map<String, Value>>> {
    match map.remove(key) {
        None => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner)),
        Some(other) => Err(Error::new(key, "has another type").expected_got("a table of keys", other)),
    }
}

fn steps(value: Value, options: &ImportOptions<'_>) -> Result<Import> {
    let mut pipeline = Pipeline::from_value(value)?;
    let mut notes = Vec::new();
    if let Some(resampler) = options.resampler {
        let swapped = pipeline.clone().with_resampler(resampler);
        if swapped != pipeline {
            notes.push(format!(
                "the resize is {resampler}'s now, not the one that the pipeline names"
            ));
        }
        swapped.check()?;
        pipeline = swapped;
    }
    if let Some(size) = options.size {
        let old;
        (pipeline, old) = pipeline.at_size(size)?;
        notes.extend(size_note(size, old));
    }
    Ok(Import {
        pipeline,
        notes,
        source: Source::Steps,
    })
}
