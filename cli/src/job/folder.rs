//! The folder `OUT.parts`: made by us, known by its mark, and left alone where it is another one.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use crate::output::{cannot_write, folder_of, new_permissions};

const MARK: &str = "PREP-ONNX-RUN.txt";
/// How the mark begins; the rest is for people.
const MARK_BEGINS: &str = "prep-onnx run keeps finished rows here";
const MARK_TEXT: &str = " until its output is complete.\n\
    Go on with the same command and --resume, or delete the folder to begin again.\n";
const LOCK: &str = "lock";
/// How the names of files that are being written begin.
const TEMPORARY: &str = ".prep-onnx-";

pub(super) const MANIFEST: &str = "manifest.json";
const PART: &str = ".rows";

/// The folder of a run, locked: only one process has it at a time.
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// The folder of the run that writes `out`.
    pub(super) fn path_for(out: &Path) -> PathBuf {
        let mut name = out.to_owned().into_os_string();
        name.push(".parts");
        name.into()
    }

    /// Opens the folder of an earlier run, or makes one. Nothing in it is changed but what a killed process was
    /// writing.
    ///
    /// # Errors
    /// A place that is not writable; a folder that is not ours, or that another process has.
    pub(super) fn open(out: &Path) -> Result<Self> {
        let path = Self::path_for(out);
        if fs::symlink_metadata(&path).is_err() {
            make(&path).map_err(|error| cannot_write(out, &error))?;
        }
        check_ours(&path)?;
        let cannot = |error: std::io::Error| cannot_write(out, &error);
        let lock = File::create(path.join(LOCK)).map_err(cannot)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(
                    Error::new(path.display(), "another process is writing this output")
                        .with_kind(ErrorKind::Io)
                        .fix("wait for it, or name another file; --shard gives each process its own images"),
                );
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        // The one that had the lock may have removed the folder since.
        check_ours(&path)?;
        let folder = Self { path, lock };
        folder.remove_named(|name| name.starts_with(TEMPORARY));
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the part is that begins with the row `first`.
    pub(super) fn part(&self, first: usize) -> PathBuf {
        self.path.join(format!("{first:012}{PART}"))
    }

    /// The first row of every part, in order.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub(super) fn part_numbers(&self) -> Result<Vec<usize>> {
        let cannot = |error| {
            Error::new(self.path.display(), format_args!("cannot be listed: {error}"))
                .with_kind(ErrorKind::Io)
        };
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(cannot)? {
            let name = entry.map_err(cannot)?.file_name();
            numbers.extend(name.to_str().and_then(part_number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Removes every part.
    pub(super) fn remove_parts(&self) {
        self.remove_named(|name| part_number(name).is_some());
    }

    /// Removes what is ours, and the folder with it unless it holds anything else; returns whether it is gone.
    pub(super) fn remove(self) -> bool {
        self.remove_named(|name| {
            name.starts_with(TEMPORARY) || name == MANIFEST || part_number(name).is_some()
        });
        // Without its mark the folder is nobody's, so that no other process begins in it.
        self.remove_named(|name| name == MARK);
        let Self { path, lock } = self;
        // Windows removes no file that is open.
        drop(lock);
        let _ = fs::remove_file(path.join(LOCK));
        fs::remove_dir(&path).is_ok()
    }

    /// Removes files by name. One that stays is overwritten or ignored later.
    fn remove_named(&self, ours: impl Fn(&str) -> bool) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(&ours) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Makes the folder with its mark, so that it never stands without.
fn make(path: &Path) -> std::io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    if let Some(permissions) = new_permissions(0o777) {
        builder.permissions(permissions);
    }
    let folder = builder.tempdir_in(folder_of(path))?;
    fs::write(folder.path().join(MARK), format!("{MARK_BEGINS}{MARK_TEXT}"))?;
    match fs::rename(folder.path(), path) {
        Ok(()) => {
            // There is nothing left to remove at the old place.
            let _ = folder.keep();
            Ok(())
        }
        // Another process was faster: whose it is, is looked at next.
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether the folder was made by a run.
fn check_ours(path: &Path) -> Result<()> {
    let mark = fs::read_to_string(path.join(MARK)).unwrap_or_default();
    if mark.starts_with(MARK_BEGINS) {
        return Ok(());
    }
    let is_dir = path.is_dir();
    let error =
        Error::new(path.display(), "is in the way; nothing in it was touched").with_kind(ErrorKind::Io);
    // The first release had no mark.
    if is_dir && super::manifest::is_of_first_release(&path.join(MANIFEST)) {
        return Err(error
            .expected_got(
                "no folder, or one of this version",
                "an unfinished run of version 0.1.0",
            )
            .fix("finish that run with the version that began it, or delete the folder to begin again"));
    }
    Err(error
        .expected_got(
            format_args!("no folder, or one that prep-onnx run made, with {MARK} in it"),
            if is_dir { "another folder" } else { "a file" },
        )
        .why("the rows of an unfinished run are kept under this name")
        .fix("rename it, or name another output"))
}

fn part_number(name: &str) -> Option<usize> {
    let digits = name.strip_suffix(PART)?;
    (digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_of_somebody_else_is_never_touched() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out.npy");
        let parts = Folder::path_for(&out);
        for files in [
            &[][..],
            &[("photo.jpg", "mine")],
            &[
                (MANIFEST, "{\"name\": \"mine\"}"),
                ("lock", "mine"),
                ("000000000000.rows", "mine"),
            ],
            &[(MARK, "mine")],
        ] {
            fs::create_dir(&parts).unwrap();
            for (name, text) in files {
                fs::write(parts.join(name), text).unwrap();
            }
            let before = names(&parts);
            let error = Folder::open(&out).err().unwrap();
            assert!(error.to_string().contains("nothing in it was touched"), "{error}");
            assert_eq!(names(&parts), before);
            for (name, text) in files {
                assert_eq!(&fs::read_to_string(parts.join(name)).unwrap(), text);
            }
            fs::remove_dir_all(&parts).unwrap();
        }
        fs::write(&parts, "a file").unwrap();
        assert!(Folder::open(&out).is_err());
        assert_eq!(fs::read_to_string(&parts).unwrap(), "a file");
    }

    #[test]
    fn our_own_folder_goes_but_for_what_others_put_into_it() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out.npy");
        let folder = Folder::open(&out).unwrap();
        assert!(
            Folder::open(&out)
                .err()
                .unwrap()
                .to_string()
                .contains("another process")
        );
        fs::write(folder.part(0), "rows").unwrap();
        fs::write(folder.path().join(MANIFEST), "{}").unwrap();
        assert_eq!(folder.part_numbers().unwrap(), [0]);
        assert!(folder.remove());
        assert_eq!(names(place.path()), Vec::<String>::new());

        let folder = Folder::open(&out).unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        assert!(!folder.remove());
        assert_eq!(names(&Folder::path_for(&out)), ["notes.txt"]);
    }

    #[test]
    fn parts_are_told_by_their_names() {
        assert_eq!(part_number("000000000012.rows"), Some(12));
        for other in [
            "12.rows",
            "000000000012.row",
            "00000000001x.rows",
            "+00000000012.rows",
            ".rows",
        ] {
            assert_eq!(part_number(other), None, "{other}");
        }
    }
}
