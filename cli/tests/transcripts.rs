//! Runs the transcripts in `tests/cli`: commands, what they print, and their exit codes.
//!
//! `UPDATE=1 cargo test -p prep-onnx --test transcripts` writes what the commands print into them.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod transcript;

use std::path::{Path, PathBuf};

use transcript::Transcript;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether ONNX Runtime is there; gets it where that is possible.
fn has_runtime() -> bool {
    use prep_onnx::runtime::{Search, ensure};
    match ensure(&Search::from_env(), &mut |line| eprintln!("{line}")) {
        Ok(_) => true,
        Err(error) => {
            let required = std::env::var("PREP_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|name| name == "runtime"), "{error:?}");
            eprintln!("skipped: {error}");
            false
        }
    }
}

#[test]
fn transcripts_are_what_the_commands_print() {
    let mut paths: Vec<_> = std::fs::read_dir(repository().join("tests/cli"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    let runtime = has_runtime();
    let mut failures = Vec::new();
    for path in paths {
        let transcript = Transcript::read(&path);
        if transcript.needs_runtime() && !runtime {
            eprintln!("skipped: {} needs ONNX Runtime", path.display());
            continue;
        }
        failures.extend(transcript.check(&repository(), Path::new(env!("CARGO_BIN_EXE_prep-onnx"))));
    }
    assert!(
        failures.is_empty(),
        "{}\nUPDATE=1 accepts what was printed",
        failures.join("\n")
    );
}
