//! What a model itself says about its preprocessing: its metadata, and the shape of its graph.

use prep_onnx_pipeline::{Error, PRESETS, Result};
use prep_onnx_rewriter::{Dimension, ElementType, ImageInput, Model, Value, ValueType};

/// How many presets an error names.
const MOST_NAMED: usize = 6;

/// Refuses a model whose metadata says that its preprocessing is not ImageNet's, or not ImageNet's alone.
///
/// # Errors
/// Names what it saw, and what to do.
pub(super) fn check_metadata(model: &Model) -> Result<()> {
    let keys: Vec<&str> = model.metadata().map(|(key, _)| key).collect();
    let refuse = |seen: String| {
        Error::new(
            model.path().display(),
            "its metadata names preprocessing that is not ImageNet's",
        )
        .expected_got(
            "--pipeline PRESET|FILE",
            format_args!("{seen}, and no --pipeline"),
        )
    };
    let image: Vec<&str> = keys
        .iter()
        .copied()
        .filter(|key| key.starts_with("Image."))
        .collect();
    if !image.is_empty() {
        return Err(refuse(format!("ONNX's image metadata ({})", named(model, &image)))
            .why("it says which colour order and range of values the input has, and nothing of sizes")
            .fix("describe the pipeline in a file and name it with --pipeline: a resize, then the arithmetic that gives this range"));
    }
    let telling: Vec<&str> = keys.iter().copied().filter(|key| tells(key)).collect();
    if !telling.is_empty() {
        return Err(refuse(named(model, &telling))
            .why("what else than ImageNet's the keys mean is not known here")
            .fix("describe the pipeline in a file and name it with --pipeline; --pipeline imagenet if it is ImageNet's"));
    }
    Ok(())
}

/// Whether a key of metadata is about preprocessing.
fn tells(key: &str) -> bool {
    const WORDS: [&str; 22] = [
        "mean",
        "means",
        "std",
        "stds",
        "stddev",
        "normalize",
        "normalise",
        "normalization",
        "preprocess",
        "preprocessing",
        "preprocessor",
        "transform",
        "transforms",
        "resize",
        "crop",
        "letterbox",
        "interpolation",
        "imgsz",
        "anchors",
        "stride",
        "pixel",
        "bgr",
    ];
    let key = key.to_ascii_lowercase();
    key.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| WORDS.contains(&word))
}

/// Keys with their values, as far as the model has them.
fn named(model: &Model, keys: &[&str]) -> String {
    const MOST: usize = 40;
    let entry = |key: &&str| {
        let value = model.metadata_value(key)?;
        let cut: String = value.chars().take(MOST).collect();
        let dots = if cut.len() < value.len() { "…" } else { "" };
        Some(format!("{key} = {cut}{dots}"))
    };
    keys.iter().filter_map(entry).collect::<Vec<_>>().join(", ")
}

/// Checks that a model is an image classifier: one input, the image, and one output [N, classes].
///
/// # Errors
/// Says what it saw, and names the likely pipelines.
pub(super) fn check_classifier(model: &Model, image: &ImageInput) -> Result<()> {
    let size = size_of(image);
    let refuse = |saw: String| {
        Error::new(model.path().display(), "its pipeline is not known")
            .expected_got(
                "--pipeline PRESET|FILE, a config beside the model, or a classifier with one image input and one output [N, classes]",
                saw,
            )
            .why("ImageNet's preprocessing is assumed for plain classifiers alone: for others it is mostly wrong, and nobody would see it")
            .fix(format!("name it with --pipeline: {}", likely_for(None, size)))
    };
    let others: Vec<&Value> = model.inputs().filter(|input| input.name != image.name).collect();
    if !others.is_empty() {
        return Err(refuse(format!("inputs beside the image: {}", list(&others))));
    }
    let outputs: Vec<&Value> = model.outputs().iter().collect();
    match outputs.as_slice() {
        [output] if gives_classes(output) => Ok(()),
        [output] if is_embedding(output) => Err(refuse(format!(
            "an output that looks like an embedding: {}",
            list(&outputs)
        ))),
        [_] => Err(refuse(format!("the output {}", list(&outputs)))),
        _ => Err(refuse(format!("{} outputs: {}", outputs.len(), list(&outputs)))),
    }
}

/// The height and width of an input, where the file says them.
pub(super) fn size_of(image: &ImageInput) -> (Option<usize>, Option<usize>) {
    let edge = |dimension: &Dimension| dimension.fixed().and_then(|edge| usize::try_from(edge).ok());
    let (height, width) = image.size();
    (edge(height), edge(width))
}

/// Whether an output is [N, classes]: two axes of floats, the second of a plausible number of classes.
fn gives_classes(output: &Value) -> bool {
    const MOST_CLASSES: i64 = 100_000;
    let ValueType::Tensor {
        element: ElementType::FLOAT32 | ElementType::FLOAT16,
        shape: Some(shape),
    } = &output.value_type
    else {
        return false;
    };
    let [_, classes] = shape.as_slice() else {
        return false;
    };
    let scores = says(
        output,
        &["logit", "prob", "class", "score", "softmax", "label", "pred"],
    );
    match classes {
        _ if is_embedding(output) => false,
        Dimension::Fixed(count) => (2..=MOST_CLASSES).contains(count) || (*count == 1 && scores),
        Dimension::Symbolic(_) | Dimension::Unknown => scores,
    }
}

/// Whether an output is named like an embedding, or has the width of one and is not named like scores.
fn is_embedding(output: &Value) -> bool {
    const WIDTHS: [i64; 12] = [128, 192, 256, 320, 384, 512, 640, 768, 1024, 1280, 1536, 2048];
    if says(
        output,
        &[
            "embed",
            "feature",
            "hidden",
            "pooled",
            "descriptor",
            "latent",
            "vector",
        ],
    ) {
        return true;
    }
    let width = match &output.value_type {
        ValueType::Tensor {
            shape: Some(shape), ..
        } => shape.last().and_then(Dimension::fixed),
        _ => None,
    };
    width.is_some_and(|width| WIDTHS.contains(&width))
        && !says(
            output,
            &["logit", "prob", "class", "score", "softmax", "label", "pred"],
        )
}

fn says(output: &Value, words: &[&str]) -> bool {
    let name = output.name.to_ascii_lowercase();
    words.iter().any(|word| name.contains(word))
}

fn list(values: &[&Value]) -> String {
    const MOST: usize = 6;
    let mut texts: Vec<_> = values
        .iter()
        .take(MOST)
        .map(|value| format!("`{}` {}", value.name, value.value_type))
        .collect();
    if values.len() > MOST {
        texts.push(format!("and {} more", values.len() - MOST));
    }
    texts.join("; ")
}

/// The presets that a model may want, in words: those called like its type first, then those of its size.
pub(super) fn likely_for(kind: Option<&str>, size: (Option<usize>, Option<usize>)) -> String {
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let by_type = |name: &str| {
        let stem = name.split('-').next().unwrap_or(name);
        !kind.is_empty() && kind.starts_with(stem)
    };
    let fits = |made: Option<(usize, usize)>| match (size, made) {
        ((Some(height), Some(width)), Some(made)) => made == (height, width),
        _ => true,
    };
    let mut names: Vec<(bool, &str)> = PRESETS
        .iter()
        .filter(|preset| {
            let plan = preset.import(None).and_then(|import| {
                let (layout, dtype) = import.pipeline.output.or_usual();
                import.pipeline.compile(layout, dtype)
            });
            plan.is_ok_and(|plan| plan.fixed_output().is_some() && fits(plan.fixed_output()))
        })
        .map(|preset| (!by_type(preset.name), preset.name))
        .collect();
    names.sort_by_key(|(other, _)| *other);
    let shown: Vec<_> = names.iter().take(MOST_NAMED).map(|(_, name)| *name).collect();
    match (shown.is_empty(), size) {
        (true, (Some(height), Some(width))) => {
            format!("no preset makes {height} x {width}, so a FILE (prep-onnx pipelines shows the language)")
        }
        (true, _) => "prep-onnx pipelines lists the presets".to_owned(),
        (false, (Some(height), Some(width))) => format!(
            "of its size {height} x {width} are {}; prep-onnx pipelines lists all",
            shown.join(", ")
        ),
        (false, _) => format!("for example {}; prep-onnx pipelines lists all", shown.join(", ")),
    }
}
