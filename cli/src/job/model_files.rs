//! The files of a model, and whether they stay what they were.

use std::fs::{File, Metadata};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use prep_onnx_rewriter::Model;
use sha2::{Digest, Sha256};

use super::manifest::hex;

/// What changes when somebody writes to a file, or puts another one in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    file: Option<(u64, u64)>,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let file = {
            use std::os::unix::fs::MetadataExt;
            Some((metadata.dev(), metadata.ino()))
        };
        #[cfg(not(unix))]
        let file = None;
        Self {
            file,
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

struct Watched {
    path: PathBuf,
    /// Stays the same file when another one takes its place.
    file: File,
    stamp: Stamp,
}

/// The model file and its external data, open.
pub(crate) struct ModelFiles(Vec<Watched>);

impl ModelFiles {
    /// Opens them; `model` has read its own file already.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub(crate) fn open(model: &Model) -> Result<Self> {
        let external = model.external_files().iter();
        let external = external.map(|file| model.folder().join(&file.location));
        let open = |path: PathBuf| {
            let cannot = |error: std::io::Error| cannot_read(&path, &error);
            let file = File::open(&path).map_err(cannot)?;
            let stamp = Stamp::of(&file.metadata().map_err(cannot)?);
            Ok(Watched { path, file, stamp })
        };
        std::iter::once(model.path().to_owned())
            .chain(external)
            .map(open)
            .collect::<Result<_>>()
            .map(Self)
    }

    /// The sha256 of their bytes.
    ///
    /// # Errors
    /// What reading meets.
    pub(crate) fn digest(&self) -> Result<String> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        for Watched { path, file, .. } in &self.0 {
            let cannot = |error: std::io::Error| cannot_read(path, &error);
            let mut file = file;
            file.rewind().map_err(cannot)?;
            loop {
                match file.read(&mut buffer).map_err(cannot)? {
                    0 => break,
                    read => hasher.update(buffer.get(..read).unwrap_or_default()),
                }
            }
        }
        Ok(hex(&hasher.finalize()))
    }

    /// Checks that what was read by name since they were opened is what is open here.
    ///
    /// # Errors
    /// Names the file that was changed or replaced.
    pub(crate) fn check_in_place(&self) -> Result<()> {
        let changed = self.0.iter().find(|watched| {
            let now = std::fs::metadata(&watched.path).map(|metadata| Stamp::of(&metadata));
            now.ok().as_ref() != Some(&watched.stamp)
        });
        changed.map_or(Ok(()), |watched| {
            Err(Error::new(watched.path.display(), "changed while it was read")
                .with_kind(ErrorKind::Io)
                .fix("run again once nobody writes to it"))
        })
    }

    /// Checks that nobody has written to them: ONNX Runtime reads weights from external data while it runs.
    /// Another file in the place of one does no harm. `digest` is what [`ModelFiles::digest`] gave.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn check_content(&self, digest: &str) -> Result<()> {
        let changed = self.0.iter().find(|watched| {
            let now = watched.file.metadata().map(|metadata| Stamp::of(&metadata));
            now.ok().as_ref() != Some(&watched.stamp)
        });
        match changed {
            Some(watched) if self.digest()? != digest => Err(Error::new(
                watched.path.display(),
                "was written to while the run went on, so that rows may be of two models",
            )
            .with_kind(ErrorKind::Io)),
            _ => Ok(()),
        }
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Error {
    Error::new(path.display(), format_args!("cannot be read: {error}")).with_kind(ErrorKind::Io)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn model(folder: &Path) -> Model {
        let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo");
        for name in ["external-data.onnx", "external-data.bin"] {
            fs::copy(zoo.join(name), folder.join(name)).unwrap();
        }
        Model::open(folder.join("external-data.onnx")).unwrap()
    }

    #[test]
    fn a_file_that_is_written_to_is_found_and_one_that_is_replaced_does_no_harm() {
        for name in ["external-data.onnx", "external-data.bin"] {
            let folder = tempfile::tempdir().unwrap();
            let files = ModelFiles::open(&model(folder.path())).unwrap();
            let digest = files.digest().unwrap();
            let path = folder.path().join(name);
            let bytes = fs::read(&path).unwrap();
            files.check_in_place().unwrap();

            // The same bytes again: only the load by name could have seen another file.
            fs::write(&path, &bytes).unwrap();
            files.check_content(&digest).unwrap();

            fs::write(folder.path().join("new"), &bytes).unwrap();
            fs::rename(folder.path().join("new"), &path).unwrap();
            files.check_content(&digest).unwrap();
            if cfg!(unix) {
                let error = files.check_in_place().unwrap_err();
                assert!(error.to_string().contains("changed while it was read"), "{error}");
            }

            let files =
                ModelFiles::open(&Model::open(folder.path().join("external-data.onnx")).unwrap()).unwrap();
            let mut other = bytes.clone();
            other.push(0);
            fs::write(&path, &other).unwrap();
            assert!(files.check_in_place().is_err(), "{name}");
            let error = files.check_content(&digest).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
