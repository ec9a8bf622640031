//! The presets: what well-known model families use, as data in `models/presets`.

use crate::import::{IMAGENET_MEAN, IMAGENET_STD, timm};
use crate::nearest::nearest;
use crate::steps::Normalize;
use crate::{Error, ErrorKind, Filter, Import, Notation, Output, Pipeline, Resampler, Result, import};

/// A named pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name that stands for it.
    pub name: &'static str,
    /// Its file, in TOML: a description, and one of `steps`, `huggingface`, `timm`.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        /// Every preset, by name.
        pub const PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            text: include_str!(concat!("../../models/presets/", $name, ".toml")),
        }),+];
    };
}

presets!(
    "beit",
    "blip",
    "clip",
    "clip-336",
    "convnext",
    "convnext-384",
    "deit",
    "dinov2",
    "efficientnet",
    "imagenet",
    "imagenet-v2",
    "levit",
    "mobilenet",
    "mobilenet-v1",
    "mobilevit",
    "owlvit",
    "poolformer",
    "raw",
    "resnet-hf",
    "rt-detr",
    "segformer",
    "siglip",
    "siglip-384",
    "swin",
    "swin-384",
    "timm",
    "timm-0.95",
    "trocr",
    "vit",
    "vit-384",
);

impl Preset {
    /// The pipeline, with the resampler of its library or with another one: see [`import`].
    ///
    /// # Errors
    /// When the resampler does not have the preset's filter.
    pub fn import(&self, resampler: Option<Resampler>) -> Result<Import> {
        import(self.text, Notation::Toml, resampler)
            .map_err(|error| error.within(format_args!("preset {}", self.name)))
    }

    /// One line on what it is for.
    pub fn description(&self) -> &'static str {
        self.text
            .lines()
            .find_map(|line| line.strip_prefix("description = \"")?.strip_suffix('"'))
            .unwrap_or_default()
    }
}

/// The preset of this name.
///
/// # Errors
/// On an unknown name, with the nearest known ones.
///
/// ```
/// let error = prep_onnx_pipeline::preset("mobilnet").unwrap_err();
/// assert_eq!(error.help(), Some("did you mean mobilenet, mobilevit, mobilenet-v1?"));
/// ```
pub fn preset(name: &str) -> Result<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| {
        let names = || PRESETS.iter().map(|preset| preset.name);
        let near = nearest(name, names());
        let error = Error::new("preset", format_args!("{name:?} is not known")).with_kind(ErrorKind::Config);
        if near.is_empty() {
            error.fix(format_args!(
                "choose one of {}",
                names().collect::<Vec<_>>().join(", ")
            ))
        } else {
            error.fix(format_args!("did you mean {}?", near.join(", ")))
        }
    })
}

/// The ImageNet preprocessing at a model's own input size: bilinear resize by Pillow so that a
/// centre crop of `height` x `width` keeps 0.875 of the shorter edge, division by 255, ImageNet mean and deviation.
///
/// Equals timm's default transform with bilinear interpolation, and at 224 x 224 torchvision's
/// `Resize(256)`, `CenterCrop(224)`, `ToTensor()`, `Normalize(...)`: the preset `imagenet`.
///
/// # Errors
/// When an edge is 0 or too large.
pub fn imagenet_at(height: usize, width: usize) -> Result<Pipeline> {
    let pipeline = Pipeline {
        description: Some(format!("ImageNet at {height} x {width}")),
        steps: timm::center(
            [height, width],
            timm::DEFAULT_CROP_PCT,
            Filter::Bilinear,
            Resampler::Pillow,
            Normalize {
                mean: IMAGENET_MEAN,
                std: IMAGENET_STD,
            },
        ),
        output: Output::default(),
    };
    pipeline.check()?;
    Ok(pipeline)
}
