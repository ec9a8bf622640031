//! The preprocessing config beside a model.

use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, Import, Notation, Resampler, Result, import};
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
    let bare = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match serde_json::from_str(bare) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Ok(Map::new()),
        // Where the importer can read it all the same, it is for the importer.
        Err(error) => match import(&text, Notation::Json, None) {
            Ok(_) => Ok(Map::new()),
            Err(_) => Err(unparsable(path, &text, &error.to_string())),
        },
    }
}

fn unparsable(path: &Path, text: &str, reason: &str) -> Error {
    let error = Error::new(path.display(), format_args!("cannot be parsed as JSON: {reason}"));
    if text.starts_with("version https://git-lfs.github.com/spec/") {
        return error
            .why("it is a Git LFS pointer, not the file")
            .fix("fetch the file (git lfs pull), or name the pipeline with --pipeline");
    }
    error
        .why("a config beside the model may say how its images are prepared, so it is not passed over")
        .fix("mend the file, copy it again, or name the pipeline with --pipeline")
}

/// Reads a config.
pub(super) fn read(path: &Path, resampler: Option<Resampler>) -> Result<Import> {
    let text = text(path)?;
    import(&text, notation(path, &text), resampler).map_err(|error| error.within(path.display()))
}

fn notation(path: &Path, text: &str) -> Notation {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => Notation::Toml,
        Some("json") => Notation::Json,
        _ if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') => Notation::Json,
        _ => Notation::Toml,
    }
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::io(path.display(), "cannot be read", &error)
            .fix("give a preset (prep-onnx pipelines) or the path of a config to --pipeline")
    })
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
