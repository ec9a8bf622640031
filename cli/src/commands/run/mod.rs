//! Running an embedded model over images.

mod file;
mod options;
mod out;
mod show;

use prep_onnx_loader::{Skipped, path_text};
use prep_onnx_pipeline::{Error, Result};
use serde_json::{Map, Value, json};

use crate::answer::{Failure, Outcome};
use crate::args::Global;
use crate::embedded::EmbeddedModel;
use crate::host::{Array, Session, SessionOptions, npy};
use crate::inference::{Inference, Rows};
use crate::job::{
    Decode, Decoding, Draw, Inputs, Interrupt, Manifest, ModelFiles, Runner, check_classes, no_images,
};
use crate::labels::Labels;
use crate::results::Format;
pub(crate) use options::Options;
use out::Out;

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    let inputs = Inputs {
        arguments: options.images.clone(),
        lists: options.list.clone(),
        shard: options.shard.unwrap_or_default(),
    };
    inputs.check().map_err(Failure::usage)?;
    options.check_feeds().map_err(Failure::usage)?;
    let out = Out::of(options, global)?;
    let embedded = EmbeddedModel::open(&options.model)?;
    let files = ModelFiles::open(&embedded.model)?;
    global.warn_assumed(embedded.assumption().as_deref());
    let labels = options.labels.as_deref().map(Labels::read).transpose()?;
    let carried = embedded
        .after
        .as_ref()
        .map(|after| Labels::of(after.labels.clone()));
    let named = labels.is_some();
    let labels = labels.or(carried).unwrap_or_default();
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
    .with_plan(&embedded.plan()?)
    .with_answers(embedded.after.as_ref().filter(|_| options.output.is_none()))?
    .with_rows(options.rows, &embedded.model)?;
    let classes = (named && !labels.is_empty()).then_some(labels.len());
    if options.labels.is_some() && options.top_k.is_none() && !inference.has_answers() {
        return Err(Failure::usage(
            Error::new("--labels", "names classes, of which nothing is shown").fix("add --top-k K"),
        ));
    }
    if let (Some(elements), Some(classes)) = (inference.row_elements(), classes) {
        check_classes(inference.output_name(), elements, classes)?;
    }
    if inference.has_places() && options.decode == Decode::Fast {
        return Err(Failure::usage(
            Error::new(
                "--decode fast",
                "does not go with boxes or maps in pixels of the image",
            )
            .fix("leave --decode out"),
        ));
    }
    let draw = match &options.draw {
        Some(folder) => {
            if !inference.has_places() {
                return Err(Failure::usage(
                    Error::new("--draw", "there is nothing to draw: what is taken of the model are no places of the image")
                        .expected_got(
                            "boxes, or a map in the size of the image",
                            format_args!("output `{}`", inference.output_name()),
                        )
                        .fix("embed with --answers, --then detections=FAMILY or --then resize_to_image, and leave --output out"),
                ));
            }
            if inference.takes_files() {
                return Err(Failure::usage(
                    Error::new(
                        "--draw",
                        "there is nothing to draw on: the model decodes, and its pixels are not at hand",
                    )
                    .fix("embed with --accept batch or ragged"),
                ));
            }
            Some(Draw::into(folder, Labels::of(labels.clone().into_names()))?)
        }
        None => None,
    };
    let runner = Runner {
        inference,
        batch: options.batch as usize,
        threads,
        decode: decoding.options.clone(),
        top: options.top_k.map(|count| count as usize),
        classes,
        draw,
        whole_maps: matches!(out, Out::File(_, Format::Npy)),
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
            ("draw", json!(options.draw.as_deref().map(path_text))),
        ];
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }

    /// Why outputs were kept whole, where they were.
    fn whole(&self) -> Option<String> {
        match self.runner.inference.rows() {
            Some(Rows::Whole(why)) => Some(why.clone()),
            Some(Rows::Each) | None => None,
        }
    }

    fn no_images(&self) -> Failure {
        no_images(&self.inputs.in_words(), &self.skipped).into()
    }
}
