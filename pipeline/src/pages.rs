//! The pages of the reference: one for each step, one for the presets, from the lists that programs read.

use crate::steps::{KeyInfo, Step, StepInfo};
use crate::{PRESETS, SizeRule};

/// A page in Markdown, by its path below `pipeline/reference`.
pub fn pages() -> Vec<(String, String)> {
    let steps = Step::ALL
        .iter()
        .zip(Step::FORMULAS)
        .map(|(step, formula)| (format!("steps/{}.md", step.name), page(step, formula)));
    let mut pages: Vec<_> = steps.collect();
    pages.push(("steps/README.md".to_owned(), steps_list()));
    pages.push(("presets.md".to_owned(), presets()));
    pages
}

const MADE: &str = "Made from the code by `UPDATE=1 cargo test -p prep-onnx-pipeline --test pages`.";

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn page(step: &StepInfo, formula: &str) -> String {
    let mut text = format!("# {}\n\n", step.name);
    text.push_str(&format!("**{}.**\n\n{}\n\n", step.summary, step.description));
    text.push_str(&format!("## Formula\n\n{}.\n\n", formula));
    text.push_str(&format!(
        "## Example\n\n```toml\n[[steps]]\n{}\n```\n",
        step.example
    ));
    if !step.keys.is_empty() {
        text.push_str("\n## Keys\n\n| key | takes | left out | what |\n|---|---|---|---|\n");
    }
    for KeyInfo {
        name,
        values,
        default,
        what,
    } in step.keys
    {
        let default = default.unwrap_or("must be given");
        text.push_str(&format!(
            "| `{name}` | {} | {default} | {} |\n",
            cell(values),
            cell(what)
        ));
    }
    if step.keys.iter().any(|key| key.values.contains("{ rule = ")) {
        text.push_str("\n## Size rules\n\n| size | what |\n|---|---|\n");
        for rule in SizeRule::reference() {
            text.push_str(&format!("| `{}` | {} |\n", cell(&rule.example), cell(rule.what)));
        }
    }
    text.push_str(&format!("\n{MADE}\n"));
    text
}

fn steps_list() -> String {
    let mut text =
        "# Steps of a pipeline\n\n| step | what it does, and the call that it equals |\n|---|---|\n"
            .to_owned();
    for step in Step::ALL {
        text.push_str(&format!(
            "| [{0}]({0}.md) | {1} |\n",
            step.name,
            cell(step.summary)
        ));
    }
    text.push_str(&format!("\n{MADE}\n"));
    text
}

fn presets() -> String {
    let mut text = "# Presets\n\n| preset | for | steps |\n|---|---|---|\n".to_owned();
    for preset in PRESETS {
        // The test of the presets asks each of them for its pipeline.
        let steps = preset.import(None).map(|import| {
            let links = import
                .pipeline
                .steps
                .iter()
                .map(|step| format!("[{0}](steps/{0}.md)", step.name()));
            links.collect::<Vec<_>>().join(", ")
        });
        text.push_str(&format!(
            "| `{}` | {} | {} |\n",
            preset.name,
            cell(preset.description()),
            steps.unwrap_or_default()
        ));
    }
    text.push_str(&format!(
        "\n`prep-onnx pipelines NAME` shows one with its numbers, `--toml` as a file, `--size` at another size.\n\n{MADE}\n"
    ));
    text
}
