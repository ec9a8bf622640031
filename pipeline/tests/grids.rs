//! Size rules that choose among several sizes give those of transformers, of images of 4000 sizes:
//! `tests/goldens/make_grid_goldens.py`.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fmt::Write;
use std::path::Path;

use prep_onnx_pipeline::SizeRule;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// As the script has them.
fn sizes() -> impl Iterator<Item = (usize, usize)> {
    (0..4000_usize).map(|index| {
        (
            1 + index * 7919 % 2000,
            1 + (index * 104_729 + index * index) % 2000,
        )
    })
}

#[test]
fn chosen_sizes_are_those_of_the_library() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/goldens/grids.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() > 20);
    let mut other = Vec::new();
    for case in &cases {
        let rule: SizeRule = serde_json::from_value(case["rule"].clone()).unwrap();
        rule.check().unwrap();
        let mut text = String::new();
        for (height, width) in sizes() {
            // An edge of 0 is an error here and there.
            let (height, width) = rule.output_size(height, width).unwrap_or((0, 0));
            writeln!(text, "{height} {width}").unwrap();
        }
        let digest: String = Sha256::digest(&text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if digest[..32] != *case["sha"].as_str().unwrap() {
            other.push(case["rule"].to_string());
        }
    }
    assert!(other.is_empty(), "{other:#?}");
}
