//! What the names and shapes of a graph tell about who made a model, and what it may take: enough to ask, not to decide.

use prep_onnx_pipeline::Layout;
use prep_onnx_rewriter::{Dimension, ImageInput, Model, Value, ValueType, nodes};

/// A model whose kind is known, while its preprocessing has more than one form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Likely {
    /// What was seen.
    pub(crate) seen: String,
    /// Why that is not enough.
    pub(crate) why: &'static str,
    /// What to do, with the presets that it may take.
    pub(crate) fix: String,
}

/// What is likely of a model that is not known by its metadata; `None` where nothing speaks against a plain classifier.
pub(crate) fn likely(model: &Model, input: &ImageInput) -> Option<Likely> {
    let rules = [
        paddle,
        keras,
        arithmetic,
        torchvision_detector,
        face_detector,
        embedding_of_faces,
        yolo,
        mask,
    ];
    rules.into_iter().find_map(|rule| rule(model, input))
}

/// The extents of a tensor; none of what is no tensor, or of unknown rank.
fn shape(value: &Value) -> &[Dimension] {
    match &value.value_type {
        ValueType::Tensor {
            shape: Some(shape), ..
        } => shape,
        _ => &[],
    }
}

fn fixed(value: &Value, axis: usize) -> Option<i64> {
    shape(value).get(axis).and_then(Dimension::fixed)
}

fn square(input: &ImageInput) -> Option<i64> {
    let (height, width) = input.size();
    height.fixed().filter(|height| width.fixed() == Some(*height))
}

fn described(values: &[Value]) -> String {
    const MOST: usize = 4;
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

/// Whether PaddlePaddle's exporter wrote the model.
pub(crate) fn is_paddle(model: &Model) -> bool {
    let names_of_paddle = |value: &Value| {
        let named = |dimension: &Dimension| matches!(dimension, Dimension::Symbolic(name) if name.starts_with("p2o.DynamicDimension"));
        shape(value).iter().any(named)
            || value.name.starts_with("save_infer_model/")
            || value.name.starts_with("fetch_name_")
    };
    model.producer().starts_with("PaddlePaddle")
        || model.inputs().any(names_of_paddle)
        || model.outputs().iter().any(names_of_paddle)
}

fn paddle(model: &Model, _: &ImageInput) -> Option<Likely> {
    if !is_paddle(model) {
        return None;
    }
    let [output, ..] = model.outputs() else {
        return None;
    };
    let (why, fix) = match shape(output).len() {
        4 => (
            "PaddleOCR and RapidOCR feed text detectors in different sizes and values",
            "name it with --pipeline: paddleocr-det (PaddleOCR), rapidocr-det (RapidOCR)".to_owned(),
        ),
        3 => (
            "readers of text differ in their height",
            "name it with --pipeline: paddleocr-rec, with --size HEIGHTx320 where it is not 48 high".to_owned(),
        ),
        _ => (
            "PaddleOCR's text direction and PaddleClas' classifiers take different sizes and values, and none is resized by Pillow",
            "name it with --pipeline: paddleocr-cls for the direction of text, a FILE with resampler = \"opencv\" for PaddleClas".to_owned(),
        ),
    };
    Some(Likely {
        seen: format!("a model of PaddlePaddle with {}", described(model.outputs())),
        why,
        fix,
    })
}

/// Models of Keras take one of three forms of values, none of which is torchvision's.
fn keras(model: &Model, input: &ImageInput) -> Option<Likely> {
    let producer = model.producer().to_ascii_lowercase();
    let by_converter = producer.starts_with("tf2onnx") || producer.starts_with("keras2onnx");
    if !by_converter {
        return None;
    }
    let begins = first_ops(model, input);
    if let Some(op) = begins.iter().find(|op| is_arithmetic(op)) {
        return Some(inside(&format!(
            "a model of {}, which begins with {op}",
            model.producer()
        )));
    }
    Some(Likely {
        seen: format!("a model of {}, input `{}` {}", model.producer(), input.name, input.layout),
        why: "Keras' applications take values in three forms (modes tf, caffe, torch), with Pillow's nearest pixels by default",
        fix: "name it with --pipeline: keras-tf, keras-caffe or keras-torch; where the model has a Rescaling layer or the like inside, a FILE \
              with the resize alone"
            .to_owned(),
    })
}

/// The ops that read the image input, but for those that move its elements.
fn first_ops(model: &Model, input: &ImageInput) -> Vec<String> {
    let Ok(nodes) = nodes(model) else {
        return Vec::new();
    };
    let reads = nodes
        .iter()
        .filter(|node| node.inputs.iter().any(|read| read.name == input.name));
    reads.map(|node| node.op_type.clone()).collect()
}

fn is_arithmetic(op: &str) -> bool {
    ["Add", "Sub", "Mul", "Div", "BatchNormalization"].contains(&op)
}

fn inside(seen: &str) -> Likely {
    Likely {
        seen: seen.to_owned(),
        why: "the image is scaled or shifted inside of the model, so ImageNet's values would be so twice",
        fix: "write what is left (the resize, and the rescale if there is one) into a FILE and name it with --pipeline; --pipeline imagenet if \
              the model does want ImageNet's values"
            .to_owned(),
    }
}

/// The normalisation inside of the graph.
fn arithmetic(model: &Model, input: &ImageInput) -> Option<Likely> {
    let ops = first_ops(model, input);
    let all = !ops.is_empty() && ops.iter().all(|op| is_arithmetic(op));
    all.then(|| {
        inside(&format!(
            "input `{}` that goes into {} first",
            input.name,
            ops.join(", ")
        ))
    })
}

/// torchvision's detectors: `boxes`, `labels`, `scores`, in any order; resize and normalisation are inside.
fn torchvision_detector(model: &Model, _: &ImageInput) -> Option<Likely> {
    let has = |name: &str| model.outputs().iter().any(|output| output.name == name);
    (has("boxes") && has("labels") && has("scores")).then(|| Likely {
        seen: format!("the outputs of a detector of torchvision: {}", described(model.outputs())),
        why: "its GeneralizedRCNNTransform resizes and normalises inside of the model, so that only the division by 255 is left",
        fix: "if it is torchvision's, name a FILE with --pipeline that has the step rescale (divisor = 255) alone".to_owned(),
    })
}

/// torchvision's detectors as its own exporter writes them: one image without an axis for the batch.
pub(crate) fn detector_of_one_image(model: &Model) -> Option<Likely> {
    let has = |name: &str| model.outputs().iter().any(|output| output.name == name);
    let alone = |input: &Value| shape(input).len() == 3 && fixed(input, 0) == Some(3);
    let is_one = (has("boxes") && has("labels") && has("scores"))
        || model.op_types().any(|op| op == "NonMaxSuppression");
    let input = model.inputs().find(|input| alone(input))?;
    is_one.then(|| Likely {
        seen: format!("a detector of one image, `{}` {}", input.name, input.value_type),
        why: "images come as batches here, and torchvision's detectors take a list of images [3, H, W]",
        fix: "export it with a batch axis: a torch.nn.Module whose forward(images) returns detector([images[0]])[0]; then name a FILE with the step \
              rescale (divisor = 255) alone, since the rest is inside"
            .to_owned(),
    })
}

/// SCRFD and RetinaFace of InsightFace: scores, boxes and points of 3 or 5 strides.
fn face_detector(model: &Model, _: &ImageInput) -> Option<Likely> {
    let outputs = model.outputs();
    let last = |value: &Value| shape(value).last().and_then(Dimension::fixed);
    let strides = match outputs.len() {
        6 | 9 => 3,
        10 | 15 => 5,
        _ => return None,
    };
    let widths = [1, 4, 10];
    let all = outputs
        .iter()
        .enumerate()
        .all(|(index, output)| last(output) == widths.get(index / strides).copied());
    all.then(|| Likely {
        seen: format!("the outputs of InsightFace's detectors: {}", described(outputs)),
        why: "that is what their outputs look like, and no more",
        fix: "if it is SCRFD or RetinaFace, name it with --pipeline scrfd, and --size HxW where it does not take 640 x 640".to_owned(),
    })
}

/// ArcFace and the like.
fn embedding_of_faces(model: &Model, input: &ImageInput) -> Option<Likely> {
    let [output] = model.outputs() else { return None };
    let is_one = square(input) == Some(112)
        && shape(output).len() == 2
        && matches!(fixed(output, 1), Some(128 | 256 | 512));
    is_one.then(|| Likely {
        seen: format!(
            "112 x 112 and {}, as models have that compare faces",
            described(model.outputs())
        ),
        why: "they differ in their values, and take faces that were aligned before",
        fix: "if it is InsightFace's ArcFace, name it with --pipeline arcface".to_owned(),
    })
}

/// Detections for each place of grids of strides 8, 16 and 32, or the best 300.
fn yolo(model: &Model, input: &ImageInput) -> Option<Likely> {
    let output = model.outputs().first()?;
    let [_, second, third] = shape(output) else {
        return None;
    };
    let (second, third) = (second.fixed()?, third.fixed()?);
    let (height, width) = input.size();
    let (height, width) = (height.fixed()?, width.fixed()?);
    let places: i64 = [8, 16, 32]
        .map(|stride| (height / stride) * (width / stride))
        .iter()
        .sum();
    let (what, preset) = if second == places && third >= 6 && third < places {
        ("one row for each place of three grids, as YOLOX has", "yolox")
    } else if third == places && second >= 5 {
        (
            "one column for each place of three grids, as YOLOv8 and later have",
            "yolo",
        )
    } else if second == 3 * places && third >= 6 {
        (
            "three rows for each place of three grids, as YOLOv5 and YOLOv7 have",
            "yolo",
        )
    } else if second == 300 && third == 6 {
        ("300 rows of 6, as YOLOv10 and later have", "yolo")
    } else {
        return None;
    };
    Some(Likely {
        seen: format!("{}: {what}", described(std::slice::from_ref(output))),
        why: "their letterboxes, colour orders and values differ, and no metadata tells who made it",
        fix: format!(
            "if it is one of these, name it with --pipeline {preset}; prep-onnx pipelines {preset} shows what that does"
        ),
    })
}

/// Background removal: masks of the size of the image.
fn mask(model: &Model, input: &ImageInput) -> Option<Likely> {
    let edge = square(input)?;
    let is_mask = |output: &Value| {
        input.layout == Layout::Nchw
            && shape(output).len() == 4
            && [1, 2, 3].map(|axis| fixed(output, axis)) == [Some(1), Some(edge), Some(edge)]
    };
    let all = !model.outputs().is_empty() && model.outputs().iter().all(is_mask);
    all.then(|| Likely {
        seen: format!("one mask of the size of the image: {}", described(model.outputs())),
        why: "models that cut out the foreground differ in their values, and depth models have such an output too",
        fix: "if it is one of rembg's, name it with --pipeline: rembg (u2net, silueta; with --size also BiRefNet and BRIA), rembg-isnet".to_owned(),
    })
}
