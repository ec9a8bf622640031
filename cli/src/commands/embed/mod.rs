//! Putting a pipeline into a model.

mod after;
mod options;
mod words;

use std::path::Path;

use prep_onnx_pipeline::{Accept, Error, ImportOptions, OnBadImage, OutputKind, Result};
use prep_onnx_rewriter::portable::Portable;
use prep_onnx_rewriter::{Edit, EmbedOptions, Lowering, Model, Report};
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome};
use crate::args::Global;
use crate::choose::{Choice, choose};
use crate::feeds::embed_fed;
use crate::host::Provider;
use crate::recognise::answers;
use crate::size::parse_size;
use crate::then;
use crate::trial::{AtHand, Candidate, Trial, attempt, needs_json};
use crate::ui;
use options::How;
pub(crate) use options::{Options, default_output};
use words::{describe, quantised, written};

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    let model = Model::open(&options.model)?;
    if after::is_meant(&model, options) {
        return after::run(&model, options, global);
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
