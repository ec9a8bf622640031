//! Which image processor a config is for.

use serde_json::Value;

use super::model_types::MODEL_TYPES;
use super::processors::{self, Processor};
use super::{Reader, refused};
use crate::import::ImportOptions;
use crate::import::keys::Keys;
use crate::nearest::typo;
use crate::schema::{Document, Notation};
use crate::{Error, Result};

const SUFFIXES: [&str; 4] = [
    "ImageProcessorFast",
    "ImageProcessorPil",
    "ImageProcessor",
    "FeatureExtractor",
];

/// An image processor, and how it became known where the config does not name it.
pub(super) struct Class {
    pub(super) processor: &'static Processor,
    pub(super) note: Option<String>,
}

/// The class that a config names, else the one of the model type in the model's config.json.
///
/// # Errors
/// When neither names one, or one that cannot be expressed.
pub(super) fn of(keys: &mut Keys, options: &ImportOptions<'_>) -> Result<Class> {
    let new = keys.text("image_processor_type")?;
    let old = keys.text("feature_extractor_type")?;
    code_of_its_own(keys, new.is_some())?;
    let (key, name) = match (new, old) {
        (Some(name), _) => ("image_processor_type", name),
        (None, Some(name)) => ("feature_extractor_type", name),
        (None, None) => return of_the_model(keys, options),
    };
    let processor = named(stem(&name)).map_err(|refusal| refusal.error(keys, key, &name))?;
    Ok(Class {
        processor,
        note: None,
    })
}

fn stem(name: &str) -> &str {
    SUFFIXES
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

enum Refusal {
    Inexpressible(&'static str),
    Unknown,
}

fn named(stem: &str) -> Result<&'static Processor, Refusal> {
    match (processors::find(stem), refused::reason(stem)) {
        (Some(processor), _) => Ok(processor),
        (None, Some(why)) => Err(Refusal::Inexpressible(why)),
        (None, None) => Err(Refusal::Unknown),
    }
}

impl Refusal {
    fn error(self, keys: &Keys, key: &str, name: &str) -> Error {
        match self {
            Self::Inexpressible(why) => keys
                .error(key, format_args!("{name} cannot be expressed"))
                .why(why),
            Self::Unknown => {
                let error = keys
                    .error(
                        key,
                        format_args!("{name:?} is not an image processor that is known here"),
                    )
                    .why("what an image processor does beside its keys is known only by its name");
                let known = processors::all()
                    .map(|processor| processor.name)
                    .chain(refused::names());
                match typo(stem(name), known) {
                    Some(meant) => error.fix(format_args!("write {meant}ImageProcessor if it is meant")),
                    None => error.fix("describe what it does in a pipeline of steps"),
                }
            }
        }
    }
}

/// Refuses a config whose image processor is code that comes with the model: `auto_map`. Its other
/// entries are about processors, tokenizers and models.
fn code_of_its_own(keys: &mut Keys, named: bool) -> Result<()> {
    let Some(map) = keys.take("auto_map") else {
        return Ok(());
    };
    let old = !named && map.get("AutoFeatureExtractor").is_some();
    if map.is_object() && map.get("AutoImageProcessor").is_none() && !old {
        return Ok(());
    }
    Err(keys
        .error("auto_map", "cannot be expressed")
        .expected_got("no AutoImageProcessor in it", map)
        .why("it names code of the model's own; remove it if the image processor of the library is in use"))
}

/// What the model's own config says where the image processor's does not.
fn of_the_model(keys: &Keys, options: &ImportOptions<'_>) -> Result<Class> {
    let missing = || {
        keys.error("image_processor_type", "is missing").expected_got(
            "the name of an image processor such as ViTImageProcessor",
            "nothing",
        )
    };
    let Some(text) = options.model_config else {
        return Err(missing()
            .why(
                "the order of the steps, and what is left open, depend on the image processor, and there \
                  is no config.json of the model beside it",
            )
            .fix(likely(keys, options)));
    };
    let config = match Document::parse(text, Notation::Json) {
        Ok(document) => document.value,
        Err(error) => {
            return Err(missing()
                .why(format_args!("the config.json beside it would tell: {error}"))
                .fix("repair config.json, or add image_processor_type"));
        }
    };
    let says = |key: &str| config.get(key).and_then(Value::as_str);
    if let Some(name) = says("image_processor_type") {
        let processor =
            named(stem(name)).map_err(|refusal| refusal.error(keys, "image_processor_type", name))?;
        let note = format!("the config names no image processor: took {name}, which config.json names");
        return Ok(Class {
            processor,
            note: Some(note),
        });
    }
    if config
        .get("auto_map")
        .and_then(|map| map.get("AutoImageProcessor"))
        .is_some()
    {
        return Err(missing().why("auto_map of config.json names code of the model's own"));
    }
    let Some(model_type) = says("model_type") else {
        return Err(missing()
            .why("the config.json beside it names no model_type either")
            .fix(likely(keys, options)));
    };
    let Ok(index) = MODEL_TYPES.binary_search_by_key(&model_type, |(model_type, _)| *model_type) else {
        return Err(missing()
            .why(format_args!(
                "transformers 5.24 has no image processor for the model type {model_type:?} in config.json"
            ))
            .fix(likely(keys, options)));
    };
    let name = format!("{}ImageProcessor", MODEL_TYPES[index].1);
    let processor = named(MODEL_TYPES[index].1).map_err(|refusal| {
        let error = refusal.error(keys, "image_processor_type", &name);
        let reason = error.reason().unwrap_or_default().to_owned();
        error.why(format_args!(
            "that of the model type {model_type:?} in config.json: {reason}"
        ))
    });
    Ok(Class {
        processor: processor?,
        note: Some(format!(
            "the config names no image processor: took {name}, that of the model type {model_type:?} in config.json"
        )),
    })
}

/// What to add: the classes that take every key of the config, those first whose defaults it has.
fn likely(keys: &Keys, options: &ImportOptions<'_>) -> String {
    let same = |key: &str, value: Value| usize::from(keys.peek(key) == Some(&value));
    let mut fitting: Vec<(usize, &str)> = processors::all()
        .filter(|processor| Reader::read(keys.clone(), processor, options).is_ok())
        .map(|processor| {
            let [mean, std] = processor.statistics.unwrap_or_default();
            let alike = same("resample", processor.resample.into())
                + same("image_mean", mean.to_vec().into())
                + same("image_std", std.to_vec().into())
                + same("do_center_crop", processor.center_crop.into())
                + usize::from(keys.peek("crop_size").is_some() == processor.crop.is_some());
            (alike, processor.name)
        })
        .collect();
    fitting.sort_by_key(|(alike, _)| std::cmp::Reverse(*alike));
    let names: Vec<_> = fitting
        .iter()
        .take(4)
        .map(|(_, name)| format!("{name}ImageProcessor"))
        .collect();
    if names.is_empty() {
        return "add image_processor_type: the model's page or its config.json tells which".to_owned();
    }
    format!(
        "add image_processor_type, which the model's page or its config.json tells: likely {}",
        names.join(", ")
    )
}
