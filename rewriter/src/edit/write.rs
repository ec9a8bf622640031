//! Writing an edit to disk.

use std::fs::{File, Permissions};
use std::io::{self, BufRead, ErrorKind as IoKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use tempfile::{NamedTempFile, TempPath};

use super::{Edit, Segment};
use crate::model::{ExternalFile, Source, folder};

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
        self.write_checked(out, |_| Ok(()))
    }

    /// As [`Edit::write`], once `check` has passed the complete file, which lies in the folder of `out` under
    /// another name. Where it fails, nothing is left.
    ///
    /// # Errors
    /// Those of [`Edit::write`] and of `check`.
    pub fn write_checked(
        &self,
        out: impl AsRef<Path>,
        check: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Written> {
        let out = out.as_ref();
        self.check(out)?;
        let cannot = |error: io::Error| {
            Error::io(out.display(), "cannot be written", &error)
                .fix("check that the folder exists, is writable and has space, or name another file")
        };
        // Through a link, as a plain write would go; a link to nothing is replaced.
        let target = std::fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
        let temporary = self.write_beside(&target).map_err(cannot)?;
        check(&temporary)?;
        if !self.sources().all(Source::is_unchanged) {
            return Err(Error::new(
                self.source_path.display(),
                "the model or its external data changed while it was read",
            )
            .why("what was read would be a mixture of the old file and the new one")
            .fix("wait until whatever writes it is done, and do it again")
            .with_kind(ErrorKind::Io));
        }
        temporary.persist(&target).map_err(|error| cannot(error.error))?;
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
        if out == Path::new("-") {
            return Err(Error::new("-", "is standard output, where no model is written")
                .why("a model is written to its end or not at all, and its data files are found from its folder")
                .fix("name a file, and send that on with cat; ./- is a file of this name")
                .with_kind(ErrorKind::Usage));
        }
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

    /// External data is found from the folder of the model file: what lies there has to be the model's.
    fn check_external(&self, out: &Path) -> Result<()> {
        // Without a folder, writing fails and says so.
        let Ok(to) = std::fs::canonicalize(folder(out)) else {
            return Ok(());
        };
        let moved = std::fs::canonicalize(folder(&self.source_path)).ok() != Some(to);
        for file in &self.external {
            let (from, to) = (
                folder(&self.source_path).join(&file.location),
                folder(out).join(&file.location),
            );
            if moved && !same_content(&from, &to) {
                return Err(self.not_found(file, out));
            }
            if let Some(real) = file.escapes(out) {
                return Err(self.escaping(file, out, &real));
            }
        }
        Ok(())
    }

    fn not_found(&self, file: &ExternalFile, out: &Path) -> Error {
        let from = folder(&self.source_path);
        Error::new(
            out.display(),
            format!("the external data `{}` is not found from this folder", file.location),
        )
        .expected_got(
            format!("the model's folder {}", from.display()),
            folder(out).display(),
        )
        .why("the model refers to its data by paths that are relative to its own folder")
        .fix(format!(
            "add --single-file, which takes the data into the model (up to 2 GB), or write the output beside the model, \
             or copy the data first: cp -L {} {}",
            from.join(&file.location).display(),
            folder(out).join(&file.location).display()
        ))
        .with_kind(ErrorKind::Io)
    }

    fn escaping(&self, file: &ExternalFile, out: &Path, real: &Path) -> Error {
        Error::new(
            out.display(),
            format!(
                "ONNX Runtime would not load it: its external data `{}` is a link to {}",
                file.location,
                real.display()
            ),
        )
        .why("external data must really lie in the folder of the model; links of the Hugging Face cache lead out of it")
        .fix(format!(
            "add --single-file, which takes the data into the model (up to 2 GB), or copy the data into another folder, \
             and write there: mkdir -p OUT && cp -L {} OUT/, then -o OUT/{}",
            folder(&self.source_path).join(&file.location).display(),
            out.file_name().unwrap_or_default().to_string_lossy()
        ))
        .with_kind(ErrorKind::Model)
    }

    /// Writes the file under a name of its own into the folder of `target`, and closes it: on Windows nobody else can open a file
    /// that is open for writing, unless they allow for that, which ONNX Runtime does not.
    fn write_beside(&self, target: &Path) -> io::Result<TempPath> {
        let temporary = temporary(target)?;
        let mut to = Target {
            file: temporary.as_file(),
            at: 0,
            chunk: vec![0; CHUNK],
        };
        for segment in &self.segments {
            match segment {
                Segment::New(bytes) => to.write(bytes)?,
                Segment::Copy { start, end } => to.copy(&self.source, *start, end - start)?,
                Segment::Other(data) => to.copy(&data.source, data.start, data.len)?,
            }
        }
        Ok(temporary.into_temp_path())
    }
}

/// Bytes that are copied at a time: with less, the pages of the new file are made of smaller blocks, which takes longer.
const CHUNK: usize = 4 << 20;

/// The new file so far.
struct Target<'a> {
    file: &'a File,
    at: u64,
    chunk: Vec<u8>,
}

impl Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Copies through memory, to places that are multiples of a chunk. The kernel's own copy (`copy_file_range`, as of
    /// `io::copy`) is slower where both files' pages do not lie alike, which they do not behind a message of another
    /// length: 1.5 times `cp` in processor time on ext4, where this takes as long as `cp`.
    fn copy(&mut self, from: &Source, start: u64, len: u64) -> io::Result<()> {
        from.with(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            let mut left = len;
            while left > 0 {
                let room = CHUNK as u64 - self.at % CHUNK as u64;
                let chunk = &mut self.chunk[..left.min(room) as usize];
                file.read_exact(chunk)?;
                self.file.write_all(chunk)?;
                left -= chunk.len() as u64;
                self.at += chunk.len() as u64;
            }
            Ok(())
        })
        .map_err(|error: io::Error| match error.kind() {
            IoKind::UnexpectedEof => io::Error::other("the model changed while it was read"),
            _ => error,
        })
    }
}

/// Whether both paths lead to files of the same bytes; the bytes are read only where they are two files.
fn same_content(one: &Path, other: &Path) -> bool {
    same_file(one, other) || equal_bytes(one, other).unwrap_or(false)
}

fn equal_bytes(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    let length = one.metadata()?.len();
    if length != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (io::BufReader::new(one), io::BufReader::new(other));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let len = left.len().min(right.len());
        if len == 0 {
            return Ok(left.len() == right.len());
        }
        if left[..len] != right[..len] {
            return Ok(false);
        }
        one.consume(len);
        other.consume(len);
    }
}

fn temporary(target: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".prep-onnx-").suffix(".onnx");
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
