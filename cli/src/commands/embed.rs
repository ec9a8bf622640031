//! Putting a pipeline into a model.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use prep_onnx_pipeline::{Accept, Error, ImportOptions, OnBadImage, OutputKind, Resampler, Result};
use prep_onnx_rewriter::after::{AfterReport, Then};
use prep_onnx_rewriter::portable::{MAX_DEVIATION, Portable};
use prep_onnx_rewriter::{Edit, EmbedOptions, Lowering, Model, Quantisation, Quantised, Report};
use serde_json::json;

use super::embed_after;
use crate::answer::{Answer, Failure, Outcome};
use crate::args::Global;
use crate::choose::{Choice, choose};
use crate::feeds::embed_fed;
use crate::host::Provider;
use crate::recognise::{Answers, answers};
use crate::size::parse_size;
use crate::then;
use crate::trial::{AtHand, Candidate, Trial, attempt, feed_line, needs_json};
use crate::ui;

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
    /// ONNX's own Resize
    Fast,
}

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    let model = Model::open(&options.model)?;
    if embed_after::is_meant(&model, options) {
        return embed_after::run(&model, options, global);
    }
    let resampler = parse(options.resampler.as_deref())?;
    let size = options.size.as_deref().map(parse_size).transpose();
    let accept = parse(Some(&options.accept))?.unwrap_or(Accept::Batch);
    let usual = match accept {
        // No standard op decodes.
        Accept::Encoded => Lowering::Fused,
        Accept::Batch | Accept::Ragged => Lowering::default(),
    };
    let lowering = parse(options.lower.as_deref())?.unwrap_or(usual);
    let on_bad_image = parse(Some(&options.on_bad_image))?.unwrap_or(OnBadImage::Fail);
    // First, since an embedded model has another image input and errors about that would mislead.
    model.check_plain()?;
    let asked = ImportOptions {
        resampler,
        size: size.map_err(Failure::usage)?,
        ..ImportOptions::default()
    };
    let mut choice = match &global.given {
        Some(pipeline) => Choice::given(pipeline, &asked)?,
        None => choose(
            &model,
            options.input.as_deref(),
            options.pipeline.as_deref(),
            &asked,
        )?,
    };
    let recognised = options.answers.then(|| answers(&model)).transpose()?;
    let steps = match &recognised {
        Some(answers) => answers.steps.as_slice(),
        None => options.then.as_slice(),
    };
    if steps.is_empty() && (options.keep_outputs || options.labels.is_some()) {
        let option = if options.keep_outputs {
            "--keep-outputs"
        } else {
            "--labels"
        };
        return Err(Failure::usage(
            Error::new(option, "is for what comes after the model").fix("add --then STEP or --answers"),
        ));
    }
    if accept == Accept::Encoded && choice.pipeline.background.is_some() {
        choice.notes.push(
            "a model that takes files drops alpha: the pipeline lays transparent pixels over a colour, as a host does that \
             decodes (--accept batch or ragged)"
                .to_owned(),
        );
    }
    let embed_options = EmbedOptions {
        input: options.input.clone(),
        input_name: options.input_name.clone(),
        lowering,
        accept,
        portable: match options.portable {
            How::Exact => Portable::Exact,
            How::Fast => Portable::Fast,
        },
        on_bad_image,
        assumed: choice.assumption(),
        single_file: options.single_file,
        image_size: options.image_size,
        outputs: outputs(&options.outputs)?,
        feeds: Vec::new(),
        keep_floats: options.keep_quantize,
        fold_int8: options.fold_int8,
        inner: then::inner(steps),
    };
    let (embedding, embed_options) = embed_fed(&model, &choice.pipeline, &embed_options, &mut choice.notes)?;
    let after = then::after(
        &model,
        &embedding,
        &embed_options,
        &then::Asked {
            steps,
            keep_outputs: options.keep_outputs,
            labels: options.labels.as_deref(),
            recognised: recognised.as_ref(),
        },
    )?;
    let edit = after.as_ref().map_or(&embedding.edit, |after| &after.edit);
    let output = options
        .output
        .clone()
        .unwrap_or_else(|| default_output(&options.model));
    let at_hand = if options.no_load || options.dry_run {
        AtHand::No("--no-load".to_owned())
    } else {
        AtHand::find(global, Provider::Cpu)?
    };
    let trial = if options.dry_run {
        edit.check(&output)?;
        None
    } else {
        Some(write(
            &model,
            (edit, &embedding.report),
            &choice,
            &embed_options,
            &output,
            &at_hand,
        )?)
    };
    let after = after.as_ref().map(|after| &after.report);
    let mut text = describe(
        &model,
        &embedding.report,
        (after, recognised.as_ref()),
        &choice,
        trial.as_ref(),
    );
    text.push_str(&written(
        &output,
        &embedding.report,
        edit.bytes(),
        options.dry_run,
    ));
    let quantised = quantised(&model, lowering);
    let json = json!({
        "output": output.display().to_string(),
        "bytes": edit.bytes(),
        "written": !options.dry_run,
        "pipeline_from": choice.origin,
        "pipeline_assumed": choice.assumed,
        "evidence": choice.evidence,
        "notes": choice.notes,
        "pipeline": embedding.report.pipeline.to_value(),
        "external_data": embedding.report.external_data,
        "other_inputs": needs_json(&embedding.report.other_inputs),
        "feeds": embedding.report.feeds,
        "outputs": embedding.report.outputs,
        "after": after,
        "after_from": recognised.as_ref().map(|answers| &answers.evidence),
        "trial": trial.as_ref().map(Trial::json),
        "quantised": quantised,
        "image_as_bytes": embedding.report.quantised,
        "report": serde_json::to_value(&embedding.report).unwrap_or_default(),
    });
    if let Some(advice) = quantised {
        text.push_str(&format!("{} {advice}\n", ui::warn("quantised:")));
    }
    Ok(Answer::report(text, json))
}

/// Writes the file, once it loads where a runtime is at hand.
fn write(
    model: &Model,
    (edit, report): (&Edit, &Report),
    choice: &Choice,
    options: &EmbedOptions,
    output: &Path,
    at_hand: &AtHand,
) -> Result<Trial> {
    let mut trial = None;
    edit.write_checked(output, |path| {
        let candidate = Candidate {
            path,
            name: &output.display().to_string(),
            original: model,
            report,
            accept: options.accept,
            assumed_size: choice.assumed_size,
            image_size: options.image_size,
        };
        trial = Some(match at_hand {
            AtHand::Yes(loaded) => attempt(&candidate, loaded)?,
            AtHand::No(why) => Trial::No(why.clone()),
        });
        Ok(())
    })?;
    Ok(trial.unwrap_or_else(|| Trial::No("it was not tried".to_owned())))
}

/// What to do so that a quantised model stays as fast as it was; none for other models and forms.
fn quantised(model: &Model, lowering: Lowering) -> Option<&'static str> {
    let has = |op: &str| model.op_types().any(|present| present == op);
    // ONNX defines these as functions, and ONNX Runtime has no kernel of its own for them: it fuses them with what is
    // quantised around them, unless it has expanded them before.
    let expands = ["HardSwish", "Mish", "Swish"];
    let is_slower = lowering == Lowering::OneFile
        && (has("QuantizeLinear") || has("DequantizeLinear"))
        && expands.into_iter().any(has);
    is_slower.then_some(
        "a function in the model makes ONNX Runtime expand other ops before it fuses the quantised ones, which can double \
         the model's time: set session.disable_aot_function_inlining to 1 in the host (run, verify and bench do with the op \
         library), or embed with --lower standard for hosts without the library, --lower fused for those with it",
    )
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

/// The kinds, each once.
fn outputs(names: &[String]) -> Outcome<Vec<OutputKind>> {
    let mut kinds = Vec::new();
    for name in names {
        let kind: OutputKind = name.parse().map_err(Failure::usage)?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

fn parse<T: std::str::FromStr<Err = Error>>(option: Option<&str>) -> Outcome<Option<T>> {
    option.map(str::parse).transpose().map_err(Failure::usage)
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

/// What was taken from where, one line each.
fn describe(
    model: &Model,
    report: &Report,
    (after, recognised): (Option<&AfterReport>, Option<&Answers>),
    choice: &Choice,
    trial: Option<&Trial>,
) -> String {
    let mut table = ui::Table::new(&[]);
    let mut line = |key: &str, value: String| table.row([ui::bold(key), value]);
    let input = &report.image_input;
    let shape: Vec<_> = input.shape.iter().map(ToString::to_string).collect();
    let form = format!("{} {} [{}]", input.layout, input.dtype, shape.join(", "));
    line("model input", format!("{}: {form}, from the model", input.name));
    line(
        "pipeline",
        if choice.assumed {
            ui::warn(format_args!(
                "{}, assumed; --pipeline PRESET|FILE says otherwise",
                choice.origin
            ))
        } else {
            choice.origin.clone()
        },
    );
    if let Some(evidence) = &choice.evidence {
        line("", evidence.seen(model));
    }
    for step in ui::pipeline_lines(&report.pipeline) {
        line("", step);
    }
    for note in choice.notes.iter().chain(&report.assumptions) {
        line("note", note.clone());
    }
    match &report.quantised {
        None => {}
        Some(Quantisation::Bytes { quantised, .. }) => line("quantised", bytes_line(quantised)),
        Some(Quantisation::Kept { kept }) => {
            line(
                "quantised",
                format!("by the model, from floats as before: {kept}"),
            );
        }
    }
    for (index, input) in report.inputs.iter().enumerate() {
        line(if index == 0 { "takes now" } else { "" }, input.to_string());
    }
    for (index, input) in report.other_inputs.iter().enumerate() {
        line(if index == 0 { "needs too" } else { "" }, feed_line(input));
    }
    for (index, feed) in report.feeds.iter().enumerate() {
        let what = format!("{}: the {} of the preprocessing", feed.input, feed.kind);
        line(if index == 0 { "fed now" } else { "" }, what);
    }
    for (index, output) in report.outputs.iter().enumerate() {
        line(if index == 0 { "gives too" } else { "" }, output.to_string());
    }
    if let Some(after) = after {
        then::describe(after, recognised, &mut line);
    }
    for file in &report.external_data {
        let size = file.bytes.map_or_else(|| "unusable".to_owned(), ui::bytes);
        line(
            "data file",
            ui::warn(format_args!(
                "{} ({size}) must travel along; --single-file takes it in",
                file.location
            )),
        );
    }
    if report.portable == Portable::Fast && report.portable_nodes > 0 {
        line(
            "inexact",
            format!(
                "--portable fast: up to {MAX_DEVIATION} steps of the 8-bit pixel value off without the library"
            ),
        );
    }
    if let Some(trial) = trial {
        line("checked", trial.in_words());
    }
    table.to_string()
}

/// What the preprocessing gives in the place of floats.
fn bytes_line(quantised: &Quantised) -> String {
    format!(
        "the preprocessing gives the {} of `{}` itself, equal for all 256 values of each channel{}; --keep-quantize keeps \
         QuantizeLinear and the floats",
        quantised.element(),
        quantised.value,
        if quantised.from_int8 {
            ": the int8 of the model and 128, which ONNX Runtime computes with on every processor but ARM, where --fold-int8 \
             has what it computes with"
        } else {
            ""
        }
    )
}

/// What was written.
fn written(output: &Path, report: &Report, bytes: u64, dry_run: bool) -> String {
    let nodes = match (&report.op, report.portable_nodes) {
        (Some(op), 0) => format!("{op}, which needs the library"),
        (Some(op), nodes) => format!("{op}, or {nodes} standard ops without the library"),
        (None, nodes) => format!("{nodes} standard ops"),
    };
    let verb = if dry_run {
        ui::bold("would write")
    } else {
        ui::good("wrote")
    };
    format!(
        "{verb} {} ({}): {nodes}, opset {}\n",
        output.display(),
        ui::bytes(bytes),
        report.opset
    )
}

/// Embeds as the command does, for other commands, which load the result themselves.
pub(crate) fn embed_to(model: &Path, output: &Path, pipeline: Option<&str>) -> Outcome<String> {
    let model = Model::open(model)?;
    let choice = choose(&model, None, pipeline, &ImportOptions::default())?;
    let options = EmbedOptions {
        assumed: choice.assumption(),
        ..EmbedOptions::default()
    };
    let mut choice = choice;
    let (embedding, options) = embed_fed(&model, &choice.pipeline, &options, &mut choice.notes)?;
    let trial = AtHand::No("the next step does".to_owned());
    let parts = (&embedding.edit, &embedding.report);
    let trial = write(&model, parts, &choice, &options, output, &trial)?;
    let text = describe(&model, &embedding.report, (None, None), &choice, Some(&trial));
    Ok(text + &written(output, &embedding.report, embedding.edit.bytes(), false))
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
