//! Steps after the model of a file whose preprocessing is embedded already.

use prep_onnx_pipeline::{Accept, Error, OnBadImage};
use prep_onnx_rewriter::{AFTER_KEY, Model, PIPELINE_KEY};
use serde_json::json;

use super::options::{How, Options, default_output};
use crate::answer::{Answer, Failure, Outcome};
use crate::args::Global;
use crate::embedded::EmbeddedModel;
use crate::host::Provider;
use crate::recognise::answers;
use crate::then::{self, Asked};
use crate::trial::{AtHand, Trial, attempt_after};
use crate::ui;

/// Whether steps are asked for, and the rest is there already.
pub(super) fn is_meant(model: &Model, options: &Options) -> bool {
    let asks = options.answers || !options.then.is_empty();
    asks && [PIPELINE_KEY, AFTER_KEY]
        .iter()
        .any(|key| model.metadata_value(key).is_some())
}

pub(super) fn run(model: &Model, options: &Options, global: &Global) -> Outcome {
    check_options(options, global).map_err(Failure::usage)?;
    let recognised = options.answers.then(|| answers(model)).transpose()?;
    let steps = match &recognised {
        Some(answers) => answers.steps.as_slice(),
        None => options.then.as_slice(),
    };
    let asked = Asked {
        steps,
        keep_outputs: options.keep_outputs,
        labels: options.labels.as_deref(),
        recognised: recognised.as_ref(),
    };
    let (after, image_size) = then::onto(model, &asked)?;
    let embedded = EmbeddedModel::open_alone(&options.model)?;
    let output = options
        .output
        .clone()
        .unwrap_or_else(|| default_output(&options.model));
    let trial = if options.dry_run {
        after.edit.check(&output)?;
        None
    } else {
        let at_hand = if options.no_load {
            AtHand::No("--no-load".to_owned())
        } else {
            AtHand::find(global, Provider::Cpu)?
        };
        let mut trial = Trial::No("it was not tried".to_owned());
        after.edit.write_checked(&output, |path| {
            trial = match &at_hand {
                AtHand::Yes(loaded) => {
                    let name = output.display().to_string();
                    attempt_after(path, &name, &embedded, image_size, loaded)?
                }
                AtHand::No(why) => Trial::No(why.clone()),
            };
            Ok(())
        })?;
        Some(trial)
    };
    let mut table = ui::Table::new(&[]);
    let mut line = |key: &str, value: String| table.row([ui::bold(key), value]);
    line("pipeline", "in the file already; it stays".to_owned());
    then::describe(&after.report, recognised.as_ref(), &mut line);
    if let Some(trial) = &trial {
        line("checked", trial.in_words());
    }
    let verb = if options.dry_run {
        ui::bold("would write")
    } else {
        ui::good("wrote")
    };
    let text = format!(
        "{table}{verb} {} ({}): {} standard ops after the model, opset {}\n",
        output.display(),
        ui::bytes(after.edit.bytes()),
        after.report.nodes,
        model.standard_opset().unwrap_or_default(),
    );
    let external: Vec<_> = after
        .edit
        .external_files()
        .iter()
        .map(|file| file.location.clone())
        .collect();
    let json = json!({
        "output": output.display().to_string(),
        "bytes": after.edit.bytes(),
        "written": !options.dry_run,
        "pipeline_from": "the file",
        "pipeline_assumed": embedded.assumed.is_some(),
        "evidence": null,
        "notes": [],
        "pipeline": embedded.pipeline.to_value(),
        "external_data": external,
        "other_inputs": [],
        "feeds": [],
        "outputs": [],
        "after": after.report,
        "after_from": recognised.as_ref().map(|answers| &answers.evidence),
        "trial": trial.as_ref().map(Trial::json),
        "quantised": null,
        "image_as_bytes": embedded.quantised,
        "report": null,
    });
    Ok(Answer::report(text, json))
}

/// Checks that nothing is asked for that the preprocessing would have to be made anew for.
fn check_options(options: &Options, global: &Global) -> Result<(), Error> {
    let given = [
        (options.pipeline.is_some() || global.given.is_some(), "--pipeline"),
        (options.size.is_some(), "--size"),
        (options.resampler.is_some(), "--resampler"),
        (options.input.is_some(), "--input"),
        (options.input_name.is_some(), "--input-name"),
        (options.lower.is_some(), "--lower"),
        (options.accept != Accept::Batch.name(), "--accept"),
        (options.on_bad_image != OnBadImage::Fail.name(), "--on-bad-image"),
        (matches!(options.portable, How::Fast), "--portable"),
        (!options.outputs.is_empty(), "--outputs"),
        (options.single_file, "--single-file"),
        (options.keep_quantize, "--keep-quantize"),
        (options.fold_int8, "--fold-int8"),
        (options.image_size.is_some(), "--image-size"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, option)) => Err(Error::new(
            option,
            "is of the preprocessing, which is embedded in the file already and stays as it is",
        )
        .fix(format_args!(
            "leave {option} out to add steps after the model alone; for another preprocessing strip first: prep-onnx strip MODEL -o OUT"
        ))),
    }
}
