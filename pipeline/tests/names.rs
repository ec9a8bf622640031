//! Every config of the tables of names gives the bits that its library gave: `tests/goldens/make_names.py --goldens`.
#![allow(clippy::expect_used, reason = "test code")]

use std::path::{Path, PathBuf};

use ndarray::Array3;
use prep_onnx_pipeline::{Dtype, ImportOptions, Layout, Library, checkpoint};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(name)
}

#[test]
fn names_mean_what_their_library_makes_of_them() {
    let text = std::fs::read_to_string(folder("goldens/names.json")).expect("the file is shipped");
    let goldens: Value = serde_json::from_str(&text).expect("the script wrote JSON");
    let picture = image::open(folder("images/extremes-301x227.png"))
        .expect("a shipped image")
        .to_rgb8();
    let (width, height) = picture.dimensions();
    let picture = Array3::from_shape_vec((height as usize, width as usize, 3), picture.into_raw())
        .expect("three bytes a pixel");
    let mut wrong = Vec::new();
    let goldens = goldens.as_object().expect("goldens by name");
    for (name, golden) in goldens {
        let (model, resampler) = name.split_once(' ').unwrap_or((name, ""));
        let found = checkpoint(model)
            .expect("a library")
            .expect("a name of the table");
        let options = ImportOptions {
            resampler: resampler.parse().ok(),
            ..ImportOptions::default()
        };
        let import = match found.import_with(&options) {
            Ok(import) => import,
            Err(error) => {
                wrong.push(format!("{name} is refused: {error}"));
                continue;
            }
        };
        let tensor = import
            .pipeline
            .reference(picture.view(), Layout::Nchw, Dtype::Float32)
            .expect("an image");
        let digest: String = Sha256::digest(tensor.to_le_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if digest[..32] != *golden["sha"].as_str().expect("a hash") {
            wrong.push(format!(
                "{name}: {:?} by the library {}",
                tensor.shape, golden["shape"]
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        goldens.len(),
        wrong.join("\n")
    );
    assert!(goldens.len() > 200, "{}", goldens.len());
}

#[test]
fn the_tables_are_small_and_every_name_is_found() {
    let mut bytes = 0;
    for library in Library::ALL {
        for name in library.names() {
            bytes += name.len() + 1;
            assert!(
                checkpoint(&format!("{library}:{name}")).is_some_and(|found| found.is_ok()),
                "{library}:{name}"
            );
        }
    }
    assert!((50_000..300_000).contains(&bytes), "{bytes}");
}

#[test]
fn a_slip_is_told_and_a_tag_may_be_left_out_where_all_are_alike() {
    let refusal = |name: &str| checkpoint(name).expect("a library").expect_err("no such name");
    assert_eq!(
        refusal("torchvision:ResNet50_Weights.IMAGENET1K_V3")
            .help()
            .map(|help| help.starts_with("did you mean")),
        Some(true)
    );
    assert!(refusal("open_clip:ViT-B-99").help().is_some());
    let video = checkpoint("torchvision:R3D_18_Weights.KINETICS400_V1")
        .expect("a library")
        .expect("a name of the table");
    let import = video.import_with(&ImportOptions::default()).expect("its config");
    assert!(
        import
            .notes
            .iter()
            .any(|note| note.contains("a video of one frame"))
    );
    assert!(checkpoint("open_clip:RN50").is_some());
    assert!(checkpoint("clip").is_none() && checkpoint("hf:clip").is_none());
}
