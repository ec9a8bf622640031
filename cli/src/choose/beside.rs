//! The preprocessing config beside a model.

use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, Import, ImportOptions, Notation, Result, config_text, import, import_with};
use serde_json::{Map, Value};

use super::evidence::likely_for;

/// What a file beside a model is, by its name and content.
enum Content {
    /// Preprocessing: its importer takes or refuses it.
    Preprocessing,
    /// A model of transformers, whose preprocessing is in another file.
    Model,
    /// Something else.
    Unrelated,
}

/// A file that is looked for, and what one of that name is.
struct Config {
    name: &'static str,
    content: fn(&Map<String, Value>) -> Content,
}

const fn config(name: &'static str, content: fn(&Map<String, Value>) -> Content) -> Config {
    Config { name, content }
}

/// The files that are looked for, the first that holds preprocessing counts. An image processor in
/// `processor_config.json` comes before `preprocessor_config.json`, as in transformers.
const CONFIGS: [Config; 6] = [
    config("prep.toml", |_| Content::Preprocessing),
    config("processor_config.json", |map| {
        if map.contains_key("image_processor") || map.contains_key("image_processor_type") {
            Content::Preprocessing
        } else {
            Content::Model
        }
    }),
    config("preprocessor_config.json", |_| Content::Preprocessing),
    config("open_clip_config.json", |_| Content::Preprocessing),
    config("preprocess_cfg.json", |_| Content::Preprocessing),
    config("config.json", config_json),
];

/// timm's `config.json` holds preprocessing, that of transformers describes the model, and that of another program is
/// neither.
fn config_json(map: &Map<String, Value>) -> Content {
    /// What timm, open_clip and image processors write.
    const PREPROCESSING: [&str; 14] = [
        "architecture",
        "pretrained_cfg",
        "preprocess_cfg",
        "input_size",
        "crop_pct",
        "crop_mode",
        "interpolation",
        "image_processor",
        "image_processor_type",
        "feature_extractor_type",
        "image_mean",
        "image_std",
        "mean",
        "std",
    ];
    const MODEL: [&str; 5] = [
        "model_type",
        "architectures",
        "transformers_version",
        "_name_or_path",
        "id2label",
    ];
    let has = |keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
    if has(&MODEL) && !map.contains_key("pretrained_cfg") {
        Content::Model
    } else if has(&PREPROCESSING) {
        Content::Preprocessing
    } else {
        Content::Unrelated
    }
}

/// What lies beside a model.
#[derive(Default)]
pub(super) struct Beside {
    /// The preprocessing.
    pub(super) config: Option<PathBuf>,
    /// A file that says which model of transformers it is, and no more.
    pub(super) model: Option<PathBuf>,
    /// What was left aside, one line each.
    pub(super) notes: Vec<String>,
}

/// Looks into the folder of a model. Exporters put the model into a folder `onnx` below its config.
///
/// # Errors
/// A file of a name that counts and that cannot be read or parsed.
pub(super) fn beside(folder: &Path) -> Result<Beside> {
    let mut found = Beside::default();
    found.look_into(folder)?;
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    if let (None, Some("onnx"), Some(parent)) = (
        &found.config,
        folder.file_name().and_then(|name| name.to_str()),
        folder.parent(),
    ) {
        found.look_into(parent)?;
    }
    Ok(found)
}

impl Beside {
    /// Looks for the config in one folder.
    pub(super) fn look_into(&mut self, folder: &Path) -> Result<()> {
        for Config { name, content } in &CONFIGS {
            let path = folder.join(name);
            // A link to nothing is there too: reading it says so.
            let Ok(present) = std::fs::symlink_metadata(&path) else {
                continue;
            };
            if present.is_dir() || path.is_dir() {
                continue;
            }
            match content(&table(&path)?) {
                Content::Preprocessing => {
                    self.config = Some(path);
                    return Ok(());
                }
                Content::Model => self.model = self.model.take().or(Some(path)),
                Content::Unrelated => self.notes.push(format!(
                    "{} holds no preprocessing and was not used",
                    path.display()
                )),
            }
        }
        Ok(())
    }
}

/// The names of the files that are looked for.
pub(super) fn names() -> String {
    CONFIGS.map(|config| config.name).join(", ")
}

/// The keys of a file; none of one that is not JSON.
fn table(path: &Path) -> Result<Map<String, Value>> {
    let text = text(path)?;
    if notation(path, &text) != Notation::Json {
        return Ok(Map::new());
    }
    match serde_json::from_str(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Ok(Map::new()),
        // The importer says in plain words what is wrong with the text.
        Err(_) => match import(&text, Notation::Json, None) {
            Ok(_) => Ok(Map::new()),
            Err(error) => Err(unparsable(path, error)),
        },
    }
}

fn unparsable(path: &Path, error: Error) -> Error {
    let error = error.within(path.display());
    match error.help() {
        Some(_) => error,
        None => error.fix("mend the file, copy it again, or name the pipeline with --pipeline"),
    }
}

/// Reads a config. A Hugging Face config that names no image processor is of the class of the model
/// that `config.json` beside it describes.
pub(super) fn read(path: &Path, options: &ImportOptions<'_>) -> Result<Import> {
    let text = text(path)?;
    let beside = path.with_file_name("config.json");
    // One that cannot be read is as good as none: who needs it says so.
    let model = std::fs::read(&beside)
        .ok()
        .filter(|_| beside != path)
        .and_then(|bytes| config_text(bytes).ok());
    let options = ImportOptions {
        model_config: options.model_config.or(model.as_deref()),
        ..*options
    };
    import_with(&text, notation(path, &text), &options).map_err(|error| error.within(path.display()))
}

fn notation(path: &Path, text: &str) -> Notation {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => Notation::Toml,
        Some("json") => Notation::Json,
        _ if text.trim_start().starts_with('{') => Notation::Json,
        _ => Notation::Toml,
    }
}

fn text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| {
        Error::io(path.display(), "cannot be read", &error)
            .fix("give a preset (prep-onnx pipelines) or the path of a config to --pipeline")
    })?;
    config_text(bytes).map_err(|error| error.within(path.display()))
}

/// The error for a model of transformers whose image processor is not there.
pub(super) fn only_a_model(path: &Path, size: (Option<usize>, Option<usize>)) -> Error {
    let map = table(path).unwrap_or_default();
    let kind = map.get("model_type").and_then(Value::as_str);
    let what = kind.map_or_else(
        || "describes a model, not how its images are prepared".to_owned(),
        |kind| format!("describes a model (model_type {kind}), not how its images are prepared"),
    );
    Error::new(path.display(), what)
        .expected_got("preprocessor_config.json beside the model, or --pipeline PRESET|FILE", "neither")
        .why("most models of transformers do not take ImageNet's preprocessing")
        .fix(format!(
            "put the preprocessor_config.json of the checkpoint beside the model, or name the pipeline with --pipeline: {}",
            likely_for(kind, size)
        ))
}
