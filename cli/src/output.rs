//! Files that appear complete or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use tempfile::NamedTempFile;

/// A file that is being written beside its place.
pub(crate) struct OutputFile {
    /// As it is called.
    path: PathBuf,
    /// Where it goes: through links.
    target: PathBuf,
    writer: BufWriter<NamedTempFile>,
}

impl OutputFile {
    /// Begins a file. One that is there is replaced in the end, with its permissions; where `path` is a link, the
    /// file that it leads to.
    ///
    /// # Errors
    /// `path` is a folder, a device or a pipe, or its folder is missing or not writable.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Err(Error::new("-", "is standard output, where this is not written")
                .fix("name a file, and send that on with cat; ./- is a file of this name")
                .with_kind(ErrorKind::Usage));
        }
        let present = std::fs::metadata(path).ok();
        if let Some(present) = present.as_ref().filter(|present| !present.is_file()) {
            let got = if present.is_dir() {
                "a folder"
            } else {
                "a device or pipe"
            };
            return Err(Error::new(path.display(), "cannot be written")
                .expected_got("a file", got)
                .with_kind(ErrorKind::Io));
        }
        let target = through_links(path);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".prep-onnx-");
        let permissions = present.map(|present| present.permissions());
        if let Some(permissions) = permissions.or_else(|| new_permissions(0o666)) {
            builder.permissions(permissions);
        }
        let file = builder
            .tempfile_in(folder_of(&target))
            .map_err(|error| cannot_write(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            target,
            writer: BufWriter::new(file),
        })
    }

    /// Writes through `write`.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
        write(&mut self.writer).map_err(|error| cannot_write(&self.path, &error))
    }

    /// Puts the complete file into its place.
    pub(crate) fn finish(self) -> Result<()> {
        let Self { path, target, writer } = self;
        let file = writer
            .into_inner()
            .map_err(|error| cannot_write(&path, error.error()))?;
        file.persist(&target)
            .map_err(|error| cannot_write(&path, &error.error))?;
        Ok(())
    }
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// What something new gets, before the umask.
pub(crate) fn new_permissions(mode: u32) -> Option<std::fs::Permissions> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        Some(std::fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = mode;
        None
    }
}

/// Where a plain write would go, also where the last link leads to nothing yet.
fn through_links(path: &Path) -> PathBuf {
    /// As many as Linux follows.
    const MOST: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..MOST {
        match std::fs::read_link(&target) {
            Ok(next) => target = folder_of(&target).join(next),
            Err(_) => break,
        }
    }
    target
}

/// The error of an output that could not be written.
pub(crate) fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    // Temporary files and folders report their own names behind the reason; nobody knows those names.
    let text = error.to_string();
    let reason = text
        .split_once(" at path \"")
        .map_or(text.as_str(), |(reason, _)| reason);
    Error::new(path.display(), format_args!("cannot be written: {reason}"))
        .with_kind(ErrorKind::Io)
        .fix("check that the folder exists, is writable and has space, or name another file")
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn write(path: &Path, text: &str) -> Result<()> {
        let mut file = OutputFile::create(path)?;
        file.write(|out| out.write_all(text.as_bytes()))?;
        file.finish()
    }

    #[test]
    fn links_are_written_through_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("far")).unwrap();
        fs::write(at("far/file"), "old").unwrap();
        fs::set_permissions(at("far/file"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("far/file", at("link")).unwrap();
        symlink("link", at("again")).unwrap();
        symlink("far/new", at("to-nothing")).unwrap();
        for (name, target) in [
            ("link", "far/file"),
            ("again", "far/file"),
            ("to-nothing", "far/new"),
        ] {
            write(&at(name), name).unwrap();
            assert_eq!(fs::read_to_string(at(target)).unwrap(), name);
            assert!(at(name).is_symlink(), "{name}");
        }
        let mode = fs::metadata(at("far/file")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(fs::read_dir(at("far")).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for path in ["/dev/null", "/"] {
            assert!(
                write(Path::new(path), "x")
                    .unwrap_err()
                    .to_string()
                    .contains("cannot be written")
            );
        }
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
