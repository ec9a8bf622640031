//! Running an embedded model over images.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use prep_onnx_loader::{Skipped, Source, path_text};
use prep_onnx_pipeline::{Error, Result};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Failure, Outcome};
use crate::args::Global;
use crate::embedded::EmbeddedModel;
use crate::host::{Array, Provider, Session, SessionOptions, npy};
use crate::inference::{Inference, Rows, RowsOption};
use crate::job::{
    Begin, Decode, Decoding, Inputs, Interrupt, MEASURED, Manifest, ModelFiles, Runner, SKIPPED_FIX, Shard,
    Store, Summary, Tracker, check_classes,
};
use crate::labels::Labels;
use crate::results::{Format, ImageResult, Kept, Writer};
use crate::ui;

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
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx run model.prep.onnx photo.jpg --top-k 5 --labels labels.txt
  prep-onnx run model.prep.onnx photos/ -o embeddings.npy --batch 32
  prep-onnx run model.prep.onnx 'photos/**/*.png' -o out.jsonl --output pooled
  find photos | prep-onnx run model.prep.onnx --list - -o table.parquet
  prep-onnx run model.prep.onnx photos/ -o part-2.npy --shard 2/8 --resume
  prep-onnx run clip.prep.onnx photo.jpg --feed input_ids=ids.npy")]
pub(crate) struct Options {
    /// A model that `embed` wrote
    model: PathBuf,
    /// Image files, folders, patterns, @FILE with one path per line, or - for an image on standard input
    #[arg(required_unless_present = "list", value_name = "IMAGE|DIR|GLOB")]
    images: Vec<OsString>,
    /// A file with one path, or ID<TAB>PATH, per line; - is standard input
    #[arg(long, value_name = "FILE")]
    list: Vec<PathBuf>,
    /// Write the outputs, a row per image: .npy (NaN or 0 where an image failed; OUT.npy.jsonl says which
    /// image each row is), .jsonl (NaN is null) or .parquet; - writes .jsonl to standard output
    #[arg(short = 'o', long, value_name = "OUT")]
    out: Option<PathBuf>,
    /// Go on from what an earlier run of the same command left, if there is anything
    #[arg(long, requires = "out")]
    resume: bool,
    /// Also run the images again that failed in the earlier run; implies --resume
    #[arg(long, requires = "out")]
    retry_failed: bool,
    /// Only every N-th image, from the I-th on: the same command with 1/N to N/N and its own OUT each
    /// shares the images among processes
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Finished rows are safe after so many images, and every 5 seconds
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    part_rows: u32,
    /// Images that are decoded and, where their sizes allow it, run together
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
    /// Threads that decode, and threads of one run [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// How JPEGs are decoded: the exact pixels, or smaller where the pipeline makes them smaller anyway
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Decode::Exact)]
    decode: Decode,
    /// Run the standard ops in the model, as a host without the op library does
    #[arg(long)]
    portable: bool,
    /// The execution provider: the processor, or the CUDA provider of onnxruntime-gpu
    #[arg(long, value_name = "PROVIDER", value_enum, default_value_t = Provider::Cpu)]
    ep: Provider,
    /// The output of the model that is taken [default: the first]
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// What the first axis of the output is
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    rows: RowsOption,
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
    let inputs = Inputs {
        arguments: options.images.clone(),
        lists: options.list.clone(),
        shard: options.shard.unwrap_or_default(),
    };
    inputs.check().map_err(Failure::usage)?;
    let out = Out::of(options, global)?;
    let embedded = EmbeddedModel::open(&options.model)?;
    let files = ModelFiles::open(&embedded.model)?;
    global.warn_assumed(embedded.assumption().as_deref());
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
    let (sources, skipped) = inputs.sources()?;
    let decoding = Decoding::new(options.decode, &embedded)?;
    let loaded = global.load_runtime_for(options.ep)?;
    let threads = options.threads.map_or(0, |threads| threads as usize);
    let session = Session::open(
        &loaded,
        &options.model,
        SessionOptions {
            threads,
            fused: !options.portable,
            provider: options.ep,
            spinning: false,
        },
    )?;
    files.check_in_place()?;
    if !options.portable {
        global.say_elsewhere(embedded.op_elsewhere(options.ep));
    }
    let inference = Inference::new(
        &options.model,
        session,
        options.input.as_deref(),
        options.output.as_deref(),
        embedded.status.as_deref(),
        feeds,
    )?
    .with_rows(options.rows, &embedded.model)?;
    let classes = (!labels.is_empty()).then_some(labels.len());
    if let (Some(elements), Some(classes)) = (inference.row_elements(), classes) {
        check_classes(inference.output_name(), elements, classes)?;
    }
    let runner = Runner {
        inference,
        batch: options.batch as usize,
        threads,
        decode: decoding.options.clone(),
        top: options.top_k.map(|count| count as usize),
        classes,
    };
    let mut job = Job {
        options,
        inputs,
        skipped,
        decoding,
        runner,
        labels,
        files,
        // From here on there is something to keep.
        interrupt: Interrupt::watch(global.quiet),
        quiet: global.quiet,
    };
    let mut answer = match out {
        Out::File(out, format) => {
            let digest = job.files.digest()?;
            let identity = job.identity(&loaded.version().to_string());
            let manifest = Manifest::new(digest.clone(), &embedded.pipeline, identity);
            job.write_file(sources, out, format, manifest, &digest)
        }
        Out::Stream => job.stream(sources),
        Out::Show => job.show(sources, global.json),
    }?;
    answer
        .json
        .insert("pipeline_assumed".to_owned(), embedded.assumed.is_some().into());
    Ok(answer)
}

/// Where the rows go.
enum Out<'a> {
    File(&'a Path, Format),
    /// Standard output, as lines of JSON.
    Stream,
    /// A table, or the answer to `--json`.
    Show,
}

impl<'a> Out<'a> {
    fn of(options: &'a Options, global: &Global) -> Outcome<Self> {
        let Some(path) = options.out.as_deref() else {
            return Ok(Self::Show);
        };
        if path == Path::new("-") {
            let with = [
                (options.resume, "--resume"),
                (options.retry_failed, "--retry-failed"),
                (global.json, "--json"),
            ];
            return match with.iter().find(|(given, _)| *given) {
                None => Ok(Self::Stream),
                Some((_, name)) => Err(Failure::usage(
                    Error::new(
                        name,
                        "does not go with -o -, which writes lines of JSON to standard output",
                    )
                    .fix("name a file, or leave one of them out"),
                )),
            };
        }
        let format = Format::of(path).map_err(Failure::usage)?;
        if options.top_k.is_some() && format == Format::Npy {
            return Err(Failure::usage(
                Error::new("--top-k", "does not go with .npy, which holds whole outputs")
                    .fix("write .jsonl or .parquet, or leave --top-k out"),
            ));
        }
        Ok(Self::File(path, format))
    }
}

struct Job<'a> {
    options: &'a Options,
    inputs: Inputs,
    /// Files in folders that are no images.
    skipped: Skipped,
    decoding: Decoding,
    runner: Runner,
    labels: Labels,
    files: ModelFiles,
    interrupt: Interrupt,
    quiet: bool,
}

impl Job<'_> {
    /// The options that the rows depend on.
    fn identity(&self, runtime: &str) -> Map<String, Value> {
        let options = self.options;
        let feeds = options
            .feed
            .iter()
            .map(|(name, path)| json!([name, path_text(path)]));
        let entries = [
            ("runtime", json!(runtime)),
            ("output", json!(self.runner.inference.output_name())),
            ("top-k", json!(options.top_k)),
            ("rows", json!(options.rows.name())),
            ("batch", json!(options.batch)),
            ("decode", json!(options.decode.name())),
            ("portable", json!(options.portable)),
            ("ep", json!(options.ep)),
            ("shard", json!(self.inputs.shard.to_string())),
            ("input", json!(options.input)),
            ("feed", feeds.collect()),
        ];
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }

    fn write_file(
        &mut self,
        mut sources: impl Iterator<Item = Source> + Send + 'static,
        out: &Path,
        format: Format,
        manifest: Manifest,
        digest: &str,
    ) -> Outcome {
        if out.is_dir() {
            return Err(Error::new(out.display(), "cannot be written")
                .expected_got("a file", "a folder")
                .into());
        }
        let begin = if self.options.resume || self.options.retry_failed {
            Begin::Resume
        } else {
            Begin::Anew
        };
        let mut store = Store::open(out, manifest, begin, self.options.part_rows as usize)?;
        if let Some(rows) = store.rows_rule() {
            self.runner.inference.set_rows(rows.clone())?;
        }
        let earlier = store.done() - store.lost();
        let mut tracker = Tracker::new(&self.inputs, earlier, self.quiet);
        let mut form = OneForm::new(format);
        self.take_up(&mut store, &mut sources, &mut tracker)?;
        tracker.begin();

        let head: Vec<Source> = sources.by_ref().take(MEASURED).collect();
        let cost = self.decoding.cost(&head);
        let interrupt = self.interrupt.clone();
        if interrupt.exit_code().is_none() {
            self.runner
                .run(head.into_iter().chain(sources), &mut |rows, rule| {
                    store.settle(rule)?;
                    for row in &rows {
                        tracker.row(row);
                        form.check(row)?;
                        store.push(row)?;
                    }
                    store.end_of_batch()?;
                    Ok(interrupt.next_batch())
                })?;
        }
        store.flush()?;
        self.files
            .check_content(digest)
            .map_err(|error| error.fix(format_args!("delete {} and run again", store.name().display())))?;
        if let Some(code) = interrupt.exit_code() {
            return Ok(self.interrupted(&store, &mut tracker, code));
        }
        let mut summary = Summary::new(tracker.finish(), cost, self.whole(), self.skipped.clone());
        store.complete()?;
        summary.resumed = earlier;
        (summary.images, summary.failed) = (store.done(), store.failed());
        if summary.images == 0 {
            return Err(self.no_images(&summary));
        }
        if summary.failed == summary.images && format == Format::Npy {
            store.remove();
            return Err(Error::new("images", "none of them could be run; nothing was written").into());
        }
        let mut writer = Writer::create(out, summary.images, &self.labels)?;
        for row in store.rows() {
            writer.push(&row?)?;
        }
        writer.finish()?;
        let mut text = format!(
            "{} {}: {} of {} images, output `{}`\n{}",
            ui::good("wrote"),
            out.display(),
            summary.images - summary.failed,
            summary.images,
            self.runner.inference.output_name(),
            summary.table(),
        );
        let mut answer = summary.json();
        answer.insert("output".to_owned(), json!(path_text(out)));
        let mut advise = |line: &dyn std::fmt::Display| {
            text.push_str(&ui::dim(line));
            text.push('\n');
        };
        if summary.failed > 0 {
            advise(&"--retry-failed runs again what failed");
        } else {
            let name = store.name().to_owned();
            if !store.remove() {
                advise(&format_args!("{} holds other files and stays", name.display()));
            }
        }
        Ok(Answer::report(text, answer.into()).with_verdict(summary.failed == 0))
    }

    /// The answer of a run that was interrupted: what is kept, and how to go on.
    fn interrupted(&self, store: &Store, tracker: &mut Tracker, code: u8) -> Answer {
        let kept = store.done() - store.lost();
        let total = tracker.total(&self.inputs);
        tracker.clear();
        let of_total = total.map_or_else(String::new, |total| format!(" of {total}"));
        if kept == 0 {
            anstream::eprintln!(
                "{} no image was finished, nothing is kept",
                ui::bad("interrupted:")
            );
        } else {
            anstream::eprintln!(
                "{} {kept}{of_total} images are kept in {}; continue with the same command and --resume",
                ui::bad("interrupted:"),
                store.name().display()
            );
        }
        let json = json!({
            "interrupted": true,
            "kept": kept,
            "images": total,
            "parts": path_text(store.name()),
        });
        Answer::new("", json).with_exit(code)
    }

    /// Goes past the sources whose rows are there, and runs again those that are lost, and those that failed where
    /// that is wanted.
    fn take_up(
        &mut self,
        store: &mut Store,
        sources: &mut impl Iterator<Item = Source>,
        tracker: &mut Tracker,
    ) -> Result<()> {
        for part in 0..store.parts() {
            if self.interrupt.exit_code().is_some() {
                break;
            }
            if let Some(count) = store.lost_part(part) {
                let rows = self.run_again(sources.by_ref().take(count).collect(), tracker)?;
                if rows.len() == count {
                    store.replace(part, rows.into_iter().map(Ok))?;
                } else if self.interrupt.exit_code().is_none() {
                    return Err(other_images(
                        format!("{count} more images"),
                        format!("{} images", rows.len()),
                    ));
                }
                continue;
            }
            let mut again = Vec::new();
            for (place, row) in store.part(part)?.enumerate() {
                let row = row?;
                let source = sources.next();
                match source {
                    Some(source) if source.id() == row.id => {
                        if self.options.retry_failed && row.outcome.is_err() {
                            again.push((place, source));
                        }
                    }
                    other => {
                        let got =
                            other.map_or_else(|| "no image".to_owned(), |source| source.id().to_owned());
                        return Err(other_images(row.id, got));
                    }
                }
            }
            if again.is_empty() {
                continue;
            }
            tracker.not_done(again.len());
            let (places, again): (Vec<_>, Vec<_>) = again.into_iter().unzip();
            let rows = self.run_again(again, tracker)?;
            let mut rows: HashMap<_, _> = places.into_iter().zip(rows).collect();
            let old = store.part(part)?.enumerate();
            store.replace(part, old.map(|(place, row)| rows.remove(&place).map_or(row, Ok)))?;
        }
        Ok(())
    }

    /// The rows of sources of an earlier run; fewer where this one is interrupted.
    fn run_again(&mut self, sources: Vec<Source>, tracker: &mut Tracker) -> Result<Vec<ImageResult>> {
        let interrupt = self.interrupt.clone();
        let mut rows = Vec::new();
        self.runner.run(sources.into_iter(), &mut |batch, _| {
            batch.iter().for_each(|row| tracker.row(row));
            rows.extend(batch);
            Ok(interrupt.next_batch())
        })?;
        Ok(rows)
    }

    /// Writes lines of JSON to standard output as they come.
    fn stream(&mut self, mut sources: impl Iterator<Item = Source> + Send + 'static) -> Outcome {
        let mut tracker = Tracker::new(&self.inputs, 0, self.quiet);
        let head: Vec<Source> = sources.by_ref().take(MEASURED).collect();
        let cost = self.decoding.cost(&head);
        let (labels, interrupt) = (&self.labels, self.interrupt.clone());
        let mut out = BufWriter::new(std::io::stdout().lock());
        let mut gone = false;
        self.runner.run(head.into_iter().chain(sources), &mut |rows, _| {
            rows.iter().for_each(|row| tracker.row(row));
            let mut lines = rows.iter().map(|row| row.json(labels));
            let written = lines
                .try_for_each(|line| writeln!(out, "{line}"))
                .and_then(|()| out.flush());
            match written {
                Ok(()) => Ok(interrupt.next_batch()),
                // The reader has seen enough, as in `prep-onnx run … -o - | head`.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                    gone = true;
                    Ok(ControlFlow::Break(()))
                }
                Err(error) => Err(Error::new(
                    "standard output",
                    format_args!("cannot be written: {error}"),
                )),
            }
        })?;
        drop(out);
        let summary = Summary::new(tracker.finish(), cost, self.whole(), self.skipped.clone());
        if summary.images == 0 && !gone && self.interrupt.exit_code().is_none() {
            return Err(self.no_images(&summary));
        }
        if !self.quiet {
            anstream::eprint!("{}", summary.table());
        }
        let answer = Answer::new("", summary.json().into()).with_verdict(summary.failed == 0);
        Ok(self.shown(answer, summary.images))
    }

    /// The answer, unless the run was interrupted after so many `images`.
    fn shown(&self, answer: Answer, images: usize) -> Answer {
        let Some(code) = self.interrupt.exit_code() else {
            return answer;
        };
        anstream::eprintln!("{} after {images} images", ui::bad("interrupted:"));
        answer.with_exit(code)
    }

    fn show(&mut self, mut sources: impl Iterator<Item = Source> + Send + 'static, as_json: bool) -> Outcome {
        let name = self.runner.inference.output_name().to_owned();
        let mut table = ui::Table::new(&["image", "height x width", &name]);
        let mut images = Vec::new();
        let mut tracker = Tracker::new(&self.inputs, 0, self.quiet);
        let head: Vec<Source> = sources.by_ref().take(MEASURED).collect();
        let cost = self.decoding.cost(&head);
        let (labels, interrupt) = (&self.labels, self.interrupt.clone());
        self.runner.run(head.into_iter().chain(sources), &mut |rows, _| {
            for row in &rows {
                tracker.row(row);
                if as_json {
                    images.push(row.json(labels));
                } else if let Ok(kept) = &row.outcome {
                    let size = row.size.map(|(height, width)| format!("{height} x {width}"));
                    table.row([row.id.clone(), size.unwrap_or_default(), in_words(kept, labels)]);
                }
            }
            Ok(interrupt.next_batch())
        })?;
        let summary = Summary::new(tracker.finish(), cost, self.whole(), self.skipped.clone());
        if summary.images == 0 {
            return Err(self.no_images(&summary));
        }
        let mut answer = summary.json();
        answer.insert("output".to_owned(), name.into());
        answer.insert("results".to_owned(), images.into());
        if self.interrupt.exit_code().is_some() {
            answer.insert("interrupted".to_owned(), true.into());
        }
        let text = format!("{table}{}", summary.table());
        let answer = Answer::new(text, answer.into()).with_verdict(summary.failed == 0);
        Ok(self.shown(answer, summary.images))
    }

    /// Why outputs were kept whole, where they were.
    fn whole(&self) -> Option<String> {
        match self.runner.inference.rows() {
            Some(Rows::Whole(why)) => Some(why.clone()),
            Some(Rows::Each) | None => None,
        }
    }

    fn no_images(&self, summary: &Summary) -> Failure {
        let error =
            Error::new("images", "there are none").expected_got("at least one image", self.inputs.in_words());
        match summary.skipped_in_words() {
            None => error.into(),
            Some(skipped) => error
                .why(format_args!("what is there was skipped: {skipped}"))
                .fix(SKIPPED_FIX)
                .into(),
        }
    }
}

fn other_images(expected: String, got: String) -> Error {
    Error::new("images", "are not those of the earlier run")
        .expected_got(expected, got)
        .fix("give the same images as before, or delete the folder of the earlier run to begin again")
}

/// Finds an output that will not go into one array while the run is young.
struct OneForm {
    wanted: bool,
    first: Option<(&'static str, Vec<usize>)>,
}

impl OneForm {
    fn new(format: Format) -> Self {
        Self {
            wanted: format != Format::Jsonl,
            first: None,
        }
    }

    fn check(&mut self, row: &ImageResult) -> Result<()> {
        let (true, Ok(Kept::Output(array))) = (self.wanted, &row.outcome) else {
            return Ok(());
        };
        let (dtype, shape) = self
            .first
            .get_or_insert_with(|| (array.dtype(), array.shape().to_vec()));
        if (*dtype, shape.as_slice()) == (array.dtype(), array.shape()) {
            return Ok(());
        }
        Err(crate::results::differs(&row.id, (dtype, shape), array))
    }
}

/// How many elements of an output are shown.
const SHOWN: usize = 4;

fn in_words(kept: &Kept, labels: &Labels) -> String {
    match kept {
        Kept::Output(array) => {
            let values = array.to_f64();
            let first: Vec<_> = values
                .iter()
                .take(SHOWN)
                .map(|value| format!("{value:.4}"))
                .collect();
            let more = if values.len() > SHOWN { ", …" } else { "" };
            let shape = ui::shape(array.shape());
            format!("{} {shape}: {}{more}", array.dtype(), first.join(", "))
        }
        Kept::Top(top) => {
            let named = top
                .iter()
                .map(|ranked| format!("{} {:.3}", labels.name(ranked.index), ranked.score));
            named.collect::<Vec<_>>().join("  ")
        }
    }
}
