//! Whether an embedded model is fed as its own library feeds it.

use std::path::{Path, PathBuf};

use clap::Args;
use prep_onnx_loader::Sources;
use prep_onnx_pipeline::{Dtype, Error, Result};
use serde_json::{Value, json};

use crate::answer::{Answer, Failure, Outcome, error_json, error_lines};
use crate::args::Global;
use crate::compare::{Difference, compare};
use crate::embedded::EmbeddedModel;
use crate::executions::Executions;
use crate::host::{Array, Provider};
use crate::inference::Picture;
use crate::job::{SKIPPED_FIX, no_images, skipped_in_words, skipped_json};
use crate::original::{Origin, Original};
use crate::reading::read_image;
use crate::{runtime, ui};

/// Compare an embedded model with the preprocessing of its own library, run in Python
///
/// Runs timm, torchvision, transformers or ultralytics on the photos and compares what it makes with
/// what the file makes, bit for bit, in every execution that runs here. The library follows from the
/// name that the pipeline was embedded by, from the model's metadata, or from the config beside it;
/// --original names it. Where none can be run, what remains unproven is said, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx check yolo11n.prep.onnx photo.jpg
  prep-onnx check model.prep.onnx photos/ --original timm:resnet50.a1_in1k
  prep-onnx check vit.prep.onnx photo.jpg --original preprocessor_config.json

The library gets the pixels that prep-onnx decodes, which are Pillow's, turned by EXIF. It is told to download nothing.

Not compared: decoding, and the outputs of the model itself.")]
pub(crate) struct Options {
    /// A model that `embed` wrote
    model: PathBuf,
    /// Image files, folders or patterns
    #[arg(required = true, value_name = "PHOTO")]
    images: Vec<String>,
    /// Whose preprocessing it had: timm:NAME, torchvision:WEIGHTS, or a config file or its folder
    #[arg(long, value_name = "ORIGINAL")]
    original: Option<String>,
    /// The Python that has the library; else python3 of the PATH
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

/// One comparison.
struct Row {
    image: String,
    size: Option<(usize, usize)>,
    execution: String,
    result: Result<Difference>,
}

impl Row {
    fn ok(&self) -> bool {
        self.result
            .as_ref()
            .is_ok_and(|difference| difference.differing == 0)
    }
}

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    let embedded = EmbeddedModel::open(&options.model)?;
    let named = options.original.as_deref().map(Origin::named).transpose();
    let origin = match named.map_err(Failure::usage)? {
        Some(origin) => Some(origin),
        None => Origin::of(&embedded)?,
    };
    let Some(origin) = origin else {
        let why = "which library the model comes from is not in its file, and no config lies beside it";
        return Ok(unproven(&options.model, None, &Error::new(why, "so nothing was compared").fix(
            "name it with --original timm:NAME, torchvision:WEIGHTS or a config; or save its tensor and give it to prep-onnx verify --expected",
        )));
    };
    if embedded.dtype == Dtype::Uint8 {
        let error = Error::new("the model takes bytes", "and no library makes bytes of images")
            .fix("save what your program feeds and give it to prep-onnx verify --expected");
        return Ok(unproven(&options.model, Some(&origin), &error));
    }
    let python = match &options.python {
        Some(python) => python.clone(),
        None => match runtime::python() {
            Some(python) => PathBuf::from(python),
            None => {
                let error =
                    Error::new("python3", "was not found").fix("install Python 3, or name one with --python");
                return Ok(unproven(&options.model, Some(&origin), &error));
            }
        },
    };
    global.say(&format!("runs {}: {}", origin.library(), origin.what()));
    let mut original = match Original::start(&python, &origin, &embedded) {
        Ok(original) => original,
        Err(error) => {
            let fix = format!(
                "install {} for this Python, or name another one with --python",
                origin.library()
            );
            let error = match error.to_string().contains("No module named") {
                true => error.fix(fix),
                false => error,
            };
            return Ok(unproven(&options.model, Some(&origin), &error));
        }
    };
    let mut sources = Sources::new();
    for argument in &options.images {
        sources = sources.expand(argument)?;
    }
    let skipped = sources.skipped();
    let loaded = global.load_runtime_for(Provider::Cpu)?;
    let background = embedded.background();
    let assumption = embedded.assumption();
    let mut executions = Executions::new(embedded, &loaded, Provider::Cpu)?;
    let mut rows = Vec::new();
    for source in sources {
        let id = source.id().to_owned();
        let mut push = |size, execution: &str, result| {
            rows.push(Row {
                image: id.clone(),
                size,
                execution: execution.to_owned(),
                result,
            });
        };
        let (file, pixels) = match read_image(source, background) {
            Ok(read) => read,
            Err(error) => {
                push(None, "decode", Err(error.within(&id)));
                continue;
            }
        };
        let (height, width, _) = pixels.dim();
        let size = Some((height, width));
        let theirs = original.tensor(pixels.view());
        let theirs = match theirs.and_then(|tensor| executions.taken(Array::from(tensor))) {
            Ok(theirs) => theirs,
            Err(error) => {
                push(size, origin.library(), Err(error.within(&id)));
                continue;
            }
        };
        let results = executions.run(&Picture {
            pixels: pixels.view(),
            file: &file,
        });
        for (name, result) in executions.names().into_iter().zip(results) {
            let compared = result.and_then(|ours| compare(&theirs, &ours, &executions.plan));
            push(size, name, compared.map_err(|error| error.within(&id)));
        }
    }
    if rows.is_empty() {
        return Err(no_images(&options.images.join(" "), &skipped).into());
    }
    let version = original
        .version()
        .unwrap_or_else(|| "of an unknown version".to_owned());
    let ok = rows.iter().all(Row::ok);
    let mut table = ui::Table::new(&[
        "photo",
        "height x width",
        "execution",
        "differing",
        "max LSB",
        "verdict",
    ]);
    for row in &rows {
        let [differing, lsb, verdict] = match &row.result {
            Ok(difference) => [
                format!("{} of {}", difference.differing, difference.elements),
                format!("{:.3}", difference.max_lsb),
                ui::verdict(row.ok(), if row.ok() { "equal" } else { "differs" }),
            ],
            Err(_) => [String::new(), String::new(), ui::bad("failed")],
        };
        let size = row.size.map(|(height, width)| format!("{height} x {width}"));
        table.row([
            row.image.clone(),
            size.unwrap_or_default(),
            row.execution.clone(),
            differing,
            lsb,
            verdict,
        ]);
    }
    let good = rows.iter().filter(|row| row.ok()).count();
    let mut text = format!(
        "compared with {} {version}: {}\n{table}{}\n",
        origin.library(),
        origin.what(),
        ui::verdict(
            ok,
            format_args!("{good} of {} comparisons are equal in every bit", rows.len())
        )
    );
    for error in rows.iter().filter_map(|row| row.result.as_ref().err()) {
        text.push_str(&format!("{}\n", error_lines(error)));
    }
    if !ok {
        text.push_str("prep-onnx diagnose TENSOR PHOTO tells what the other side does otherwise\n");
    }
    if let Some(skipped) = skipped_in_words(&skipped) {
        text.push_str(&format!("{} {skipped}; {SKIPPED_FIX}\n", ui::warn("skipped:")));
    }
    if let Some(assumption) = &assumption {
        text.push_str(&format!("{} {assumption}\n", ui::warn("assumed:")));
    }
    text.push_str(&format!("{}\n", ui::dim(NOT_COMPARED)));
    let comparisons: Vec<Value> = rows.iter().map(in_json).collect();
    let json = json!({
        "model": options.model.display().to_string(),
        "ok": ok,
        "original": { "library": origin.library(), "version": version, "what": origin.what() },
        "comparisons": comparisons,
        "unproven": [NOT_COMPARED],
        "pipeline_assumed": assumption.is_some(),
        "skipped": skipped_json(&skipped),
    });
    Ok(Answer::new(text, json).with_verdict(ok))
}

const NOT_COMPARED: &str = "not compared: how files are decoded (both sides got the same pixels), other photos, and the outputs of the model";

fn in_json(row: &Row) -> Value {
    let mut entry = json!({
        "image": row.image,
        "height": row.size.map(|(height, _)| height),
        "width": row.size.map(|(_, width)| width),
        "execution": row.execution,
        "ok": row.ok(),
    });
    match &row.result {
        Ok(difference) => {
            if let (Value::Object(entry), Ok(Value::Object(more))) =
                (&mut entry, serde_json::to_value(difference))
            {
                entry.extend(more);
            }
        }
        Err(error) => entry["error"] = error_json(error),
    }
    entry
}

/// The answer where the library was not run.
fn unproven(model: &Path, origin: Option<&Origin>, error: &Error) -> Answer {
    let text = format!(
        "{} that {} is fed as its library feeds it\n{}\n",
        ui::warn("unproven:"),
        model.display(),
        error_lines(error)
    );
    let json = json!({
        "model": model.display().to_string(),
        "ok": false,
        "original": origin.map(|origin| json!({ "library": origin.library(), "version": null, "what": origin.what() })),
        "comparisons": [],
        "unproven": [error.to_string()],
        "why": error_json(error),
    });
    Answer::new(text, json).with_verdict(false)
}
