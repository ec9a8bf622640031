//! A run that is killed at any point goes on to the rows of one that never was.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::has_runtime;

/// So many that ten kills do not reach the end.
const IMAGES: usize = 400;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_prep-onnx"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A model and a folder of images of mixed sizes, one in ten of which is none.
fn prepare(folder: &Path) {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    std::fs::copy(models.join("zoo/shapes-cnn.onnx"), folder.join("shapes-cnn.onnx")).unwrap();
    assert!(
        command(folder, &["embed", "shapes-cnn.onnx", "-o", "model.onnx"])
            .status()
            .unwrap()
            .success()
    );
    std::fs::create_dir(folder.join("images")).unwrap();
    std::fs::write(folder.join("bad.png"), "no image").unwrap();
    let mut pictures: Vec<_> = std::fs::read_dir(models.join("demo"))
        .unwrap()
        .map(|entry| entry.unwrap().path().canonicalize().unwrap())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    pictures.sort();
    for index in 0..IMAGES {
        let picture = if index % 10 == 3 {
            folder.join("bad.png")
        } else {
            pictures[index % pictures.len()].clone()
        };
        std::os::unix::fs::symlink(picture, folder.join(format!("images/{index:03}.png"))).unwrap();
    }
}

#[test]
fn a_run_survives_being_killed_again_and_again() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let arguments = |out: &'static str| {
        [
            "run",
            "model.onnx",
            "images",
            "-o",
            out,
            "--batch",
            "4",
            "--part-rows",
            "4",
            "--resume",
        ]
    };
    let status = command(folder.path(), &arguments("whole.npy")).status().unwrap();
    assert_eq!(status.code(), Some(1), "one image in ten is bad");

    let parts = || std::fs::read_dir(folder.path().join("out.npy.parts")).map_or(0, Iterator::count);
    let mut killed = 0;
    for round in 1..=10_u64 {
        let before = parts();
        let mut child = command(folder.path(), &arguments("out.npy")).spawn().unwrap();
        // Every third time somewhere on the way to the first image, else a while behind a finished part.
        let end = Instant::now() + Duration::from_millis(if round % 3 == 0 { 20 * round } else { 60_000 });
        while parts() <= before && child.try_wait().unwrap().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(round * 7 % 23));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    eprintln!("{killed} runs were killed before their end");
    assert!(killed >= 5, "only {killed} runs were killed before their end");
    let status = command(folder.path(), &arguments("out.npy")).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(read("out.npy") == read("whole.npy"), "the rows differ");
    assert!(read("out.npy.jsonl") == read("whole.npy.jsonl"), "the ids differ");
    let rows = String::from_utf8(read("out.npy.jsonl")).unwrap();
    assert_eq!(rows.lines().count(), IMAGES);
    assert_eq!(
        rows.lines().filter(|row| row.contains("\"error\"")).count(),
        IMAGES / 10
    );
}

#[test]
fn what_an_earlier_run_left_is_never_lost_or_mixed() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let run = |arguments: &[&str]| {
        let output = command(folder.path(), &["run", "model.onnx"])
            .args(arguments)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let base = ["images", "-o", "out.jsonl", "--batch", "4", "--part-rows", "4"];
    let mut child = command(folder.path(), &["run", "model.onnx"])
        .args(base)
        .spawn()
        .unwrap();
    let parts = folder.path().join("out.jsonl.parts");
    let first = parts.join("000000000000.rows");
    let end = Instant::now() + Duration::from_secs(60);
    while !first.exists() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    // Stopped, it neither ends nor gives up its lock.
    let stopped = Command::new("kill")
        .args(["-STOP", &child.id().to_string()])
        .status();
    assert!(stopped.unwrap().success());
    let other = run(&base);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(first.exists());
    assert!(
        other.contains("another process is writing this output") || other.contains("did not finish"),
        "{other}"
    );
    let again = run(&base);
    assert!(again.contains("an earlier run did not finish"), "{again}");
    assert!(first.exists());
    let changed = run(&[&base[..], &["--portable", "--resume"]].concat());
    assert!(
        changed.contains("the earlier run had another portable: expected false, got true"),
        "{changed}"
    );
    std::fs::remove_file(folder.path().join("images/000.png")).unwrap();
    let fewer = run(&[&base[..], &["--resume"]].concat());
    assert!(fewer.contains("are not those of the earlier run"), "{fewer}");
    assert!(first.exists());
}

fn waits_for(path: &Path) {
    let end = Instant::now() + Duration::from_secs(120);
    while !path.exists() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(path.exists(), "{}", path.display());
}

fn signal(child: &std::process::Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_run_that_is_interrupted_keeps_its_rows_and_says_how_to_go_on() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    // A part is written when the run is interrupted, not before.
    let arguments = ["run", "model.onnx", "images", "--batch", "4", "-o"];
    let whole = command(folder, &arguments).arg("whole.npy").status().unwrap();
    assert_eq!(whole.code(), Some(1), "one image in ten is bad");
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let child = command(folder, &arguments)
            .args(["out.npy", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        waits_for(&folder.join("out.npy.parts/manifest.json"));
        std::thread::sleep(Duration::from_millis(100));
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{error}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&answer["interrupted"], &answer["images"]),
            (&true.into(), &IMAGES.into())
        );
        let kept = answer["kept"].as_u64().unwrap();
        assert!(kept < IMAGES as u64, "{answer}");
        if kept == 0 {
            assert!(
                error.contains("no image was finished, nothing is kept"),
                "{error}"
            );
            assert!(!folder.join("out.npy.parts").exists());
        } else {
            let said = format!(
                "{kept} of {IMAGES} images are kept in out.npy.parts; continue with the same command and --resume"
            );
            assert!(error.contains(&said), "{error}");
        }
        assert!(!folder.join("out.npy").exists());
        let resumed = command(folder, &arguments)
            .args(["out.npy", "--resume", "--json"])
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&resumed.stdout).unwrap();
        assert_eq!(answer["resumed"].as_u64(), Some(kept));
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        assert!(read("out.npy") == read("whole.npy"), "the rows differ");
        assert!(read("out.npy.jsonl") == read("whole.npy.jsonl"), "the ids differ");
        for name in ["out.npy", "out.npy.jsonl"] {
            std::fs::remove_file(folder.join(name)).unwrap();
        }
        std::fs::remove_dir_all(folder.join("out.npy.parts")).unwrap();
    }
}

/// Parts, and what happens to each of them.
type Damage<'a> = (&'a [usize], &'a dyn Fn(usize));

#[test]
fn rows_that_are_damaged_are_computed_again_and_said() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let arguments = [
        "run",
        "model.onnx",
        "images",
        "--batch",
        "4",
        "--part-rows",
        "40",
        "-o",
        "out.npy",
    ];
    // Images that failed keep the folder.
    assert_eq!(command(folder, &arguments).status().unwrap().code(), Some(1));
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (rows, ids) = (read("out.npy"), read("out.npy.jsonl"));
    let part = |first: usize| folder.join(format!("out.npy.parts/{first:012}.rows"));
    let flip = |first: usize| {
        let mut bytes = std::fs::read(part(first)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(part(first), bytes).unwrap();
    };
    let cut = |first: usize| {
        let bytes = std::fs::read(part(first)).unwrap();
        std::fs::write(part(first), &bytes[..bytes.len() / 2]).unwrap();
    };
    let remove = |first: usize| std::fs::remove_file(part(first)).unwrap();
    // The first row of each part, and the end: on a slow machine there are more than ten.
    let mut firsts: Vec<usize> = std::fs::read_dir(folder.join("out.npy.parts"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().path().file_stem()?.to_str()?.parse().ok())
        .collect();
    firsts.push(IMAGES);
    firsts.sort_unstable();
    let last = firsts.len() - 2;
    let damages: [Damage<'_>; 5] = [
        (&[0], &flip),
        (&[2, 4], &flip),
        (&[1, 2], &remove),
        (&[5], &cut),
        (&[last], &flip),
    ];
    for (parts, damage) in damages {
        parts.iter().for_each(|part| damage(firsts[*part]));
        let lost: usize = parts.iter().map(|part| firsts[part + 1] - firsts[*part]).sum();
        std::fs::remove_file(folder.join("out.npy")).unwrap();
        let output = command(folder, &arguments)
            .args(["--resume", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("is not what was written"), "{error}");
        assert!(error.contains("computed again"), "{error}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            answer["resumed"].as_u64(),
            Some((IMAGES - lost) as u64),
            "{parts:?}"
        );
        assert!(
            read("out.npy") == rows && read("out.npy.jsonl") == ids,
            "{parts:?}"
        );
    }
    // All there: nothing ran, and no rate is made up.
    let output = command(folder, &arguments)
        .arg("--resume")
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("no image had to run"), "{text}");
    // A manifest that is damaged leaves the rows.
    std::fs::write(folder.join("out.npy.parts/manifest.json"), "{").unwrap();
    for more in [&[][..], &["--resume"]] {
        let output = command(folder, &arguments)
            .args(more)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("its manifest cannot be read"), "{error}");
        assert!(part(0).exists() && part(firsts[last]).exists());
    }
}
