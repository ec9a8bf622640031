//! What `embed` is asked for.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use prep_onnx_pipeline::{Accept, OnBadImage, OutputKind, Resampler};
use prep_onnx_rewriter::Lowering;
use prep_onnx_rewriter::after::Then;

/// Put the preprocessing into a model
///
/// The new file takes raw uint8 RGB images [N, H, W, 3] of any size; its tensors are those of the
/// original Python pipeline, bit for bit. The original graph stays as it is, and `strip` restores it.
///
/// Without --pipeline: the config beside the model (prep.toml, preprocessor_config.json, timm's
/// config.json, open_clip_config.json and the like), else, for a classifier with one image input and one
/// output [N, classes] that says nothing else, the ImageNet preset at the model's own input size, which is
/// recorded in the file as assumed.
///
/// A file whose preprocessing is embedded already gets the steps of --then or --answers after its model; the rest of it stays.
///
/// Where ONNX Runtime is at hand, the result is loaded and run once before it takes its place.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx embed model.onnx
  prep-onnx embed model.onnx --pipeline clip -o clip.prep.onnx
  prep-onnx embed model.onnx --pipeline preprocessor_config.json
  prep-onnx embed model.onnx --pipeline google/vit-base-patch16-224 --size 384
  # What boxes need to go back to the image
  prep-onnx embed detector.onnx --pipeline p.toml --outputs geometry
  # Image in, boxes out, in pixels of the image
  prep-onnx embed yolo11n.onnx --answers
  # The same for a file whose preprocessing is embedded already
  prep-onnx embed yolo11n.prep.onnx --answers -o yolo11n.answers.onnx
  prep-onnx embed detector.onnx --pipeline p.toml --then detections=yolov8
  prep-onnx embed model.onnx --dry-run")]
pub(crate) struct Options {
    /// The model
    pub(super) model: PathBuf,
    /// The file to write [default: MODEL with .prep.onnx in the place of .onnx]
    #[arg(short = 'o', long = "out", value_name = "OUT")]
    pub(super) output: Option<PathBuf>,
    /// A preset (see `prep-onnx pipelines`), the id of a checkpoint that one is for, or a config file
    #[arg(long, value_name = "PRESET|FILE", alias = "preset", add = crate::complete::preset_or_file())]
    pub(super) pipeline: Option<String>,
    /// The size that the model takes, in the place of the pipeline's own, where it can have another one
    #[arg(long, value_name = "HxW|N")]
    pub(super) size: Option<String>,
    /// Whose resize is meant, where the config leaves it open; torch with torchvision:WEIGHTS: their transforms() of a
    /// uint8 tensor
    #[arg(long, value_name = "LIBRARY", value_parser = PossibleValuesParser::new(Resampler::ALL.iter().map(|resampler| resampler.name())))]
    pub(super) resampler: Option<String>,
    /// The input that takes the image, where several can
    #[arg(long, value_name = "NAME")]
    pub(super) input: Option<String>,
    /// The name of the new input [default: image]
    #[arg(long, value_name = "NAME")]
    pub(super) input_name: Option<String>,
    /// How the pipeline lies in the model: node and function, flat standard ops, or node only [default: one-file; fused with --accept encoded]
    #[arg(long, value_name = "FORM", value_parser = PossibleValuesParser::new(Lowering::ALL.map(Lowering::name)))]
    pub(super) lower: Option<String>,
    /// What the model takes: images of one size, of mixed sizes, or encoded files, which need the op library
    #[arg(long, value_name = "FORM", default_value = Accept::Batch.name(), value_parser = PossibleValuesParser::new(Accept::ALL.iter().map(|accept| accept.name())))]
    pub(super) accept: String,
    /// With --accept encoded, what an image becomes that cannot be read: the run fails, or zeros and an output with a status for each image
    #[arg(long, value_name = "HOW", default_value = OnBadImage::Fail.name(), value_parser = PossibleValuesParser::new(OnBadImage::ALL.iter().map(|how| how.name())))]
    pub(super) on_bad_image: String,
    /// The standard ops: bit for bit, or ONNX's Resize, which is off by up to 2 steps of the pixel value
    #[arg(long, value_name = "HOW", value_enum, default_value_t = How::Exact)]
    pub(super) portable: How,
    /// Further outputs of the model, for what comes after it: geometry (float32 [N, 6]: source height and width, scales, top,
    /// left), mask (int64 [N, H, W]: 1 where there is image), sizes (int64 [N, 2]) and grid (int64 [N, 3]: frames, rows and columns
    /// of patches or tiles)
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = PossibleValuesParser::new(OutputKind::EXTRA.iter().map(|kind| kind.name())))]
    pub(super) outputs: Vec<String>,
    /// Take external data into the model: one file, up to 2 GB
    #[arg(long)]
    pub(super) single_file: bool,
    /// Of a quantised model: keep its QuantizeLinear and the floats before it, where the preprocessing could give the bytes
    #[arg(long)]
    pub(super) keep_quantize: bool,
    /// Of a quantised model with int8: give the bytes, too. ONNX Runtime on x86 optimises it otherwise then, and outputs may
    /// differ by a step of their scale
    #[arg(long, conflicts_with = "keep_quantize")]
    pub(super) fold_int8: bool,
    /// Do not load the result in ONNX Runtime before it takes its place
    #[arg(long)]
    pub(super) no_load: bool,
    /// The size of every image, where it is known (a camera, a phone): far fewer and simpler standard ops, and no other size
    #[arg(long, value_name = "HxW", value_parser = image_size)]
    pub(super) image_size: Option<(usize, usize)>,
    /// A step after the model, in the same file: softmax, top_k=5, detections=yolov8, … (see `prep-onnx steps`); several in their order
    #[arg(long, value_name = "STEP[=…]")]
    pub(super) then: Vec<Then>,
    /// The steps after the model that the evidence supports: metadata of Ultralytics, config.json of transformers beside the model,
    /// outputs of torchvision's detectors
    #[arg(long, conflicts_with = "then")]
    pub(super) answers: bool,
    /// With --then or --answers: the outputs that the steps take stay, before the new ones
    #[arg(long)]
    pub(super) keep_outputs: bool,
    /// With --then or --answers: the names of the classes, which travel with the file: a text file with one per line, or JSON
    #[arg(long, value_name = "FILE")]
    pub(super) labels: Option<PathBuf>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Which standard ops stand in for the op library.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum How {
    /// The bits of the scalar reference
    Exact,
    /// ONNX's own Resize: fewer nodes, and slower in ONNX Runtime on a processor
    Fast,
}

/// `HEIGHTxWIDTH` in pixels.
fn image_size(text: &str) -> std::result::Result<(usize, usize), String> {
    let edges = text
        .split_once('x')
        .map(|(height, width)| (height.parse(), width.parse()));
    match edges {
        Some((Ok(height), Ok(width))) if height > 0 && width > 0 => Ok((height, width)),
        _ => Err("expected height and width in pixels, such as 480x640".to_owned()),
    }
}

/// `model.onnx` becomes `model.prep.onnx`.
pub(crate) fn default_output(model: &Path) -> PathBuf {
    let stem = match model.extension() {
        Some(extension) if extension == "onnx" => model.with_extension(""),
        _ => model.to_owned(),
    };
    let mut name = stem.into_os_string();
    name.push(".prep.onnx");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_lies_beside_the_model() {
        for (model, output) in [
            ("a/model.onnx", "a/model.prep.onnx"),
            ("v1.2.onnx", "v1.2.prep.onnx"),
            ("model", "model.prep.onnx"),
            ("model.pb", "model.pb.prep.onnx"),
        ] {
            assert_eq!(default_output(Path::new(model)), Path::new(output));
        }
    }
}
