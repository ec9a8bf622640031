//! The shared library of ONNX Runtime inside a folder.

use std::path::{Path, PathBuf};

/// The library of ONNX Runtime in `folder`: the plain name first, else the highest version.
pub(super) fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_library(name))
        .collect();
    names.sort_by_key(|name| (version(name).unwrap_or(vec![u64::MAX]), name.clone()));
    names.pop().map(|name| folder.join(name))
}

fn is_library(name: &str) -> bool {
    if cfg!(windows) {
        name.eq_ignore_ascii_case("onnxruntime.dll")
    } else if cfg!(target_os = "macos") {
        name == "libonnxruntime.dylib" || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
    } else {
        name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so.")
    }
}

/// The version in a file name: `libonnxruntime.so.1.23.2`, `libonnxruntime.1.23.2.dylib`.
fn version(name: &str) -> Option<Vec<u64>> {
    let rest = name.strip_prefix("libonnxruntime.")?;
    let rest = rest.strip_prefix("so.").unwrap_or(rest);
    let rest = rest.strip_suffix(".dylib").unwrap_or(rest);
    rest.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names() {
        assert_eq!(version("libonnxruntime.so.1.23.2"), Some(vec![1, 23, 2]));
        assert_eq!(version("libonnxruntime.1.23.2.dylib"), Some(vec![1, 23, 2]));
        assert_eq!(version("libonnxruntime.so"), None);
        assert_eq!(version("onnxruntime.dll"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_plain_name_wins_then_the_highest_version() {
        let folder = tempfile::tempdir().unwrap();
        let touch = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        assert_eq!(library_in(folder.path()), None);
        touch("libonnxruntime_providers_shared.so");
        assert_eq!(library_in(folder.path()), None);
        touch("libonnxruntime.so.1.9.0");
        touch("libonnxruntime.so.1.23.2");
        assert_eq!(
            library_in(folder.path()),
            Some(folder.path().join("libonnxruntime.so.1.23.2"))
        );
        touch("libonnxruntime.so");
        assert_eq!(
            library_in(folder.path()),
            Some(folder.path().join("libonnxruntime.so"))
        );
    }
}
