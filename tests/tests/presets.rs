//! What holds for every preset.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use prep_onnx::host::Provider;
use prep_onnx::lint::{Effect, LINTS, lint};
use prep_onnx_pipeline::steps::Step;
use prep_onnx_pipeline::{Accept, CHANNELS, Dtype, Filter, Layout, PRESETS, Pipeline, Resampler};
use prep_onnx_rewriter::portable::{Form, Portable, lower};
use prep_onnx_rewriter::{EmbedOptions, Lowering, Model};
use prep_onnx_tests::{embed_to, identity_model};

/// Every runtime loads a body of this size in a few milliseconds.
const MOST_NODES: usize = 350;

#[test]
fn portable_bodies_are_small_and_the_same_every_time() {
    for preset in PRESETS {
        for resampler in [None, Some(Resampler::Pillow)] {
            let pipeline = preset.import(resampler).unwrap().pipeline;
            let plan = pipeline
                .compile(Layout::Nchw, pipeline.output.dtype.unwrap_or(Dtype::Float32))
                .unwrap();
            let body = || {
                let inputs = ["image".to_owned()];
                lower(
                    &plan,
                    Form::any_size(Accept::Batch, 18),
                    "",
                    &inputs,
                    &["tensor".to_owned()],
                )
                .unwrap()
            };
            let nodes = body();
            assert!(
                nodes.len() <= MOST_NODES,
                "{}: {} nodes",
                preset.name,
                nodes.len()
            );
            assert!(nodes == body(), "{}", preset.name);
        }
    }
}

/// OpenVINO, tract and IREE take control flow only where the ranks of what it gives are declared and agree.
#[test]
fn control_flow_has_declared_ranks() {
    for preset in PRESETS {
        for resampler in [None, Some(Resampler::Pillow)] {
            let pipeline = preset.import(resampler).unwrap().pipeline;
            let plan = pipeline
                .compile(Layout::Nchw, pipeline.output.dtype.unwrap_or(Dtype::Float32))
                .unwrap();
            let graphs = |accept: Accept, inputs: &[&str]| {
                let inputs: Vec<String> = inputs.iter().map(|input| (*input).to_owned()).collect();
                let nodes = lower(
                    &plan,
                    Form::any_size(accept, 18),
                    "p/",
                    &inputs,
                    &["tensor".to_owned()],
                )
                .unwrap();
                let attributes = nodes.into_iter().flat_map(|node| node.attribute);
                let graphs: Vec<_> = attributes
                    .filter_map(|attribute| attribute.g.into_option())
                    .collect();
                graphs
            };
            assert!(graphs(Accept::Batch, &["image"]).is_empty(), "{}", preset.name);
            if plan.fixed_output().is_none() {
                continue;
            }
            let loops = graphs(Accept::Ragged, &["pixels", "shapes"]);
            assert_eq!(loops.len(), 1, "{}", preset.name);
            for graph in loops {
                assert!(!graph.name.contains('/'), "{}", graph.name);
                let (height, width) = plan.fixed_output().unwrap();
                let ranks: Vec<_> = graph
                    .output
                    .iter()
                    .map(|output| {
                        let shape = output
                            .type_
                            .tensor_type()
                            .shape
                            .as_ref()
                            .expect("a declared shape");
                        let extents = shape.dim.iter().map(|dimension| dimension.dim_value() as usize);
                        extents.collect::<Vec<_>>()
                    })
                    .collect();
                assert_eq!(
                    ranks,
                    [vec![], vec![1], vec![3, height, width]],
                    "{}",
                    preset.name
                );
            }
        }
    }
}

/// What is known against the bodies on CUDA, for which there is no other form: before opset 13 the sign of a weight
/// is taken on the CPU.
const KNOWN_ON_CUDA: [&str; 1] = ["no-cuda-kernel"];

/// The defect that is known where a kernel is made of sines and cosines: the last bit of a weight may be another on CUDA, which `doctor`
/// says of such presets. Others have none.
fn sines(pipeline: &Pipeline) -> &'static str {
    let has_sines = |step: &Step| matches!(step, Step::Resize(resize) if matches!(resize.filter, Filter::Lanczos | Filter::Hamming));
    if pipeline.steps.iter().any(has_sines) {
        "float64-trigonometry"
    } else {
        ""
    }
}

/// The ids of what is known against `pipeline`, embedded so that its body runs, on `provider`.
fn known(
    pipeline: &Pipeline,
    opset: i64,
    options: &EmbedOptions,
    provider: Provider,
) -> BTreeSet<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let dtype = pipeline.output.dtype.unwrap_or(Dtype::Float32);
    embed_to(
        &identity_model(opset, Layout::Nchw, dtype),
        pipeline,
        options,
        &path,
    );
    let model = Model::open(&path).unwrap();
    let findings = lint(&model, provider).unwrap();
    let bodies: u64 = model.functions().map(|(_, _, nodes)| nodes).sum();
    assert!(
        findings.nodes as u64 >= model.nodes() + bodies,
        "the body was not looked into"
    );
    for finding in &findings.found {
        assert!(
            !finding.lint.effect.is_defect() || finding.lint.id == sines(pipeline),
            "opset {opset}: {} {}: {:?}",
            finding.lint.effect,
            finding.lint.id,
            finding.nodes
        );
    }
    findings.found.iter().map(|finding| finding.lint.id).collect()
}

#[test]
fn no_body_of_a_preset_has_a_construct_that_is_wrong_on_a_provider() {
    let mut seen = BTreeSet::new();
    for preset in PRESETS {
        for resampler in [None, Some(Resampler::Pillow)] {
            let pipeline = preset.import(resampler).unwrap().pipeline;
            let plan = pipeline.compile(Layout::Nchw, Dtype::Float32).unwrap();
            if plan.values.channels.len() != CHANNELS {
                // No identity model takes gray images.
                continue;
            }
            for opset in [11, 13, 17, 18, 21] {
                for lowering in [Lowering::OneFile, Lowering::Standard] {
                    let options = EmbedOptions {
                        lowering,
                        ..EmbedOptions::default()
                    };
                    assert!(known(&pipeline, opset, &options, Provider::Cpu).is_empty());
                    let found = known(&pipeline, opset, &options, Provider::Cuda);
                    // Bytes that are padded before a resize: `Pad` has no kernel for uint8 there.
                    let pads_bytes = preset.name == "yolov5-cls";
                    if opset >= 13 && !pads_bytes {
                        assert!(
                            !found.contains("no-cuda-kernel"),
                            "{} at opset {opset}",
                            preset.name
                        );
                    }
                    seen.extend(found.into_iter().filter(|id| *id != sines(&pipeline)));
                }
            }
        }
    }
    assert_eq!(seen, BTreeSet::from(KNOWN_ON_CUDA));
}

#[test]
fn ragged_bodies_are_known_like_the_others() {
    let pipeline = PRESETS[0].import(None).unwrap().pipeline;
    let options = EmbedOptions {
        accept: Accept::Ragged,
        ..EmbedOptions::default()
    };
    let found = known(&pipeline, 18, &options, Provider::Cuda);
    assert_eq!(found, BTreeSet::from(["control-flow"]));
}

#[test]
fn the_fast_body_has_what_the_exact_one_avoids() {
    let pipeline = prep_onnx_pipeline::imagenet_at(224, 224).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let options = EmbedOptions {
        portable: Portable::Fast,
        ..EmbedOptions::default()
    };
    embed_to(
        &identity_model(21, Layout::Nchw, Dtype::Float32),
        &pipeline,
        &options,
        &path,
    );
    let findings = lint(&Model::open(&path).unwrap(), Provider::Cuda).unwrap();
    let ids: Vec<_> = findings.found.iter().map(|finding| finding.lint.id).collect();
    assert_eq!(ids, ["resize-antialias-opset-19"]);
}

#[test]
fn lints_have_names_of_their_own_and_say_everything() {
    let ids: BTreeSet<_> = LINTS.iter().map(|lint| lint.id).collect();
    assert_eq!(ids.len(), LINTS.len());
    for lint in LINTS {
        for text in [lint.finds, lint.happens, lint.versions, lint.fix] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text}", lint.id);
        }
        assert!(!lint.providers.is_empty());
        assert_eq!(lint.effect.is_defect(), lint.effect <= Effect::Wrong);
    }
}
