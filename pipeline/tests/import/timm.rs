//! timm's config.json.

use prep_onnx_pipeline::{CropRule, Filter, Precision, Resampler, SizeRule, Source, steps::*};
use serde_json::{Value, json};

use super::{edited, read, resize};

pub(crate) fn timm(changes: Value) -> Value {
    let config = json!({
        "input_size": [3, 224, 224], "fixed_input_size": true, "interpolation": "bicubic", "crop_pct": 0.9,
        "crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": 1000
    });
    json!({"architecture": "vit_base_patch16_224", "pretrained_cfg": edited(config, changes)})
}

#[test]
fn timm_configs_become_its_transform() {
    let steps = |size, crop, resampler| {
        vec![
            resize(size, Filter::Bicubic, resampler),
            Step::CenterCrop(CenterCrop {
                size: crop,
                offset: CropRule::Torchvision,
            }),
            Step::Rescale(Rescale {
                factor: None,
                divisor: Some(255.0),
                offset: None,
                precision: Precision::Float32,
            }),
            Step::Normalize(Normalize {
                mean: [0.5; 3],
                std: [0.5; 3],
            }),
        ]
    };
    let center = |height, width, fraction| SizeRule::CropPct {
        height,
        width,
        fraction,
    };
    let import = read(&timm(json!({"test_input_size": [3, 288, 288]})), None).unwrap();
    assert_eq!(import.source, Source::Timm);
    assert_eq!(import.notes.len(), 2);
    assert_eq!(
        import.pipeline.steps,
        steps(center(224, 224, 0.9), [224, 224], Resampler::Pillow)
    );
    let flat = timm(json!({"input_size": [3, 160, 224], "crop_pct": null}))["pretrained_cfg"].clone();
    assert_eq!(
        read(&flat, Some(Resampler::Pillow12)).unwrap().pipeline.steps,
        steps(center(160, 224, 0.875), [160, 224], Resampler::Pillow12)
    );
    let squash = SizeRule::Exact {
        height: 248,
        width: 248,
    };
    let import = read(
        &timm(json!({"crop_mode": "squash"})),
        Some(Resampler::Torchvision),
    )
    .unwrap();
    assert_eq!(
        import.pipeline.steps,
        steps(squash, [224, 224], Resampler::Torchvision)
    );
    assert_eq!(
        import.notes,
        ["timm resizes PIL images, but the resize is torchvision's, as asked for"]
    );
}

#[test]
fn what_timm_configs_cannot_express_is_refused_by_key() {
    let table = [
        (
            json!({"crop_mode": "edge"}),
            "crop_mode: cannot be expressed: expected center, squash or border, got \"edge\"",
        ),
        (
            json!({"interpolation": "random"}),
            "interpolation: is not a filter of Pillow: expected one of nearest, bilinear, bicubic, lanczos, box, hamming, got \"random\"",
        ),
        (
            json!({"input_size": [1, 28, 28]}),
            "input_size: has other than 3 channels: expected [3, height, width], got [1,28,28]",
        ),
        (
            json!({"input_size": 224}),
            "input_size: is not a size: expected [3, height, width], got 224",
        ),
        (
            json!({"input_size": [3, 0, 224]}),
            "input_size[1]: is not a size in pixels: expected 1 to 65535, got 0",
        ),
        (
            json!({"crop_pct": -0.9}),
            "crop_pct: is not a fraction: expected above 0, got -0.9",
        ),
        (
            json!({"crop_pct": 300}),
            "crop_pct: leads to a resize that is not possible: expected edges of 1 to 65535 pixels, got 0 x 0",
        ),
        (
            json!({"crop_border_pixels": 2}),
            "crop_border_pixels: is an unknown key",
        ),
        (
            json!({"std": [1, 0, 1]}),
            "std[1]: is zero: expected a number other than 0, got 0",
        ),
    ];
    for (changes, expected) in table {
        assert_eq!(
            read(&timm(changes), None).unwrap_err().to_string(),
            format!("line 1: pretrained_cfg.{expected}")
        );
    }
}
