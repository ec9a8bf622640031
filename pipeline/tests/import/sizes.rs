//! A size that is asked for.

use prep_onnx_pipeline::{
    Dtype, Filter, ImportOptions, Layout, Notation, PRESETS, Resampler, SizeRule, import_with, preset,
};
use serde_json::Value;

use super::{resize, vit};

#[test]
fn a_size_that_is_asked_for_takes_the_place_of_the_configs() {
    let at = |config: &Value, size: [usize; 2]| {
        let options = ImportOptions {
            size: Some(size),
            ..ImportOptions::default()
        };
        import_with(&config.to_string(), Notation::Json, &options)
    };
    let sized = |name: &str, size: [usize; 2]| {
        let options = ImportOptions {
            size: Some(size),
            ..ImportOptions::default()
        };
        preset(name).unwrap().import_with(&options)
    };
    let steps = |name: &str| preset(name).unwrap().import(None).unwrap().pipeline.steps;
    for (name, size, other) in [
        ("vit", [384, 384], "vit-384"),
        ("siglip", [384, 384], "siglip-384"),
        ("swin", [384, 384], "swin-384"),
        ("convnext", [384, 384], "convnext-384"),
        ("clip", [336, 336], "clip-336"),
        ("timm", [224, 224], "timm"),
    ] {
        assert_eq!(sized(name, size).unwrap().pipeline.steps, steps(other), "{name}");
    }
    let import = at(&vit(), [96, 80]).unwrap();
    assert_eq!(
        import.pipeline.steps[0],
        resize(
            SizeRule::Exact {
                height: 96,
                width: 80
            },
            Filter::Bilinear,
            Resampler::Torchvision
        )
    );
    assert!(
        import
            .notes
            .contains(&"the size is 96 x 80, as asked for, in the place of 224 x 224".to_owned())
    );
    // Whole multiples keep the proportion of resize and crop; others have none.
    let deit = sized("deit", [448, 448]).unwrap();
    assert_eq!(
        deit.pipeline.steps[0],
        resize(
            SizeRule::Exact {
                height: 512,
                width: 512
            },
            Filter::Bicubic,
            Resampler::Torchvision
        )
    );
    assert_eq!(
        sized("imagenet", [448, 448])
            .unwrap()
            .pipeline
            .plan(Layout::Nchw, Dtype::Float32)
            .unwrap()
            .fixed_output(),
        Some((448, 448))
    );
    for (name, size, reason) in [
        (
            "deit",
            [225, 225],
            "a resize to 256 before a crop of 224 would be one to 257.14 pixels",
        ),
        (
            "imagenet",
            [225, 225],
            "a resize to 256 before a crop of 224 would be one to 257.14 pixels",
        ),
        (
            "clip",
            [224, 160],
            "a shortest edge and a crop scale together only as squares",
        ),
        ("convnext", [224, 160], "ConvNextImageProcessor makes squares"),
        ("raw", [224, 224], "the size of the result follows from the image"),
    ] {
        assert_eq!(sized(name, size).unwrap_err().reason(), Some(reason), "{name}");
    }
}

#[test]
fn sizes_that_no_image_has_are_refused() {
    let of_classes = ["MaskFormer", "Mask2Former", "Detr", "Qwen2VL"];
    let classes = of_classes.map(|name| format!(r#"{{"image_processor_type": "{name}ImageProcessor"}}"#));
    for edges in [[0, 8], [8, 0], [65_536, 8], [8, usize::MAX], [usize::MAX; 2]] {
        let options = ImportOptions {
            size: Some(edges),
            ..ImportOptions::default()
        };
        let presets = PRESETS.iter().map(|preset| preset.import_with(&options));
        let configs = classes
            .iter()
            .map(|text| import_with(text, Notation::Json, &options));
        for result in presets.chain(configs) {
            let said = result.unwrap_err().to_string();
            assert!(
                said.contains("size: is not a size in pixels: expected 1 to 65535, got "),
                "{said}"
            );
        }
    }
}

/// torch's antialiased resize of floats to one column repeats the first row.
#[test]
fn one_column_of_floats_is_refused() {
    let config = |width: usize| {
        let text = format!(
            r#"{{"image_processor_type": "DINOv3ViTImageProcessor", "size": {{"height": 64, "width": {width}}}}}"#
        );
        import_with(&text, Notation::Json, &ImportOptions::default())
    };
    assert!(config(2).is_ok());
    let said = config(1).unwrap_err().to_string();
    assert!(
        said.contains("size.width: is where torch gives no resize"),
        "{said}"
    );
}
