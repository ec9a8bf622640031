//! Pixel parity with Pillow over the corpus that `make_corpus.py` writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prep_onnx_loader::{DecodeOptions, Scratch, decode};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(corpus().join(name)).unwrap()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What this crate makes of a file: the digest of its pixels, or the kind of its error.
fn ours(name: &str, scratch: &mut Scratch) -> Result<(usize, usize, Vec<u8>), String> {
    let bytes = std::fs::read(corpus().join(name)).unwrap();
    match decode(&bytes, &DecodeOptions::default(), scratch, Vec::new()) {
        Ok(image) => Ok((image.height, image.width, image.data)),
        Err(error) => Err(format!("{}: {error}", error.kind())),
    }
}

#[test]
fn every_file_equals_pillow_except_the_known_differences() {
    let manifest = json("manifest.json");
    let known: BTreeMap<String, Value> = serde_json::from_value(json("known_differences.json")).unwrap();
    let mut scratch = Scratch::default();
    let mut found = BTreeMap::new();
    let mut equal = 0;
    for (name, pillow) in manifest["files"].as_object().unwrap() {
        if pillow.get("png").is_some() {
            continue;
        }
        let ours = ours(name, &mut scratch);
        let difference = match (&ours, pillow.get("sha256")) {
            (Ok((height, width, data)), Some(digest)) => {
                let same = hex(&Sha256::digest(data)) == digest.as_str().unwrap()
                    && pillow["height"] == *height
                    && pillow["width"] == *width;
                (!same).then(|| "other pixels".to_owned())
            }
            (Ok(_), None) => Some("read here, refused by Pillow".to_owned()),
            (Err(error), Some(_)) => Some(error.split(':').next().unwrap().to_owned()),
            (Err(_), None) => None,
        };
        match difference {
            Some(difference) => {
                found.insert(
                    name.clone(),
                    (difference, ours.err().unwrap_or_default(), pillow.clone()),
                );
            }
            None => equal += 1,
        }
    }
    let found_short: BTreeMap<_, _> = found
        .iter()
        .map(|(name, (what, _, _))| (name.as_str(), what.as_str()))
        .collect();
    let known_short: BTreeMap<_, _> = known
        .iter()
        .map(|(name, entry)| (name.as_str(), entry["here"].as_str().unwrap()))
        .collect();
    assert_eq!(
        found_short, known_short,
        "{equal} files are equal; details: {found:#?}"
    );
    assert!(equal > 200, "{equal}");
}
