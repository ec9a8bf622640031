//! Writing an edit to disk.

use std::fs::{File, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use tempfile::NamedTempFile;

use super::{Edit, Segment};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Edit {
    /// Writes the new file to `out`, which afterwards is complete or as it was before.
    ///
    /// A file that is there is replaced. External data is not copied.
    ///
    /// # Errors
    /// `out` is the model itself, also through a link; it is no regular file; its folder is missing or
    /// not writable; the external data would not be found from there; the disk is full.
    pub fn write(&self, out: impl AsRef<Path>) -> Result<Written> {
        let out = out.as_ref();
        self.check(out)?;
        self.write_to(out).map_err(|error| {
            Error::io(out.display(), "cannot be written", &error)
                .fix("check that the folder exists, is writable and has space, or name another file")
        })?;
        Ok(Written {
            path: out.to_owned(),
            bytes: self.bytes(),
        })
    }

    /// Checks that [`Edit::write`] may write to `out`, without writing.
    ///
    /// # Errors
    /// As [`Edit::write`], but for what only writing finds out.
    pub fn check(&self, out: impl AsRef<Path>) -> Result<()> {
        let out = out.as_ref();
        if let Ok(present) = std::fs::metadata(out) {
            if !present.is_file() {
                let got = if present.is_dir() {
                    "a folder"
                } else {
                    "a device or pipe"
                };
                return Err(Error::new(out.display(), "cannot be written")
                    .expected_got("a file", got)
                    .with_kind(ErrorKind::Io));
            }
            if same_file(&self.source_path, out) {
                return Err(Error::new(out.display(), "the output is the model itself")
                    .expected_got("another file", out.display())
                    .fix("name another output file")
                    .with_kind(ErrorKind::Usage));
            }
        }
        self.check_external(out)
    }

    /// External data is found from the folder of the model file, so that has to stay the same one.
    fn check_external(&self, out: &Path) -> Result<()> {
        let [first, ..] = self.external.as_slice() else {
            return Ok(());
        };
        let canonical = |file: &Path| std::fs::canonicalize(folder(file)).ok();
        let (from, to) = (canonical(&self.source_path), canonical(out));
        // Without a folder to compare, writing fails and says so.
        if from == to || to.is_none() {
            return Ok(());
        }
        let shared = |location: &str| {
            let (from, to) = (
                folder(&self.source_path).join(location),
                folder(out).join(location),
            );
            same_file(&from, &to)
        };
        if self.external.iter().all(|file| shared(&file.location)) {
            return Ok(());
        }
        Err(Error::new(
            out.display(),
            format!(
                "the external data `{}` is not found from this folder",
                first.location
            ),
        )
        .expected_got(
            format!("the model's folder {}", folder(&self.source_path).display()),
            folder(out).display(),
        )
        .why("the model refers to its data by paths that are relative to its own folder")
        .fix("write the output beside the model, or first link the data files into the other folder")
        .with_kind(ErrorKind::Io))
    }

    fn write_to(&self, out: &Path) -> io::Result<()> {
        // Through a link, as a plain write would go; a link to nothing is replaced.
        let target = std::fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
        let mut temporary = temporary(&target)?;
        for segment in &self.segments {
            match segment {
                Segment::New(bytes) => temporary.write_all(bytes)?,
                Segment::Copy { start, end } => self.copy(temporary.as_file(), *start, *end)?,
            }
        }
        temporary.persist(&target)?;
        Ok(())
    }

    fn copy(&self, mut to: &File, start: u64, end: u64) -> io::Result<()> {
        let copied = self.source.with(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            io::copy(&mut file.take(end - start), &mut to)
        })?;
        if copied == end - start {
            Ok(())
        } else {
            Err(io::Error::other("the model changed while it was read"))
        }
    }
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn temporary(target: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".prep-onnx-");
    let permissions = match std::fs::metadata(target) {
        Ok(present) => Some(present.permissions()),
        Err(_) => usual_permissions(),
    };
    if let Some(permissions) = permissions {
        builder.permissions(permissions);
    }
    builder.tempfile_in(folder(target))
}

/// What a new file gets, before the umask: a temporary file is for its owner only.
#[cfg(unix)]
fn usual_permissions() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn usual_permissions() -> Option<Permissions> {
    None
}

#[cfg(unix)]
fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()));
    identity(one).is_some_and(|one| Some(one) == identity(other))
}

#[cfg(not(unix))]
fn same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| std::fs::canonicalize(path).ok();
    identity(one).is_some_and(|one| Some(one) == identity(other))
}
