//! What is inside a model.

use std::path::PathBuf;

use clap::Args;
use prep_onnx_pipeline::{OnBadImage, Pipeline};
use prep_onnx_rewriter::after::Recorded;
use prep_onnx_rewriter::{Embedded, Model, Summary, inspect};

use crate::answer::{Answer, Outcome};
use crate::args::Global;
use crate::recognise::Maker;
use crate::ui;

/// Show what is inside a model: inputs, outputs, and the embedded pipeline
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx inspect model.prep.onnx
  prep-onnx inspect model.onnx --json")]
pub(crate) struct Options {
    /// A model, with or without an embedded pipeline
    model: PathBuf,
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    let model = Model::open(&options.model)?;
    let summary = inspect(&model);
    let maker = Maker::read(&model);
    let seen = match &maker {
        Ok(maker) => maker.as_ref().map(|maker| maker.seen(&model)),
        Err(error) => Some(error.to_string()),
    };
    let mut json = serde_json::to_value(&summary).unwrap_or_default();
    json["evidence"] = serde_json::to_value(maker.ok().flatten()).unwrap_or_default();
    Ok(Answer::new(text(&summary, seen), json))
}

fn text(summary: &Summary, seen: Option<String>) -> String {
    let mut table = ui::Table::new(&[]);
    let mut line = |key: &str, value: String| table.row([ui::bold(key), value]);
    for (index, input) in summary.inputs.iter().enumerate() {
        line(if index == 0 { "inputs" } else { "" }, input.to_string());
    }
    for (index, output) in summary.outputs.iter().enumerate() {
        line(if index == 0 { "outputs" } else { "" }, output.to_string());
    }
    let opsets: Vec<_> = summary
        .opsets
        .iter()
        .map(|opset| match opset.domain.as_str() {
            "" => opset.version.to_string(),
            domain => format!("{domain} {}", opset.version),
        })
        .collect();
    line("opset", opsets.join(", "));
    line(
        "nodes",
        format!("{}, {} initializers", summary.nodes, summary.initializers),
    );
    for file in &summary.external_data {
        let state = match (&file.problem, file.bytes) {
            (Some(problem), _) => ui::bad(problem),
            (None, Some(bytes)) => format!(
                "{} tensors, {}, must travel along",
                file.tensors,
                ui::bytes(bytes)
            ),
            (None, None) => format!("{} tensors", file.tensors),
        };
        line("external data", format!("{}: {state}", file.location));
    }
    if let Some(seen) = seen {
        line("recognised", seen);
    }
    match (
        &summary.embedded,
        &summary.image_input,
        &summary.image_input_problem,
    ) {
        (Some(embedded), ..) => embedded_lines(embedded, &mut line),
        (None, Some(input), _) => {
            line(
                "pipeline",
                "none embedded: prep-onnx embed puts one in".to_owned(),
            );
            line(
                "image input",
                format!("{}: {} {}", input.name, input.layout, input.dtype),
            );
            for assumption in &input.assumptions {
                line("", assumption.clone());
            }
        }
        (None, None, problem) => {
            line("pipeline", "none embedded".to_owned());
            line(
                "image input",
                problem.clone().unwrap_or_else(|| "none".to_owned()),
            );
        }
    }
    if let Some(after) = &summary.after {
        after_lines(after, &mut line);
    }
    if let Some(problem) = &summary.after_problem {
        line("after", ui::bad(problem));
    }
    format!(
        "{} ({})\n{table}",
        ui::bold(&summary.path),
        ui::bytes(summary.bytes)
    )
}

/// What comes after the model.
fn after_lines(after: &Recorded, line: &mut impl FnMut(&str, String)) {
    line("after", format!("embedded by prep-onnx {}", after.version));
    if let Some(evidence) = &after.evidence {
        line("", format!("shown by {evidence}"));
    }
    for step in &after.steps {
        line("", step.to_string());
    }
    for (role, name) in &after.outputs {
        if role.name() != name {
            line("", format!("{role} is the output `{name}`"));
        }
    }
    if !after.labels.is_empty() {
        let first: Vec<_> = after.labels.iter().take(3).map(String::as_str).collect();
        let more = if after.labels.len() > first.len() {
            ", …"
        } else {
            ""
        };
        line(
            "labels",
            format!("{}: {}{more}", after.labels.len(), first.join(", ")),
        );
    }
}

fn embedded_lines(embedded: &Embedded, line: &mut impl FnMut(&str, String)) {
    let version = embedded.version.as_deref().unwrap_or("an unknown version");
    line(
        "pipeline",
        format!("embedded by prep-onnx {version}, {}", embedded.lowering),
    );
    if let Some(assumed) = &embedded.assumed {
        line("", ui::warn(format_args!("assumed: {assumed}; nobody named it")));
    }
    let pipeline = embedded.pipeline.clone().map(Pipeline::from_value);
    match pipeline {
        Some(Ok(pipeline)) => {
            let (layout, dtype) = pipeline.output.or_usual();
            for step in ui::pipeline_lines(&pipeline) {
                line("", step);
            }
            line("", format!("to {layout} {dtype}"));
            if let Some(quantised) = &embedded.quantised {
                line(
                    "",
                    format!(
                        "then {} of `{}`, as the model's QuantizeLinear made them: no floats of the image",
                        quantised.element(),
                        quantised.value
                    ),
                );
            }
        }
        Some(Err(error)) => line("", format!("not readable by this version: {error}")),
        None => line("", "no description of it is in the file".to_owned()),
    }
    if let Some(op) = &embedded.op {
        let nodes = embedded.function_nodes.map_or_else(
            || "needs the library".to_owned(),
            |nodes| format!("or {nodes} standard ops without the library"),
        );
        line("op", format!("{op}, {nodes}"));
    }
    let extras = embedded
        .plan
        .as_ref()
        .and_then(|plan| plan.get("outputs")?.as_array());
    if let Some(extras) = extras.filter(|extras| !extras.is_empty()) {
        let names: Vec<_> = extras.iter().filter_map(|kind| kind.as_str()).collect();
        line(
            "makes too",
            format!("{}, for outputs or other inputs of the model", names.join(", ")),
        );
    }
    if let Some(on_bad_image) = embedded.on_bad_image {
        let what = match on_bad_image {
            OnBadImage::Fail => "fail the run",
            OnBadImage::Zero => "become zeros, and the output status says why",
        };
        line("bad images", what.to_owned());
    }
    let strip = match (&embedded.strip_problem, embedded.can_strip) {
        (_, true) => "restores the original byte for byte".to_owned(),
        (Some(problem), false) => problem.clone(),
        (None, false) => "not possible: the file does not say how".to_owned(),
    };
    line("strip", strip);
}
