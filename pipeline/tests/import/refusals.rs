//! What is refused, and how that reads.

use prep_onnx_pipeline::{Notation, import, steps::*};
use serde_json::json;

use super::{edited, read, vit};

#[test]
fn what_cannot_be_expressed_is_refused_by_key() {
    let table = [
        (json!({"sise": 224}), "sise: is an unknown key"),
        (json!({"normalize": null}), "normalize: is an unknown key"),
        (json!({"size": null}), "size: is null: expected a value, got null"),
        (
            json!({"size": {"height": 224, "width": 224, "shortest_edge": null}}),
            "size: is not a size: expected height and width, or shortest_edge, got {\"height\":224,\"shortest_edge\":null,\"width\":224}",
        ),
        (
            json!({"image_processor_type": "RTDetrImageProcessor", "size": 640}),
            "size: is not a size that the class takes: expected height and width, got shortest_edge",
        ),
        (
            json!({"do_normalize": false, "rescale_factor": 2}),
            "rescale_factor: is a whole number: expected 2.0, got 2",
        ),
        (
            json!({"size": {"longest_edge": 800}}),
            "size: is not a size that the class takes: expected a size as the class has it, got longest_edge",
        ),
        (
            json!({"size": {"shortest_edge": 800, "longest_edge": 70000}}),
            "size: is not a size in pixels: expected 1 to 65535, got 70000",
        ),
        (
            json!({"size": {"height": 0, "width": 224}}),
            "size.height: is not a size in pixels: expected 1 to 65535, got 0",
        ),
        (
            json!({"size": {"height": 224}}),
            "size: is not a size: expected height and width, or shortest_edge, got {\"height\":224}",
        ),
        (
            json!({"size": [224]}),
            "size: is not a size: expected [height, width], got [224]",
        ),
        (
            json!({"size": -1}),
            "size: is not a size in pixels: expected 1 to 65535, got -1",
        ),
        (
            json!({"do_center_crop": true, "crop_size": [224, -8]}),
            "crop_size[1]: is not a size in pixels: expected 1 to 65535, got -8",
        ),
        (
            json!({"do_center_crop": true, "crop_size": {"shortest_edge": 224}}),
            "crop_size: is not the size of a crop: expected height and width, got {\"shortest_edge\":224}",
        ),
        (
            json!({"image_std": [0.5, 0, 0.5]}),
            "image_std[1]: is zero: expected a number other than 0, got 0",
        ),
        (
            json!({"rescale_factor": 0}),
            "rescale_factor: is zero: expected a number other than 0, got 0",
        ),
        (
            json!({"image_mean": [0.5, 0.5]}),
            "image_mean: has another type: expected a number, or one for each of 3 channels, got [0.5,0.5]",
        ),
        (
            json!({"do_resize": "yes"}),
            "do_resize: has another type: expected true or false, got \"yes\"",
        ),
        (
            json!({"resample": 4}),
            "resample: is a filter that torchvision has not: expected 0, 1, 2 or 3, got 4",
        ),
        (
            json!({"resample": "bicubic"}),
            "resample: is not a filter of Pillow: expected 0 (nearest), 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (hamming), got \"bicubic\"",
        ),
        (
            json!({"do_pad": true, "pad_size": 200}),
            "pad_size: is smaller than the image: expected at least 224 x 224, got 200 x 200",
        ),
        (
            json!({"do_pad": true, "size_divisor": 32}),
            "do_pad: cannot be expressed: expected false, or no such key, got true",
        ),
        (
            json!({"do_thumbnail": true}),
            "do_thumbnail: cannot be expressed: expected false, or no such key, got true",
        ),
        (
            json!({"auto_map": {"AutoImageProcessor": "x.Y"}}),
            "auto_map: cannot be expressed: expected no AutoImageProcessor in it, got {\"AutoImageProcessor\":\"x.Y\"}",
        ),
        (
            json!({"data_format": "channels_last"}),
            "data_format: cannot be expressed: expected channels_first, got \"channels_last\"",
        ),
        (json!({"crop_pct": 0.9}), "crop_pct: is an unknown key"),
        (
            json!({"do_flip_channel_order": true}),
            "do_flip_channel_order: is an unknown key",
        ),
        (
            json!({"image_processor_type": "Lfm2VlImageProcessor"}),
            "image_processor_type: Lfm2VlImageProcessor cannot be expressed",
        ),
        (
            json!({"image_processor_type": "DetrImageProcessor", "size": {"shortest_edge": 800}}),
            "size: is not a size that the class takes: expected a size as the class has it, got shortest_edge",
        ),
        (
            json!({"image_processor_type": "SamImageProcessor", "size": {"longest_edge": 2048}, "pad_size": 1024}),
            "pad_size: may be smaller than the image: expected a size that no image exceeds, got 1024 x 1024",
        ),
        (
            json!({"image_processor_type": "NougatImageProcessor", "do_crop_margin": true}),
            "do_crop_margin: cannot be expressed: expected false, got true",
        ),
        (
            json!({"image_processor_type": "VitImageProcessor"}),
            "image_processor_type: \"VitImageProcessor\" is not an image processor that is known here",
        ),
        (
            json!({"image_processor_type": "ConvNextImageProcessor"}),
            "size: is not a size that the class takes: expected shortest_edge, got height and width",
        ),
        (
            json!({"image_processor_type": "PoolFormerImageProcessor", "crop_pct": 0}),
            "crop_pct: is not a fraction: expected above 0, got 0",
        ),
        (
            json!({"image_processor_type": "PoolFormerImageProcessor", "crop_pct": 1e-9}),
            "crop_pct: leads to a resize that is not possible: expected an edge of 1 to 65535 pixels, got 224000000000",
        ),
        (
            json!({"keep_aspect_ratio": true}),
            "keep_aspect_ratio: cannot be expressed: expected false, or no such key, got true",
        ),
        (
            json!({"image_processor_type": "DPTImageProcessor", "ensure_multiple_of": 0}),
            "ensure_multiple_of: is not a number of pixels: expected 1 to 65535, got 0",
        ),
        (
            json!({"image_processor_type": "LlavaImageProcessor", "do_pad": true, "image_mean": [1.5, 0.5, 0.5]}),
            "do_pad: cannot be expressed: expected false, or no such key, got true",
        ),
    ];
    for (changes, expected) in table {
        let error = read(&edited(vit(), changes), None).unwrap_err();
        assert_eq!(error.to_string(), format!("line 1: {expected}"));
        assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn a_crop_without_a_size_is_refused_even_where_the_class_does_not_crop() {
    let changes = json!({"image_processor_type": "SegformerImageProcessor", "do_center_crop": true});
    let error = read(&edited(vit(), changes), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "crop_size: is missing: expected a value, got nothing"
    );
    let changes =
        json!({"image_processor_type": "SegformerImageProcessor", "do_center_crop": true, "crop_size": 96});
    let import = read(&edited(vit(), changes), None).unwrap();
    assert!(
        !import
            .pipeline
            .steps
            .iter()
            .any(|step| matches!(step, Step::CenterCrop(_)))
    );
}

#[test]
fn refusals_name_the_line() {
    let text = "{\n \"image_processor_type\": \"ViTImageProcessor\",\n \"size\": {\n  \"height\": 0,\n  \"width\": 1}}";
    assert_eq!(
        import(text, Notation::Json, None).unwrap_err().to_string(),
        "line 4: size.height: is not a size in pixels: expected 1 to 65535, got 0"
    );
    let text = "{\"do_resize\": true,\n \"image_std\": [NaN]}";
    assert_eq!(
        import(text, Notation::Json, None).unwrap_err().to_string(),
        "line 2: is not valid JSON: expected value"
    );
    let text =
        "description = \"x\"\n[huggingface]\nimage_processor_type = \"ViTImageProcessor\"\nsize = nan\n";
    assert_eq!(
        import(text, Notation::Toml, None).unwrap_err().to_string(),
        "line 4: huggingface.size: is not a finite number: expected a finite number, got NaN"
    );
    let text = "description = \"x\"\n[timm]\nstd = [1, 1, 0]\n";
    assert_eq!(
        import(text, Notation::Toml, None).unwrap_err().to_string(),
        "line 3: timm.std[2]: is zero: expected a number other than 0, got 0"
    );
}

#[test]
fn texts_that_are_no_config_are_refused() {
    let refusal = |text: &str| import(text, Notation::Json, None).unwrap_err();
    assert_eq!(refusal("[]").to_string(), "config: is not a table of keys");
    assert_eq!(
        refusal("{}").to_string(),
        "config: is not a preprocessing config that is known here"
    );
    let model = refusal(r#"{"architectures": ["ViTForImageClassification"], "model_type": "vit"}"#);
    assert_eq!(model.help(), Some("give the preprocessor_config.json beside it"));
    assert_eq!(
        refusal(r#"{"image_processor": 3}"#).to_string(),
        "line 1: image_processor: has another type: expected a table of keys, got 3"
    );
    assert_eq!(
        refusal(r#"{"steps": [{"step": "blur"}]}"#).to_string(),
        "line 1: steps[0].step: unknown step: expected one of resize, center_crop, crop, pad, letterbox, rotate_to, grayscale, channel_order, rescale, normalize, rescale_normalize, overview, arithmetic, blocks, got \"blur\""
    );
    assert_eq!(
        refusal(r#"{"description": "x", "extra": 1, "timm": {}}"#).to_string(),
        "line 1: extra: is an unknown key"
    );
}
