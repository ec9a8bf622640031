//! The preprocessing of a model's own library, run in Python.

use std::path::{Path, PathBuf};

use ndarray::ArrayView3;
use prep_onnx_pipeline::{Dtype, Error, ErrorKind, Library, Pipeline, Resampler, Result, Tensor};
use prep_onnx_rewriter::{ImageInput, Model, strip};
use serde_json::{Value, json};

use crate::callable::Callable;
use crate::embedded::EmbeddedModel;
use crate::recognise::Maker;

/// What runs in Python.
const ORIGINAL: &str = include_str!("original.py");

/// Whose preprocessing a model had, and what is needed to run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Timm(String),
    TimmConfig(PathBuf),
    Torchvision(String),
    /// The folder of a `preprocessor_config.json`.
    Transformers(PathBuf),
    /// Its metadata say so; RT-DETR has a class of its own.
    Ultralytics {
        task: Option<String>,
        rtdetr: bool,
    },
}

impl Origin {
    /// The original that the command line names: `timm:NAME`, `torchvision:WEIGHTS`, a config or its folder.
    ///
    /// # Errors
    /// Another name.
    pub(crate) fn named(name: &str) -> Result<Self> {
        match name.split_once(':') {
            Some(("timm", model)) => return Ok(Self::Timm(model.to_owned())),
            Some(("torchvision", weights)) => return Ok(Self::Torchvision(weights.to_owned())),
            _ => {}
        }
        let path = Path::new(name);
        let found = if path.is_dir() {
            Self::beside(path)
        } else {
            Self::of_file(path)
        };
        found.ok_or_else(|| {
            Error::new("--original", "is nothing that can be run here")
                .expected_got(
                    "timm:NAME, torchvision:WEIGHTS, or the file or folder of a preprocessor_config.json or a config.json of timm",
                    format_args!("{name:?}"),
                )
                .with_kind(ErrorKind::Usage)
        })
    }

    /// What the model says itself: the name that its pipeline was embedded by, its metadata, the config beside it.
    ///
    /// # Errors
    /// Metadata that are spoiled.
    pub(crate) fn of(embedded: &EmbeddedModel) -> Result<Option<Self>> {
        let name = embedded.pipeline.description.as_deref().unwrap_or_default();
        if let Some((library, model)) = name.split_once(':') {
            match Library::ALL.iter().find(|known| known.name() == library) {
                Some(Library::Timm) => return Ok(Some(Self::Timm(model.to_owned()))),
                Some(Library::Torchvision) => return Ok(Some(Self::Torchvision(model.to_owned()))),
                Some(Library::OpenClip) | None => {}
            }
        }
        match Maker::read(&embedded.model)? {
            Some(Maker::Ultralytics(seen)) => Ok(Some(Self::Ultralytics {
                task: seen.task.as_ref().map(|task| task.name().to_owned()),
                rtdetr: seen.is_rtdetr(),
            })),
            Some(Maker::PaddleOcr(_)) => Ok(None),
            None => Ok(Self::beside(embedded.model.folder())),
        }
    }

    fn beside(folder: &Path) -> Option<Self> {
        ["preprocessor_config.json", "config.json"]
            .into_iter()
            .find_map(|name| Self::of_file(&folder.join(name)))
    }

    fn of_file(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
        let has = |key: &str| value.get(key).is_some();
        if has("pretrained_cfg") || (has("input_size") && has("interpolation")) {
            return Some(Self::TimmConfig(path.to_owned()));
        }
        let is_named = path
            .file_name()
            .is_some_and(|name| name == "preprocessor_config.json");
        (is_named && (has("image_processor_type") || has("feature_extractor_type")))
            .then(|| path.parent().map(|folder| Self::Transformers(folder.to_owned())))
            .flatten()
    }

    /// The package that Python must have.
    pub(crate) const fn library(&self) -> &'static str {
        match self {
            Self::Timm(_) | Self::TimmConfig(_) => "timm",
            Self::Torchvision(_) => "torchvision",
            Self::Transformers(_) => "transformers",
            Self::Ultralytics { .. } => "ultralytics",
        }
    }

    /// What of it, in words.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Timm(name) => format!("create_transform of {name}"),
            Self::TimmConfig(path) => format!("create_transform of {}", path.display()),
            Self::Torchvision(name) => format!("{name}.transforms()"),
            Self::Transformers(folder) => format!("AutoImageProcessor of {}", folder.display()),
            Self::Ultralytics { .. } => "predict of the model that was embedded into".to_owned(),
        }
    }
}

/// A library that runs.
pub(crate) struct Original {
    callable: Callable,
    folder: tempfile::TempDir,
}

impl Original {
    /// Starts Python with the library.
    ///
    /// # Errors
    /// Python or the library is not there, or refuses the config.
    pub(crate) fn start(python: &Path, origin: &Origin, embedded: &EmbeddedModel) -> Result<Self> {
        let folder = tempfile::tempdir()
            .map_err(|error| Error::io("a folder for Python", "cannot be made", &error))?;
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text)
                .map_err(|error| Error::io(folder.path().join(name).display(), "cannot be written", &error))
        };
        let mut spec = json!({
            "library": origin.library(),
            "layout": embedded.layout.name(),
            "dtype": match embedded.dtype {
                Dtype::Float32 => "float32",
                Dtype::Float16 => "float16",
                Dtype::Uint8 => "uint8",
            },
        });
        match origin {
            Origin::Timm(name) | Origin::Torchvision(name) => spec["name"] = name.as_str().into(),
            Origin::TimmConfig(path) => spec["file"] = absolute(path),
            Origin::Transformers(path) => {
                spec["folder"] = absolute(path);
                spec["pillow"] = is_pillow(&embedded.pipeline).into();
            }
            Origin::Ultralytics { task, rtdetr } => {
                let model = folder.path().join("original.onnx");
                restored(&embedded.model, &model)?;
                let batch = ImageInput::find(&Model::open(&model)?, None)?.batch().fixed();
                spec["model"] = absolute(&model);
                spec["task"] = task.as_deref().unwrap_or("detect").into();
                spec["rtdetr"] = (*rtdetr).into();
                spec["batch"] = batch.unwrap_or(1).into();
            }
        }
        write("spec.json", &spec.to_string())?;
        write("original.py", ORIGINAL)?;
        let script = folder.path().join("original.py");
        let callable = Callable::start(python, &format!("{}:ORIGINAL", script.display()), "pillow")?;
        Ok(Self { callable, folder })
    }

    /// The version of the library.
    pub(crate) fn version(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.path().join("about.json")).ok()?;
        let about: Value = serde_json::from_str(&text).ok()?;
        about["version"].as_str().map(str::to_owned)
    }

    /// The tensor that the library makes of one image.
    ///
    /// # Errors
    /// What the library raised.
    pub(crate) fn tensor(&mut self, image: ArrayView3<'_, u8>) -> Result<Tensor> {
        self.callable.call(image)
    }
}

fn absolute(path: &Path) -> Value {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.display().to_string().into()
}

/// The model without its preprocessing; its external data would have to lie beside it.
fn restored(model: &Model, to: &Path) -> Result<()> {
    if let [first, ..] = model.external_files() {
        return Err(Error::new(
            model.path().display(),
            "has external data, which its library would look for elsewhere",
        )
        .expected_got("one file", &first.location)
        .fix("embed again with --single-file"));
    }
    strip(model)?.write(to).map(drop)
}

fn is_pillow(pipeline: &Pipeline) -> bool {
    pipeline.steps.iter().any(|step| {
        matches!(step, prep_onnx_pipeline::steps::Step::Resize(resize)
            if matches!(resize.resampler, Resampler::Pillow | Resampler::Pillow12))
    })
}
