//! Configs as hubs hold them: every one that `tests/goldens/make_hub_goldens.py` recorded gives the bits of its library,
//! or is refused where the library refuses it.
#![allow(clippy::expect_used, reason = "test code")]

use std::path::{Path, PathBuf};

use ndarray::Array3;
use prep_onnx_pipeline::{Dtype, ImportOptions, Layout, Notation, Resampler, import_with};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What the library accepts and prep-onnx refuses, with the key that the refusal names: it cannot be expressed.
const REFUSED: &[(&str, &str)] = &[
    // Products of 8-bit pixels, which overflow.
    ("ViT factor 2", "rescale_factor"),
    ("ViT factor -2", "rescale_factor"),
    ("MobileViT factor 2", "rescale_factor"),
    ("MobileViT factor -2", "rescale_factor"),
    ("SuperPoint factor 2", "rescale_factor"),
    ("SuperPoint factor -2", "rescale_factor"),
    ("LayoutLMv3 factor 2", "rescale_factor"),
    ("LayoutLMv3 factor -2", "rescale_factor"),
    ("EfficientNet factor 1", "rescale_factor"),
    ("EfficientNet factor 2", "rescale_factor"),
    ("EfficientNet factor -2", "rescale_factor"),
    // Zeros with a sign.
    ("MobileViT factor -1.0", "rescale_factor"),
    ("one channel", "model_args.in_chans"),
    // The library raises for images that are larger, and nothing here would.
    (
        r#"Sam {"do_resize": false, "pad_size": {"height": 400, "width": 400}}"#,
        "pad_size",
    ),
    (
        r#"ViT {"size": {"shortest_edge": 96}, "do_pad": true, "pad_size": {"height": 400, "width": 400}, "do_normalize": false, "do_rescale": false}"#,
        "pad_size",
    ),
    ("Eomt geometry, do_resize null", "do_pad"),
    // The margin follows from the pixels.
    (
        r#"Nougat {"size": {"height": 96, "width": 80}}"#,
        "do_crop_margin",
    ),
    (
        r#"PPFormulaNet {"size": {"height": 96, "width": 80}}"#,
        "do_crop_margin",
    ),
    (
        r#"Nougat {"size": {"height": 60, "width": 90}, "do_align_long_axis": true, "do_crop_margin": false}"#,
        "do_align_long_axis",
    ),
    (
        r#"MaskFormer {"size": {"max_height": 60, "max_width": 90}}"#,
        "size",
    ),
    // Each in a way of its own: no resize, a resize in one step.
    ("DeepseekVLHybrid geometry, do_resize null", "do_resize"),
    ("DeepseekVLHybrid geometry, do_pad null", "do_pad"),
    (
        r#"Tvp {"size": {"longest_edge": 96}, "crop_size": {"height": 96, "width": 96}, "pad_size": {"height": 96, "width": 96}, "constant_values": 1}"#,
        "constant_values",
    ),
    // A patch is larger than all pixels.
    (
        r#"Glm4v {"size": {"shortest_edge": 3136, "longest_edge": 12544}, "patch_size": 64}"#,
        "max_pixels",
    ),
    (
        r#"Cosmos3Edge {"size": {"shortest_edge": 3136, "longest_edge": 12544}, "temporal_patch_size": 2}"#,
        "temporal_patch_size",
    ),
    (r#"NeoMME {"max_side": 64}"#, "max_side"),
    (r#"Cohere2Vision {"size": {"height": 32, "width": 24}}"#, "size"),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(name)
}

fn picture(name: &str) -> Array3<u8> {
    let path = folder("images").join(format!("{name}.png"));
    let image = image::open(path).expect("a shipped image").to_rgb8();
    let (width, height) = image.dimensions();
    Array3::from_shape_vec((height as usize, width as usize, 3), image.into_raw())
        .expect("three bytes a pixel")
}

/// What is wrong with a row, if anything, and whether bits were compared.
fn judge(row: &Value, picture: impl Fn(&str) -> Array3<u8>) -> Result<bool, String> {
    let text = |key: &str| row[key].as_str().expect("a text");
    let model = row.get("model").map(ToString::to_string);
    let options = ImportOptions {
        resampler: Some(text("backend").parse().expect("a resampler")),
        model_config: model.as_deref(),
        ..ImportOptions::default()
    };
    let imported = import_with(&row["config"].to_string(), Notation::Json, &options);
    let listed = REFUSED.iter().find(|(name, _)| *name == text("name"));
    let images = match (row.get("images"), imported) {
        (None, Err(_)) => return Ok(false),
        // Where the library raises for an image, its error is one for the image here, too.
        (None, Ok(import)) => {
            let (layout, dtype) = (Layout::Nchw, Dtype::Float32);
            let runs = |name: &&'static str| {
                import
                    .pipeline
                    .reference(picture(name).view(), layout, dtype)
                    .is_ok()
            };
            return match ["gradient-100x80", "extremes-301x227"].into_iter().find(runs) {
                Some(name) => Err(format!("is accepted and runs on {name}, but {}", text("error"))),
                None => Ok(false),
            };
        }
        (Some(images), Ok(import)) => {
            let images = images.as_object().expect("results by picture");
            images.iter().try_for_each(|(name, hash)| {
                // Some classes have channels last.
                let layout = import.pipeline.output.layout.unwrap_or(Layout::Nchw);
                let dtype = Dtype::Float32;
                let tensor = import.pipeline.reference(picture(name).view(), layout, dtype);
                let bytes = tensor.map_err(|error| error.to_string())?.to_le_bytes();
                let digest: String = Sha256::digest(bytes)
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                match digest.starts_with(hash.as_str().expect("a hash")) {
                    true => Ok(()),
                    false => Err(format!("{name}: the bits differ")),
                }
            })
        }
        (Some(_), Err(error)) => match listed {
            Some((_, key)) if error.to_string().contains(key) => return Ok(false),
            _ => return Err(format!("is refused: {error}")),
        },
    };
    images.map(|()| true)
}

#[test]
fn configs_of_hubs_mean_what_their_library_makes_of_them() {
    let text = std::fs::read_to_string(folder("goldens/hub.json")).expect("the file is shipped");
    let goldens: Value = serde_json::from_str(&text).expect("the script wrote JSON");
    let rows = goldens["rows"].as_array().expect("rows");
    let (mut equal, mut wrong) = (0, Vec::new());
    for row in rows {
        match judge(row, picture) {
            Ok(compared) => equal += usize::from(compared),
            Err(why) => wrong.push(format!("{} ({}): {why}", row["name"], row["backend"])),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    // Most rows must have been compared, not refused.
    assert!(equal > 1400, "{equal}");
    eprintln!(
        "{equal} configs of {} are equal, the rest is refused as by the library",
        rows.len()
    );
}

#[test]
fn a_class_with_one_backend_refuses_the_other() {
    for (class, asked) in [
        ("Sam2", Resampler::Pillow),
        ("VideoLlava", Resampler::Torchvision),
    ] {
        let options = ImportOptions {
            resampler: Some(asked),
            ..ImportOptions::default()
        };
        let config = format!(r#"{{"image_processor_type": "{class}ImageProcessor"}}"#);
        let error = import_with(&config, Notation::Json, &options).expect_err("it has no such backend");
        assert!(
            error.reason().is_some_and(|why| why.contains("has only a")),
            "{error:?}"
        );
    }
}
