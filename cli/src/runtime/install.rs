//! Getting the pinned ONNX Runtime through the package client that the machine has.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use prep_onnx_pipeline::{Error, Result};
use sha2::{Digest, Sha256};

use super::library::library_in;
use super::package::{NPM_SHA256, Package, VERSION};
use super::{Progress, cache, python};

/// What the folders of installations that are under way begin with.
const UNFINISHED: &str = ".install-";

/// Puts the pinned version into the cache and returns its library.
///
/// Processes that ask at the same time wait for the first one. The library appears complete or not
/// at all.
pub(super) fn install(progress: Progress<'_>) -> Result<PathBuf> {
    let package = Package::find(std::env::consts::OS, std::env::consts::ARCH).ok_or_else(|| {
        Error::new("ONNX Runtime", "there is no package for this platform")
            .expected_got(
                format!("one of {}", Package::platforms()),
                format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            )
            .fix("build or install ONNX Runtime 1.17 or newer and name its library with --runtime PATH")
    })?;
    let (Some(folder), Some(installed)) = (cache::runtimes(), cache::installed()) else {
        return Err(Error::new("cache folder", "there is none: no home folder is set")
            .fix("set PREP_ONNX_CACHE to a folder, or name the library with --runtime PATH"));
    };
    let failed = |error: std::io::Error| {
        Error::io(folder.display(), "cannot be written", &error)
            .fix("set PREP_ONNX_CACHE to a folder that is writable, or name the library with --runtime PATH")
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let lock = File::create(folder.join(".lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if let Some(library) = library_in(&installed) {
        return Ok(library);
    }
    remove_unfinished(&folder);
    let work = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempdir_in(&folder)
        .map_err(failed)?;
    let library = download(package, work.path(), progress)?;

    let ready = work.path().join("ready");
    std::fs::create_dir(&ready).map_err(failed)?;
    let name = Path::new(package.wheel_member)
        .file_name()
        .unwrap_or(OsStr::new("onnxruntime"));
    std::fs::rename(library, ready.join(name)).map_err(failed)?;
    if installed.exists() {
        std::fs::remove_dir_all(&installed).map_err(failed)?;
    }
    std::fs::rename(ready, &installed).map_err(failed)?;
    let library = installed.join(name);
    progress(&format!(
        "installed ONNX Runtime {VERSION}: {}",
        library.display()
    ));
    Ok(library)
}

/// Removes what installations that were killed have left. The lock is held, so none is running.
fn remove_unfinished(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        // What cannot be removed only takes space.
        let _ = std::fs::remove_dir_all(entry.path());
    }
}

/// The unpacked library, by the first client that delivers it.
fn download(package: &Package, folder: &Path, progress: Progress<'_>) -> Result<PathBuf> {
    let clients: [(&str, Client); 2] = [("pip", with_pip), ("npm", with_npm)];
    let mut failures = Vec::new();
    for (name, client) in clients {
        progress(&format!(
            "getting ONNX Runtime {VERSION} with {name}, once for this user"
        ));
        match client(package, folder) {
            Ok(library) => return Ok(library),
            Err(failure) => failures.push(format!("{name}: {failure}")),
        }
    }
    Err(Error::new(
        "ONNX Runtime",
        format!("{VERSION} could not be installed: {}", failures.join("; ")),
    )
    .why("models run on ONNX Runtime, and none was found on this machine")
    .fix("check the network, or install ONNX Runtime and name its library with --runtime PATH or ORT_DYLIB_PATH"))
}

type Client = fn(&Package, &Path) -> Result<PathBuf, String>;

fn with_pip(package: &Package, folder: &Path) -> Result<PathBuf, String> {
    let python = python::python().ok_or("no Python 3 was found")?;
    let folder = create(folder, "wheel")?;
    let (requirement, _) = Package::names();
    run(Command::new(python)
        .args([
            "-c",
            python::PIP,
            "download",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
        ])
        .args([
            "--retries",
            "2",
            "--no-deps",
            "--only-binary=:all:",
            "--platform",
            package.wheel_platform,
        ])
        // One file per platform, whichever Python asks; the library does not depend on it.
        .args([
            "--python-version",
            "3.12",
            "--implementation",
            "cp",
            "--abi",
            "cp312",
            "--dest",
        ])
        .arg(&folder)
        .arg(requirement))?;
    let wheel = only_file(&folder, "whl")?;
    check_digest(&wheel, package.wheel_sha256)?;
    run(Command::new(python)
        .args(["-c", python::EXTRACT])
        .arg(&wheel)
        .arg(package.wheel_member)
        .arg(&folder))?;
    Ok(folder.join(package.wheel_member))
}

fn with_npm(package: &Package, folder: &Path) -> Result<PathBuf, String> {
    let folder = create(folder, "npm")?;
    let (_, specification) = Package::names();
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    run(Command::new(npm)
        .args(["pack", "--silent", &specification])
        .current_dir(&folder))?;
    let archive = only_file(&folder, "tgz")?;
    check_digest(&archive, NPM_SHA256)?;
    run(Command::new("tar")
        .arg("-xzf")
        .arg(&archive)
        .arg("-C")
        .arg(&folder)
        .arg(package.npm_member))?;
    Ok(folder.join(package.npm_member))
}

fn create(parent: &Path, name: &str) -> Result<PathBuf, String> {
    let folder = parent.join(name);
    std::fs::create_dir(&folder).map_err(|error| error.to_string())?;
    Ok(folder)
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} does not run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines()
        .rfind(|line| line.starts_with("ERROR") || line.contains("error"))
        .or_else(|| lines().next_back());
    Err(line.map_or_else(
        || format!("{program} failed with {}", output.status),
        str::to_owned,
    ))
}

fn only_file(folder: &Path, extension: &str) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut files = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension() == Some(OsStr::new(extension)));
    match (files.next(), files.next()) {
        (Some(file), None) => Ok(file),
        (None, _) => Err(format!("the client delivered no .{extension} file")),
        (Some(_), Some(_)) => Err(format!("the client delivered several .{extension} files")),
    }
}

fn check_digest(file: &Path, expected: &str) -> Result<(), String> {
    let got = sha256(file).map_err(|error| error.to_string())?;
    if got == expected {
        return Ok(());
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Err(format!(
        "{name} is not the pinned file: expected sha256 {expected}, got {got}"
    ))
}

fn sha256(file: &Path) -> std::io::Result<String> {
    let mut file = File::open(file)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => {
                return Ok(hasher
                    .finalize()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect());
            }
            read => hasher.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_digest_is_refused_with_both() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.whl");
        std::fs::write(&file, "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(check_digest(&file, abc), Ok(()));
        let error = check_digest(&file, NPM_SHA256).unwrap_err();
        assert!(
            error.contains("a.whl") && error.contains(abc) && error.contains(NPM_SHA256),
            "{error}"
        );
    }

    #[test]
    fn a_client_that_delivers_nothing_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        assert!(only_file(folder.path(), "whl").unwrap_err().contains("no .whl"));
    }

    #[test]
    fn a_missing_program_is_reported() {
        let error = run(&mut Command::new("prep-onnx-no-such-program")).unwrap_err();
        assert!(
            error.contains("prep-onnx-no-such-program does not run"),
            "{error}"
        );
    }
}
