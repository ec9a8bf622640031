//! The files of a model of a repository.

use std::path::Path;

use prep_onnx_pipeline::{Accept, Error, ErrorKind, Result};
use prep_onnx_rewriter::Model;

use super::config::{WARMUP, text};
use super::{Entry, Settings};
use crate::trial::bmp;

/// The op library in the model's folder, as the server's system names it.
pub(super) const LIBRARY: &str = "libprep_onnx_op.so";
/// What the server reads below `warmup`.
pub(super) const WARMUP_SHAPES: &str = "shapes";
pub(super) const WARMUP_FILE: &str = "image.bmp";
pub(super) const WARMUP_LENGTHS: &str = "lengths";

const CLIENT: &str = include_str!("client.py");

/// Writes the folder of the model into `repository`; the files, relative to that folder.
///
/// # Errors
/// A folder of that name that is there already; what cannot be written.
pub(crate) fn write(
    model: &Model,
    entry: &Entry,
    settings: &Settings,
    repository: &Path,
) -> Result<Vec<String>> {
    let folder = repository.join(&settings.name);
    let failed = |path: &Path, error: &std::io::Error| Error::io(path.display(), "cannot be written", error);
    if folder.symlink_metadata().is_ok() {
        return Err(Error::new(folder.display(), "is there already")
            .why("a server may read it, and nothing that this call did not make is replaced")
            .fix("take it away, or give another name with --name")
            .with_kind(ErrorKind::Io));
    }
    std::fs::create_dir_all(repository).map_err(|error| failed(repository, &error))?;
    // The server may look at the repository at any time: it sees the whole folder or none.
    let staging = tempfile::Builder::new()
        .prefix(".prep-onnx-")
        .tempdir_in(repository)
        .map_err(|error| failed(repository, &error))?;
    let mut files = Vec::new();
    let mut place = |name: &str| {
        let path = staging.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
        }
        files.push(name.to_owned());
        Ok::<_, Error>(path)
    };
    let copy = |from: &Path, to: &Path| {
        std::fs::copy(from, to)
            .map(drop)
            .map_err(|error| Error::io(from.display(), "cannot be copied", &error))
    };
    let mut texts: Vec<(&str, Vec<u8>)> = Vec::new();
    let (height, width) = WARMUP;
    let image = bmp(height, width);
    texts.push(("config.pbtxt", text(entry, settings, image.len()).into_bytes()));
    texts.push((
        "client.py",
        CLIENT
            .replace("MODEL_NAME", &settings.name)
            .replace("INPUT_FORM", entry.accept.name())
            .replace("BATCHED", if entry.max_batch_size > 0 { "True" } else { "False" })
            .into_bytes(),
    ));
    let little = |numbers: &[i64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let (shapes, lengths) = (
        format!("warmup/{WARMUP_SHAPES}"),
        format!("warmup/{WARMUP_LENGTHS}"),
    );
    let file = format!("warmup/{WARMUP_FILE}");
    match entry.accept {
        Accept::Batch => {}
        Accept::Ragged => texts.push((&shapes, little(&entry.image.map(|extent| extent as i64)))),
        Accept::Encoded => {
            texts.push((&lengths, little(&[image.len() as i64])));
            texts.push((&file, image));
        }
    }
    for (name, bytes) in &texts {
        let path = place(name)?;
        std::fs::write(&path, bytes).map_err(|error| failed(&path, &error))?;
    }
    copy(model.path(), &place("1/model.onnx")?)?;
    for external in model.external_files() {
        let from = model.folder().join(&external.location);
        copy(&from, &place(&format!("1/{}", external.location))?)?;
    }
    if let Some(library) = &settings.library {
        copy(library, &place(LIBRARY)?)?;
    }
    readable(staging.path()).map_err(|error| failed(staging.path(), &error))?;
    let staged = staging.keep();
    std::fs::rename(&staged, &folder).map_err(|error| failed(&folder, &error))?;
    files.sort();
    Ok(files)
}

/// A temporary folder is its owner's alone; the server runs as somebody else.
#[cfg(unix)]
fn readable(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn readable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
