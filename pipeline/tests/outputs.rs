//! The outputs `geometry`, `mask` and `sizes` against values worked out by hand.
#![allow(clippy::expect_used, reason = "test code")]

use ndarray::Array3;
use prep_onnx_pipeline::{Answers, Dtype, Layout, Notation, Pipeline};

fn answers(steps: &str, sizes: &[(usize, usize)]) -> Answers {
    let pipeline = Pipeline::parse(&format!("{{\"steps\":[{steps}]}}"), Notation::Json).expect("a pipeline");
    let images: Vec<_> = sizes
        .iter()
        .map(|(height, width)| Array3::zeros((*height, *width, 3)))
        .collect();
    let views: Vec<_> = images.iter().map(|image| image.view()).collect();
    pipeline
        .reference_batch(&views, Layout::Nchw, Dtype::Uint8)
        .expect("images")
}

#[test]
fn a_letterbox_leaves_half_of_the_rest_above() {
    let answers = answers(r#"{"step":"letterbox","size":640}"#, &[(427, 640)]);
    let extras = &answers.extras[0];
    // 213 rows are left: 106 above, 107 below.
    assert_eq!(extras.geometry, [427.0, 640.0, 1.0, 1.0, 106.0, 0.0]);
    assert_eq!(extras.sizes, [427, 640]);
    assert_eq!(extras.mask.dim(), (640, 640));
    assert_eq!(extras.mask.sum(), 427 * 640);
    assert_eq!((extras.mask[[105, 0]], extras.mask[[106, 0]]), (0, 1));
    assert_eq!((extras.mask[[532, 639]], extras.mask[[533, 639]]), (1, 0));
}

#[test]
fn a_crop_has_a_negative_offset() {
    let steps = r#"{"step":"resize","size":[20,40],"filter":"bilinear"},{"step":"center_crop","size":4}"#;
    let answers = answers(steps, &[(10, 20)]);
    assert_eq!(answers.extras[0].geometry, [10.0, 20.0, 2.0, 2.0, -8.0, -18.0]);
    assert_eq!(answers.extras[0].sizes, [4, 4]);
}

#[test]
fn images_of_a_batch_lie_on_the_largest_edges() {
    let answers = answers(r#"{"step":"pad","to":"batch"}"#, &[(3, 4), (5, 2)]);
    for (extras, (height, width)) in answers.extras.iter().zip([(3, 4), (5, 2)]) {
        assert_eq!(extras.mask.dim(), (5, 4));
        assert_eq!(extras.mask.sum(), height * width);
        assert_eq!(extras.sizes, [height, width]);
        assert_eq!(extras.grid, [1, 1, 1]);
    }
}
