//! The folder of the user where a runtime is kept.

use std::ffi::OsString;
use std::path::PathBuf;

use super::package::VERSION;

/// The folder for everything that prep-onnx keeps for a user: `PREP_ONNX_CACHE`, else the
/// platform's cache folder; `None` where there is no home.
pub fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    folder(std::env::consts::OS, variable)
}

fn folder(os: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(folder) = variable("PREP_ONNX_CACHE") {
        return Some(folder.into());
    }
    let home = || variable("HOME").map(PathBuf::from);
    let base = match os {
        "windows" => variable("LOCALAPPDATA").map(PathBuf::from),
        "macos" => home().map(|home| home.join("Library").join("Caches")),
        _ => variable("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
            .or_else(|| home().map(|home| home.join(".cache"))),
    };
    base.map(|base| base.join("prep-onnx"))
}

/// Where installed runtimes lie.
pub(super) fn runtimes() -> Option<PathBuf> {
    cache_folder().map(|folder| folder.join("runtime"))
}

/// Where the pinned version lies once it is installed.
pub(super) fn installed() -> Option<PathBuf> {
    let name = format!("{VERSION}-{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    runtimes().map(|folder| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(os: &str, variables: &[(&str, &str)]) -> Option<PathBuf> {
        folder(os, |name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn every_platform_has_its_place() {
        let path = |path: &str| Some(PathBuf::from(path));
        assert_eq!(on("linux", &[("HOME", "/h")]), path("/h/.cache/prep-onnx"));
        assert_eq!(
            on("linux", &[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]),
            path("/x/prep-onnx")
        );
        assert_eq!(
            on("linux", &[("HOME", "/h"), ("XDG_CACHE_HOME", "x")]),
            path("/h/.cache/prep-onnx")
        );
        assert_eq!(
            on("macos", &[("HOME", "/h")]),
            path("/h/Library/Caches/prep-onnx")
        );
        assert_eq!(on("windows", &[("HOME", "/h")]), None);
        assert_eq!(on("linux", &[("PREP_ONNX_CACHE", "/own")]), path("/own"));
        assert_eq!(on("linux", &[]), None);
    }
}
