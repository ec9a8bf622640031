//! A run that is killed at any point goes on to the rows of one that never was.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// So many that ten kills do not reach the end.
const IMAGES: usize = 400;

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
