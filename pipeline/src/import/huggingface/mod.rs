//! Hugging Face's `preprocessor_config.json`, as transformers 5 and older versions save it.

mod arithmetic;
mod class;
mod families;
mod geometry;
mod ignored;
mod model_types;
mod padding;
mod processors;
mod refused;
mod size;

use serde_json::Value;

use super::keys::{Given, Keys};
use super::{Import, ImportOptions, Source};
use crate::steps::Step;
use crate::{CHANNELS, Error, Layout, Output, Pipeline, Resampler, Result};
use processors::{Backends, Processor};

/// Any of these makes a text a preprocessor config.
pub(super) const RECOGNISED_BY: &[&str] = &[
    "image_processor_type",
    "feature_extractor_type",
    "do_resize",
    "do_rescale",
    "do_normalize",
    "do_center_crop",
    "image_mean",
    "resample",
    "size",
];

/// Which of the library's two implementations is meant.
#[derive(Clone, Copy, PartialEq)]
enum Backend {
    Torchvision,
    Pillow,
}

struct Reader<'a> {
    keys: Keys,
    processor: &'static Processor,
    backend: Backend,
    resampler: Resampler,
    options: &'a ImportOptions<'a>,
    defaults: Vec<&'static str>,
    notes: Vec<String>,
    /// The axis order that the class has, whatever the model.
    own_layout: Option<Layout>,
}

pub(super) fn read(mut keys: Keys, options: &ImportOptions<'_>) -> Result<Import> {
    let class = class::of(&mut keys, options)?;
    let mut import = Reader::read(keys, class.processor, options)?;
    if let Some(note) = class.note {
        import.notes.insert(0, note);
    }
    Ok(import)
}

impl<'a> Reader<'a> {
    /// Reads the keys as this class does.
    fn read(keys: Keys, processor: &'static Processor, options: &'a ImportOptions<'a>) -> Result<Import> {
        let mut notes = Vec::new();
        let resampler = resampler(processor, options.resampler, &mut notes)?;
        let backend = match resampler {
            Resampler::Torchvision => Backend::Torchvision,
            Resampler::Pillow | Resampler::Pillow12 => Backend::Pillow,
            Resampler::Opencv | Resampler::Torch => {
                return Err(Error::new("resampler", "is none of Hugging Face's backends")
                    .expected_got("torchvision, pillow or pillow12", resampler)
                    .fix("leave --resampler out, or name one of these"));
            }
        };
        let mut reader = Reader {
            keys,
            processor,
            backend,
            resampler,
            options,
            defaults: Vec::new(),
            notes,
            own_layout: None,
        };
        for (key, why) in ignored::SWITCHES {
            if !processor.heeds.contains(key) {
                reader.keys.off(key, why)?;
            }
        }
        if let Some(device) = reader.keys.text("device")?.filter(|device| device != "cpu") {
            reader.notes.push(format!(
                "left device = {device:?} aside: the CPU's arithmetic is meant"
            ));
        }
        let layout = reader.layout()?;
        let mut steps = Vec::new();
        (processor.family)(&mut reader, &mut steps)?;
        reader.finish(steps, layout)
    }

    fn finish(self, steps: Vec<Step>, layout: Option<Layout>) -> Result<Import> {
        let Self {
            mut keys,
            processor,
            backend,
            defaults,
            mut notes,
            own_layout,
            ..
        } = self;
        let converts = match keys.given("do_convert_rgb") {
            Given::Absent => processor.converts,
            Given::Null => false,
            Given::Is(value) => is_true(&value),
        };
        keys.finish(|key, value| ignored::harmless(processor.harmless, key, value))?;
        if !defaults.is_empty() {
            notes.push(format!(
                "not in the config, so as {}ImageProcessor has it: {}",
                processor.name,
                defaults.join(", ")
            ));
        }
        let backend = match backend {
            Backend::Torchvision => "torchvision",
            Backend::Pillow => "Pillow",
        };
        Ok(Import {
            pipeline: Pipeline {
                description: Some(format!("{}ImageProcessor, {backend} backend", processor.name)),
                // transformers' convert_to_rgb lays transparent pixels over white; without it images have to be opaque.
                background: converts.then_some([u8::MAX; CHANNELS]),
                steps,
                output: Output {
                    layout: own_layout.or(layout),
                    dtype: None,
                },
                ..Pipeline::default()
            },
            notes,
            source: Source::HuggingFace,
        })
    }

    /// The value of the config, or the processor's own, which is then noted.
    ///
    /// # Errors
    /// Where the config has null, or the processor no default: transformers raises.
    fn or_default<T>(&mut self, key: &'static str, given: Given<T>, default: Option<T>) -> Result<T> {
        match (given, default) {
            (Given::Is(value), _) => Ok(value),
            (Given::Absent, Some(default)) => {
                self.defaults.push(key);
                Ok(default)
            }
            (Given::Null, Some(default))
                if self.processor.null_is_default && !["resample", "rescale_factor"].contains(&key) =>
            {
                Ok(default)
            }
            (Given::Null, _) => Err(self.needed(key, "is null")),
            (Given::Absent, None) => Err(self.needed(key, "is missing")),
        }
    }

    /// An error about a key that a switch asks for.
    fn needed(&self, key: &str, what: &str) -> Error {
        let switch = match key {
            "size"
            | "resample"
            | "crop_pct"
            | "ensure_multiple_of"
            | "patch_size"
            | "merge_size"
            | "temporal_patch_size"
            | "spatial_factor" => "do_resize",
            "crop_size" => "do_center_crop",
            "rescale_factor" => "do_rescale",
            "size_divisor" | "pad_size" | "padding_value" => "do_pad",
            _ => "do_normalize",
        };
        self.keys
            .error(key, what)
            .expected_got("a value", if what == "is null" { "null" } else { "nothing" })
            .why(format_args!(
                "{switch} is on, and transformers then refuses to go on without {key}"
            ))
            .fix(format_args!("give {key}, or set {switch} to false"))
    }

    /// A `size` that the class itself does not look at, but without which transformers resizes nothing.
    fn unread_size(&mut self, resizes: bool) -> Result<()> {
        match self.keys.given("size") {
            Given::Null if resizes => Err(self.needed("size", "is null")),
            Given::Null | Given::Absent | Given::Is(_) => Ok(()),
        }
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

/// Whether Python takes the value for true.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(table) => !table.is_empty(),
    }
}

/// The resampler that is asked for, or the one of the library's own choice of backend.
fn resampler(processor: &Processor, asked: Option<Resampler>, notes: &mut Vec<String>) -> Result<Resampler> {
    let (only, others) = match processor.backends {
        Backends::Both => (Resampler::Torchvision, None),
        Backends::TorchvisionOnly => (Resampler::Torchvision, Some("torchvision")),
        Backends::PillowOnly => (Resampler::Pillow, Some("Pillow")),
    };
    let fits = |asked: Resampler| (asked == Resampler::Torchvision) == (only == Resampler::Torchvision);
    match (asked, others) {
        (Some(asked), Some(name)) if !fits(asked) => Err(Error::new(
            "resampler",
            format_args!("{asked} is not one of this class"),
        )
        .expected_got(only, asked)
        .why(format_args!(
            "{}ImageProcessor has only a {name} backend",
            processor.name
        ))
        .fix("leave --resampler out")),
        (Some(asked), _) => Ok(asked),
        (None, Some(name)) => {
            notes.push(format!(
                "a Hugging Face config names no resampler: took {only}, as {}ImageProcessor has only a {name} backend",
                processor.name
            ));
            Ok(only)
        }
        (None, None) => {
            notes.push(
                "a Hugging Face config names no resampler: took torchvision, the backend of transformers 5 \
                 (--resampler pillow for its Pillow backend)"
                    .to_owned(),
            );
            Ok(only)
        }
    }
}
