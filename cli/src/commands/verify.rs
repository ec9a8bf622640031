//! Whether every execution of an embedded pipeline gives the bits of the scalar reference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use ndarray::ArrayView3;
use prep_onnx_loader::{Skipped, Sources};
use prep_onnx_pipeline::fit::{self, Diagnosis};
use prep_onnx_pipeline::{Error, ErrorKind, Result, json_once, text_of};
use prep_onnx_rewriter::Lowering;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answer::{Answer, Failure, Outcome, error_json, error_lines};
use crate::args::Global;
use crate::commands::diagnose;
use crate::compare::compare;
use crate::embedded::EmbeddedModel;
use crate::executions::Executions;
use crate::host::{Array, Provider, Session, SessionOptions, npy};
use crate::inference::Picture;
use crate::job::{SKIPPED_FIX, no_images, skipped_in_words, skipped_json};
use crate::reading::read_image;
use crate::runtime::Loaded;
use crate::ui;

/// Compare every execution of an embedded pipeline, bit for bit
///
/// Runs the nodes that are in the model and compares the finished tensor with that of the scalar
/// reference; with --expected, also the reference with the tensor that another program made. Exit
/// code 1 when anything differs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx verify model.prep.onnx photo.jpg
  prep-onnx verify model.prep.onnx photos/ --json
  prep-onnx verify model.prep.onnx photo.jpg --expected tensor.npy

tensor.npy holds what the Python program hands to the model, [N, 3, H, W], one row for each image in their order:

  import numpy as np
  from PIL import Image
  from transformers import AutoImageProcessor
  processor = AutoImageProcessor.from_pretrained(\"FOLDER\")         # the checkpoint
  image = Image.open(\"photo.jpg\").convert(\"RGB\")
  np.save(\"tensor.npy\", processor(image, return_tensors=\"np\")[\"pixel_values\"])

With timm: transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=model)), and
np.save(\"tensor.npy\", transform(image).unsqueeze(0).numpy()). Photos with an EXIF orientation: open them with
ImageOps.exif_transpose, as prep-onnx does.

Not compared: the outputs of the model itself, and without --expected nothing of Python.")]
pub(crate) struct Options {
    /// A model that `embed` wrote
    model: PathBuf,
    /// Image files, folders or patterns
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
    /// What the original pipeline made: .npy with one tensor per image, or .json from file name to
    /// the sha256 of the tensor's little-endian bytes
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// How many steps of the 8-bit pixel value a tensor may be off
    #[arg(long, value_name = "LSB", default_value_t = 0.0)]
    tolerance: f64,
    /// The execution provider that runs the nodes
    #[arg(long, value_name = "PROVIDER", value_enum, default_value_t = Provider::Cpu)]
    ep: Provider,
}

/// What is compared: one row of the table.
struct Row {
    image: String,
    size: Option<(usize, usize)>,
    execution: String,
    result: Result<Agreement>,
    /// What the original does otherwise, where that can be told.
    diagnosis: Option<Diagnosis>,
}

/// How well a tensor agrees.
enum Agreement {
    Measured {
        difference: crate::compare::Difference,
        within: bool,
    },
    Digest {
        equal: bool,
    },
}

impl Agreement {
    fn ok(&self) -> bool {
        match self {
            Self::Measured { within, .. } => *within,
            Self::Digest { equal } => *equal,
        }
    }
}

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    if options.tolerance.is_nan() || options.tolerance < 0.0 {
        return Err(Failure::usage(
            Error::new("--tolerance", "is out of range").expected_got("0 or more", options.tolerance),
        ));
    }
    let embedded = EmbeddedModel::open(&options.model)?;
    let expected = options.expected.as_deref().map(Expected::read).transpose()?;
    let mut sources = Sources::new();
    for argument in &options.images {
        sources = sources.expand(argument)?;
    }
    let skipped = sources.skipped();
    let loaded = global.load_runtime_for(options.ep)?;
    let elsewhere = embedded.op_elsewhere(options.ep);
    let background = embedded.background();
    let assumption = embedded.assumption();
    let whole = load_whole(&embedded, &loaded, options.ep);
    let mut executions = Executions::new(embedded, &loaded, options.ep)?;
    global.say_elsewhere(elsewhere);

    let mut rows = Vec::new();
    for (position, source) in sources.enumerate() {
        let id = source.id().to_owned();
        let (file, pixels) = match read_image(source, background) {
            Ok(read) => read,
            Err(error) => {
                rows.push(failed(&id, error.within(&id)));
                continue;
            }
        };
        let image = pixels.view();
        let (height, width, _) = pixels.dim();
        let row = |execution: &str, result: Result<Agreement>| Row {
            image: id.clone(),
            size: Some((height, width)),
            execution: execution.to_owned(),
            result,
            diagnosis: None,
        };
        let reference = match executions.reference(image) {
            Ok(reference) => reference,
            Err(error) => {
                rows.push(row("reference", Err(error)));
                continue;
            }
        };
        let measure = |got: &Array, expected: &Array| {
            let difference = compare(expected, got, &executions.plan)?;
            Ok(Agreement::Measured {
                difference,
                within: difference.is_within(options.tolerance),
            })
        };
        if let Some(expected) = &expected {
            // Of a quantised model, too, the original makes floats.
            let agreement = (executions.values(image))
                .and_then(|values| expected.agreement(&id, position, &values, &measure));
            let differs = !agreement.as_ref().is_ok_and(Agreement::ok);
            let mut row = row("reference = original", agreement);
            if differs {
                row.diagnosis = expected.diagnosis(position, &executions, image);
            }
            rows.push(row);
        }
        let results = executions.run(&Picture {
            pixels: image,
            file: &file,
        });
        for (name, result) in executions.names().into_iter().zip(results) {
            let measured = result.and_then(|got| {
                let difference = compare(&reference, &got, &executions.plan)?;
                Ok(Agreement::Measured {
                    difference,
                    within: difference.is_within(options.tolerance),
                })
            });
            rows.push(row(&format!("{name} = reference"), measured));
        }
    }
    if rows.is_empty() {
        return Err(no_images(&options.images.join(" "), &skipped).into());
    }
    Ok(answer(&Report {
        model: &options.model,
        rows,
        whole,
        runtime: loaded.version(),
        assumption,
        with_original: expected.is_some(),
        skipped,
    }))
}

/// Loads the whole model in each form that runs here: what agrees is of no use in a model that does not load.
fn load_whole(embedded: &EmbeddedModel, loaded: &Loaded, provider: Provider) -> Result<Vec<&'static str>> {
    let forms = [
        ("portable", false, embedded.lowering != Lowering::Fused),
        ("fused", true, embedded.lowering != Lowering::Standard),
    ];
    let present = forms.into_iter().filter(|(.., present)| *present);
    present
        .map(|(form, fused, _)| {
            let options = SessionOptions {
                fused,
                provider,
                ..SessionOptions::default()
            };
            Session::open(loaded, embedded.model.path(), options)
                .map(|_| form)
                .map_err(|error| error.within(format_args!("the whole model, {form}")))
        })
        .collect()
}

/// What was found out.
struct Report<'a> {
    model: &'a Path,
    rows: Vec<Row>,
    /// The forms in which the whole model loads.
    whole: Result<Vec<&'static str>>,
    runtime: String,
    assumption: Option<String>,
    /// Whether the reference was compared with what another program made.
    with_original: bool,
    /// Files in folders that are no images.
    skipped: Skipped,
}

fn failed(image: &str, error: Error) -> Row {
    Row {
        image: image.to_owned(),
        size: None,
        execution: "decode".to_owned(),
        result: Err(error),
        diagnosis: None,
    }
}

const NOT_COMPARED: &str = "not compared: the reference with the Python program that the model was trained with; \
                            --expected does (prep-onnx verify --help has the recipe)";

fn answer(report: &Report<'_>) -> Answer {
    let rows = &report.rows;
    let agree = rows
        .iter()
        .all(|row| row.result.as_ref().is_ok_and(Agreement::ok));
    let ok = agree && report.whole.is_ok();
    let mut table = ui::Table::new(&[
        "image",
        "height x width",
        "compared",
        "max LSB",
        "max ULP",
        "differing",
        "verdict",
    ]);
    let mut list = Vec::new();
    for row in rows {
        let (cells, json) = match &row.result {
            Ok(Agreement::Measured { difference, within }) => (
                [
                    format!("{:.3}", difference.max_lsb),
                    difference.max_ulp.to_string(),
                    format!("{} of {}", difference.differing, difference.elements),
                    ui::verdict(
                        *within,
                        match (difference.differing, within) {
                            (0, _) => "equal",
                            (_, true) => "within tolerance",
                            (_, false) => "differs",
                        },
                    ),
                ],
                serde_json::to_value(difference).unwrap_or_default(),
            ),
            Ok(Agreement::Digest { equal }) => (
                [
                    String::new(),
                    String::new(),
                    String::new(),
                    ui::verdict(*equal, if *equal { "equal" } else { "differs" }),
                ],
                json!({}),
            ),
            Err(error) => (
                [String::new(), String::new(), String::new(), ui::bad("failed")],
                json!({ "error": error_json(error) }),
            ),
        };
        let size = row.size.map(|(height, width)| format!("{height} x {width}"));
        table.row(
            [row.image.clone(), size.unwrap_or_default(), row.execution.clone()]
                .into_iter()
                .chain(cells),
        );
        let mut entry = json!({
            "image": row.image,
            "height": row.size.map(|(height, _)| height),
            "width": row.size.map(|(_, width)| width),
            "compared": row.execution,
            "ok": row.result.as_ref().is_ok_and(Agreement::ok),
        });
        if let (Value::Object(entry), Value::Object(more)) = (&mut entry, json) {
            entry.extend(more);
        }
        if let Some(diagnosis) = &row.diagnosis {
            entry["diagnosis"] = diagnose::json_of(diagnosis);
        }
        list.push(entry);
    }
    let good = rows
        .iter()
        .filter(|row| row.result.as_ref().is_ok_and(Agreement::ok))
        .count();
    let summary = format!("{good} of {} comparisons agree", rows.len());
    let mut text = format!("{table}{}\n", ui::verdict(agree, summary));
    match &report.whole {
        Ok(forms) => text.push_str(&format!(
            "the whole model loads in ONNX Runtime {} ({})\n",
            report.runtime,
            forms.join(", ")
        )),
        Err(error) => text.push_str(&format!("{}\n", error_lines(error))),
    }
    for row in rows {
        if let Some(diagnosis) = &row.diagnosis {
            text.push_str(&format!(
                "{} what the original does otherwise\n{}",
                ui::bold(format_args!("{}:", row.image)),
                diagnose::lines(diagnosis)
            ));
        }
    }
    if let Some(skipped) = skipped_in_words(&report.skipped) {
        text.push_str(&format!("{} {skipped}; {SKIPPED_FIX}\n", ui::warn("skipped:")));
    }
    if !report.with_original {
        text.push_str(&format!("{}\n", ui::dim(NOT_COMPARED)));
    }
    if let Some(assumption) = &report.assumption {
        text.push_str(&format!("{} {assumption}\n", ui::warn("assumed:")));
    }
    for error in rows.iter().filter_map(|row| row.result.as_ref().err()) {
        text.push_str(&format!("{}\n", error_lines(error)));
    }
    let json = json!({
        "model": report.model.display().to_string(),
        "ok": ok,
        "comparisons": list,
        "runtime": report.runtime,
        "loads": report.whole.as_ref().ok(),
        "load_error": report.whole.as_ref().err().map(error_json),
        "pipeline_assumed": report.assumption.is_some(),
        "compared_with_original": report.with_original,
        "skipped": skipped_json(&report.skipped),
    });
    Answer::new(text, json).with_verdict(ok)
}

/// How to make what `--expected` takes.
const RECIPE: &str = "in Python, numpy.save of what the processor gives the model, one row for each image in their order: \
                      prep-onnx verify --help has the lines";

/// Tensors that another program made.
enum Expected {
    /// One tensor per image, in order.
    Tensors(Array),
    /// By file name, the digest of the tensor's little-endian bytes.
    Digests(BTreeMap<String, String>),
}

impl Expected {
    fn read(path: &Path) -> Result<Self> {
        if path.extension().is_some_and(|extension| extension == "npy") {
            return npy::read(path).map(Self::Tensors);
        }
        let bytes =
            std::fs::read(path).map_err(|error| Error::io(path.display(), "cannot be read", &error))?;
        let text = text_of(bytes).map_err(|error| error.within(path.display()).or_kind(ErrorKind::Config))?;
        let digests = serde_json::from_str(&text).map_err(|error| {
            Error::new(path.display(), format_args!("is no table of digests: {error}"))
                .expected_got(
                    "{\"photo.jpg\": \"<sha256>\", ...} or a .npy file",
                    "something else",
                )
                .fix(RECIPE)
                .with_kind(ErrorKind::Config)
        })?;
        // Where a name is there twice.
        json_once(&text).map_err(|error| error.within(path.display()))?;
        Ok(Self::Digests(digests))
    }

    fn agreement(
        &self,
        image: &str,
        position: usize,
        reference: &Array,
        measure: &dyn Fn(&Array, &Array) -> Result<Agreement>,
    ) -> Result<Agreement> {
        match self {
            Self::Tensors(tensors) => {
                let row = self.row(position).ok_or_else(|| {
                    Error::new("--expected", "has too few tensors")
                        .expected_got("one per image", format_args!("{:?}", tensors.shape()))
                        .fix(RECIPE)
                })?;
                measure(reference, &Array::stack(&[row])?)
            }
            Self::Digests(digests) => {
                let name = Path::new(image)
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                let expected = digests
                    .get(image)
                    .or_else(|| digests.get(&name?))
                    .ok_or_else(|| {
                        Error::new("--expected", "does not name the image")
                            .expected_got(image, "no such key")
                            .fix(RECIPE)
                    })?;
                Ok(Agreement::Digest {
                    equal: *expected == digest(reference)?,
                })
            }
        }
    }
}

impl Expected {
    /// The tensor of an image by its position.
    fn row(&self, position: usize) -> Option<Array> {
        match self {
            // [C, H, W] stands for [1, C, H, W].
            Self::Tensors(tensors) if tensors.shape().len() == 3 && position == 0 => Some(tensors.clone()),
            Self::Tensors(tensors) => tensors.row(position),
            Self::Digests(_) => None,
        }
    }

    /// What the original does otherwise with an image; `None` where nothing can be told.
    fn diagnosis(
        &self,
        position: usize,
        executions: &Executions,
        image: ArrayView3<'_, u8>,
    ) -> Option<Diagnosis> {
        let tensor = diagnose::tensor_of(&self.row(position)?).ok()?;
        let embedded = &executions.embedded;
        let (layout, dtype) = (embedded.layout, embedded.dtype);
        // An equal one would be of another form alone, which the row says.
        fit::diagnose(&embedded.pipeline, layout, dtype, image, &tensor)
            .ok()
            .filter(|diagnosis| !diagnosis.equal)
    }
}

/// The sha256 of a tensor's elements, little-endian, in C order.
pub(crate) fn digest(array: &Array) -> Result<String> {
    let mut bytes = Vec::new();
    array
        .write_le(&mut bytes)
        .map_err(|error| Error::new("tensor", error))?;
    Ok(Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
