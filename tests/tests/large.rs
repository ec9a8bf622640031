//! Images beyond those that random tests draw: long windows at both axes, and windows in pieces.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::Array3;
use prep_onnx_pipeline::steps::{CenterCrop, Resize, Step};
use prep_onnx_pipeline::{
    Accept, CropRule, Dtype, Filter, Layout, Pipeline, Resampler, SizeRule, random::Random,
};
use prep_onnx_tests::planned::Planned;
use prep_onnx_tests::runtime;

/// Vertically first by one, horizontally by the other; the longest windows of their longer sides are cut into pieces.
const SIZES: [(usize, usize); 2] = [(2900, 530), (560, 2700)];

fn edges() -> Vec<(SizeRule, Option<usize>)> {
    let exact = |height, width| SizeRule::Exact { height, width };
    let shortest = |size| SizeRule::ShortestEdge { size, max: None };
    vec![
        // Multiples of the blocks of outputs, and others, known and not.
        (exact(224, 224), None),
        (exact(95, 61), None),
        (exact(13, 3), None),
        // Of the longest windows too one axis has fewer blocks.
        (exact(9, 13), None),
        (exact(3, 2), None),
        (shortest(71), Some(64)),
        (shortest(50), None),
        (shortest(2), None),
    ]
}

#[test]
fn large_images_are_the_reference() {
    let Some(loaded) = runtime() else { return };
    let mut random = Random::new(7);
    for (height, width) in SIZES {
        let image = Array3::from_shape_simple_fn((height, width, 3), || random.range(0, 255) as u8);
        for (index, (size, crop)) in edges().into_iter().enumerate() {
            for resampler in [Resampler::Pillow, Resampler::Torchvision] {
                let filter = [Filter::Bilinear, Filter::Bicubic][index % 2];
                let resize = Resize {
                    size,
                    filter,
                    resampler,
                    antialias: true,
                };
                let crop = crop.map(|edge| {
                    Step::CenterCrop(CenterCrop {
                        size: [edge, edge],
                        offset: CropRule::Torchvision,
                    })
                });
                let pipeline = Pipeline {
                    steps: [Some(Step::Resize(resize)), crop].into_iter().flatten().collect(),
                    ..Pipeline::default()
                };
                let plan = pipeline.compile(Layout::Nchw, Dtype::Float32).unwrap();
                let planned = Planned::new(&pipeline, &plan, [12, 18, 24][index % 3], false);
                let expected = planned.plan.reference(&[image.view()]).unwrap();
                for (backend, mut session) in planned.backends(loaded, Accept::Batch, None) {
                    let outputs = planned.run_batch(&mut session, &[image.view()]).unwrap();
                    let difference = planned.difference(&expected, &outputs);
                    assert_eq!(
                        difference, None,
                        "{backend} {height}x{width} {size:?} {resampler:?}"
                    );
                }
            }
        }
    }
}
