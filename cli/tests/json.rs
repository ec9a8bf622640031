//! `--json` gives JSON, and `--help` helps, for every command.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};
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

/// `check` finds the library by it.
#[test]
fn a_name_that_a_preset_is_for_stays_in_the_file() {
    let folder = folder_with_model();
    let name = "timm:resnet50.a1_in1k";
    let (embedded, code) = json(
        &["embed", "model.onnx", "--pipeline", name, "--json"],
        folder.path(),
    );
    assert_eq!(code, Some(0));
    assert_eq!(embedded["pipeline"]["description"], name);
}

#[test]
fn a_preset_as_json_is_a_pipeline_file() {
    let folder = folder_with_model();
    let (list, _) = json(&["pipelines", "--json"], folder.path());
    for preset in list["presets"].as_array().unwrap() {
        let name = preset["name"].as_str().unwrap();
        let (pipeline, code) = json(&["pipelines", name, "--json"], folder.path());
        assert_eq!(code, Some(0), "{name}");
        std::fs::write(folder.path().join("pipeline.json"), pipeline.to_string()).unwrap();
        let text = prep_onnx(
            &["embed", "model.onnx", "--dry-run", "--pipeline", "pipeline.json"],
            folder.path(),
        );
        // Presets of another size or of gray images are refused for the model, never for the file.
        let error = String::from_utf8(text.stderr).unwrap();
        let of_the_model = ["images of another size", "an unsupported number of channels"];
        assert!(
            error.is_empty() || of_the_model.iter().any(|reason| error.contains(reason)),
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
        (&["absent", "--json"], 2),
        (&["embed", "model.onnx", "--json", "--absent"], 2),
        (&["run", "absent.onnx", "a.png", "-o", "absent.csv", "--json"], 2),
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
fn a_model_is_no_stream() {
    let folder = folder_with_model();
    prep_onnx(&["embed", "model.onnx"], folder.path());
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/demo/red_disc-01.png");
    std::fs::copy(models, folder.path().join("a.png")).unwrap();
    for arguments in [
        &["embed", "-"][..],
        &["inspect", "-"],
        &["strip", "-", "-o", "x.onnx"],
        &["doctor", "-"],
        &["run", "-", "a.png"],
        &["verify", "-", "a.png"],
        &["bench", "-"],
        &["preview", "-", "a.png", "-o", "x.png"],
        &["embed", "model.onnx", "-o", "-"],
        &["strip", "model.prep.onnx", "-o", "-"],
        &["preview", "model.prep.onnx", "a.png", "-o", "-"],
    ] {
        let (answer, code) = json(&[arguments, &["--json"]].concat(), folder.path());
        let error = &answer["error"];
        assert_eq!(
            (error["kind"].as_str(), code),
            (Some("usage"), Some(2)),
            "{answer}"
        );
        assert!(
            error["what"].as_str().unwrap().starts_with("-: is standard "),
            "{answer}"
        );
        assert!(error["fix"].as_str().unwrap().contains("./-"), "{answer}");
    }
    // The advice.
    std::fs::rename(folder.path().join("model.onnx"), folder.path().join("-")).unwrap();
    let (_, code) = json(&["embed", "./-", "-o", "./-.onnx", "--json"], folder.path());
    assert_eq!(code, Some(0));
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

/// Every command, with the fields that `cli/README.md` names, and whether it fails.
fn documents(folder: &Path) -> Vec<(Vec<&'static str>, Option<i32>)> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/demo");
    let image = std::fs::read_dir(models)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "png"));
    std::fs::copy(image.unwrap(), folder.join("photo.png")).unwrap();
    let mut commands = vec![
        (vec!["embed", "model.onnx"], Some(0)),
        (vec!["inspect", "model.onnx"], Some(0)),
        (vec!["inspect", "model.prep.onnx"], Some(0)),
        (vec!["strip", "model.prep.onnx", "-o", "back.onnx"], Some(0)),
        (
            vec!["preview", "model.prep.onnx", "photo.png", "-o", "seen.png"],
            Some(0),
        ),
        (vec!["pipelines"], Some(0)),
        (vec!["pipelines", "clip"], Some(0)),
        (vec!["steps"], Some(0)),
        (vec!["steps", "resize"], Some(0)),
        (vec!["completions", "zsh"], Some(0)),
        (vec!["man", "."], Some(0)),
        (vec!["doctor"], None),
        (vec!["doctor", "model.onnx"], Some(0)),
        (vec!["runtime"], None),
    ];
    if has_runtime() {
        commands.extend([
            (vec!["run", "model.prep.onnx", "photo.png"], Some(0)),
            (
                vec!["run", "model.prep.onnx", "photo.png", "-o", "rows.jsonl"],
                Some(0),
            ),
            (vec!["run", "model.prep.onnx", "model.onnx"], Some(1)),
            (vec!["verify", "model.prep.onnx", "photo.png"], Some(0)),
            (
                vec!["bench", "model.prep.onnx", "photo.png", "--rounds", "1"],
                Some(0),
            ),
        ]);
    }
    // What fails, one for each command that takes a file or a name.
    for command in ["embed", "inspect", "doctor"] {
        commands.push((vec![command, "absent.onnx"], Some(1)));
    }
    commands.extend([
        (vec!["strip", "absent.onnx", "-o", "x.onnx"], Some(1)),
        (vec!["run", "absent.onnx", "photo.png"], Some(1)),
        (vec!["verify", "absent.onnx", "photo.png"], Some(1)),
        (
            vec!["preview", "absent.onnx", "photo.png", "-o", "x.png"],
            Some(1),
        ),
        (vec!["bench", "absent.onnx"], Some(1)),
        (vec!["pipelines", "absent"], Some(2)),
        (vec!["completions", "absent"], Some(2)),
        (vec!["runtime", "--runtime", "absent.so"], Some(1)),
        (vec!["absent"], Some(2)),
        (vec!["embed"], Some(2)),
        (vec!["embed", "model.onnx", "--absent"], Some(2)),
        (vec![], Some(2)),
    ]);
    commands
}

fn has_runtime() -> bool {
    use prep_onnx::runtime::{Search, ensure};
    let Err(error) = ensure(&Search::from_env(), &mut |line| eprintln!("{line}")) else {
        return true;
    };
    let required = std::env::var("PREP_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|name| name == "runtime"), "{error:?}");
    eprintln!("skipped: {error}");
    false
}

/// Sizes that are text, as `400 x 600`, anywhere but in sentences.
fn sizes_as_text(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => {
            let words: Vec<_> = text.split(" x ").collect();
            if words.len() == 2 && words.iter().all(|word| word.parse::<u64>().is_ok()) {
                found.push(text.clone());
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| sizes_as_text(item, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| sizes_as_text(field, found)),
        _ => {}
    }
}

#[test]
fn every_command_answers_in_one_shape() {
    let folder = folder_with_model();
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for (arguments, exit) in documents(folder.path()) {
        let mut with_json = arguments.clone();
        with_json.push("--json");
        let (answer, code) = json(&with_json, folder.path());
        assert!(
            exit.is_none_or(|exit| code == Some(exit)),
            "{arguments:?}: {code:?} {answer}"
        );
        assert_eq!(answer["schema"], 1, "{arguments:?}");
        assert_eq!(answer["ok"], code == Some(0), "{arguments:?}: {answer}");
        match answer["command"].as_str() {
            Some(name) => assert_eq!(name, arguments[0]),
            None => assert_eq!(code, Some(2), "{arguments:?}"),
        }
        let mut found = Vec::new();
        sizes_as_text(&answer, &mut found);
        assert_eq!(found, Vec::<String>::new(), "{arguments:?}");
        if let Some(error) = answer["error"].as_object() {
            let keys: Vec<_> = error.keys().map(String::as_str).collect();
            assert_eq!(keys, ["fix", "kind", "what", "why"], "{arguments:?}");
            let kind = error["kind"].as_str().unwrap();
            assert!(page.contains(&format!("| `{kind}` |")), "{kind}");
            assert_eq!(kind == "usage", code == Some(2), "{arguments:?}: {answer}");
        } else {
            assert_ne!(code, Some(2), "{arguments:?}: {answer}");
        }
    }
}

/// The fields that a row of the page names, and those that it names for some cases alone.
fn named(page: &str, command: &str) -> [BTreeSet<String>; 2] {
    let start = format!("| `{command}` | ");
    let (_, table) = page.split_once("| command | fields | at times |").unwrap();
    let row = table
        .lines()
        .find_map(|line| line.strip_prefix(&start))
        .unwrap_or_else(|| panic!("{command}"));
    let mut cells = row.split(" | ");
    [cells.next(), cells.next()].map(|cell| {
        let words = cell.unwrap_or_default().split('`').skip(1).step_by(2);
        words
            .filter(|word| !word.starts_with('-'))
            .map(str::to_owned)
            .collect()
    })
}

/// The names of all fields at any depth.
fn all_fields(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| all_fields(item, found)),
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                found.insert(name.clone());
                all_fields(field, found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_page_names_the_fields_that_are_printed() {
    let folder = folder_with_model();
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let mut printed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (arguments, _) in documents(folder.path()) {
        let (answer, _) = json(&[arguments.as_slice(), &["--json"]].concat(), folder.path());
        let fields = answer.as_object().unwrap();
        if fields.contains_key("error") {
            continue;
        }
        let command = arguments[0];
        let [always, at_times] = named(&page, command);
        for name in fields.keys().map(String::as_str) {
            let everywhere = ["schema", "command", "ok"].contains(&name);
            assert!(
                everywhere || always.contains(name) || at_times.contains(name),
                "{command}: the page does not name {name}"
            );
        }
        all_fields(&answer, printed.entry(command).or_default());
    }
    for (command, mut printed) in printed {
        let [always, _] = named(&page, command);
        // No document here has rows that were ranked.
        printed.insert("top".to_owned());
        let missing: Vec<_> = always.difference(&printed).collect();
        assert!(missing.is_empty(), "{command} does not print {missing:?}");
    }
}

#[test]
fn the_page_has_every_kind_of_error() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for kind in prep_onnx_pipeline::ErrorKind::ALL {
        assert!(
            page.contains(&format!("| `{kind}` | {} |", kind.meaning())),
            "{kind}"
        );
    }
}

#[test]
fn quiet_prints_what_was_asked_for_and_nothing_else() {
    let folder = folder_with_model();
    let out = |arguments: &[&str]| prep_onnx(arguments, folder.path()).stdout;
    assert!(out(&["embed", "model.onnx", "-q"]).is_empty());
    assert!(folder.path().join("model.prep.onnx").is_file());
    assert!(out(&["strip", "model.prep.onnx", "-o", "back.onnx", "-q"]).is_empty());
    assert!(!out(&["inspect", "model.prep.onnx", "-q"]).is_empty());
    assert!(!out(&["embed", "model.onnx", "-q", "--json"]).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_is_full_is_said() {
    let folder = folder_with_model();
    for arguments in [
        &["pipelines"][..],
        &["--help"],
        &["inspect", "model.onnx", "--json"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_prep-onnx"))
            .args(arguments)
            .current_dir(folder.path())
            .stdout(full)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            error.contains("standard output: cannot be written"),
            "{arguments:?}: {error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = folder_with_model();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_prep-onnx"))
        .args(["pipelines"])
        .current_dir(folder.path())
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn completions_of_every_shell_ask_for_presets() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = prep_onnx(&["completions", shell], folder.path());
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(
            script.contains("PREP_ONNX_COMPLETE") && output.status.success(),
            "{shell}: {script}"
        );
    }
    // As the script of a shell asks, by its own variables.
    let ask = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_prep-onnx"))
            .env("PREP_ONNX_COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
            .env("_CLAP_COMPLETE_COMP_TYPE", "9")
            .env("_CLAP_COMPLETE_SPACE", "false")
            .env("_CLAP_IFS", "\n")
            .arg("--")
            .args(words)
            .current_dir(folder.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    std::fs::write(folder.path().join("cfile.toml"), "").unwrap();
    let found = ask(&["prep-onnx", "embed", "model.onnx", "--pipeline", "c"]);
    for expected in ["clip", "cfile.toml"] {
        assert!(
            found.lines().any(|line| line.trim() == expected),
            "{expected}: {found}"
        );
    }
    assert!(ask(&["prep-onnx", "pipelines", "sig"]).contains("siglip-384"));
    assert!(ask(&["prep-onnx", "ins"]).contains("inspect"));
}

#[test]
fn the_runtime_says_its_version_itself() {
    use prep_onnx::runtime::{Search, ensure};
    if !has_runtime() {
        return;
    }
    let found = ensure(&Search::from_env(), &mut |_| {}).unwrap();
    // Neither the name of the file nor its folder can tell.
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("plain.bin");
    std::fs::copy(&found.path, &library).unwrap();
    let (answer, code) = json(&["runtime", "--runtime", "plain.bin", "--json"], folder.path());
    assert_eq!(code, Some(0), "{answer}");
    let version = answer["version"].as_str().unwrap();
    let parts: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
    assert!(
        parts.len() >= 3 && parts.iter().take(3).all(Result::is_ok),
        "{version}"
    );
}
