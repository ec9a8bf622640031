//! Steps after the model, as `embed` puts them there.

use std::path::Path;

use prep_onnx_pipeline::{Accept, Layout, OutputKind, Result};
use prep_onnx_rewriter::after::{After, AfterOptions, AfterReport, Before, Then, after as put_after, before};
use prep_onnx_rewriter::{EmbedOptions, Embedding, Model, Quantisation, Report};

use crate::labels::Labels;
use crate::recognise::Answers;

/// What is asked for.
pub(crate) struct Asked<'a> {
    pub(crate) steps: &'a [Then],
    pub(crate) keep_outputs: bool,
    pub(crate) labels: Option<&'a Path>,
    /// What showed the steps, and the labels that it has, where nobody named them.
    pub(crate) recognised: Option<&'a Answers>,
}

/// What the steps need of the preprocessing.
pub(crate) fn inner(steps: &[Then]) -> Vec<OutputKind> {
    if steps.iter().any(Then::needs_geometry) {
        vec![OutputKind::Geometry]
    } else {
        Vec::new()
    }
}

/// The embedded model with the steps after it; none where there are none.
///
/// # Errors
/// Of steps that do not go with the model; of labels that cannot be read.
pub(crate) fn after(
    model: &Model,
    embedding: &Embedding,
    options: &EmbedOptions,
    asked: &Asked<'_>,
) -> Result<Option<After>> {
    if asked.steps.is_empty() {
        return Ok(None);
    }
    let report = &embedding.report;
    let is_geometry = |(kind, _): &&(OutputKind, String)| *kind == OutputKind::Geometry;
    let before = Before {
        tensor: Some(tensor(report)),
        plan: Some(report.plan.clone()),
        geometry: report
            .values
            .iter()
            .find(is_geometry)
            .map(|(_, name)| name.clone()),
        outputs: report.outputs.iter().map(|output| output.name.clone()).collect(),
        one_size: options.accept == Accept::Batch,
        image_size: options.image_size,
        nodes: Vec::new(),
    };
    let embedded = model.edited(&embedding.edit)?;
    behind(&embedded, before, asked).map(Some)
}

/// `model`, a file whose preprocessing is embedded already, with the steps after it.
///
/// # Errors
/// As [`after`]; a file of which nothing says what the steps need.
///
/// The height and width of the images come along where the file takes no others.
pub(crate) fn onto(model: &Model, asked: &Asked<'_>) -> Result<(After, Option<(usize, usize)>)> {
    let before = before(model, asked.steps)?;
    let image_size = before.image_size;
    Ok((behind(model, before, asked)?, image_size))
}

fn behind(model: &Model, before: Before, asked: &Asked<'_>) -> Result<After> {
    let given = asked.labels.map(Labels::read).transpose()?;
    let recognised = asked.recognised.map(|answers| answers.labels.clone());
    let labels = given.map(Labels::into_names).or(recognised);
    let options = AfterOptions {
        before,
        keep_outputs: asked.keep_outputs,
        labels: labels.unwrap_or_default(),
        evidence: asked.recognised.map(|answers| answers.evidence.clone()),
    };
    put_after(model, asked.steps, &options)
}

/// The value that holds the images, and the order of its axes.
fn tensor(report: &Report) -> (String, Layout) {
    match &report.quantised {
        Some(Quantisation::Bytes { quantised, .. }) => (quantised.value.clone(), quantised.layout),
        Some(Quantisation::Kept { .. }) | None => {
            (report.image_input.name.clone(), report.image_input.layout)
        }
    }
}

/// What was put after the model, one line each.
pub(crate) fn describe(
    report: &AfterReport,
    recognised: Option<&Answers>,
    line: &mut impl FnMut(&str, String),
) {
    let named = report.steps.len() - report.added;
    if let Some(answers) = recognised {
        line("answers", format!("from {}", answers.evidence));
    }
    for (index, step) in report.steps.iter().enumerate() {
        let usual = if index < named {
            ""
        } else {
            ", which follows: --then says otherwise"
        };
        line(if index == 0 { "then" } else { "" }, format!("{step}{usual}"));
    }
    for note in &report.notes {
        line("note", note.clone());
    }
    for (index, output) in report.outputs.iter().enumerate() {
        line(
            if index == 0 { "gives now" } else { "" },
            output.value.to_string(),
        );
    }
    for (index, threshold) in report.thresholds.iter().enumerate() {
        let key = if index == 0 { "may be fed" } else { "" };
        line(
            key,
            format!("{}: float32 [1], else {}", threshold.name, threshold.default),
        );
    }
}
