//! What preprocessor_config.json becomes.

use prep_onnx_pipeline::{
    CropRule, Filter, ImportOptions, Notation, Pipeline, Precision, Resampler, SizeRule, Source, import_with,
    steps::*,
};
use serde_json::{Value, json};

use super::{edited, read, resize, vit};

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

/// What the resize of a class alone asks for says nothing where it is off.
#[test]
fn keys_of_a_resize_that_is_off_are_ignored() {
    for (class, key, value) in [
        ("ConvNext", "crop_pct", json!(0.875)),
        ("PoolFormer", "crop_pct", json!(0.9)),
        ("PoolFormer", "crop_pct", json!(null)),
        ("DPT", "ensure_multiple_of", json!(32)),
        ("DPT", "keep_aspect_ratio", json!(true)),
    ] {
        for off in [json!(false), json!(null)] {
            let without = json!({"image_processor_type": format!("{class}ImageProcessor"), "do_resize": off, "size": null});
            let with = edited(without.clone(), json!({ key: value }));
            let steps = |config: &Value| read(config, None).map(|import| import.pipeline.steps);
            assert_eq!(steps(&with), steps(&without), "{class} {key}");
            steps(&with).unwrap();
        }
    }
}

#[test]
fn max_size_counts_where_the_class_reads_it() {
    let steps = |config: &Value| read(config, None).unwrap().pipeline.steps;
    let config = |class: &str| json!({"image_processor_type": format!("{class}ImageProcessor"), "size": 96});
    for class in ["ViT", "CLIP", "Beit", "DeiT"] {
        let with = edited(config(class), json!({"max_size": 384}));
        assert_eq!(steps(&with), steps(&config(class)), "{class}");
    }
    for class in ["Detr", "Yolos", "GroundingDino"] {
        let with = edited(config(class), json!({"max_size": 384}));
        assert_ne!(steps(&with), steps(&config(class)), "{class}");
    }
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
fn transparent_pixels_lie_over_white_where_the_class_converts_to_rgb() {
    let background = |class: &str, keys: Value| {
        let config = edited(
            json!({ "image_processor_type": format!("{class}ImageProcessor") }),
            keys,
        );
        let pipeline = read(&config, None).unwrap().pipeline;
        let text = pipeline.to_toml();
        assert_eq!(
            Pipeline::parse(&text, Notation::Toml).unwrap(),
            pipeline,
            "{text}"
        );
        pipeline.background
    };
    const WHITE: Option<[u8; 3]> = Some([255; 3]);
    for class in ["CLIP", "Siglip", "Qwen2VL", "SmolVLM", "Emu3", "OneFormer"] {
        assert_eq!(background(class, json!({})), WHITE, "{class}");
        for off in [json!(false), json!(null), json!(0), json!("")] {
            assert_eq!(
                background(class, json!({ "do_convert_rgb": off })),
                None,
                "{class} {off}"
            );
        }
    }
    for class in ["ViT", "Siglip2", "Detr", "Janus", "Beit"] {
        assert_eq!(background(class, json!({})), None, "{class}");
        for on in [json!(true), json!(1), json!("false")] {
            assert_eq!(
                background(class, json!({ "do_convert_rgb": on })),
                WHITE,
                "{class} {on}"
            );
        }
    }
}

/// What a library does not take is refused, each backend alone.
#[test]
fn nulls_mean_what_each_backend_makes_of_them() {
    let import = |class: &str, rest: &str, resampler: Resampler| {
        let options = ImportOptions {
            resampler: Some(resampler),
            ..ImportOptions::default()
        };
        let text = format!(r#"{{"image_processor_type": "{class}ImageProcessor", {rest}}}"#);
        import_with(&text, Notation::Json, &options)
    };
    let null = r#""padding_value": null"#;
    let taken = import("Fuyu", null, Resampler::Torchvision).expect("torchvision pads with 0");
    let zero = import("Fuyu", r#""padding_value": 0.0"#, Resampler::Torchvision).expect("0 is a colour");
    assert_eq!(taken.pipeline.steps, zero.pipeline.steps);
    let said = import("Fuyu", null, Resampler::Pillow).expect_err("NumPy pads with no None");
    assert!(said.to_string().contains("padding_value: is null"), "{said}");
    let said = import("PPOCRV5ServerDet", r#""size": null"#, Resampler::Torchvision)
        .expect_err("nothing to resize to");
    assert!(said.to_string().contains("size: is null"), "{said}");
}
