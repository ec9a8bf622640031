//! What is known against running a model.

use std::path::Path;

use prep_onnx_pipeline::Result;
use prep_onnx_rewriter::{ASSUMED_KEY, Model, PIPELINE_KEY};
use serde_json::json;

use crate::answer::{Answer, Outcome, error_json, error_lines};
use crate::args::Global;
use crate::host::{Provider, Session, SessionOptions};
use crate::lint::{Finding, Target, lint};
use crate::recognise::Maker;
use crate::trial::AtHand;
use crate::ui;

pub(super) fn examine(path: &Path, target: Target, global: &Global) -> Outcome {
    let model = Model::open(path)?;
    model.check_external_files()?;
    let findings = lint(&model, target)?;
    let load = match target.provider() {
        Some(provider) => load(&model, provider, global)?,
        None => Ok("not loaded: this program runs models on the CPU and CUDA providers alone".to_owned()),
    };
    let ok = findings.is_usable() && load.is_ok();
    let mut text = format!(
        "{} on {}, {} nodes with those of functions and subgraphs\n",
        ui::bold(path.display()),
        target.name(),
        findings.nodes
    );
    if target != Target::Cpu {
        text.push_str(&format!("{} {}\n", ui::dim("known:"), target.basis()));
    }
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
    for file in model.external_files() {
        text.push_str(&format!("its data file {} must lie beside it\n", file.location));
    }
    match &load {
        Ok(said) => text.push_str(&format!("{said}\n")),
        Err(error) => text.push_str(&format!("{}\n", error_lines(error))),
    }
    let assumed = model.metadata_value(ASSUMED_KEY);
    if let Some(assumed) = assumed {
        text.push_str(&format!(
            "{} the pipeline in it ({assumed}): nobody named it\n",
            ui::warn("assumed:")
        ));
    }
    let maker = Maker::read(&model)?;
    if let Some(maker) = &maker {
        text.push_str(&format!("recognised: {}\n", maker.seen(&model)));
    }
    let json = json!({
        "model": path.display().to_string(),
        "evidence": maker,
        "ep": target,
        "known": target.basis(),
        "nodes": findings.nodes,
        "ok": ok,
        "findings": findings.found,
        "external_data": model.external_files(),
        "load": load.as_ref().ok(),
        "load_error": load.as_ref().err().map(error_json),
        "pipeline_assumed": assumed.is_some(),
    });
    Ok(Answer::new(text, json).with_verdict(ok))
}

/// Loads the model where a runtime with the provider is at hand; says what came of it.
fn load(model: &Model, provider: Provider, global: &Global) -> Outcome<Result<String>> {
    let loaded = match AtHand::find(global, provider)? {
        AtHand::Yes(loaded) => loaded,
        AtHand::No(why) => return Ok(Ok(format!("not loaded: {why}"))),
    };
    let options = SessionOptions {
        // As a host with the library does: a model that needs it is one that loads.
        fused: model.metadata_value(PIPELINE_KEY).is_some(),
        provider,
        ..SessionOptions::default()
    };
    let opened = Session::open(&loaded, model.path(), options);
    Ok(opened.map(|_| format!("loads in ONNX Runtime {}", loaded.version())))
}

/// How many places of a finding are shown.
const SHOWN: usize = 3;
