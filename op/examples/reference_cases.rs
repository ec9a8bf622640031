//! Writes cases for hosts in other languages: `reference_cases FOLDER`.
//!
//! Each case is an entry of `cases.json` with the op, the plan, the inputs' and the outputs' shapes; `N.input` and
//! `N.OUTPUT.expected` are the raw elements, where the scalar reference computed the latter. `timed.json` has what a GPU is timed with.

use std::error::Error;
use std::path::PathBuf;

use ndarray::Array3;
use prep_onnx_pipeline::plan::{OutputElement, OutputExtent};
use prep_onnx_pipeline::{Accept, DOMAIN, OutputKind, PLAN_ATTRIBUTE, Pipeline, Signature, Version};
use serde_json::{Value, json};

const CASES: [(&str, &[(usize, usize)]); 13] = [
    (
        r#"{"steps": [{"step": "resize", "size": {"shortest_edge": 256}, "filter": "bilinear"}, {"step": "center_crop", "size": [224, 224]}, {"step": "rescale", "divisor": 255}, {"step": "normalize", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}]}"#,
        &[(375, 500)],
    ),
    (
        r#"{"steps": [{"step": "resize", "size": {"exact": [48, 48]}, "filter": "bicubic", "resampler": "torchvision"}, {"step": "rescale", "divisor": 255}], "output": {"dtype": "float16", "layout": "nhwc"}}"#,
        &[(100, 60), (100, 60), (100, 60)],
    ),
    (
        r#"{"steps": [{"step": "resize", "size": {"shortest_edge": 33}, "filter": "lanczos"}, {"step": "channel_order", "order": "bgr"}], "output": {"dtype": "uint8", "layout": "nhwc"}}"#,
        &[(90, 130)],
    ),
    (
        r#"{"steps": [{"step": "resize", "size": {"shortest_edge": 64}, "filter": "bilinear"}, {"step": "center_crop", "size": [56, 56]}, {"step": "rescale", "divisor": 255}]}"#,
        &[(100, 60), (61, 500), (3, 4), (700, 90)],
    ),
    (
        r#"{"steps": [{"step": "center_crop", "size": [20, 24]}], "output": {"dtype": "uint8"}}"#,
        &[(10, 60), (61, 5)],
    ),
    (
        r#"{"steps": [{"step": "resize", "size": {"exact": [40, 30]}, "filter": "box"}, {"step": "rescale", "divisor": 127.5, "offset": -1}], "output": {"dtype": "float16"}}"#,
        &[(300, 31), (40, 30)],
    ),
    (
        r#"{"steps": [{"step": "resize", "size": {"exact": [224, 224]}, "filter": "bilinear"}, {"step": "rescale", "divisor": 255}]}"#,
        &[(64, 64); 16],
    ),
    // Version 2: with all outputs.
    (
        r#"{"steps": [{"step": "letterbox", "size": 128}, {"step": "rescale", "divisor": 255}]}"#,
        &[(90, 160), (90, 160), (90, 160)],
    ),
    (
        r#"{"steps": [{"step": "resize", "size": {"shortest_edge": 60, "longest_edge": 100}, "filter": "bilinear", "resampler": "torchvision"}, {"step": "rescale_normalize", "factor": 0.00392156862745098, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}, {"step": "pad", "to": "batch"}]}"#,
        &[(90, 160), (200, 70), (64, 64)],
    ),
    (
        r#"{"steps": [{"step": "resize", "size": [56, 84], "filter": "bicubic", "resampler": "torchvision"}, {"step": "rescale", "divisor": 255}, {"step": "blocks", "patches": 14, "merge": 2, "repeat": 2, "joined": true}]}"#,
        &[(90, 160), (200, 70)],
    ),
    (
        r#"{"steps": [{"step": "grayscale"}, {"step": "resize", "size": {"rule": "height", "height": 40}, "filter": "bilinear", "resampler": "pillow"}, {"step": "rescale", "divisor": 255}], "output": {"dtype": "float16"}}"#,
        &[(60, 200), (60, 200)],
    ),
    (
        r#"{"steps": [{"step": "resize", "size": [64, 96], "filter": "bilinear", "resampler": "opencv"}], "input": {"format": "nv12", "matrix": "bt601", "range": "limited"}, "output": {"dtype": "uint8"}}"#,
        &[(56, 54), (80, 120)],
    ),
    (
        r#"{"steps": [{"step": "rotate_to", "orientation": "portrait"}, {"step": "resize", "size": {"shortest_edge": 96}, "filter": "bilinear", "resampler": "torchvision"}, {"step": "resize", "size": {"rule": "thumbnail", "height": 128, "width": 96}, "filter": "bilinear", "resampler": "torchvision"}, {"step": "pad", "to": [128, 96], "anchor": "center"}, {"step": "rescale", "divisor": 255}], "output": {"layout": "nhwc"}}"#,
        &[(90, 160), (200, 70), (1, 1)],
    ),
];

/// Work to be timed on a GPU: name, pipeline, images and their (height, width).
const TIMED: [(&str, &str, usize, (usize, usize)); 7] = [
    ("256 to 224, float32", IMAGENET, 256, (375, 500)),
    ("256 to 224, float32", IMAGENET, 256, (1080, 1920)),
    ("256 to 224, float16", IMAGENET_HALF, 256, (375, 500)),
    ("256 to 224, float16", IMAGENET_HALF, 256, (1080, 1920)),
    (
        "letterbox 640",
        r#"{"steps": [{"step": "letterbox", "size": 640}, {"step": "rescale", "divisor": 255}]}"#,
        32,
        (720, 1280),
    ),
    (
        "DETR 800/1333",
        r#"{"steps": [{"step": "resize", "size": {"shortest_edge": 800, "longest_edge": 1333}, "filter": "bilinear", "resampler": "torchvision"}, {"step": "rescale_normalize", "factor": 0.00392156862745098, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}, {"step": "pad", "to": "batch"}]}"#,
        32,
        (720, 1280),
    ),
    (
        "square pad, 336",
        r#"{"steps": [{"step": "pad", "to": "square", "color": [122, 116, 104]}, {"step": "resize", "size": [336, 336], "filter": "bicubic", "resampler": "torchvision"}, {"step": "rescale", "divisor": 255}]}"#,
        32,
        (720, 1280),
    ),
];

const IMAGENET: &str = r#"{"steps": [{"step": "resize", "size": {"shortest_edge": 256}, "filter": "bilinear"}, {"step": "center_crop", "size": [224, 224]}, {"step": "rescale", "divisor": 255}, {"step": "normalize", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}]}"#;
const IMAGENET_HALF: &str = r#"{"steps": [{"step": "resize", "size": {"shortest_edge": 256}, "filter": "bilinear"}, {"step": "center_crop", "size": [224, 224]}, {"step": "rescale", "divisor": 255}, {"step": "normalize", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}], "output": {"dtype": "float16"}}"#;

/// As the entries of `cases.json`, and whether a part of the image is enough.
fn timed() -> Result<Vec<Value>, Box<dyn Error>> {
    let mut all = Vec::new();
    for (name, text, images, (height, width)) in TIMED {
        let pipeline = Pipeline::from_value(serde_json::from_str(text)?)?;
        let (layout, dtype) = pipeline.output.or_usual();
        let plan = pipeline.compile(layout, dtype)?;
        let output = plan.geometry(height, width)?.output;
        let shape = plan.output_shape(images, output);
        all.push(json!({
            "name": name, "op": Signature::of(&plan, Accept::Batch).name(), "domain": DOMAIN, "accept": Accept::Batch.name(),
            "attribute": PLAN_ATTRIBUTE, "plan": plan.to_json(), "shapes": [[height, width, plan.source.source_channels()]],
            "images": images, "version": plan.version().number(),
            "outputs": [{"name": OutputKind::Tensor.name(), "dtype": dtype.name(), "shape": shape}],
        }));
    }
    Ok(all)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(
        std::env::args_os()
            .nth(1)
            .ok_or("usage: reference_cases FOLDER")?,
    );
    std::fs::create_dir_all(&folder)?;
    let mut state = 1_u32;
    let mut cases: Vec<Value> = Vec::new();
    for (text, sizes) in CASES {
        let pipeline = Pipeline::from_value(serde_json::from_str(text)?)?;
        let (layout, dtype) = pipeline.output.or_usual();
        let mut plan = pipeline.compile(layout, dtype)?;
        if plan.version() == Version::V2 {
            let kinds = OutputKind::EXTRA.iter().copied();
            let kinds: Vec<_> = kinds
                .filter(|kind| *kind != OutputKind::Grid || plan.form.blocks.is_some())
                .collect();
            plan = plan.with_outputs(&kinds)?;
        }
        let values = plan.source.source_channels();
        let images: Vec<Array3<u8>> = sizes
            .iter()
            .map(|(height, width)| {
                Array3::from_shape_simple_fn((plan.source.rows(*height), *width, values), || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
            })
            .collect();
        let views: Vec<_> = images.iter().map(|image| image.view()).collect();
        let answers = plan.reference(&views)?;
        let mut output_shape = answers.tensors[0].shape.clone();
        output_shape[0] = answers.tensors.iter().map(|tensor| tensor.shape[0]).sum();
        let batch = plan.batch_canvas(sizes.to_vec())?;
        let (height, width) = plan.geometry_on(sizes[0].0, sizes[0].1, batch)?.output;
        let mut outputs =
            vec![json!({"name": OutputKind::Tensor.name(), "dtype": dtype.name(), "shape": output_shape})];
        let mut expected: Vec<Vec<u8>> = vec![
            answers
                .tensors
                .iter()
                .flat_map(prep_onnx_pipeline::Tensor::to_le_bytes)
                .collect(),
        ];
        for kind in &plan.outputs {
            let extents = kind.extents().into_iter().flatten().map(|extent| match extent {
                OutputExtent::Images => images.len(),
                OutputExtent::Height => height,
                OutputExtent::Width => width,
                OutputExtent::Fixed(number) => *number,
            });
            let element = match kind.element() {
                OutputElement::OfPlan => dtype.name(),
                OutputElement::Float32 => "float32",
                OutputElement::Int64 => "int64",
            };
            outputs
                .push(json!({"name": kind.name(), "dtype": element, "shape": extents.collect::<Vec<_>>()}));
            let int64s =
                |values: &[i64]| -> Vec<u8> { values.iter().flat_map(|value| value.to_le_bytes()).collect() };
            let rows = answers.extras.iter().flat_map(|extras| match kind {
                OutputKind::Geometry => extras
                    .geometry
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
                OutputKind::Mask => extras.mask.iter().flat_map(|value| value.to_le_bytes()).collect(),
                OutputKind::Sizes => int64s(&extras.sizes),
                OutputKind::Grid => int64s(&extras.grid),
                OutputKind::Tensor | OutputKind::Status => Vec::new(),
            });
            expected.push(rows.collect());
        }
        let input: Vec<u8> = images.iter().flat_map(|image| image.iter().copied()).collect();
        let mut accepts = Vec::new();
        if plan.fixed_output().is_some() || plan.is_of_batch() {
            accepts.push(Accept::Ragged);
        }
        if sizes.iter().all(|size| *size == sizes[0]) {
            accepts.push(Accept::Batch);
        }
        for accept in accepts {
            let index = cases.len();
            std::fs::write(folder.join(format!("{index}.input")), &input)?;
            for (output, bytes) in expected.iter().enumerate() {
                std::fs::write(folder.join(format!("{index}.{output}.expected")), bytes)?;
            }
            let shapes: Vec<_> = images
                .iter()
                .map(|image| [image.dim().0, image.dim().1, image.dim().2])
                .collect();
            let name = |accept| Signature::of(&plan, accept).name();
            cases.push(json!({
                "op": name(accept), "encoded_op": name(Accept::Encoded), "domain": DOMAIN, "accept": accept.name(),
                "attribute": PLAN_ATTRIBUTE, "plan": plan.to_json(), "shapes": shapes, "outputs": outputs,
            }));
        }
    }
    std::fs::write(folder.join("cases.json"), serde_json::to_string_pretty(&cases)?)?;
    std::fs::write(
        folder.join("timed.json"),
        serde_json::to_string_pretty(&timed()?)?,
    )?;
    Ok(())
}
