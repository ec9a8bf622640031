//! Running an embedded model over images.

use std::path::PathBuf;

use clap::Args;
use prep_onnx_loader::{Loader, Sources};
use prep_onnx_pipeline::{Error, Result};
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome, error_lines};
use crate::args::Global;
use crate::embedded::EmbeddedModel;
use crate::host::{Array, Session, SessionOptions, npy};
use crate::inference::Inference;
use crate::labels::{Labels, top};
use crate::results::{ImageResult, Writer};
use crate::ui;

/// Run an embedded model over images
///
/// Images are decoded on several threads, turned upright by their EXIF orientation, and fed as raw
/// uint8. One that cannot be read is reported and does not stop the others; the exit code is 1 then.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx run model.prep.onnx photo.jpg --top-k 5 --labels labels.txt
  prep-onnx run model.prep.onnx photos/ -o embeddings.npy --batch 32
  prep-onnx run model.prep.onnx 'photos/**/*.png' -o results.jsonl --output pooler_output
  prep-onnx run clip.prep.onnx photo.jpg --feed input_ids=ids.npy")]
pub(crate) struct Options {
    /// A model that `embed` wrote
    model: PathBuf,
    /// Image files, folders or patterns
    #[arg(required = true, value_name = "IMAGE|DIR|GLOB")]
    images: Vec<String>,
    /// Write the outputs: .npy (a row per image that could be run) or .jsonl (a line per image; NaN is null)
    #[arg(short = 'o', long, value_name = "OUT")]
    out: Option<PathBuf>,
    /// Images of one size that run together
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
    /// Threads that decode, and threads of one run [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// Run the standard ops in the model, as a host without the op library does
    #[arg(long)]
    portable: bool,
    /// The output of the model that is taken [default: the first]
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// The input that takes the images, where several can
    #[arg(long, value_name = "NAME")]
    input: Option<String>,
    /// Keep the K highest elements of the output, with their indices
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    top_k: Option<u32>,
    /// Names of the classes: one per line, or JSON
    #[arg(long, value_name = "FILE", requires = "top_k")]
    labels: Option<PathBuf>,
    /// What another input of the model gets: an array written by numpy.save
    #[arg(long, value_name = "NAME=FILE.npy", value_parser = feed)]
    feed: Vec<(String, PathBuf)>,
}

fn feed(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("expected NAME=FILE.npy".to_owned()),
    }
}

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    EmbeddedModel::open(&options.model)?;
    let labels = options
        .labels
        .as_deref()
        .map(Labels::read)
        .transpose()?
        .unwrap_or_default();
    let feeds = options
        .feed
        .iter()
        .map(|(name, path)| Ok((name.clone(), npy::read(path)?)))
        .collect::<Result<Vec<(String, Array)>>>()?;
    let mut sources = Sources::new();
    for argument in &options.images {
        sources = sources.expand(argument)?;
    }
    if options.top_k.is_some()
        && options
            .out
            .as_ref()
            .is_some_and(|out| out.extension().is_some_and(|e| e == "npy"))
    {
        return Err(Failure::usage(
            Error::new("--top-k", "does not go with .npy, which holds whole outputs")
                .fix("write .jsonl, or leave --top-k out"),
        ));
    }
    let mut writer = options.out.as_deref().map(Writer::create).transpose()?;
    let loaded = global.load_runtime()?;
    let threads = options.threads.map_or(0, |threads| threads as usize);
    let session = Session::open(
        &loaded,
        &options.model,
        SessionOptions {
            threads,
            fused: !options.portable,
        },
    )?;
    let mut inference = Inference::new(
        &options.model,
        session,
        options.input.as_deref(),
        options.output.as_deref(),
        feeds,
    )?;

    let batch_size = options.batch as usize;
    let mut loader = Loader::builder().batch_size(batch_size);
    if threads > 0 {
        loader = loader.threads(threads);
    }
    let mut progress = ui::Progress::new("images", None, global.quiet);
    let (mut done, mut failed) = (0, 0);
    let mut shown = Vec::new();
    for batch in loader.build(sources)? {
        let mut outputs = inference.run(&batch, batch_size).into_iter();
        for item in batch.items() {
            let (size, output) = match &item.size {
                Ok(size) => {
                    let output = outputs
                        .next()
                        .unwrap_or_else(|| Err(Error::new("image", "was not run")));
                    (Some(*size), output.map_err(|error| error.within(&item.id)))
                }
                Err(error) => (None, Err(error.clone().into())),
            };
            let ranked = match (&output, options.top_k) {
                (Ok(array), Some(count)) => top(array, count as usize),
                _ => Vec::new(),
            };
            let result = ImageResult {
                id: item.id.clone(),
                size,
                output,
                top: ranked,
            };
            done += 1;
            if let Err(error) = &result.output {
                failed += 1;
                anstream::eprintln!("{}", error_lines(error));
            }
            match &mut writer {
                Some(writer) => writer.push(&result, &labels)?,
                None => shown.push(result),
            }
        }
        progress.update(done, failed);
    }
    drop(progress);
    if done == 0 {
        return Err(Error::new("images", "there are none")
            .expected_got("at least one image", options.images.join(" "))
            .into());
    }
    if failed == done && matches!(writer, Some(Writer::Npy { .. })) {
        return Err(Error::new("images", "none of them could be run; nothing was written").into());
    }
    if let Some(writer) = writer {
        writer.finish()?;
    }
    let answer = match &options.out {
        Some(out) => {
            let text = format!(
                "{} {}: {} of {done} images, output `{}`\n",
                ui::good("wrote"),
                out.display(),
                done - failed,
                inference.output_name()
            );
            Answer::new(text, json!({ "output": out, "images": done, "failed": failed }))
        }
        None => show(&shown, &labels, inference.output_name(), failed),
    };
    Ok(answer.with_verdict(failed == 0))
}

/// How many elements of an output are shown.
const SHOWN: usize = 4;

fn show(results: &[ImageResult], labels: &Labels, output: &str, failed: usize) -> Answer {
    let mut table = ui::Table::new(&["image", "height x width", output]);
    for result in results {
        let Ok(array) = &result.output else { continue };
        let size = result
            .size
            .map_or_else(String::new, |(height, width)| format!("{height} x {width}"));
        let value = if result.top.is_empty() {
            let values: Vec<_> = array
                .to_f64()
                .iter()
                .take(SHOWN)
                .map(|value| format!("{value:.4}"))
                .collect();
            let more = if array.shape().iter().product::<usize>() > SHOWN {
                ", …"
            } else {
                ""
            };
            format!(
                "{} {}: {}{more}",
                array.dtype(),
                ui::shape(array.shape()),
                values.join(", ")
            )
        } else {
            let ranked = result.top.iter();
            let named: Vec<_> = ranked
                .map(|ranked| format!("{} {:.3}", labels.name(ranked.index), ranked.score))
                .collect();
            named.join("  ")
        };
        table.row([result.id.clone(), size, value]);
    }
    let images: Vec<_> = results.iter().map(|result| result.json(labels)).collect();
    let json = json!({ "output": output, "images": images, "failed": failed });
    Answer::new(table.to_string(), json)
}
