//! Writes cases for hosts in other languages: `reference_cases FOLDER`.
//!
//! Each case is a line of `cases.json` with the op, the plan, the inputs' and the output's shapes, and
//! `N.input` and `N.expected`, the raw elements, where the scalar reference computed the latter.

use std::error::Error;
use std::path::PathBuf;

use ndarray::Array3;
use prep_onnx_pipeline::{Accept, DOMAIN, FusedPlan, PLAN_ATTRIBUTE, Pipeline, op_name};
use serde_json::{Value, json};

const CASES: [(&str, &[(usize, usize)]); 7] = [
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
];

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
        let plan = pipeline.plan(layout, dtype)?;
        let images: Vec<Array3<u8>> = sizes
            .iter()
            .map(|(height, width)| {
                Array3::from_shape_simple_fn((*height, *width, 3), || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
            })
            .collect();
        let tensors = images
            .iter()
            .map(|image| pipeline.reference(image.view(), layout, dtype))
            .collect::<Result<Vec<_>, _>>()?;
        let mut output_shape = tensors[0].shape.clone();
        output_shape[0] = tensors.len();
        let expected: Vec<u8> = tensors
            .iter()
            .flat_map(prep_onnx_pipeline::Tensor::to_le_bytes)
            .collect();
        let input: Vec<u8> = images.iter().flat_map(|image| image.iter().copied()).collect();
        let mut accepts = vec![Accept::Ragged];
        if sizes.iter().all(|size| *size == sizes[0]) {
            accepts.push(Accept::Batch);
        }
        for accept in accepts {
            if accept == Accept::Ragged && plan.fixed_output().is_none() {
                continue;
            }
            let index = cases.len();
            std::fs::write(folder.join(format!("{index}.input")), &input)?;
            std::fs::write(folder.join(format!("{index}.expected")), &expected)?;
            let shapes: Vec<_> = sizes.iter().map(|(height, width)| [*height, *width, 3]).collect();
            cases.push(json!({
                "op": op_name(accept, dtype, FusedPlan::VERSION), "domain": DOMAIN, "accept": accept.name(), "dtype": dtype.name(),
                "attribute": PLAN_ATTRIBUTE, "plan": plan.to_json(), "shapes": shapes, "output_shape": output_shape,
            }));
        }
    }
    std::fs::write(folder.join("cases.json"), serde_json::to_string_pretty(&cases)?)?;
    Ok(())
}
