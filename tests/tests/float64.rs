//! No float64 depends on what is in an image, in any body: execution providers round it, or have none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use onnx_protobuf::NodeProto;
use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::resample::Arithmetic;
use prep_onnx_pipeline::{Accept, Dtype, Layout, OutputKind, PRESETS, Plan, random};
use prep_onnx_rewriter::portable::{Form, lower};
use prep_onnx_tests::random::cases;

/// Element types of values, by name, and which of them depend on pixels.
#[derive(Default)]
struct Known {
    types: BTreeMap<String, i32>,
    of_pixels: BTreeSet<String>,
}

impl Known {
    /// Goes through `nodes` and gives those whose float64 results depend on pixels.
    fn walk(&mut self, nodes: &[NodeProto]) -> Vec<String> {
        let mut found = Vec::new();
        for node in nodes {
            let mut of_pixels = node.input.iter().any(|name| self.of_pixels.contains(name));
            let attribute = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
            for attribute in &node.attribute {
                if let Some(graph) = attribute.g.as_ref() {
                    for (input, outer) in graph.input.iter().zip(&node.input) {
                        let element = self.types.get(outer).copied().unwrap_or(DataType::INT64 as i32);
                        self.types.insert(input.name.clone(), element);
                    }
                    found.extend(self.walk(&graph.node));
                    let outputs = || graph.output.iter().map(|output| &output.name);
                    of_pixels |= outputs().any(|name| self.of_pixels.contains(name));
                }
            }
            // The shape of an image says nothing of what is in it.
            of_pixels &= node.op_type != "Shape";
            let input = |at: usize| node.input.get(at).and_then(|name| self.types.get(name)).copied();
            let element = match node.op_type.as_str() {
                "Cast" => attribute("to").map(|to| to.i as i32),
                "Constant" => attribute("value").map(|value| value.t.data_type),
                "Shape" => Some(DataType::INT64 as i32),
                "Less" | "Equal" | "And" | "Or" | "Xor" => Some(DataType::BOOL as i32),
                "Where" => input(1),
                "QuantizeLinear" => input(2),
                _ => input(0),
            };
            for output in &node.output {
                if let Some(element) = element {
                    self.types.insert(output.clone(), element);
                }
                if of_pixels {
                    self.of_pixels.insert(output.clone());
                    if element == Some(DataType::DOUBLE as i32) || element.is_none() {
                        found.push(format!("{} {output}: {element:?}", node.op_type));
                    }
                }
            }
        }
        found
    }
}

fn check(plan: &Plan, what: &str, ragged: bool) {
    let sized = (!ragged)
        .then_some((48, 64))
        .filter(|size| plan.geometry(size.0, size.1).is_ok());
    let (accept, inputs) = if ragged {
        (Accept::Ragged, vec!["pixels".to_owned(), "shapes".to_owned()])
    } else {
        (Accept::Batch, vec!["image".to_owned()])
    };
    let outputs: Vec<String> = [OutputKind::Tensor]
        .iter()
        .chain(&plan.outputs)
        .map(|kind| kind.name().to_owned())
        .collect();
    for opset in [11, 13, 18, 23] {
        for image_size in [None, sized] {
            let form = Form {
                image_size,
                ..Form::any_size(accept, opset)
            };
            let Ok(nodes) = lower(plan, form, "", &inputs, &outputs) else {
                continue;
            };
            let mut known = Known::default();
            known.types.insert(inputs[0].clone(), DataType::UINT8 as i32);
            known.of_pixels.insert(inputs[0].clone());
            if let Some(shapes) = inputs.get(1) {
                known.types.insert(shapes.clone(), DataType::INT64 as i32);
            }
            let found = known.walk(&nodes);
            assert!(found.is_empty(), "{what} opset {opset} {image_size:?}: {found:?}");
            assert!(
                known.of_pixels.contains("tensor"),
                "{what}: the walk lost the image"
            );
        }
    }
}

#[test]
fn no_float64_depends_on_pixels() {
    for preset in PRESETS {
        let pipeline = preset.import(None).unwrap().pipeline;
        let dtype = pipeline.output.dtype.unwrap_or(Dtype::Float32);
        let plan = pipeline.compile(Layout::Nchw, dtype).unwrap();
        check(&plan, preset.name, false);
        check(&plan, preset.name, true);
    }
    for seed in 0..u64::from(cases(300)) {
        let (pipeline, layout, dtype) = random::pipeline(seed);
        let mut plan = pipeline.compile(layout, dtype).unwrap();
        let kinds = [OutputKind::Geometry, OutputKind::Mask, OutputKind::Sizes];
        plan = plan.with_outputs(&kinds).unwrap();
        check(&plan, &format!("seed {seed}"), seed % 2 == 0);
        // What is not drawn: the same plan with the other arithmetics.
        for sampling in others() {
            let mut plan = plan.clone();
            for resample in plan.stages.iter_mut().filter_map(|stage| stage.resample.as_mut()) {
                resample.sampling = sampling;
            }
            check(&plan, &format!("seed {seed} {sampling:?}"), seed % 2 == 0);
        }
    }
}

fn others() -> impl Iterator<Item = Arithmetic> {
    use prep_onnx_pipeline::Filter::{Bicubic, Bilinear};
    use prep_onnx_pipeline::resample::OpencvFilter;
    let opencv = OpencvFilter::ALL
        .iter()
        .map(|filter| Arithmetic::Opencv { filter: *filter });
    let torch = [Bilinear, Bicubic]
        .into_iter()
        .flat_map(|filter| [false, true].map(|antialias| Arithmetic::Torch { filter, antialias }));
    opencv.chain(torch)
}
