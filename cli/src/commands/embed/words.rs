//! What `embed` says of what it did.

use std::path::Path;

use prep_onnx_rewriter::after::AfterReport;
use prep_onnx_rewriter::portable::{MAX_DEVIATION, Portable};
use prep_onnx_rewriter::{Lowering, Model, Quantisation, Quantised, Report};

use crate::choose::Choice;
use crate::recognise::Answers;
use crate::then;
use crate::trial::{Trial, feed_line};
use crate::ui;

/// What was taken from where, one line each.
pub(super) fn describe(
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
pub(super) fn written(output: &Path, report: &Report, bytes: u64, dry_run: bool) -> String {
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

/// What to do so that a quantised model stays as fast as it was; none for other models and forms.
pub(super) fn quantised(model: &Model, lowering: Lowering) -> Option<&'static str> {
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
