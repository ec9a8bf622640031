//! How long each stage takes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use ndarray::Array3;
use prep_onnx_loader::{DecodeOptions, Scratch, Skipped, Sources, decode};
use prep_onnx_pipeline::{CHANNELS, Error, Result};
use prep_onnx_rewriter::{ImageInput, Lowering, Model, preprocessing, strip};
use serde_json::{Value, json};

use crate::answer::{Answer, Outcome};
use crate::args::Global;
use crate::embedded::EmbeddedModel;
use crate::host::{Array, Feed, Provider, Session, SessionOptions};
use crate::inference::{Inference, Picture};
use crate::job::{SKIPPED_FIX, no_images, skipped_in_words, skipped_json};
use crate::reading::read_image;
use crate::runtime::Loaded;
use crate::ui;

/// Time decode, preprocessing and model
///
/// The median of N rounds, per image, in milliseconds: decoding the file in memory; the embedded nodes
/// alone as standard ops (portable) and as the fused op; the original model alone; and the whole file as a
/// host runs it, without the op library (all portable) and with it (all fused), which is not always the sum
/// of its parts. Without images, drawn ones of three usual sizes, which are not decoded.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx bench model.prep.onnx
  prep-onnx bench model.prep.onnx photo.jpg --rounds 50 --threads 4 --json")]
pub(crate) struct Options {
    /// A model that `embed` wrote
    model: PathBuf,
    /// Image files, folders or patterns
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Rounds; the median counts
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// Threads of ONNX Runtime; decoding takes one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: u32,
    /// The execution provider; on cuda the times hold the transfers
    #[arg(long, value_name = "PROVIDER", value_enum, default_value_t = Provider::Cpu)]
    ep: Provider,
}

/// What takes time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Decode,
    Portable,
    Fused,
    Model,
    WholePortable,
    WholeFused,
}

/// With their names in the table and in JSON.
const STAGES: [(Stage, &str, &str); 6] = [
    (Stage::Decode, "decode", "decode_ms"),
    (Stage::Portable, "portable", "portable_ms"),
    (Stage::Fused, "fused", "fused_ms"),
    (Stage::Model, "model", "model_ms"),
    (Stage::WholePortable, "all portable", "all_portable_ms"),
    (Stage::WholeFused, "all fused", "all_fused_ms"),
];

/// An image, and the times of its stages.
struct Subject {
    name: String,
    file: Option<Vec<u8>>,
    pixels: Array3<u8>,
    /// What the model alone gets.
    tensor: Option<Array>,
    times: [Vec<Duration>; STAGES.len()],
}

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    let embedded = EmbeddedModel::open(&options.model)?;
    let (mut subjects, skipped) = if options.images.is_empty() {
        (drawn(), Skipped::default())
    } else {
        read(&options.images, embedded.background())?
    };
    let loaded = global.load_runtime_for(options.ep)?;
    let session = SessionOptions {
        threads: options.threads as usize,
        fused: false,
        provider: options.ep,
        spinning: true,
    };
    let mut stages = Stages::new(&embedded, &loaded, session)?;
    global.say_elsewhere(embedded.op_elsewhere(options.ep));
    for subject in &mut subjects {
        let reference =
            embedded
                .pipeline
                .reference(subject.pixels.view(), embedded.layout, embedded.dtype)?;
        subject.tensor = Some(Array::from(reference));
    }
    // The first round warms up and does not count.
    for round in 0..=options.rounds {
        for subject in &mut subjects {
            for (stage, (kind, ..)) in STAGES.iter().enumerate() {
                if let Some(time) = stages.time(*kind, subject)?
                    && round > 0
                    && let Some(times) = subject.times.get_mut(stage)
                {
                    times.push(time);
                }
            }
        }
    }
    Ok(answer(options, &mut subjects, stages.note, &skipped))
}

/// The sessions of one model.
struct Stages {
    portable: Option<Inference>,
    fused: Option<Inference>,
    model: Option<Session>,
    /// The whole file; none where it needs more than images.
    whole_portable: Option<Inference>,
    whole_fused: Option<Inference>,
    /// The input of the model alone, and how many images it takes at once.
    input: (String, usize),
    scratch: Scratch,
    decode: DecodeOptions,
    /// Why the model alone is not timed.
    note: Option<String>,
}

impl Stages {
    fn new(embedded: &EmbeddedModel, loaded: &Loaded, options: SessionOptions) -> Result<Self> {
        let path = embedded.model.path();
        let name = path.display().to_string();
        let part = preprocessing(&embedded.model)?;
        let plan = embedded.plan()?;
        let backend = |fused: bool| {
            let session = Session::from_bytes(loaded, &name, &part, SessionOptions { fused, ..options })?;
            Ok::<_, Error>(Inference::new(path, session, None, None, None, Vec::new())?.with_plan(&plan))
        };
        let mut stages = Self {
            portable: (embedded.lowering != Lowering::Fused)
                .then(|| backend(false))
                .transpose()?,
            fused: (embedded.lowering != Lowering::Standard)
                .then(|| backend(true))
                .transpose()?,
            model: None,
            whole_portable: None,
            whole_fused: None,
            input: (String::new(), 1),
            scratch: Scratch::default(),
            decode: DecodeOptions::default().background(embedded.background()),
            note: None,
        };
        match original(&embedded.model, loaded, options) {
            Ok((session, input)) => {
                stages.model = Some(session);
                stages.input = input;
            }
            Err(error) => stages.note = Some(error.to_string()),
        }
        let whole = |fused: bool| {
            let session = Session::open(loaded, path, SessionOptions { fused, ..options })?;
            Ok::<_, Error>(Inference::new(path, session, None, None, None, Vec::new())?.with_plan(&plan))
        };
        // Where the model has other inputs, nothing feeds them here.
        if embedded.lowering != Lowering::Fused {
            stages.whole_portable = whole(false).ok();
        }
        if embedded.lowering != Lowering::Standard {
            stages.whole_fused = whole(true).ok();
        }
        Ok(stages)
    }

    fn time(&mut self, stage: Stage, subject: &Subject) -> Result<Option<Duration>> {
        match stage {
            Stage::Decode => {
                let Some(file) = &subject.file else {
                    return Ok(None);
                };
                let started = Instant::now();
                let decoded = decode(file, &self.decode, &mut self.scratch, Vec::new())?;
                let time = started.elapsed();
                drop(decoded);
                Ok(Some(time))
            }
            Stage::Portable | Stage::Fused | Stage::WholePortable | Stage::WholeFused => {
                let inference = match stage {
                    Stage::Fused => &mut self.fused,
                    Stage::WholePortable => &mut self.whole_portable,
                    Stage::WholeFused => &mut self.whole_fused,
                    Stage::Portable | Stage::Decode | Stage::Model => &mut self.portable,
                };
                match (inference, &subject.file) {
                    (Some(inference), file) if file.is_some() || !inference.takes_files() => {
                        let picture = Picture {
                            pixels: subject.pixels.view(),
                            file: file.as_deref().unwrap_or_default(),
                        };
                        inference.time_one(&picture).map(Some)
                    }
                    _ => Ok(None),
                }
            }
            Stage::Model => {
                let (Some(session), Some(tensor)) = (&mut self.model, &subject.tensor) else {
                    return Ok(None);
                };
                let (name, count) = &self.input;
                let rows = tensor.row(0).map_or_else(Vec::new, |row| vec![row; *count]);
                let batch = Array::stack(&rows)?;
                match session.time(&[(name.as_str(), Feed::Array(&batch))], &[0]) {
                    Ok(time) => Ok(Some(time / u32::try_from(*count).unwrap_or(u32::MAX))),
                    Err(error) => {
                        self.note = Some(error.to_string());
                        self.model = None;
                        Ok(None)
                    }
                }
            }
        }
    }
}

/// The model without its pipeline, the name of its image input, and how many images that takes.
fn original(model: &Model, loaded: &Loaded, options: SessionOptions) -> Result<(Session, (String, usize))> {
    let edit = strip(model)?;
    // Beside the model, where the paths of external data hold.
    let folder = tempfile::Builder::new()
        .prefix(".prep-onnx-")
        .suffix(".onnx")
        .tempfile_in(model.folder())
        .or_else(|_| tempfile::Builder::new().suffix(".onnx").tempfile())
        .map_err(|error| Error::new("the model alone", format_args!("cannot be written: {error}")))?;
    let path = folder.into_temp_path();
    edit.write(&path)?;
    let stripped = Model::open(&path)?;
    let name = ImageInput::find(&stripped, None)?.name;
    let session = Session::open(loaded, &path, options)?;
    let session = session.with_name(&model.path().display().to_string());
    let port = session.inputs().iter().find(|port| port.name == name);
    let count = port.and_then(|port| usize::try_from(*port.shape.as_ref()?.first()?).ok());
    Ok((session, (name, count.unwrap_or(1).max(1))))
}

fn read(arguments: &[String], background: Option<[u8; CHANNELS]>) -> Result<(Vec<Subject>, Skipped)> {
    let mut sources = Sources::new();
    for argument in arguments {
        sources = sources.expand(argument)?;
    }
    let skipped = sources.skipped();
    let mut subjects = Vec::new();
    for source in sources {
        let name = source.id().to_owned();
        let (file, pixels) = read_image(source, background).map_err(|error| error.within(&name))?;
        subjects.push(Subject {
            name,
            file: Some(file),
            pixels,
            tensor: None,
            times: Default::default(),
        });
    }
    if subjects.is_empty() {
        return Err(no_images(&arguments.join(" "), &skipped));
    }
    Ok((subjects, skipped))
}

/// Smooth colours with a fine grain: neither flat nor noise.
fn drawn() -> Vec<Subject> {
    let subject = |(height, width): (usize, usize)| Subject {
        name: "drawn".to_owned(),
        file: None,
        pixels: Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
            let grain = (row * 31 + column * 17 + channel * 7) % 23;
            ((row * 200 / height + column * 30 / width + grain) % 256) as u8
        }),
        tensor: None,
        times: Default::default(),
    };
    [(375, 500), (720, 1280), (1080, 1920)].map(subject).into()
}

fn median(times: &mut [Duration]) -> Option<f64> {
    times.sort();
    let middle = times.get(times.len() / 2)?;
    let other = times.get(times.len().saturating_sub(1) / 2)?;
    Some((*middle + *other).as_secs_f64() * 500.0)
}

fn answer(options: &Options, subjects: &mut [Subject], note: Option<String>, skipped: &Skipped) -> Answer {
    let mut headings = vec!["image", "height x width"];
    headings.extend(STAGES.map(|(_, name, _)| name));
    let mut table = ui::Table::new(&headings);
    let mut images = Vec::new();
    for subject in subjects {
        let (height, width, _) = subject.pixels.dim();
        let mut cells = vec![subject.name.clone(), format!("{height} x {width}")];
        let mut entry = json!({ "image": subject.name, "height": height, "width": width });
        for ((_, _, key), times) in STAGES.iter().zip(&mut subject.times) {
            let median = median(times);
            cells.push(median.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.3} ms")));
            entry[*key] = median.map_or(Value::Null, Value::from);
        }
        table.row(cells);
        images.push(entry);
    }
    let mut text = format!(
        "{table}{}\n",
        ui::dim(format_args!(
            "median of {} rounds, threads: {}",
            options.rounds, options.threads
        ))
    );
    if let Some(skipped) = skipped_in_words(skipped) {
        text.push_str(&format!("{} {skipped}; {SKIPPED_FIX}\n", ui::warn("skipped:")));
    }
    if cfg!(debug_assertions) {
        text.push_str(&format!(
            "{} decode and fused are slow in this executable, which was built without --release\n",
            ui::dim("note:")
        ));
    }
    if let Some(note) = &note {
        text.push_str(&format!(
            "{} the model alone is not timed: {note}\n",
            ui::dim("note:")
        ));
    }
    let json = json!({
        "rounds": options.rounds,
        "threads": options.threads,
        "images": images,
        "optimized": !cfg!(debug_assertions),
        "note": note,
        "skipped": skipped_json(skipped),
    });
    Answer::new(text, json)
}
