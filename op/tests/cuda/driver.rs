//! A driver for machines without a GPU: the host build of the kernel behind the functions of libcuda.so.1.
//!
//! The library is loaded once per process, so each test that needs it runs in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Set in the process that runs the body of a test.
const CHILD: &str = "PREP_ONNX_CUDA_CHILD";

/// Whether `PREP_REQUIRE` names `what`.
pub(crate) fn required(what: &str) -> bool {
    std::env::var("PREP_REQUIRE").is_ok_and(|list| list.split(',').any(|name| name.trim() == what))
}

/// In which order the emulation runs the threads of a block between two barriers. Between
/// barriers no thread may need what another one writes, so both orders give the same bits.
#[derive(Clone, Copy)]
pub(crate) enum Threads {
    Forward,
    Reversed,
}

fn built(threads: Threads) -> Option<&'static Path> {
    static FORWARD: OnceLock<Option<PathBuf>> = OnceLock::new();
    static REVERSED: OnceLock<Option<PathBuf>> = OnceLock::new();
    match threads {
        Threads::Forward => FORWARD.get_or_init(|| build(&[])).as_deref(),
        Threads::Reversed => REVERSED.get_or_init(|| build(&["-DREVERSED"])).as_deref(),
    }
}

/// Compiles the fake driver; `None`, with a report, where no C++ compiler works.
fn build(flags: &[&str]) -> Option<PathBuf> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("cuda");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fake-driver{}", flags.concat()));
    std::fs::create_dir_all(&folder).unwrap();
    // Another process may be using the library: it is replaced, not changed.
    let library = tempfile::NamedTempFile::new_in(&folder).unwrap();
    let chosen = std::env::var("CXX").ok();
    let mut reports = Vec::new();
    for compiler in chosen.as_deref().into_iter().chain(["g++", "clang++"]) {
        let output = Command::new(compiler)
            .args([
                "-O2",
                "-shared",
                "-fPIC",
                "-pthread",
                "-Wall",
                "-Wl,-z,defs",
                "-ffp-contract=off",
            ])
            .args(flags)
            .args(["-x", "c++"])
            .arg(sources.join("preprocess.cu"))
            .args(["-x", "c"])
            .arg(sources.join("fake/libcuda.c"))
            .arg("-o")
            .arg(library.path())
            .output();
        match output {
            Ok(output) if output.status.success() => {
                library.persist(folder.join("libcuda.so.1")).unwrap();
                return Some(folder);
            }
            Ok(output) => reports.push(format!("{compiler}: {}", String::from_utf8_lossy(&output.stderr))),
            Err(error) => reports.push(format!("{compiler}: {error}")),
        }
    }
    assert!(
        !required("cuda-emulation"),
        "PREP_REQUIRE names cuda-emulation, but: {reports:?}"
    );
    eprintln!("skipped: no C++ compiler builds the emulation: {reports:?}");
    None
}

/// Runs `body` in a process whose driver is the fake one with `settings`. `test` is the name of the
/// calling test.
pub(crate) fn with_fake_driver(test: &str, settings: &[(&str, &str)], body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        body();
    } else if let Some(folder) = built(Threads::Forward) {
        in_child(test, folder, settings);
    }
}

/// As [`with_fake_driver`], with the threads of each block in the opposite order.
pub(crate) fn with_reversed_threads(test: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        body();
    } else if let Some(folder) = built(Threads::Reversed) {
        in_child(test, folder, &[]);
    }
}

/// Runs `body` in a process that finds a file `libcuda.so.1` which is no library.
pub(crate) fn with_broken_driver(test: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("libcuda.so.1"), "not a library").unwrap();
    in_child(test, folder.path(), &[]);
}

fn in_child(test: &str, folder: &Path, settings: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env("LD_LIBRARY_PATH", folder);
    for (name, value) in settings {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    eprint!("{text}");
    let summary = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && summary.contains("1 passed"),
        "{settings:?}: {summary}\n{text}"
    );
}

/// A number that the fake driver counts.
pub(crate) fn count(symbol: &str) -> usize {
    // SAFETY: the library is loaded already; its function takes nothing and gives a size_t.
    unsafe {
        let library = libloading::Library::new("libcuda.so.1").unwrap();
        let function = library
            .get::<unsafe extern "C" fn() -> usize>(symbol.as_bytes())
            .unwrap();
        function()
    }
}
