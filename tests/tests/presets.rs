//! What holds for every preset.

use prep_onnx_pipeline::{Accept, Dtype, Layout, PRESETS, Resampler};
use prep_onnx_rewriter::portable::{Portable, lower};

/// Every runtime loads a body of this size in a few milliseconds.
const MOST_NODES: usize = 300;

#[test]
fn portable_bodies_are_small_and_the_same_every_time() {
    for preset in PRESETS {
        for resampler in [None, Some(Resampler::Pillow)] {
            let pipeline = preset.import(resampler).unwrap().pipeline;
            let plan = pipeline
                .plan(Layout::Nchw, pipeline.output.dtype.unwrap_or(Dtype::Float32))
                .unwrap();
            let body = || {
                let inputs = ["image".to_owned()];
                lower(&plan, Portable::Exact, Accept::Batch, 18, "", &inputs, "tensor").unwrap()
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
