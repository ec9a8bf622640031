//! Files that appear complete or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use tempfile::NamedTempFile;

/// A file that is being written beside its place.
pub(crate) struct OutputFile {
    path: PathBuf,
    writer: BufWriter<NamedTempFile>,
}

impl OutputFile {
    /// Begins a file.
    ///
    /// # Errors
    /// `path` is a folder, or its folder is missing or not writable.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Err(Error::new(path.display(), "cannot be written")
                .expected_got("a file", "a folder")
                .with_kind(ErrorKind::Io));
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".prep-onnx-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What a new file gets, before the umask.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder
            .tempfile_in(folder)
            .map_err(|error| cannot_write(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            writer: BufWriter::new(file),
        })
    }

    /// Writes through `write`.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
        write(&mut self.writer).map_err(|error| cannot_write(&self.path, &error))
    }

    /// Puts the complete file into its place.
    pub(crate) fn finish(self) -> Result<()> {
        let Self { path, writer } = self;
        let file = writer
            .into_inner()
            .map_err(|error| cannot_write(&path, error.error()))?;
        file.persist(&path)
            .map_err(|error| cannot_write(&path, &error.error))?;
        Ok(())
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    // A temporary file reports its own name around the reason; nobody knows that name.
    let inner = error.get_ref().and_then(std::error::Error::source);
    let reason = inner.map_or_else(|| error.to_string(), ToString::to_string);
    Error::new(path.display(), format_args!("cannot be written: {reason}"))
        .with_kind(ErrorKind::Io)
        .fix("check that the folder exists, is writable and has space, or name another file")
}
