//! Which steps come after a model, by what its file and the config beside it say.

use std::path::Path;

use prep_onnx_pipeline::{Error, ErrorKind, Result, text_of};
use prep_onnx_rewriter::after::Then;
use prep_onnx_rewriter::{Dimension, Model, Value, ValueType};
use serde_json::{Map, Value as Json};

use super::{Task, Ultralytics};

/// The steps that the evidence supports.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) steps: Vec<Then>,
    /// The names of the classes, by index.
    pub(crate) labels: Vec<String>,
    /// What shows it.
    pub(crate) evidence: String,
}

/// The steps after `model`.
///
/// # Errors
/// Without evidence, or with evidence of a model whose answers are not known here; names `--then`.
pub(crate) fn answers(model: &Model) -> Result<Answers> {
    if let Some(seen) = Ultralytics::read(model)? {
        return ultralytics(model, &seen);
    }
    let config = model.folder().join("config.json");
    if let Some(answers) = huggingface(&config)? {
        return Ok(answers);
    }
    if is_torchvision(model) {
        return Ok(Answers {
            steps: steps(&["detections=torchvision"])?,
            labels: Vec::new(),
            evidence: "outputs boxes [M, 4], scores [M] and labels [M], as torchvision's detectors have them"
                .to_owned(),
        });
    }
    Err(unknown(
        model,
        "nothing in the file or beside it says what its outputs are",
    ))
}

fn unknown(model: &Model, what: impl std::fmt::Display) -> Error {
    let outputs: Vec<_> = model.outputs().iter().map(ToString::to_string).collect();
    Error::new(model.path().display(), what)
        .expected_got(
            "metadata of Ultralytics, a config.json of transformers beside it, or outputs of torchvision's detectors",
            format_args!("outputs {}", outputs.join("; ")),
        )
        .fix("say it with --then STEP in the place of --answers: prep-onnx steps lists them")
        .with_kind(ErrorKind::Config)
}

fn steps(texts: &[&str]) -> Result<Vec<Then>> {
    texts.iter().map(|text| text.parse()).collect()
}

/// The shape of an output, where its rank is known.
fn shape(output: &Value) -> Option<&[Dimension]> {
    match &output.value_type {
        ValueType::Tensor { shape, .. } => shape.as_deref(),
        ValueType::Other { .. } => None,
    }
}

fn ultralytics(model: &Model, seen: &Ultralytics) -> Result<Answers> {
    let classes = seen.names.len();
    let first = model.outputs().first().and_then(shape).unwrap_or_default();
    let extent = |axis: usize| first.get(axis).and_then(Dimension::fixed);
    let is_decoder = seen.stretches();
    let text = match &seen.task {
        Some(Task::Detect) if is_decoder => {
            return Err(unknown(
                model,
                "the answers of Ultralytics' RT-DETR are not known here",
            ));
        }
        Some(Task::Detect) if seen.end_to_end || extent(2) == Some(6) => "detections=yolo-e2e".to_owned(),
        Some(Task::Detect) => "detections=yolov8".to_owned(),
        Some(task @ (Task::Segment | Task::Pose | Task::Obb)) if seen.end_to_end => {
            return Err(unknown(
                model,
                format_args!(
                    "the answers of a model for the task {} without duplicates are not known here",
                    task.name()
                ),
            ));
        }
        Some(Task::Segment) => "detections=seg".to_owned(),
        Some(Task::Pose) => {
            let points = seen.key_points.map_or_else(String::new, |[points, numbers]| {
                format!(",keypoints={points}x{numbers}")
            });
            format!("detections=pose,classes={}{points}", classes.max(1))
        }
        Some(Task::Obb) => "detections=obb".to_owned(),
        // Its probabilities are finished.
        Some(Task::Classify) => "top_k=5".to_owned(),
        None if extent(2).is_some_and(|channels| channels == 5 + classes as i64) => {
            "detections=yolov5".to_owned()
        }
        None if first.len() == 2 => {
            return Ok(Answers {
                steps: steps(&["softmax", "top_k=5"])?,
                labels: seen.names.values().cloned().collect(),
                evidence: format!("metadata of Ultralytics: {}", Ultralytics::shown(model)),
            });
        }
        Some(Task::Semantic | Task::Depth | Task::Other(_)) | None => {
            let task = seen.task.as_ref().map_or("YOLOv5", Task::name);
            return Err(unknown(
                model,
                format_args!("the answers of Ultralytics' {task} models of this shape are not known here"),
            ));
        }
    };
    let most = seen.names.keys().last().map_or(0, |last| last + 1);
    let labels = (0..most).map(|class| seen.names.get(&class).cloned().unwrap_or_default());
    Ok(Answers {
        steps: steps(&[&text])?,
        labels: labels.collect(),
        evidence: format!("metadata of Ultralytics: {}", Ultralytics::shown(model)),
    })
}

/// Models whose answers transformers makes in the same way.
struct Kind {
    /// What the name of the architecture ends with.
    architecture: &'static str,
    /// `model_type`; empty for any.
    types: &'static [&'static str],
    steps: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    Kind {
        architecture: "ForObjectDetection",
        types: &["detr", "table-transformer", "yolos"],
        steps: &["detections=detr"],
    },
    Kind {
        architecture: "ForObjectDetection",
        types: &["rt_detr", "rt_detr_v2", "d_fine"],
        steps: &["detections=rtdetr"],
    },
    Kind {
        architecture: "ForImageClassification",
        types: &[],
        steps: &["softmax", "top_k=5"],
    },
    Kind {
        architecture: "ForSemanticSegmentation",
        types: &[
            "segformer",
            "beit",
            "data2vec-vision",
            "mobilevit",
            "mobilevitv2",
            "mobilenet_v2",
            "dpt",
            "upernet",
        ],
        steps: &["resize_to_image", "argmax"],
    },
    Kind {
        architecture: "ForDepthEstimation",
        types: &["dpt", "depth_anything"],
        steps: &["resize_to_image=bicubic"],
    },
    // Both towers in one file: which text an image goes with.
    Kind {
        architecture: "CLIPModel",
        types: &["clip", "chinese_clip"],
        steps: &["softmax=logits_per_image"],
    },
    Kind {
        architecture: "VisionModelWithProjection",
        types: &[],
        steps: &["l2_normalize=image_embeds"],
    },
];

/// The steps of a model of transformers; none where `config` is not one of it.
fn huggingface(config: &Path) -> Result<Option<Answers>> {
    let Ok(bytes) = std::fs::read(config) else {
        return Ok(None);
    };
    let within = |error: Error| error.within(config.display()).or_kind(ErrorKind::Config);
    let text = text_of(bytes).map_err(within)?;
    let map: Map<String, Json> = serde_json::from_str(&text)
        .map_err(|error| within(Error::new("", format_args!("is not valid JSON: {error}"))))?;
    let of = |key: &str| map.get(key).and_then(Json::as_str).unwrap_or_default();
    let architecture = map
        .get("architectures")
        .and_then(|list| list.get(0)?.as_str())
        .unwrap_or_default();
    let model_type = of("model_type");
    if architecture.is_empty() {
        return Ok(None);
    }
    let seen = format!(
        "{}: architecture {architecture}, model_type {model_type}",
        config.display()
    );
    let fits = |kind: &&Kind| {
        architecture.ends_with(kind.architecture)
            && (kind.types.is_empty() || kind.types.contains(&model_type))
    };
    let Some(kind) = KINDS.iter().find(fits) else {
        return Err(within(
            Error::new(
                "",
                format_args!("the answers of {architecture} ({model_type}) are not known here"),
            )
            .fix("say it with --then STEP in the place of --answers: prep-onnx steps lists them"),
        ));
    };
    let mut texts = kind.steps.to_vec();
    if of("problem_type") == "multi_label_classification" && texts.first() == Some(&"softmax") {
        texts = vec!["sigmoid"];
    }
    if map.get("use_focal_loss") == Some(&Json::Bool(false)) {
        return Err(within(
            Error::new(
                "use_focal_loss",
                "is false: its scores are those of a softmax, which is not known here",
            )
            .fix("say it with --then detections=detr in the place of --answers where the last class is none"),
        ));
    }
    Ok(Some(Answers {
        steps: steps(&texts)?,
        labels: map.get("id2label").map(labels).unwrap_or_default(),
        evidence: seen,
    }))
}

/// The names by index; empty for indices without one.
fn labels(id2label: &Json) -> Vec<String> {
    let mut labels = Vec::new();
    for (index, name) in id2label.as_object().into_iter().flatten() {
        const MOST: usize = 100_000;
        if let (Ok(index), Some(name)) = (index.parse::<usize>(), name.as_str())
            && index < MOST
        {
            if labels.len() <= index {
                labels.resize(index + 1, String::new());
            }
            name.clone_into(&mut labels[index]);
        }
    }
    labels
}

/// Whether the outputs are boxes [M, 4], scores [M] and labels [M] by these names.
fn is_torchvision(model: &Model) -> bool {
    let rank = |name: &str| {
        let output = model.outputs().iter().find(|output| output.name == name)?;
        shape(output).map(<[Dimension]>::len)
    };
    (rank("boxes"), rank("scores"), rank("labels")) == (Some(2), Some(1), Some(1))
}
