//! The presets: what well-known model families use, as data in `models/presets`.

use crate::import::{IMAGENET_MEAN, IMAGENET_STD, timm};
use crate::nearest::nearest;
use crate::steps::Normalize;
use crate::{
    Error, ErrorKind, Filter, Import, ImportOptions, Notation, Output, Pipeline, Resampler, Result,
    import_with,
};

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
    "arcface",
    "beit",
    "blip",
    "clip",
    "clip-336",
    "clip-interrogator",
    "convnext",
    "convnext-384",
    "ddddocr",
    "deit",
    "dinov2",
    "efficientnet",
    "imagenet",
    "imagenet-v2",
    "keras-caffe",
    "keras-tf",
    "keras-torch",
    "levit",
    "mobilenet",
    "mobilenet-v1",
    "mobilevit",
    "owlvit",
    "paddleocr-cls",
    "paddleocr-det",
    "paddleocr-rec",
    "poolformer",
    "rapidocr-det",
    "raw",
    "rembg",
    "rembg-isnet",
    "resnet-hf",
    "rt-detr",
    "scrfd",
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
    "yolo",
    "yolo-cls",
    "yolo-stretched",
    "yolov5-cls",
    "yolox",
);

impl Preset {
    /// The pipeline, with the resampler of its library or with another one: see [`import`](crate::import).
    ///
    /// # Errors
    /// When the resampler does not have the preset's filter.
    pub fn import(&self, resampler: Option<Resampler>) -> Result<Import> {
        self.import_with(&ImportOptions {
            resampler,
            ..ImportOptions::default()
        })
    }

    /// The pipeline with what else is asked for: see [`import_with`].
    ///
    /// # Errors
    /// When the resampler does not have the preset's filter, or the preset cannot have the size.
    pub fn import_with(&self, options: &ImportOptions<'_>) -> Result<Import> {
        import_with(self.text, Notation::Toml, options)
            .map_err(|error| error.within(format_args!("preset {}", self.name)))
    }

    /// What else it is called: ids of checkpoints on the hub of Hugging Face, and `timm:` with a model of timm.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        let name = self.name;
        ids().filter_map(move |(preset, id)| (preset == name).then_some(id))
    }

    /// One line on what it is for.
    pub fn description(&self) -> &'static str {
        self.text
            .lines()
            .find_map(|line| line.strip_prefix("description = \"")?.strip_suffix('"'))
            .unwrap_or_default()
    }
}

/// What is asked for and cannot be a preset, and why.
const NOT_EXPRESSIBLE: [(&str, &str); 1] = [(
    "mediapipe",
    "MediaPipe warps each image in one step (ImageToTensorCalculator: cv::warpPerspective, or a shader), whose pixels no resize and no pad give",
)];

/// The table of ids: (preset, id).
fn ids() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("../../models/preset-ids.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
}

/// The preset of this name, or the one of a checkpoint's id such as `google/vit-base-patch16-224` or
/// `timm:resnet50.a1_in1k` (on the hub `timm/resnet50.a1_in1k`).
///
/// # Errors
/// On an unknown name, with those that it may be a slip of.
///
/// ```
/// use prep_onnx_pipeline::preset;
///
/// assert_eq!(preset("timm:resnet50.a1_in1k")?.name, "timm-0.95");
/// let error = preset("mobilnet").unwrap_err();
/// assert_eq!(error.help(), Some("did you mean mobilenet, mobilenet-v1?"));
/// # Ok::<(), prep_onnx_pipeline::Error>(())
/// ```
pub fn preset(name: &str) -> Result<&'static Preset> {
    let id = match name.strip_prefix("timm/") {
        Some(model) => format!("timm:{model}"),
        None => name.to_owned(),
    };
    let known = ids().find_map(|(preset, known)| (known == id).then_some(preset));
    let wanted = known.unwrap_or(name);
    if let Some(preset) = PRESETS.iter().find(|preset| preset.name == wanted) {
        return Ok(preset);
    }
    let names = || PRESETS.iter().map(|preset| preset.name);
    let error = Error::new("preset", format_args!("{name:?} is not known")).with_kind(ErrorKind::Config);
    if let Some((_, why)) = NOT_EXPRESSIBLE.iter().find(|(known, _)| *known == name) {
        return Err(Error::new("preset", format_args!("there is none for {name:?}"))
            .why(why)
            .fix("keep its own preprocessing before the model")
            .with_kind(ErrorKind::Config));
    }
    if id.contains(['/', ':']) {
        let near = nearest(&id, ids().map(|(_, known)| known));
        let error = error.why("only the checkpoints are known that a preset is for");
        return Err(match near.first() {
            Some(near) => error.fix(format_args!("did you mean {near}?")),
            None => error
                .fix("give the file of its preprocessing: preprocessor_config.json, or timm's config.json"),
        });
    }
    let near = nearest(name, names());
    Err(if near.is_empty() {
        error.fix(format_args!(
            "choose one of {}",
            names().collect::<Vec<_>>().join(", ")
        ))
    } else {
        error.fix(format_args!("did you mean {}?", near.join(", ")))
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
        ..Pipeline::default()
    };
    pipeline.check()?;
    Ok(pipeline)
}
