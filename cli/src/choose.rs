//! Which pipeline a model gets when the command line does not say, and when it does.

use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, Import, Notation, Pipeline, Resampler, Result, imagenet_at, import, preset};
use prep_onnx_rewriter::{ImageInput, Model};

use crate::answer::{Failure, Outcome};

/// The pipeline of a model, and where it came from.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) pipeline: Pipeline,
    /// A few words: `preset clip`, a path, what was assumed.
    pub(crate) origin: String,
    /// Whether nobody said so: neither the command line nor a config.
    pub(crate) assumed: bool,
    /// What the config left open and how it was taken.
    pub(crate) notes: Vec<String>,
}

/// The size that a model with open height and width gets.
const USUAL_SIZE: usize = 224;

/// The files that are looked for beside a model, most explicit first, and whether one of that name
/// may be about something else.
const CONFIGS: [(&str, bool); 4] = [
    ("prep.toml", false),
    ("preprocessor_config.json", false),
    ("processor_config.json", true),
    ("config.json", true),
];

/// The pipeline for `model`: `option`, else a config beside the model, else what its metadata says,
/// else the ImageNet preset at the model's own input size.
pub(crate) fn choose(
    model: &Model,
    input: Option<&str>,
    option: Option<&str>,
    resampler: Option<Resampler>,
) -> Outcome<Choice> {
    if let Some(name) = option {
        return named(name, resampler);
    }
    if let Some(path) = beside(model)? {
        let import = read(&path, resampler)?;
        return Ok(Choice {
            pipeline: import.pipeline,
            origin: path.display().to_string(),
            assumed: false,
            notes: import.notes,
        });
    }
    check_metadata(model)?;
    let input = ImageInput::find(model, input)?;
    let edge = |fixed: Option<i64>| fixed.and_then(|edge| usize::try_from(edge).ok());
    let (height, width) = input.size();
    let size = (edge(height.fixed()), edge(width.fixed()));
    let (height, width) = (size.0.unwrap_or(USUAL_SIZE), size.1.unwrap_or(USUAL_SIZE));
    let mut pipeline = imagenet_at(height, width).map_err(|error| error.within(model.path().display()))?;
    if let Some(resampler) = resampler {
        pipeline = pipeline.with_resampler(resampler);
        pipeline.check()?;
    }
    let mut notes = Vec::new();
    if size != (Some(height), Some(width)) {
        notes.push(format!(
            "input `{}` leaves height or width open: {height} x {width} is assumed",
            input.name
        ));
    }
    Ok(Choice {
        pipeline,
        origin: format!("ImageNet at {height} x {width}"),
        assumed: true,
        notes,
    })
}

/// A preset, a file, or a folder with a config in it.
fn named(name: &str, resampler: Option<Resampler>) -> Outcome<Choice> {
    let path = Path::new(name);
    let (import, origin) = match preset(name) {
        Ok(preset) => (preset.import(resampler)?, format!("preset {name}")),
        Err(unknown) => {
            let path = if path.is_dir() {
                config_in(path)?.ok_or_else(|| {
                    let names: Vec<_> = CONFIGS.iter().map(|(name, _)| *name).collect();
                    Error::new(name, "has no preprocessing config in it")
                        .expected_got(format_args!("one of {}", names.join(", ")), "none of them")
                })?
            } else {
                path.to_owned()
            };
            let looks_like_a_path =
                path.components().count() > 1 || path.extension().is_some_and(|e| e == "toml" || e == "json");
            if !path.exists() && !looks_like_a_path {
                return Err(Failure::usage(unknown));
            }
            (read(&path, resampler)?, path.display().to_string())
        }
    };
    Ok(Choice {
        pipeline: import.pipeline,
        origin,
        assumed: false,
        notes: import.notes,
    })
}

/// The config beside a model. Exporters put the model into a folder `onnx` below its config.
fn beside(model: &Model) -> Result<Option<PathBuf>> {
    let folder = model.folder();
    if let Some(found) = config_in(folder)? {
        return Ok(Some(found));
    }
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    match (folder.file_name(), folder.parent()) {
        (Some(name), Some(parent)) if name == "onnx" => config_in(parent),
        _ => Ok(None),
    }
}

fn config_in(folder: &Path) -> Result<Option<PathBuf>> {
    for (name, ambiguous) in CONFIGS {
        let path = folder.join(name);
        if path.is_file() && (!ambiguous || is_preprocessing(&path)?) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Whether a file whose name alone does not tell holds preprocessing: timm's `config.json` does,
/// that of transformers describes the model.
fn is_preprocessing(path: &Path) -> Result<bool> {
    const KEYS: [&str; 4] = [
        "pretrained_cfg",
        "input_size",
        "image_processor",
        "image_processor_type",
    ];
    let Ok(serde_json::Value::Object(map)) = serde_json::from_str(&text(path)?) else {
        return Ok(false);
    };
    Ok(KEYS.iter().any(|key| map.contains_key(*key)))
}

fn read(path: &Path, resampler: Option<Resampler>) -> Result<Import> {
    let text = text(path)?;
    let notation = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => Notation::Toml,
        Some("json") => Notation::Json,
        _ if text.trim_start().starts_with('{') => Notation::Json,
        _ => Notation::Toml,
    };
    import(&text, notation, resampler).map_err(|error| error.within(path.display()))
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::io(path.display(), "cannot be read", &error)
            .fix("give a preset (prep-onnx pipelines) or the path of a config")
    })
}

/// A model whose metadata says that its preprocessing is not ImageNet's gets no ImageNet by default.
fn check_metadata(model: &Model) -> Result<()> {
    /// What Ultralytics writes into every model that it exports.
    const ULTRALYTICS: [&str; 4] = ["stride", "task", "imgsz", "names"];
    if ULTRALYTICS.iter().all(|key| model.metadata_value(key).is_some()) {
        return Err(Error::new(
            model.path().display(),
            "its metadata names preprocessing that is not ImageNet's",
        )
        .expected_got(
            "--pipeline PRESET|FILE",
            "metadata of Ultralytics, and no --pipeline",
        )
        .why("its models take letterboxed images, divided by 255, without ImageNet's normalization")
        .fix("describe the pipeline in a file and name it with --pipeline"));
    }
    Ok(())
}
