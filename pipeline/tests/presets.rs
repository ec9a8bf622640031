//! The presets: the list equals the folder, and each is a pipeline.

use std::collections::BTreeSet;
use std::path::Path;

use ndarray::Array3;
use prep_onnx_pipeline::{
    Dtype, Elements, Layout, Notation, PRESETS, Pipeline, Resampler, Version, imagenet_at, preset,
};

#[test]
fn the_list_is_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/presets");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let listed: BTreeSet<String> = PRESETS
        .iter()
        .map(|preset| format!("{}.toml", preset.name))
        .collect();
    assert_eq!(listed, files);
    assert!(PRESETS.is_sorted_by_key(|preset| preset.name));
}

/// The presets whose result has another size for each image.
const FOLLOWS_FROM_THE_IMAGE: [&str; 5] =
    ["raw", "paddleocr-det", "paddleocr-rec", "rapidocr-det", "ddddocr"];

#[test]
fn every_preset_folds_and_round_trips() {
    for preset in PRESETS {
        assert!(!preset.description().is_empty(), "{}", preset.name);
        for resampler in [
            None,
            Some(Resampler::Pillow),
            Some(Resampler::Pillow12),
            Some(Resampler::Torchvision),
        ] {
            let import = preset.import(resampler).unwrap();
            assert_eq!(import.pipeline.description.as_deref(), Some(preset.description()));
            let json = import.pipeline.to_json();
            assert_eq!(Pipeline::parse(&json, Notation::Json).unwrap(), import.pipeline);
            let toml = import.pipeline.to_toml();
            assert_eq!(Pipeline::parse(&toml, Notation::Toml).unwrap(), import.pipeline);
            let plan = import.pipeline.compile(Layout::Nchw, Dtype::Float32).unwrap();
            assert_eq!(
                plan.fixed_output().is_none(),
                FOLLOWS_FROM_THE_IMAGE.contains(&preset.name),
                "{}",
                preset.name
            );
        }
    }
}

#[test]
fn an_unknown_preset_is_refused_with_the_nearest_names() {
    let error = preset("imagnet").unwrap_err();
    assert_eq!(error.to_string(), "preset: \"imagnet\" is not known");
    assert_eq!(error.help(), Some("did you mean imagenet, imagenet-v2?"));
    let error = preset("mediapipe").unwrap_err();
    assert!(error.reason().unwrap().contains("warpPerspective"), "{error:?}");
    // Another family of models is no slip.
    assert!(
        preset("detr")
            .unwrap_err()
            .help()
            .unwrap()
            .starts_with("choose one of arcface, beit, ")
    );
    assert!(
        preset("7")
            .unwrap_err()
            .help()
            .unwrap()
            .starts_with("choose one of arcface, beit, ")
    );
}

#[test]
fn imagenet_at_224_is_the_preset() {
    let image = Array3::from_shape_fn((301, 227, 3), |(y, x, c)| (y * 7 + x * 13 + c * 101) as u8);
    let reference = |pipeline: &Pipeline| {
        pipeline
            .reference(image.view(), Layout::Nchw, Dtype::Float32)
            .unwrap()
    };
    let listed = preset("imagenet").unwrap().import(None).unwrap().pipeline;
    assert_eq!(reference(&imagenet_at(224, 224).unwrap()), reference(&listed));
    let plan = imagenet_at(160, 224)
        .unwrap()
        .plan(Layout::Nchw, Dtype::Float32)
        .unwrap();
    assert_eq!(plan.fixed_output(), Some((160, 224)));
    assert_eq!(
        imagenet_at(0, 224).unwrap_err().to_string(),
        "steps[0].size.target[0]: is not a size in pixels: expected 1 to 65535, got 0"
    );
}

#[test]
fn ids_stand_for_their_preset() {
    let names: BTreeSet<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    let mut seen = BTreeSet::new();
    for preset in PRESETS {
        for id in preset.ids() {
            assert!(seen.insert(id), "{id} is there twice");
            assert!(!names.contains(id), "{id}");
            assert_eq!(prep_onnx_pipeline::preset(id).unwrap().name, preset.name);
        }
        // The checkpoint that a description names is one of them.
        if let Some((_, checkpoint)) = preset.description().split_once(": ")
            && checkpoint.contains('/')
        {
            assert!(preset.ids().any(|id| id == checkpoint), "{checkpoint}");
        }
    }
    let lines = include_str!("../../models/preset-ids.txt").lines();
    assert_eq!(seen.len(), lines.filter(|line| !line.starts_with('#')).count());
    assert_eq!(preset("timm/resnet50.a1_in1k").unwrap().name, "timm-0.95");
    let error = preset("google/vit-huge-patch14-224-in21k").unwrap_err();
    assert!(error.help().unwrap().contains("preprocessor_config.json"));
    assert!(
        preset("google/vit-base-patch16-225")
            .unwrap_err()
            .help()
            .unwrap()
            .contains("google/vit-base-patch16-224")
    );
}

/// `preprocess_input` of `keras.applications.imagenet_utils`, for one value of one channel of RGB pixels.
#[test]
fn keras_presets_are_its_formulas() {
    let image = Array3::from_shape_fn((301, 227, 3), |(y, x, c)| (y * 7 + x * 13 + c * 101) as u8);
    let geometry = "[[steps]]\nstep = \"resize\"\nsize = 224\nfilter = \"nearest\"\nresampler = \"pillow\"";
    let pixels = Pipeline::parse(geometry, Notation::Toml)
        .unwrap()
        .reference(image.view(), Layout::Nhwc, Dtype::Uint8)
        .unwrap();
    let Elements::Uint8(pixels) = pixels.elements else {
        panic!("8-bit pixels")
    };
    let tf = |pixel: &[u8], channel: usize| f32::from(pixel[channel]) / 127.5 - 1.0;
    let caffe =
        |pixel: &[u8], channel: usize| f32::from(pixel[2 - channel]) - [103.939, 116.779, 123.68][channel];
    let torch = |pixel: &[u8], channel: usize| {
        (f32::from(pixel[channel]) / 255.0 - [0.485, 0.456, 0.406][channel]) / [0.229, 0.224, 0.225][channel]
    };
    let each = |formula: &dyn Fn(&[u8], usize) -> f32| -> Vec<f32> {
        let values = |pixel| [0, 1, 2].map(|channel| formula(pixel, channel));
        pixels.chunks(3).flat_map(values).collect()
    };
    for (name, expected) in [
        ("keras-tf", each(&tf)),
        ("keras-torch", each(&torch)),
        ("keras-caffe", each(&caffe)),
    ] {
        let pipeline = preset(name).unwrap().import(None).unwrap().pipeline;
        let tensor = pipeline
            .reference(image.view(), Layout::Nhwc, Dtype::Float32)
            .unwrap();
        assert_eq!(tensor.elements, Elements::Float32(expected), "{name}");
    }
}

/// What `tests/goldens/preset_cases.py` recorded of the packages themselves, and `libraries.rs` compares, is the presets.
#[test]
fn recorded_pipelines_are_the_presets() {
    let text = include_str!("../../tests/goldens/plans.json");
    let cases: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
    // This one's package is PaddlePaddle: recorded of its formula.
    let names = cases.iter().filter_map(|(name, case)| {
        let preset = name
            .strip_prefix("preset ")
            .or((name == "paddleocr-det").then_some(name))?;
        Some((preset, case))
    });
    let mut compared = BTreeSet::new();
    for (name, case) in names {
        let recorded = Pipeline::from_value(case["pipeline"].clone()).unwrap();
        let listed = preset(name).unwrap().import(None).unwrap().pipeline;
        assert_eq!(listed.steps, recorded.steps, "{name}");
        compared.insert(name.to_owned());
    }
    let of_others = PRESETS.iter().filter(|preset| {
        let import = preset.import(None).unwrap();
        let plan = import.pipeline.compile(Layout::Nchw, Dtype::Float32).unwrap();
        plan.version() == Version::V2
    });
    for preset in of_others {
        assert!(compared.contains(preset.name), "{} has no golden", preset.name);
    }
}
