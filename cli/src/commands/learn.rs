//! The pipeline of a Python callable.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use clap::Args;
use prep_onnx_pipeline::fit::{self, Learned, Nearest, PROBES, Refusal};
use prep_onnx_pipeline::{Error, ErrorKind, Pipeline};
use serde_json::{Value, json};

use crate::answer::{Answer, Failure, Outcome, error_json, error_lines};
use crate::args::Global;
use crate::callable::{Callable, WAYS};
use crate::output::OutputFile;
use crate::{runtime, ui};

/// Write the pipeline of a Python callable, learned from what it makes of images
///
/// Runs the callable in a Python of its own, asks it about images made for that, and looks for the
/// pipeline that gives every bit of every answer. It is written once it gives every bit of fresh
/// images, too. What is random, follows from the whole image (contrast, equalization), blurs or
/// resizes floats is refused, with the nearest pipeline.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx learn preprocess:transform
  prep-onnx learn eval/transforms.py:val_transform -o pipeline.toml
  prep-onnx embed model.onnx --pipeline pipeline.toml

The callable takes one RGB image and gives one array. It is called with a Pillow image, a uint8 array [H, W, 3],
image=array (albumentations), images= and return_tensors= (a processor) or a uint8 tensor [3, H, W], the first of
these that it takes; --as names one. It gives a NumPy array, a tensor, or a dictionary with pixel_values or image,
[3, H, W] or [H, W, 3]. float64 is rounded to float32.

The code of the callable is run: learn only what you trust. Equal means on every image that was asked about.")]
pub(crate) struct Options {
    /// A module, or a Python file, and the callable in it
    #[arg(value_name = "MODULE:CALLABLE")]
    callable: String,
    /// The pipeline file to write
    #[arg(short = 'o', long, value_name = "TOML", default_value = "pipeline.toml")]
    out: PathBuf,
    /// How the callable is given an image
    #[arg(long = "as", value_name = "WAY", value_parser = WAYS, default_value = "auto")]
    way: String,
    /// The Python that has the callable's packages; else python3 of the PATH
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// The most images that it is asked about
    #[arg(long, value_name = "N", default_value_t = PROBES as u32, value_parser = clap::value_parser!(u32).range(30..=1000))]
    probes: u32,
}

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    if !options.callable.contains(':') {
        return Err(Failure::usage(
            Error::new(&options.callable, "names no callable")
                .expected_got("MODULE:CALLABLE, or FILE.py:CALLABLE", &options.callable),
        ));
    }
    let python = match &options.python {
        Some(python) => python.clone(),
        None => runtime::python().map(PathBuf::from).ok_or_else(|| {
            Error::new("python3", "was not found")
                .fix("install Python 3, or name one with --python")
                .with_kind(ErrorKind::Runtime)
        })?,
    };
    // A place that cannot be written is said before minutes of questions.
    let file = OutputFile::create(&options.out)?;
    let mut callable = Callable::start(&python, &options.callable, &options.way)?;
    let total = Arc::new(OnceLock::from(options.probes as usize));
    let mut progress = ui::Progress::new("probes", total, 0, global.quiet);
    let outcome = {
        let callable = &mut callable;
        fit::learn(
            &mut |image| callable.call(image),
            options.probes as usize,
            &mut |now| progress.update(now.asked, 0),
        )
    };
    progress.clear();
    match outcome {
        Ok(learned) => write(options, &callable, learned, file),
        Err(refusal) => Ok(refused(&refusal)),
    }
}

fn write(options: &Options, callable: &Callable, mut learned: Learned, mut file: OutputFile) -> Outcome {
    if callable.was_double {
        learned
            .notes
            .push("the callable gives float64; compared are its values rounded to float32".to_owned());
    }
    let way = callable.way.as_deref().unwrap_or("auto");
    let pipeline = Pipeline {
        description: Some(format!(
            "Learned from {}: every bit of {} images",
            options.callable,
            learned.probes - learned.failed
        )),
        ..learned.pipeline
    };
    file.write(|out| out.write_all(pipeline.to_toml().as_bytes()))?;
    file.finish()?;
    let mut table = ui::Table::new(&[]);
    let mut line = |key: &str, value: String| table.row([ui::bold(key), value]);
    line("callable", format!("{}, called as {way}", options.callable));
    line(
        "equal",
        format!(
            "every bit of {} images, {} of them fresh",
            learned.probes - learned.failed,
            learned.confirmed
        ),
    );
    line("gives", format!("{} {}", learned.dtype, learned.layout));
    for (index, step) in ui::pipeline_lines(&pipeline).into_iter().enumerate() {
        line(if index == 0 { "pipeline" } else { "" }, step);
    }
    for note in &learned.notes {
        line("note", note.clone());
    }
    let text = format!("{} {}\n{table}", ui::good("wrote"), options.out.display());
    let json = json!({
        "output": options.out.display().to_string(),
        "callable": options.callable,
        "called_as": way,
        "probes": learned.probes,
        "failed": learned.failed,
        "confirmed": learned.confirmed,
        "layout": learned.layout,
        "dtype": learned.dtype,
        "pipeline": pipeline.to_value(),
        "notes": learned.notes,
    });
    Ok(Answer::report(text, json))
}

fn refused(refusal: &Refusal) -> Answer {
    let mut text = format!("{}\n", error_lines(&refusal.error));
    if let Some(near) = &refusal.nearest {
        text.push_str(&format!(
            "{}\n",
            ui::bold("nearest pipeline, which is not the callable's:")
        ));
        for line in ui::pipeline_lines(&near.pipeline) {
            text.push_str(&format!("  {line}\n"));
        }
        text.push_str(&format!("  {}\n", apart(near)));
    }
    text.push_str(&format!(
        "nothing was written; {} images were asked about\n",
        refusal.probes
    ));
    let json = json!({
        "output": Value::Null,
        "refused": error_json(&refusal.error),
        "probes": refusal.probes,
        "nearest": refusal.nearest.as_ref().map(|near| json!({
            "pipeline": near.pipeline.to_value(),
            "image": { "height": near.size.0, "width": near.size.1 },
            "differing": near.differing,
            "max_lsb": near.largest,
            "where": near.place,
        })),
    });
    Answer::new(text, json).with_verdict(false)
}

fn apart(near: &Nearest) -> String {
    format!(
        "differs {} of an image of {} x {}: {:.2} % of them, by at most {:.2} steps of the pixel value",
        near.place,
        near.size.0,
        near.size.1,
        near.differing * 100.0,
        near.largest
    )
}
