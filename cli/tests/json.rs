//! `--json` gives JSON, and `--help` helps, for every command.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::path::Path;
use std::process::{Command, Output};

fn prep_onnx(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_prep-onnx"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn json(arguments: &[&str], folder: &Path) -> (serde_json::Value, Option<i32>) {
    let output = prep_onnx(arguments, folder);
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"));
    (value, output.status.code())
}

fn folder_with_model() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo");
    std::fs::copy(zoo.join("shapes-cnn.onnx"), folder.path().join("model.onnx")).unwrap();
    folder
}

#[test]
fn embed_inspect_and_strip_agree() {
    let folder = folder_with_model();
    let (embedded, code) = json(&["embed", "model.onnx", "--json"], folder.path());
    assert_eq!(code, Some(0));
    assert_eq!(embedded["output"], "model.prep.onnx");
    assert_eq!(embedded["pipeline_assumed"], true);
    let (inspected, _) = json(&["inspect", "model.prep.onnx", "--json"], folder.path());
    assert_eq!(inspected["bytes"], embedded["bytes"]);
    assert_eq!(inspected["embedded"]["pipeline"], embedded["pipeline"]);
    assert_eq!(inspected["embedded"]["op"], embedded["report"]["op"]);
    let (stripped, _) = json(
        &["strip", "model.prep.onnx", "-o", "back.onnx", "--json"],
        folder.path(),
    );
    assert_eq!(stripped["output"], "back.onnx");
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(read("back.onnx") == read("model.onnx"));
}

#[test]
fn a_preset_as_json_is_a_pipeline_file() {
    let folder = folder_with_model();
    let (list, _) = json(&["pipelines", "--json"], folder.path());
    for preset in list.as_array().unwrap() {
        let name = preset["name"].as_str().unwrap();
        let (pipeline, code) = json(&["pipelines", name, "--json"], folder.path());
        assert_eq!(code, Some(0), "{name}");
        std::fs::write(folder.path().join("pipeline.json"), pipeline.to_string()).unwrap();
        let text = prep_onnx(
            &["embed", "model.onnx", "--dry-run", "--pipeline", "pipeline.json"],
            folder.path(),
        );
        // Presets of another size are refused for the size, never for the file.
        let error = String::from_utf8(text.stderr).unwrap();
        assert!(
            error.is_empty() || error.contains("images of another size"),
            "{name}: {error}"
        );
    }
}

#[test]
fn failures_are_json_too() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, exit) in [
        (&["embed", "absent.onnx", "--json"][..], 1),
        (&["inspect", "absent.onnx", "--json"], 1),
        (&["run", "absent.onnx", "a.png", "--json"], 1),
        (&["verify", "absent.onnx", "a.png", "--json"], 1),
        (&["pipelines", "absent", "--json"], 2),
        (&["runtime", "--runtime", "absent.so", "--json"], 1),
    ] {
        let (answer, code) = json(arguments, folder.path());
        assert!(
            answer["error"]["what"].as_str().unwrap().contains("absent"),
            "{answer}"
        );
        assert_eq!(code, Some(exit), "{arguments:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn doctor_and_completions_are_json() {
    let folder = tempfile::tempdir().unwrap();
    let (doctor, _) = json(&["doctor", "--json"], folder.path());
    assert!(doctor["checks"].as_array().unwrap().len() >= 4);
    let (script, _) = json(&["completions", "bash", "--json"], folder.path());
    assert!(script["script"].as_str().unwrap().contains("prep-onnx"));
}

#[test]
fn every_command_helps() {
    let folder = tempfile::tempdir().unwrap();
    let overview = String::from_utf8(prep_onnx(&["--help"], folder.path()).stdout).unwrap();
    let commands: Vec<_> = overview
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() > 9, "{overview}");
    for command in commands {
        let output = prep_onnx(&[command, "--help"], folder.path());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && text.contains("Usage: "),
            "{command}: {text}"
        );
    }
}

#[test]
fn there_is_no_colour_but_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let escape = |output: Output| output.stdout.contains(&0x1b);
    assert!(!escape(prep_onnx(&["pipelines"], folder.path())));
    assert!(escape(prep_onnx(
        &["pipelines", "--color", "always"],
        folder.path()
    )));
}
