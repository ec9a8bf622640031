//! Paths that are no text: every command that names one in `--json` says it as well as it can, and does not stop.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

#[test]
fn names_that_are_not_utf_8() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let name = |bytes: &[u8]| folder.path().join(OsStr::from_bytes(bytes));
    let (model, embedded) = (name(b"m\xff.onnx"), name(b"m\xff.prep.onnx"));
    std::fs::copy(repository.join("models/zoo/shapes-cnn.onnx"), &model).unwrap();
    let image = name(b"i\xfe.png");
    std::fs::copy(repository.join("models/demo/sea-08.png"), &image).unwrap();
    let (seen, restored) = (name(b"seen\xfe.png"), name(b"back\xff.onnx"));
    let runs: [&[&OsStr]; 5] = [
        &["embed".as_ref(), model.as_ref()],
        &["inspect".as_ref(), embedded.as_ref()],
        &["doctor".as_ref(), embedded.as_ref()],
        &[
            "preview".as_ref(),
            embedded.as_ref(),
            image.as_ref(),
            "-o".as_ref(),
            seen.as_ref(),
        ],
        &[
            "strip".as_ref(),
            embedded.as_ref(),
            "-o".as_ref(),
            restored.as_ref(),
        ],
    ];
    for arguments in runs {
        let output = Command::new(env!("CARGO_BIN_EXE_prep-onnx"))
            .args(arguments)
            .arg("--json")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(json.is_object(), "{json}");
    }
    assert_eq!(std::fs::read(&model).unwrap(), std::fs::read(&restored).unwrap());
}
