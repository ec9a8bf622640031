//! Texts that are no JSON or TOML because something happened to the file: what it was.

use crate::Error;

/// The byte order mark of UTF-8, which some editors put in front.
pub(super) const MARK: char = '\u{feff}';

/// What a text is that cannot be parsed at all, where it is something well known.
pub(super) fn known(text: &str) -> Option<Error> {
    let start = text.trim_start();
    let lower = start
        .get(..start.len().min(14))
        .unwrap_or_default()
        .to_lowercase();
    if start.is_empty() {
        return Some(Error::new("config", "is empty").fix("copy the file again"));
    }
    if start.starts_with("version https://git-lfs.github.com/spec/") {
        return Some(
            Error::new("config", "is a Git LFS pointer, not the file")
                .why("the repository was cloned without its large files")
                .fix("fetch it with git lfs pull"),
        );
    }
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        return Some(
            Error::new("config", "is a web page, not the file")
                .why("a download of a page about the file gives HTML")
                .fix("download the file itself: on the hub, resolve/main in the place of blob/main"),
        );
    }
    None
}

/// What is wrong with a text that is no JSON, and where.
pub(super) fn json(text: &str, error: &serde_json::Error) -> Error {
    let error_text = error.to_string();
    let what = error_text.split(" at line ").next().unwrap_or_default();
    let at = |line: usize| format!("line {line}");
    if error.is_eof() {
        return Error::new(at(error.line()), "is not valid JSON: the file ends in the middle")
            .why("it was cut off, by a broken download or a full disk")
            .fix("copy the file again");
    }
    let invalid = Error::new(at(error.line()), format_args!("is not valid JSON: {what}"));
    if what == "trailing comma" {
        return invalid.fix("remove the comma before the closing bracket");
    }
    let line = text
        .lines()
        .nth(error.line().saturating_sub(1))
        .unwrap_or_default();
    let rest = line.get(error.column().saturating_sub(1)..).unwrap_or_default();
    if rest.starts_with("//") || rest.starts_with("/*") || rest.starts_with('#') {
        return invalid.why("JSON has no comments").fix("remove the comment");
    }
    if ["NaN", "Infinity", "-Infinity", "nan"]
        .iter()
        .any(|number| rest.starts_with(number))
    {
        return invalid.why("JSON has no NaN or Infinity");
    }
    invalid.why("JSON has no comments, no trailing commas, and no NaN or Infinity")
}
