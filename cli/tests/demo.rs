//! The demo, as a newcomer runs it.

use std::process::Command;

#[test]
fn every_execution_of_the_demo_gives_the_same_bits() {
    use prep_onnx::runtime::{Search, ensure};
    if let Err(error) = ensure(&Search::from_env(), &mut |line| eprintln!("{line}")) {
        let required = std::env::var("PREP_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|name| name == "runtime"), "{error:?}");
        eprintln!("skipped: {error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_prep-onnx"))
        .args(["demo", "--json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ok"], true);
    let images = answer["images"].as_array().unwrap();
    assert_eq!(images.len(), 12);
    for image in images {
        assert_eq!(image["top"]["label"], image["shows"], "{image}");
        let equal = image["equal"].as_object().unwrap();
        assert!(
            equal.len() >= 2 && equal.values().all(|equal| equal != false),
            "{image}"
        );
    }
    assert!(
        folder
            .path()
            .join("prep-onnx-demo/shapes-cnn.prep.onnx")
            .is_file()
    );
}
