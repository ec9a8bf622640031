//! Which pipeline a model gets when the command line does not say, and when it does.

mod beside;
mod evidence;
mod frames;
mod paddleocr;
mod ultralytics;

use std::path::Path;

use prep_onnx_pipeline::{
    Dtype, Error, ErrorKind, Import, ImportOptions, Notation, Pipeline, checkpoint, imagenet_at, import_with,
    preset,
};
use prep_onnx_rewriter::{ImageInput, Model};

use crate::answer::{Failure, Outcome};
use crate::recognise::{Likely, Maker, detector_of_one_image, likely};
use beside::{Beside, beside, names, only_a_model, read};
use evidence::{check_classifier, check_metadata, size_of};

/// The pipeline of a model, and where it came from.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) pipeline: Pipeline,
    /// A few words: `preset clip`, a path, what was assumed.
    pub(crate) origin: String,
    /// Whether nobody said so: neither the command line nor a config.
    pub(crate) assumed: bool,
    /// What in the model's own file it follows from.
    pub(crate) evidence: Option<Maker>,
    /// What the config left open and how it was taken.
    pub(crate) notes: Vec<String>,
    /// The height and width that were assumed where the model leaves them open.
    pub(crate) assumed_size: Option<(usize, usize)>,
}

impl Choice {
    /// What the file records of an assumption.
    pub(crate) fn assumption(&self) -> Option<String> {
        self.assumed.then(|| match self.assumed_size {
            Some(_) => format!("{}, the size too", self.origin),
            None => self.origin.clone(),
        })
    }

    /// A pipeline that the caller hands over, with what else is asked for.
    ///
    /// # Errors
    /// When the pipeline cannot have the size or the resampler.
    pub(crate) fn given(pipeline: &Pipeline, asked: &ImportOptions<'_>) -> Outcome<Self> {
        let import = import_with(&pipeline.to_json(), Notation::Json, asked)?;
        let origin = pipeline.description.clone().map_or_else(
            || "the pipeline handed over".to_owned(),
            |description| format!("the pipeline handed over: {description}"),
        );
        Ok(Self::read(import, origin, Vec::new()))
    }

    fn read(import: Import, origin: String, mut notes: Vec<String>) -> Self {
        notes.extend(import.notes);
        Self {
            pipeline: import.pipeline,
            origin,
            assumed: false,
            evidence: None,
            notes,
            assumed_size: None,
        }
    }
}

/// The size that a model with open height and width gets.
const USUAL_SIZE: usize = 224;
/// The name of the image input of models of transformers.
const HUGGING_FACE_INPUT: &str = "pixel_values";

/// The pipeline for `model`: `option`, else a config beside the model, else what its metadata says, else, for an
/// image classifier alone, the ImageNet preset at the model's own input size.
///
/// # Errors
/// A model that none of these is known for; a config that cannot be read.
pub(crate) fn choose(
    model: &Model,
    input: Option<&str>,
    option: Option<&str>,
    asked: &ImportOptions<'_>,
) -> Outcome<Choice> {
    if let Some(name) = option {
        return Ok(frames::fitted(model, input, named(name, asked)?)?);
    }
    let found = beside(model.folder()).map_err(|error| error.or_kind(ErrorKind::Config))?;
    let mut notes = found.notes;
    if let Some(path) = found.config {
        let import = read(&path, asked)?;
        let choice = Choice::read(import, path.display().to_string(), notes);
        return Ok(frames::fitted(model, input, choice)?);
    }
    if let Some(maker) = Maker::read(model)? {
        let input = ImageInput::find(model, input)?;
        let (import, origin) = match &maker {
            Maker::Ultralytics(seen) => ultralytics::pipeline(model, &input, seen, asked)?,
            Maker::PaddleOcr(_) => paddleocr::pipeline(&input, asked)?,
        };
        return Ok(Choice {
            evidence: Some(maker),
            ..Choice::read(import, origin, notes)
        });
    }
    check_metadata(model).map_err(|error| error.or_kind(ErrorKind::Config))?;
    let input = ImageInput::find(model, input).map_err(|error| match detector_of_one_image(model) {
        Some(likely) => asks(model, likely),
        None => error,
    })?;
    let size = size_of(&input);
    if let Some(path) = found.model {
        return Err(only_a_model(&path, size).or_kind(ErrorKind::Config).into());
    }
    if input.dtype == Dtype::Uint8 {
        return Err(takes_bytes(model, &input).or_kind(ErrorKind::Config).into());
    }
    if let Some(likely) = likely(model, &input) {
        return Err(asks(model, likely).or_kind(ErrorKind::Config).into());
    }
    check_classifier(model, &input).map_err(|error| error.or_kind(ErrorKind::Config))?;
    let size = asked
        .size
        .map_or(size, |[height, width]| (Some(height), Some(width)));
    let (height, width) = (size.0.unwrap_or(USUAL_SIZE), size.1.unwrap_or(USUAL_SIZE));
    let mut pipeline = imagenet_at(height, width).map_err(|error| error.within(model.path().display()))?;
    if let Some(resampler) = asked.resampler {
        pipeline = pipeline.with_resampler(resampler);
        pipeline.check()?;
    }
    if input.name == HUGGING_FACE_INPUT {
        notes.push(format!(
            "input `{HUGGING_FACE_INPUT}` is what Hugging Face's exporters write, and many of those models take other \
             values than ImageNet's: put the checkpoint's preprocessor_config.json beside the model"
        ));
    }
    let assumed_size = (size != (Some(height), Some(width))).then_some((height, width));
    if assumed_size.is_some() {
        notes.push(format!(
            "input `{}` leaves height or width open: {height} x {width} is assumed",
            input.name
        ));
    }
    Ok(Choice {
        pipeline,
        origin: format!("ImageNet at {height} x {width}"),
        assumed: true,
        evidence: None,
        notes,
        assumed_size,
    })
}

/// The error of a model whose kind is seen, while its preprocessing is not known.
fn asks(model: &Model, likely: Likely) -> Error {
    Error::new(model.path().display(), "its pipeline is not known")
        .expected_got(
            "--pipeline PRESET|FILE, a config beside the model, or a plain classifier",
            likely.seen,
        )
        .why(likely.why)
        .fix(likely.fix)
        .with_kind(ErrorKind::Config)
}

/// A preset, a checkpoint that a table knows, a file, or a folder with a config in it. A file or folder may have the name that its checkpoint
/// has on the hub: it is meant then.
pub(crate) fn named(name: &str, asked: &ImportOptions<'_>) -> Outcome<Choice> {
    let path = Path::new(name);
    let unknown = match preset(name) {
        Ok(preset) if preset.name == name || !path.exists() => {
            let origin = if preset.name == name {
                format!("preset {name}")
            } else {
                format!("preset {}, which is for {name}", preset.name)
            };
            let mut import = preset.import_with(asked)?;
            if preset.name != name {
                // `check` finds the library by it.
                import.pipeline.description = Some(name.to_owned());
            }
            return Ok(Choice::read(import, origin, Vec::new()));
        }
        Ok(_) => None,
        Err(unknown) => match checkpoint(name) {
            Some(found) if !path.exists() => {
                let import = found.map_err(Failure::usage)?.import_with(asked)?;
                return Ok(Choice::read(import, name.to_owned(), Vec::new()));
            }
            _ => Some(unknown),
        },
    };
    let path = if path.is_dir() {
        let mut found = Beside::default();
        found.look_into(path)?;
        found.config.ok_or_else(|| {
            Error::new(name, "has no preprocessing config in it")
                .expected_got(format_args!("one of {}", names()), "none of them")
        })?
    } else {
        path.to_owned()
    };
    let looks_like_a_path = path
        .extension()
        .is_some_and(|extension| extension == "toml" || extension == "json");
    if let Some(unknown) = unknown
        && !path.exists()
        && !looks_like_a_path
    {
        return Err(Failure::usage(unknown));
    }
    let import = read(&path, asked)?;
    Ok(Choice::read(import, path.display().to_string(), Vec::new()))
}

/// The error for a model that takes bytes: the arithmetic is inside of it, so that no preset fits.
fn takes_bytes(model: &Model, input: &ImageInput) -> Error {
    let (height, width) = size_of(input);
    let exact = match (height, width) {
        (Some(height), Some(width)) => format!("[{height}, {width}]"),
        _ => "[HEIGHT, WIDTH]".to_owned(),
    };
    Error::new(
        model.path().display(),
        format_args!(
            "input `{}` takes uint8, so its arithmetic is inside of the model",
            input.name
        ),
    )
    .expected_got("--pipeline FILE with the geometry alone", "no --pipeline")
    .why("ImageNet's preprocessing, which is assumed for classifiers, ends in floats")
    .fix(format_args!(
        "write the resize that the model was trained with into a file p.toml and name it with --pipeline: \
         [[steps]] step = \"resize\", size = {{ exact = {exact} }}, filter = \"bilinear\""
    ))
}
