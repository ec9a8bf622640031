//! Reading configs of other libraries: what they become, and how refusals read.

use prep_onnx_pipeline::{
    CropRule, Dtype, Filter, Import, ImportOptions, Layout, Notation, Pipeline, Precision, Resampler, Result,
    SizeRule, Source, import, import_with, preset, steps::*,
};
use serde_json::{Value, json};

fn read(config: &Value, resampler: Option<Resampler>) -> Result<Import> {
    import(&config.to_string(), Notation::Json, resampler)
}

fn vit() -> Value {
    json!({
        "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "ViTImageProcessor", "image_std": [0.5, 0.5, 0.5], "resample": 2,
        "rescale_factor": 1.0 / 255.0, "size": {"height": 224, "width": 224}
    })
}

fn edited(mut config: Value, changes: Value) -> Value {
    let (Value::Object(config_map), Value::Object(changes)) = (&mut config, changes) else {
        unreachable!("both are tables");
    };
    config_map.extend(changes);
    config
}

fn resize(size: SizeRule, filter: Filter, resampler: Resampler) -> Step {
    Step::Resize(Resize::new(size, filter, resampler))
}

#[test]
fn the_resampler_chooses_the_backend() {
    let config = edited(
        vit(),
        json!({"do_center_crop": true, "crop_size": {"height": 200, "width": 210}}),
    );
    let exact = SizeRule::Exact {
        height: 224,
        width: 224,
    };
    let crop = |offset| {
        Step::CenterCrop(CenterCrop {
            size: [200, 210],
            offset,
        })
    };
    let torchvision = read(&config, None).unwrap();
    assert_eq!(torchvision.source, Source::HuggingFace);
    assert_eq!(
        torchvision.notes,
        [
            "a Hugging Face config names no resampler: took torchvision, the backend of transformers 5 \
          (--resampler pillow for its Pillow backend)"
        ]
    );
    assert_eq!(
        torchvision.pipeline.steps,
        [
            resize(exact, Filter::Bilinear, Resampler::Torchvision),
            crop(CropRule::HuggingFace),
            Step::RescaleNormalize(RescaleNormalize {
                factor: 1.0 / 255.0,
                mean: [0.5; 3],
                std: [0.5; 3]
            }),
        ]
    );
    for resampler in [Resampler::Pillow, Resampler::Pillow12] {
        let pillow = read(&config, Some(resampler)).unwrap();
        assert_eq!(pillow.notes, [""; 0]);
        assert_eq!(
            pillow.pipeline.steps,
            [
                resize(exact, Filter::Bilinear, resampler),
                crop(CropRule::HuggingFacePil),
                Step::Rescale(Rescale {
                    factor: Some(1.0 / 255.0),
                    divisor: None,
                    offset: None,
                    precision: Precision::Float64
                }),
                Step::Normalize(Normalize {
                    mean: [0.5; 3],
                    std: [0.5; 3]
                }),
            ]
        );
    }
}

#[test]
fn an_old_config_takes_what_it_leaves_out_from_its_processor() {
    let config = json!({
        "crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "size": 224
    });
    let import = read(&config, Some(Resampler::Pillow)).unwrap();
    assert_eq!(
        import.notes,
        ["not in the config, so as CLIPImageProcessor has it: resample, rescale_factor"]
    );
    let shortest = SizeRule::ShortestEdge { size: 224, max: None };
    assert_eq!(
        import.pipeline.steps[0],
        resize(shortest, Filter::Bicubic, Resampler::Pillow)
    );
    assert_eq!(import.pipeline.steps.len(), 4);
}

#[test]
fn a_number_as_size_means_what_the_processor_means_by_it() {
    let size = |kind: &str| {
        let config = edited(vit(), json!({"image_processor_type": kind, "size": 200}));
        match read(&config, None).unwrap().pipeline.steps[0] {
            Step::Resize(resize) => resize.size,
            _ => unreachable!("the first step is the resize"),
        }
    };
    let square = SizeRule::Exact {
        height: 200,
        width: 200,
    };
    let shortest = |size| SizeRule::ShortestEdge { size, max: None };
    assert_eq!(size("ViTImageProcessor"), square);
    assert_eq!(size("BeitFeatureExtractor"), square);
    assert_eq!(size("CLIPImageProcessorFast"), shortest(200));
    assert_eq!(size("LevitImageProcessorPil"), shortest(228));
    assert_eq!(size("PoolFormerImageProcessor"), shortest(222));
    assert_eq!(size("ConvNextImageProcessor"), shortest(228));
}

#[test]
fn what_does_not_change_pixels_is_ignored() {
    let changes = json!({
        "do_convert_rgb": true, "do_pad": true, "pad_size": {"height": 224, "width": 224}, "device": "cuda",
        "data_format": "channels_first", "input_data_format": null, "processor_class": "ViTProcessor",
        "_valid_processor_keys": ["images"], "do_reduce_labels": false, "size_divisor": null, "auto_map": null
    });
    let import = read(&edited(vit(), changes), Some(Resampler::Torchvision)).unwrap();
    assert_eq!(
        import.notes,
        ["left device = \"cuda\" aside: the CPU's arithmetic is meant"]
    );
    assert_eq!(import.pipeline.steps, read(&vit(), None).unwrap().pipeline.steps);
}

#[test]
fn nested_and_preset_forms_are_the_same_config() {
    let plain = read(&vit(), None).unwrap();
    let processor = json!({"processor_class": "X", "image_processor": vit()});
    assert_eq!(read(&processor, None).unwrap(), plain);
    let preset = read(&json!({"description": "mine", "huggingface": vit()}), None).unwrap();
    assert_eq!(preset.pipeline.description.as_deref(), Some("mine"));
    assert_eq!(preset.pipeline.steps, plain.pipeline.steps);
}

#[test]
fn a_config_without_a_type_is_of_the_class_of_its_model() {
    let mut config = vit();
    config.as_object_mut().unwrap().remove("image_processor_type");
    let beside = |model: &str| {
        let options = ImportOptions {
            model_config: Some(model),
            ..ImportOptions::default()
        };
        import_with(&config.to_string(), Notation::Json, &options)
    };
    let import = beside(r#"{"model_type": "vit"}"#).unwrap();
    assert_eq!(import.pipeline, read(&vit(), None).unwrap().pipeline);
    assert_eq!(
        import.notes[0],
        "the config names no image processor: took ViTImageProcessor, that of the model type \"vit\" in config.json"
    );
    let levit = beside(r#"{"model_type": "levit"}"#).unwrap();
    assert_ne!(levit.pipeline.steps, import.pipeline.steps);
    // What the model's config cannot tell is refused, with the reason.
    for (model, reason) in [
        (
            r#"{"model_type": "zoedepth"}"#,
            "that of the model type \"zoedepth\" in config.json: it resizes floats with aligned corners",
        ),
        (
            r#"{"model_type": "yolo"}"#,
            "transformers 5.24 has no image processor for the model type \"yolo\" in config.json",
        ),
        (
            r#"{"auto_map": {"AutoImageProcessor": "x.Y"}}"#,
            "auto_map of config.json names code of the model's own",
        ),
        (
            r#"{"id2label": {}}"#,
            "the config.json beside it names no model_type either",
        ),
        (
            r#"{"model_type": "vit""#,
            "the config.json beside it would tell: line 1: is not valid JSON: the file ends in the middle",
        ),
    ] {
        let error = beside(model).unwrap_err();
        assert_eq!(error.reason(), Some(reason));
    }
    let error = read(&config, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "image_processor_type: is missing: expected the name of an image processor such as ViTImageProcessor, got nothing"
    );
    assert!(
        error.help().unwrap().contains("likely ViTImageProcessor, "),
        "{error:?}"
    );
    let levit = json!({"size": {"shortest_edge": 224}, "resample": 3, "crop_size": {"height": 224, "width": 224},
        "do_center_crop": true, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]});
    let error = read(&levit, None).unwrap_err();
    assert!(error.help().unwrap().contains("LevitImageProcessor"), "{error:?}");
}

#[test]
fn near_names_are_slips_and_not_other_classes() {
    let refusal = |name: &str| read(&edited(vit(), json!({"image_processor_type": name})), None).unwrap_err();
    assert_eq!(
        refusal("SegFormerImageProcessorFast").help(),
        Some("write SegformerImageProcessor if it is meant")
    );
    for (name, reason) in [
        ("ZoeDepthImageProcessor", "it resizes floats with aligned corners"),
        ("SuperGlueImageProcessor", "it takes two images at once"),
        (
            "ViTHybridImageProcessor",
            "transformers 5 does not have it any more",
        ),
    ] {
        assert_eq!(refusal(name).reason(), Some(reason), "{name}");
    }
    let unknown = refusal("PPDocLayoutV9ImageProcessor");
    assert_eq!(
        unknown.help(),
        Some("describe what it does in a pipeline of steps")
    );
}

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
            json!({"image_processor_type": "Mask2FormerImageProcessor"}),
            "image_processor_type: Mask2FormerImageProcessor cannot be expressed",
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
        "line 1: steps[0].step: unknown step: expected one of resize, center_crop, crop, pad, letterbox, rotate_to, grayscale, channel_order, rescale, normalize, rescale_normalize, blocks, got \"blur\""
    );
    assert_eq!(
        refusal(r#"{"description": "x", "extra": 1, "timm": {}}"#).to_string(),
        "line 1: extra: is an unknown key"
    );
}

fn timm(changes: Value) -> Value {
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

#[test]
fn our_own_pipelines_change_their_resampler() {
    let text = "[[steps]]\nstep = \"resize\"\nsize = { exact = [8, 8] }\nfilter = \"box\"\n";
    let plain = import(text, Notation::Toml, None).unwrap();
    assert_eq!(plain.pipeline, Pipeline::parse(text, Notation::Toml).unwrap());
    assert_eq!(plain.notes, [""; 0]);
    let swapped = import(text, Notation::Toml, Some(Resampler::Pillow12)).unwrap();
    assert_eq!(
        swapped.notes,
        ["the resize is pillow12's now, not the one that the pipeline names"]
    );
    let error = import(text, Notation::Toml, Some(Resampler::Torchvision)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 4: steps[0].filter: resampler torchvision has no such filter: expected one of nearest, nearest_exact, bilinear, bicubic, lanczos, got box"
    );
}
