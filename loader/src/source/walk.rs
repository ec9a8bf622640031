//! Directories and glob patterns, in the order of their file names.

use std::path::{Path, PathBuf};

use prep_onnx_pipeline::Result;
use walkdir::WalkDir;

use super::pattern::Pattern;
use super::{Skipped, Source, path_text};
use crate::{ErrorKind, Format, ImageError};

const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// Whether `argument` has a wildcard.
pub(super) fn is_pattern(argument: &str) -> bool {
    argument.contains(WILDCARDS)
}

/// Every file below `root`, sorted by path component, links followed. With `skipped` those alone whose extension
/// is that of an image format; the others are counted there.
pub(super) fn directory(
    root: &Path,
    skipped: Option<Skipped>,
) -> impl Iterator<Item = Source> + Send + use<> {
    files(root)
        .filter(move |entry| match (entry, &skipped) {
            (Found::File(path), Some(skipped)) => {
                let taken = has_image_extension(path);
                if !taken {
                    skipped.count(path);
                }
                taken
            }
            (Found::File(_), None) | (Found::Failed(..), _) => true,
        })
        .map(Found::into_source)
}

/// The files that match `pattern`: `*` and `?` within a name, `**` across directories, `[ab]`, `{a,b}`.
pub(super) fn glob(pattern: &str) -> Result<impl Iterator<Item = Source> + Send + use<>> {
    let matcher = Pattern::new(pattern)?;
    let literal = literal_names(pattern);
    let depth = if pattern.contains("**") {
        usize::MAX
    } else {
        Path::new(pattern)
            .components()
            .count()
            .saturating_sub(literal.components().count())
    };
    // The names below a folder that the pattern does not name begin with one that it cannot match.
    let added = literal.as_os_str().is_empty();
    let root = if added { Path::new(".") } else { &literal };
    let found = walk(root, depth).filter(move |entry| match entry {
        Found::File(path) if added => matcher.matches(path.strip_prefix("./").unwrap_or(path)),
        Found::File(path) => matcher.matches(path),
        Found::Failed(..) => false,
    });
    Ok(found.map(Found::into_source))
}

/// The leading components of a pattern without a wildcard; none of one that begins with a wildcard.
fn literal_names(pattern: &str) -> PathBuf {
    let components: Vec<_> = Path::new(pattern).components().collect();
    let names = &components[..components.len().saturating_sub(1)];
    names
        .iter()
        .take_while(|c| !is_pattern(&c.as_os_str().to_string_lossy()))
        .collect()
}

enum Found {
    File(PathBuf),
    Failed(String, ImageError),
}

impl Found {
    fn into_source(self) -> Source {
        match self {
            Self::File(path) => Source::path(path),
            Self::Failed(id, error) => Source::failed(id, error),
        }
    }
}

fn files(root: &Path) -> impl Iterator<Item = Found> + Send + use<> {
    walk(root, usize::MAX)
}

fn walk(root: &Path, depth: usize) -> impl Iterator<Item = Found> + Send + use<> {
    WalkDir::new(root)
        .follow_links(true)
        .max_depth(depth)
        .sort_by_file_name()
        .into_iter()
        .filter_map(|entry| {
            match entry {
                Ok(entry) => (!entry.file_type().is_dir()).then(|| Found::File(entry.into_path())),
                Err(error) => {
                    let path = error.path().map(Path::to_path_buf).unwrap_or_default();
                    // A broken link: reading it gives the error, and only if its name is wanted.
                    if path.is_symlink() && error.loop_ancestor().is_none() {
                        return Some(Found::File(path));
                    }
                    let failure = ImageError::new(ErrorKind::Io, format_args!("cannot be listed: {error}"));
                    Some(Found::Failed(path_text(&path).into_owned(), failure))
                }
            }
        })
}

fn has_image_extension(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|e| {
        Format::ALL
            .iter()
            .any(|format| format.extensions().contains(&e.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests run in the folder of their package.
    #[test]
    fn a_pattern_without_a_folder_is_one_of_this_folder() {
        let found = |pattern: &str| -> Vec<String> {
            glob(pattern)
                .unwrap()
                .map(|source| source.id().to_owned())
                .collect()
        };
        for pattern in [
            "*.toml",
            "./*.toml",
            "[C]argo.toml",
            "?argo.toml",
            "{Cargo,absent}.toml",
        ] {
            assert_eq!(found(pattern), ["./Cargo.toml"], "{pattern}");
        }
        assert_eq!(found("*/lib.rs"), ["./src/lib.rs"]);
        for pattern in ["*/Cargo.toml", "?/Cargo.toml", "[.]/Cargo.toml", "./*/Cargo.toml"] {
            assert_eq!(found(pattern), [""; 0], "{pattern}");
        }
        assert_eq!(found("**/Cargo.toml"), ["./Cargo.toml"]);
        assert_eq!(found("./s*/lib.rs"), ["./src/lib.rs"]);
        assert_eq!(found("sr?/*/list.rs"), ["./src/source/list.rs"]);
        assert_eq!(found("src/li?.rs"), ["src/lib.rs"]);
    }
}
