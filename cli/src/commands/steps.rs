//! The reference of the pipeline language.

use clap::Args;
use prep_onnx_pipeline::SizeRule;
use prep_onnx_pipeline::steps::{KeyInfo, Step, StepInfo};
use prep_onnx_rewriter::after::{FAMILIES, Then};
use serde_json::{Value, json};

use crate::answer::{Answer, Failure, Outcome};
use crate::args::Global;
use crate::ui;

/// List the steps of a pipeline, or explain one
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx steps
  prep-onnx steps letterbox")]
pub(crate) struct Options {
    /// A step
    #[arg(add = crate::complete::step())]
    name: Option<String>,
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    match &options.name {
        None => Ok(list()),
        Some(name) => match Then::ALL.iter().find(|step| step.name == name.replace('-', "_")) {
            Some(step) => Ok(show_after(step)),
            None => Ok(show(Step::info(name).map_err(Failure::usage)?)),
        },
    }
}

fn list() -> Answer {
    let mut table = ui::Table::new(&["step", "what it does"]);
    for step in Step::ALL {
        table.row([ui::bold(step.name), step.summary.to_owned()]);
    }
    let mut after = ui::Table::new(&["after the model", "what it does"]);
    for step in Then::ALL {
        after.row([ui::bold(step.name), step.summary.to_owned()]);
    }
    let text = format!(
        "{table}\n{after}\n{}\n",
        ui::dim(
            "prep-onnx steps NAME explains one; a pipeline is a TOML or JSON file of [[steps]]: --pipeline FILE; steps after the model are options of embed: --then STEP"
        )
    );
    let steps: Vec<_> = Step::ALL.iter().map(in_json).collect();
    let after: Vec<_> = Then::ALL.iter().map(in_json).collect();
    Answer::new(text, json!({ "steps": steps, "after": after }))
}

fn show(step: &StepInfo) -> Answer {
    let mut text = format!("{}  {}\n\n", ui::bold(step.name), step.summary);
    text.push_str(&ui::wrapped(step.description, 2));
    text.push_str(&keys(step));
    let mut json = in_json(step);
    if step.keys.iter().any(|key| key.values.contains("{ rule = ")) {
        text.push_str(&format!("\n  {}\n", ui::dim("the size rules")));
        for rule in SizeRule::reference() {
            text.push_str(&format!("      size = {}\n", rule.example));
            text.push_str(&ui::wrapped(rule.what, 10));
        }
        json["sizes"] = sizes();
    }
    text.push_str(&format!(
        "\n{}\n[[steps]]\n{}\n",
        ui::dim("example, TOML:"),
        step.example
    ));
    Answer::new(text, json)
}

/// A step after the model.
fn show_after(step: &StepInfo) -> Answer {
    let mut text = format!("{}  {}\n\n", ui::bold(step.name), step.summary);
    text.push_str(&ui::wrapped(step.description, 2));
    text.push_str(&keys(step));
    let mut json = in_json(step);
    if step.keys.iter().any(|key| key.name == "family") {
        text.push_str(&format!("\n  {}\n", ui::dim("the families")));
        for family in FAMILIES {
            text.push_str(&format!("      {}  {}\n", ui::bold(family.name), family.models));
            text.push_str(&ui::wrapped(family.takes, 10));
        }
        let families = FAMILIES
            .iter()
            .map(|family| json!({ "name": family.name, "models": family.models, "takes": family.takes }));
        json["families"] = families.collect();
    }
    text.push_str(&format!(
        "\n{}\nprep-onnx embed model.onnx {}\n",
        ui::dim("example:"),
        step.example
    ));
    Answer::new(text, json)
}

/// The parameters, explained.
fn keys(step: &StepInfo) -> String {
    let mut text = String::new();
    for key in step.keys {
        text.push_str(&format!("\n  {}  {}\n", ui::bold(key.name), ui::dim(given(key))));
        text.push_str(&ui::wrapped(key.what, 6));
        text.push_str(&ui::wrapped(&format!("Takes {}.", key.values), 6));
    }
    text
}

/// Whether the key must be given.
fn given(key: &KeyInfo) -> String {
    match key.default {
        None => "must be given".to_owned(),
        Some("none") => "may be left out".to_owned(),
        Some(default) => format!("{default} where it is left out"),
    }
}

fn sizes() -> Value {
    SizeRule::reference()
        .into_iter()
        .map(|rule| json!({ "example": rule.example, "what": rule.what }))
        .collect()
}

fn in_json(step: &StepInfo) -> Value {
    let key = |key: &KeyInfo| json!({ "name": key.name, "values": key.values, "default": key.default, "what": key.what });
    json!({
        "name": step.name,
        "summary": step.summary,
        "description": step.description,
        "keys": step.keys.iter().map(key).collect::<Vec<_>>(),
        "example": step.example,
    })
}
