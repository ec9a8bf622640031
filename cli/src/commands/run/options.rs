//! The options of `run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use prep_onnx_pipeline::Error;

use crate::host::Provider;
use crate::inference::RowsOption;
use crate::job::{Decode, Shard};

/// Run an embedded model over images
///
/// Images are decoded on several threads, turned upright by their EXIF orientation, and fed as raw
/// uint8. One that cannot be read is a row with its error and does not stop the others; the exit code
/// is 1 then.
///
/// A run with --out keeps the rows that are done in the folder OUT.parts until it is complete. After
/// Ctrl-C or a crash, the same command with --resume goes on from there, and gives the rows of a run
/// that was never interrupted. The folder stays when images failed, for --retry-failed.
///
/// An output has a row for each image where the model declares its first axis as that of the images.
/// Any other is no image's alone: then images run one at a time, and each keeps the output whole.
///
/// A model with the steps of a detector after it (embed --then detections=…, --answers) gives boxes: a table, or a row for each
/// box with the image's id and a status: ok, none where nothing was found, error. Of a map in the size of the image (classes,
/// depth) a row tells its size and its classes or its range; .npy and --output NAME keep the map itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx run model.prep.onnx photo.jpg --top-k 5 --labels labels.txt
  prep-onnx run model.prep.onnx photos/ -o embeddings.npy --batch 32
  prep-onnx run detector.prep.onnx photos/ -o boxes.parquet --draw annotated/
  prep-onnx run model.prep.onnx 'photos/**/*.png' -o out.jsonl --output pooled
  find photos | prep-onnx run model.prep.onnx --list - -o table.parquet
  prep-onnx run model.prep.onnx photos/ -o part-2.npy --shard 2/8 --resume
  prep-onnx run clip.prep.onnx photo.jpg --feed input_ids=ids.npy")]
pub(crate) struct Options {
    /// A model that `embed` wrote
    pub(super) model: PathBuf,
    /// Image files, folders, patterns, @FILE with one path per line, or - for an image on standard input
    #[arg(required_unless_present = "list", value_name = "IMAGE|DIR|GLOB")]
    pub(super) images: Vec<OsString>,
    /// A file with one path, or ID<TAB>PATH, per line; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) list: Vec<PathBuf>,
    /// Write the outputs, a row per image: .npy (NaN or 0 where an image failed; OUT.npy.jsonl says which
    /// image each row is), .jsonl (NaN is null) or .parquet; - writes .jsonl to standard output
    #[arg(short = 'o', long, value_name = "OUT")]
    pub(super) out: Option<PathBuf>,
    /// Go on from what an earlier run of the same command left, if there is anything
    #[arg(long, requires = "out")]
    pub(super) resume: bool,
    /// Also run the images again that failed in the earlier run; implies --resume
    #[arg(long, requires = "out")]
    pub(super) retry_failed: bool,
    /// Only every N-th image, from the I-th on: the same command with 1/N to N/N and its own OUT each
    /// shares the images among processes
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// Finished rows are safe after so many images, and every 5 seconds
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) part_rows: u32,
    /// Images that are decoded and, where their sizes allow it, run together
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) batch: u32,
    /// Threads that decode, and threads of one run [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) threads: Option<u32>,
    /// How JPEGs are decoded: the exact pixels, or smaller where the pipeline makes them smaller anyway
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Decode::Exact)]
    pub(super) decode: Decode,
    /// Run the standard ops in the model, as a host without the op library does
    #[arg(long)]
    pub(super) portable: bool,
    /// The execution provider: the processor, or the CUDA provider of onnxruntime-gpu
    #[arg(long, value_name = "PROVIDER", value_enum, default_value_t = Provider::Cpu)]
    pub(super) ep: Provider,
    /// The output of the model that is taken [default: the first]
    #[arg(long, value_name = "NAME")]
    pub(super) output: Option<String>,
    /// What the first axis of the output is
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(super) rows: RowsOption,
    /// The input that takes the images, where several can
    #[arg(long, value_name = "NAME")]
    pub(super) input: Option<String>,
    /// Keep the K highest elements of the output, with their indices
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) top_k: Option<u32>,
    /// Write each image with what was answered into this folder, as PNG: boxes, masks in their colour, a colour for each
    /// class of a segmentation, values from dark to light. Rows name the file
    #[arg(long, value_name = "DIR")]
    pub(super) draw: Option<PathBuf>,
    /// Names of the classes, in the place of those that the model carries: one per line, or JSON
    #[arg(long, value_name = "FILE")]
    pub(super) labels: Option<PathBuf>,
    /// What another input of the model gets: an array written by numpy.save
    #[arg(long, value_name = "NAME=FILE.npy", value_parser = feed)]
    pub(super) feed: Vec<(String, PathBuf)>,
}

impl Options {
    /// Checks that each input is fed once.
    ///
    /// # Errors
    /// Names the input and both files.
    pub(super) fn check_feeds(&self) -> Result<(), Error> {
        let mut feeds = self.feed.iter();
        while let Some((name, file)) = feeds.next() {
            if let Some((_, other)) = feeds.clone().find(|(again, _)| again == name) {
                let both = format_args!("{} and {}", file.display(), other.display());
                return Err(Error::new("--feed", format_args!("names input `{name}` twice"))
                    .expected_got("one file", both));
            }
        }
        Ok(())
    }
}

fn feed(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("expected NAME=FILE.npy".to_owned()),
    }
}
