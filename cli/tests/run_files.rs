//! What `run` reads and writes: names that are no text, lists of every encoding, folders that are not its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::path::Path;

use common::{Printed, classifier, has_runtime, picture, run};
use serde_json::Value;

fn json(printed: &Printed) -> Value {
    serde_json::from_str(&printed.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", printed.out, printed.err))
}

fn ids(lines: &str) -> Vec<String> {
    let id = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    lines.lines().map(id).collect()
}

fn pictures(folder: &Path, names: &[&str]) {
    for name in names {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture(&path, (20, 30), [200, 30, 30]);
    }
}

#[test]
fn what_a_folder_holds_beside_images_is_counted_and_named() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    classifier(folder);
    pictures(folder, &["photos/a.png"]);
    for name in ["b.heic", "c.HEIC", "more/d", "e.txt"] {
        std::fs::create_dir_all(folder.join("photos/more")).unwrap();
        std::fs::write(folder.join("photos").join(name), "x").unwrap();
    }
    let printed = run(folder, ["run", "model.onnx", "photos", "--json"]);
    let answer = json(&printed);
    assert_eq!(answer["skipped"]["files"], 4);
    assert_eq!(
        answer["skipped"]["by_extension"],
        serde_json::json!({ ".heic": 2, ".txt": 1, "": 1 })
    );
    for out in [None, Some("out.npy"), Some("-")] {
        let arguments = ["run", "model.onnx", "photos"].into_iter();
        let printed = run(folder, arguments.chain(out.map(|_| "-o")).chain(out));
        let text = printed.out + &printed.err;
        assert!(
            text.contains(
                "4 files: 2 .heic, 1 without an extension, 1 .txt; in a folder, files are taken by extension"
            ),
            "{text}"
        );
    }
    for command in [
        &["verify", "model.onnx", "photos"][..],
        &["bench", "model.onnx", "photos", "--rounds", "1"],
    ] {
        let printed = run(folder, command);
        let line = "skipped: 4 files: 2 .heic, 1 without an extension, 1 .txt; in a folder";
        assert!(printed.out.contains(line), "{}{}", printed.out, printed.err);
        let answer = json(&run(folder, command.iter().chain(&["--json"])));
        assert_eq!(answer["skipped"]["files"], 4, "{answer}");
    }
    std::fs::remove_file(folder.join("photos/a.png")).unwrap();
    for command in ["run", "verify", "bench"] {
        let printed = run(folder, [command, "model.onnx", "photos"]);
        assert_eq!(printed.code, Some(1));
        assert!(
            printed
                .err
                .contains("why: what is there was skipped: 4 files: 2 .heic"),
            "{command}: {}",
            printed.err
        );
    }
}

/// Of two values one would be lost without a word.
#[test]
fn what_is_given_twice_is_refused_with_both() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    classifier(folder);
    pictures(folder, &["a.png"]);
    for (name, text) in [
        ("labels.json", r#"{"0": "cat", "1": "dog", "0": "owl"}"#),
        ("digests.json", r#"{"a.png": "00", "a.png": "ff"}"#),
        ("steps.json", r#"{"steps": [], "steps": [{"step": "grayscale"}]}"#),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    for (arguments, kind, expected) in [
        (
            &[
                "run",
                "model.onnx",
                "a.png",
                "--top-k",
                "1",
                "--labels",
                "labels.json",
            ][..],
            "config",
            "labels.json: line 1: the key \"0\" is there twice: \"cat\" and \"owl\"",
        ),
        (
            &["verify", "model.onnx", "a.png", "--expected", "digests.json"],
            "config",
            "digests.json: line 1: the key \"a.png\" is there twice: \"00\" and \"ff\"",
        ),
        (
            &["embed", "shapes-cnn.onnx", "--pipeline", "steps.json"],
            "config",
            "steps.json: line 1: the key \"steps\" is there twice: [] and [{\"step\":\"grayscale\"}]",
        ),
        (
            &[
                "run",
                "model.onnx",
                "a.png",
                "--feed",
                "x=1.npy",
                "--feed",
                "x=2.npy",
            ],
            "usage",
            "--feed: names input `x` twice: expected one file, got 1.npy and 2.npy",
        ),
    ] {
        let answer = json(&run(folder, arguments.iter().chain(&["--json"])));
        assert_eq!(answer["error"]["kind"], kind, "{answer}");
        assert!(
            answer["error"]["what"].as_str().unwrap().contains(expected),
            "{answer}"
        );
    }
}

#[test]
fn lists_of_every_encoding_give_every_image() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    classifier(folder);
    pictures(folder, &["a.png", "grün.png"]);
    let text = "a.png\r\ngrün.png\r\nmine\ta.png";
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    for list in [
        text.as_bytes().to_vec(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat(),
        [b"\xfe\xff".to_vec(), utf16(u16::to_be_bytes)].concat(),
    ] {
        std::fs::write(folder.join("list.txt"), &list).unwrap();
        let printed = run(
            folder,
            ["run", "model.onnx", "--list", "list.txt", "-o", "-", "-q"],
        );
        assert_eq!(printed.code, Some(0), "{}", printed.err);
        assert_eq!(ids(&printed.out), ["a.png", "grün.png", "mine"]);
    }
    std::fs::write(folder.join("list.txt"), utf16(u16::to_le_bytes)).unwrap();
    let printed = run(folder, ["run", "model.onnx", "--list", "list.txt"]);
    assert_eq!(printed.code, Some(1));
    assert!(
        printed
            .err
            .contains("line 1 of the list: the list cannot be read from here on"),
        "{}",
        printed.err
    );
    assert!(
        printed.err.contains("fix: save the list as UTF-8"),
        "{}",
        printed.err
    );
}

#[test]
fn labels_have_to_be_those_of_the_model() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    classifier(folder);
    pictures(folder, &["a.png"]);
    let names = std::fs::read_to_string(folder.join("labels.txt")).unwrap();
    let list: Vec<&str> = names.lines().collect();
    let as_json = serde_json::to_string(&list).unwrap();
    let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let top = |labels: &str| {
        run(
            folder,
            [
                "run",
                "model.onnx",
                "a.png",
                "--top-k",
                "10",
                "--labels",
                labels,
                "--json",
            ],
        )
    };
    for (file, bytes) in [
        ("l.txt", marked(&names)),
        ("l.json", marked(&as_json)),
        (
            "l.txt",
            [
                b"\xff\xfe".to_vec(),
                names.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            ]
            .concat(),
        ),
        ("l.txt", format!("{names}\n\n").into_bytes()),
    ] {
        std::fs::write(folder.join(file), bytes).unwrap();
        let answer = json(&top(file));
        for ranked in answer["results"][0]["top"].as_array().unwrap() {
            assert_eq!(ranked["label"], list[ranked["index"].as_u64().unwrap() as usize]);
        }
    }
    for labels in [list[..9].join("\n"), format!("background\n{names}")] {
        std::fs::write(folder.join("l.txt"), labels).unwrap();
        let printed = top("l.txt");
        assert_eq!(printed.code, Some(1));
        assert!(
            printed
                .err
                .contains("--labels: are not those of this model: expected 10 names"),
            "{}",
            printed.err
        );
    }
    std::fs::write(folder.join("l.txt"), b"gr\xfcn").unwrap();
    assert!(
        top("l.txt")
            .err
            .contains("l.txt: is no text: byte 2 is 0xfc, which is not UTF-8")
    );
}

#[test]
fn outputs_are_known_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, what) in [
        (
            &["-o", "out.csv"][..],
            "out.csv: has an unknown format: expected .npy, .jsonl or .parquet, got .csv",
        ),
        (&["-o", "out"], "out: has an unknown format"),
        (
            &["-o", "out.npy", "--top-k", "2"],
            "--top-k: does not go with .npy",
        ),
        (&["-o", "-", "--json"], "--json: does not go with -o -"),
        (&["-o", "-", "--resume"], "--resume: does not go with -o -"),
        (
            &["-", "--list", "-"],
            "-: stands for standard input, which can be read once",
        ),
    ] {
        let printed = run(
            folder.path(),
            [&["run", "absent.onnx", "a.png"], arguments].concat(),
        );
        assert_eq!(printed.code, Some(2), "{arguments:?}: {}", printed.err);
        assert!(printed.err.contains(what), "{arguments:?}: {}", printed.err);
    }
}

#[test]
fn an_image_and_a_list_come_from_standard_input() {
    use std::io::Write;
    use std::process::Stdio;
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    classifier(folder);
    pictures(folder, &["a.png"]);
    for (arguments, input, id) in [
        (&["-"][..], std::fs::read(folder.join("a.png")).unwrap(), "-"),
        (&["--list", "-"], b"a.png\n".to_vec(), "a.png"),
        (&["@-"], b"a.png\n".to_vec(), "a.png"),
    ] {
        let mut child = common::program(
            folder,
            [&["run", "model.onnx", "-o", "-", "-q"], arguments].concat(),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
        child.stdin.take().unwrap().write_all(&input).unwrap();
        let printed = Printed::from(child.wait_with_output().unwrap());
        assert_eq!(
            (printed.code, ids(&printed.out)),
            (Some(0), vec![id.to_owned()]),
            "{arguments:?}"
        );
    }
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_that_are_no_text_work_everywhere_and_have_ids_of_their_own() {
        if !has_runtime() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        classifier(folder);
        let names = [&b"photos/caf\xe8.png"[..], b"photos/caf\xe9.png"];
        std::fs::create_dir(folder.join("photos")).unwrap();
        for name in names {
            picture(&folder.join(OsStr::from_bytes(name)), (20, 30), [200, 30, 30]);
        }
        let expected = [r"photos/caf\xe8.png", r"photos/caf\xe9.png"];
        std::fs::write(folder.join("list"), names.join(&b'\n')).unwrap();
        let os = |text: &'static str| OsStr::new(text);
        for images in [
            &[os("photos")][..],
            &[os("--list"), os("list")],
            &[OsStr::from_bytes(names[0]), OsStr::from_bytes(names[1])],
        ] {
            let out = OsStr::from_bytes(b"out\xff.npy");
            let arguments = [os("run"), os("model.onnx"), os("-o"), out, os("--json")];
            let printed = run(folder, arguments.iter().copied().chain(images.iter().copied()));
            assert_eq!(printed.code, Some(0), "{}", printed.err);
            assert_eq!(json(&printed)["output"], r"out\xff.npy");
            let index =
                std::fs::read_to_string(folder.join(OsStr::from_bytes(b"out\xff.npy.jsonl"))).unwrap();
            assert_eq!(ids(&index), expected);
        }
        // A line that names no file leaves the others.
        std::fs::write(
            folder.join("list"),
            [names[0], b"\nabsent\xff.png\n", names[1]].concat(),
        )
        .unwrap();
        let printed = run(folder, ["run", "model.onnx", "--list", "list", "-o", "-", "-q"]);
        assert_eq!(ids(&printed.out), [expected[0], r"absent\xff.png", expected[1]]);
        assert_eq!(printed.code, Some(1));
    }

    #[test]
    fn a_link_is_written_through() {
        if !has_runtime() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        classifier(folder);
        pictures(folder, &["a.png"]);
        std::fs::create_dir(folder.join("far")).unwrap();
        std::fs::write(folder.join("far/real.npy"), "old").unwrap();
        symlink("far/real.npy", folder.join("out.npy")).unwrap();
        let printed = run(folder, ["run", "model.onnx", "a.png", "-o", "out.npy"]);
        assert_eq!(printed.code, Some(0), "{}", printed.err);
        assert!(folder.join("out.npy").is_symlink());
        assert!(
            std::fs::read(folder.join("far/real.npy"))
                .unwrap()
                .starts_with(b"\x93NUMPY")
        );
    }

    #[test]
    fn a_folder_of_the_user_is_left_alone() {
        if !has_runtime() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        classifier(folder);
        pictures(folder, &["a.png"]);
        let parts = folder.join("out.npy.parts");
        std::fs::create_dir(&parts).unwrap();
        std::fs::write(parts.join("manifest.json"), "{}").unwrap();
        std::fs::write(parts.join("000000000000.rows"), "mine").unwrap();
        for more in [&[][..], &["--resume"], &["--retry-failed"]] {
            let printed = run(
                folder,
                [&["run", "model.onnx", "a.png", "-o", "out.npy"], more].concat(),
            );
            assert_eq!(printed.code, Some(1));
            assert!(
                printed
                    .err
                    .contains("out.npy.parts: is in the way; nothing in it was touched"),
                "{}",
                printed.err
            );
            assert_eq!(std::fs::read_dir(&parts).unwrap().count(), 2);
        }
        // The advice: another name.
        std::fs::rename(&parts, folder.join("mine")).unwrap();
        assert_eq!(
            run(folder, ["run", "model.onnx", "a.png", "-o", "out.npy"]).code,
            Some(0)
        );
        assert!(!parts.exists());
    }
}
