//! Transparent pixels over a colour, as Pillow's `alpha_composite` lays them: `make_background.py`.
#![allow(clippy::expect_used, reason = "test code")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prep_onnx_loader::{DecodeOptions, ErrorKind, Scratch, decode};
use sha2::{Digest, Sha256};

const COLOURS: [(&str, [u8; 3]); 2] = [("white", [255; 3]), ("colour", [10, 200, 90])];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/background")
}

fn pixels(name: &str, background: Option<[u8; 3]>) -> Result<Vec<u8>, prep_onnx_loader::ImageError> {
    let bytes = std::fs::read(folder().join(name)).expect("a shipped image");
    let options = DecodeOptions::default().background(background);
    decode(&bytes, &options, &mut Scratch::default(), Vec::new()).map(|image| image.data)
}

#[test]
fn transparent_pixels_lie_over_the_colour() {
    let text = std::fs::read_to_string(folder().join("expected.json")).expect("the file is shipped");
    let expected: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(&text).expect("the script wrote JSON");
    assert!(expected.len() > 15);
    for (name, hashes) in &expected {
        for (colour, background) in COLOURS {
            let data = pixels(name, Some(background)).expect(name);
            let digest: String = Sha256::digest(data)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(digest, hashes[colour], "{name} over {colour}");
        }
    }
}

#[test]
fn without_a_colour_alpha_is_dropped() {
    let opaque = pixels("rgba.png", None).expect("an image");
    let laid = pixels("rgba.png", Some([255; 3])).expect("an image");
    assert_ne!(opaque, laid);
    assert!(pixels("lossy.webp", None).is_ok() && pixels("rgba.tiff", None).is_ok());
}

#[test]
fn alpha_that_is_not_read_is_refused() {
    for name in ["lossy.webp", "rgba.tiff"] {
        let error = pixels(name, Some([255; 3])).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
        assert!(error.to_string().contains("transparent"), "{error}");
    }
}
