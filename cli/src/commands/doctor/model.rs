//! What is known against running a model.

use std::path::Path;

use prep_onnx_rewriter::Model;
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::host::Provider;
use crate::lint::{Finding, lint};
use crate::ui;

pub(super) fn examine(path: &Path, provider: Provider) -> Outcome {
    let model = Model::open(path)?;
    let findings = lint(&model, provider)?;
    let ok = findings.is_usable();
    let mut text = format!(
        "{} on {}, {} nodes with those of functions and subgraphs\n",
        ui::bold(path.display()),
        provider.name(),
        findings.nodes
    );
    for Finding { lint, nodes, count } in &findings.found {
        let defect = lint.effect.is_defect();
        text.push_str(&format!(
            "\n{} {}: {}\n",
            ui::verdict(!defect, lint.effect),
            ui::bold(lint.id),
            lint.finds
        ));
        let more = match nodes.len() {
            0..=SHOWN => String::new(),
            all => format!(", and {} more", all - SHOWN),
        };
        let shown: Vec<_> = nodes.iter().take(SHOWN).map(String::as_str).collect();
        let mut table = ui::Table::new(&[]);
        for (label, value) in [
            ("found", format!("{count} times: {}{more}", shown.join(", "))),
            ("happens", lint.happens.to_owned()),
            ("versions", lint.versions.to_owned()),
            ("fix", lint.fix.to_owned()),
        ] {
            table.row([ui::dim(label), value]);
        }
        text.push_str(&table.to_string());
    }
    if findings.found.is_empty() {
        text.push_str(&format!("{}\n", ui::good("nothing is known against it")));
    }
    let json = json!({ "model": path, "ep": provider, "nodes": findings.nodes, "ok": ok, "findings": findings.found });
    Ok(Answer::new(text, json).with_verdict(ok))
}

/// How many places of a finding are shown.
const SHOWN: usize = 3;
