//! Everything at once on a shipped model, for a first look.

mod files;
mod live;

use std::path::PathBuf;

use clap::Args;
use ndarray::Axis;
use prep_onnx_loader::{Loader, Source};
use prep_onnx_pipeline::Result;
use serde_json::{Value, json};

use self::files::{Expected, Record};
use self::live::Live;
use crate::answer::{Answer, Outcome};
use crate::args::Global;
use crate::commands::{embed, verify};
use crate::compare::compare;
use crate::embedded::EmbeddedModel;
use crate::executions::Executions;
use crate::host::{Array, Provider, Session, SessionOptions};
use crate::inference::{Inference, Picture};
use crate::labels::{Labels, top};
use crate::ui;

/// See it work: embed a pipeline into a shipped model and run shipped images
///
/// Compares the scalar reference, the nodes in the model, and what Pillow and numpy made of the same
/// images, bit for bit: as recorded, and live where Python has both. Exit code 1 when anything differs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the model and the images are written
    #[arg(long, value_name = "DIR", default_value = "prep-onnx-demo")]
    folder: PathBuf,
}

/// What happened to one image.
struct Row {
    name: String,
    size: (usize, usize),
    seen: String,
    score: f64,
    label: String,
    /// By name of the comparison: whether the bits are equal; `None` where it does not count.
    checks: Vec<(String, Check)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    Equal,
    Differs,
    /// Another version of the library, which may differ.
    Incomparable,
}

impl Check {
    fn of(equal: bool) -> Self {
        if equal { Self::Equal } else { Self::Differs }
    }
}

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    let record = files::record()?;
    let loaded = global.load_runtime()?;
    let files = files::write(&options.folder)?;
    let output = embed::default_output(&files.model);
    let assumed = embed::embed_to(&files.model, &output, None)?;

    let session = Session::open(
        &loaded,
        &output,
        SessionOptions {
            fused: true,
            ..SessionOptions::default()
        },
    )?;
    let mut inference = Inference::new(&output, session, None, None, None, Vec::new())?;
    let mut executions = Executions::new(EmbeddedModel::open(&output)?, &loaded, Provider::Cpu)?;
    let labels = Labels::parse(files::labels(), false)?;
    let live = live::run(&files);

    let mut rows = Vec::new();
    let sources = files.images.clone().into_iter().map(Source::path);
    for batch in Loader::builder().batch_size(1).build(sources)? {
        let outputs = inference.run(&batch, 1);
        for ((item, image), output) in batch.decoded().zip(batch.images()).zip(outputs) {
            let output = output?;
            let best = top(&output, 1).pop();
            let name = file_name(&item.id);
            let expected = record.images.get(&name);
            let reference = executions.reference(image)?;
            let mut checks = Vec::new();
            let results = executions.run(&Picture::of_pixels(image));
            for (backend, result) in executions.names().into_iter().zip(results) {
                let difference = compare(&reference, &result?, &executions.plan)?;
                checks.push((
                    format!("{backend} = reference"),
                    Check::of(difference.differing == 0),
                ));
            }
            checks.extend(original_checks(
                &name,
                &reference,
                expected,
                &record,
                live.as_ref(),
            )?);
            rows.push(Row {
                name,
                size: (image.len_of(Axis(0)), image.len_of(Axis(1))),
                seen: best
                    .as_ref()
                    .map_or_else(String::new, |best| labels.name(best.index)),
                score: best.map_or(f64::NAN, |best| best.score),
                label: expected.map_or_else(String::new, |expected| expected.label.clone()),
                checks,
            });
        }
    }

    let ok = rows.len() == record.images.len() && rows.iter().all(Row::ok);
    let mut text = format!("{} {}\n", ui::bold("ONNX Runtime"), loaded.version());
    text.push_str(&format!(
        "{} {}\n{assumed}\n",
        ui::bold("embedded into"),
        files.model.display()
    ));
    text.push_str(&table(&rows));
    text.push_str(&summary(&rows, &record, live.as_ref(), ok));
    text.push_str(&format!(
        "{}\n",
        ui::dim(format_args!(
            "next: prep-onnx run {} YOUR-IMAGES --top-k 3",
            output.display()
        ))
    ));
    let json = json!({
        "ok": ok,
        "runtime": { "version": loaded.version(), "path": loaded.runtime().path.display().to_string() },
        "model": files.model.display().to_string(),
        "output": output.display().to_string(),
        "recorded_with": { "pillow": record.pillow, "numpy": record.numpy },
        "live": live.as_ref().map(|live| json!({ "pillow": live.pillow, "numpy": live.numpy })),
        "images": rows.iter().map(Row::json).collect::<Vec<_>>(),
    });
    Ok(Answer::report(text, json).with_verdict(ok))
}

fn file_name(id: &str) -> String {
    let name = std::path::Path::new(id).file_name();
    name.map_or_else(|| id.to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The reference against the original pipeline, as recorded and live.
fn original_checks(
    name: &str,
    reference: &Array,
    expected: Option<&Expected>,
    record: &Record,
    live: Option<&Live>,
) -> Result<Vec<(String, Check)>> {
    let digest = verify::digest(reference)?;
    let recorded = expected.is_some_and(|expected| expected.sha256 == digest);
    let mut checks = vec![(
        format!("= Pillow {} recorded", record.pillow),
        Check::of(recorded),
    )];
    if let Some(live) = live {
        let equal = live.images.get(name) == Some(&digest);
        let check = match (equal, live.is_comparable()) {
            (false, false) => Check::Incomparable,
            _ => Check::of(equal),
        };
        checks.push((format!("= Pillow {} here", live.pillow), check));
    }
    Ok(checks)
}

impl Row {
    fn ok(&self) -> bool {
        self.checks.iter().all(|(_, check)| *check != Check::Differs)
    }

    fn json(&self) -> Value {
        let checks = self.checks.iter().map(|(name, check)| {
            let equal = match check {
                Check::Equal => Value::Bool(true),
                Check::Differs => Value::Bool(false),
                Check::Incomparable => Value::Null,
            };
            (name.clone(), equal)
        });
        json!({
            "image": self.name,
            "height": self.size.0,
            "width": self.size.1,
            "top": { "label": self.seen, "score": self.score },
            "shows": self.label,
            "equal": checks.collect::<serde_json::Map<_, _>>(),
        })
    }
}

fn table(rows: &[Row]) -> String {
    let mut headings = vec!["image", "height x width", "seen as", "score"];
    if let Some(first) = rows.first() {
        headings.extend(first.checks.iter().map(|(name, _)| name.as_str()));
    }
    let mut table = ui::Table::new(&headings);
    for row in rows {
        let cells = [
            row.name.clone(),
            format!("{} x {}", row.size.0, row.size.1),
            ui::verdict(row.seen == row.label, &row.seen),
            format!("{:.2}", row.score),
        ];
        let checks = row.checks.iter().map(|(_, check)| match check {
            Check::Equal => ui::good("equal"),
            Check::Differs => ui::bad("differs"),
            Check::Incomparable => ui::dim("differs, as Pillow before 13 may"),
        });
        table.row(cells.into_iter().chain(checks));
    }
    table.to_string()
}

fn summary(rows: &[Row], record: &Record, live: Option<&Live>, ok: bool) -> String {
    let equal = rows.iter().filter(|row| row.ok()).count();
    let right = rows.iter().filter(|row| row.seen == row.label).count();
    let live = live.map_or_else(
        || "no Pillow and numpy in this Python to compare with live".to_owned(),
        |live| format!("live: Pillow {}, numpy {}", live.pillow, live.numpy),
    );
    let verdict = ui::verdict(
        ok,
        format_args!(
            "{equal} of {} images: every execution gives the same bits",
            record.images.len()
        ),
    );
    format!(
        "{verdict} (recorded: Pillow {}, numpy {}; {live}); {right} classified right\n",
        record.pillow, record.numpy
    )
}
