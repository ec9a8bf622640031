//! Texts that are no JSON or TOML because something happened to the file: what it was.

use crate::{Error, ErrorKind, Result};

/// The text of a configuration file: UTF-8, with or without a byte order mark.
///
/// # Errors
/// On UTF-16, and on bytes that are no UTF-8; names the first one.
///
/// ```
/// use prep_onnx_pipeline::config_text;
///
/// assert_eq!(config_text(b"\xef\xbb\xbf{}".to_vec())?, "{}");
/// assert!(config_text(b"\xff\xfe{\0}\0".to_vec()).is_err());
/// # Ok::<(), prep_onnx_pipeline::Error>(())
/// ```
pub fn config_text(bytes: Vec<u8>) -> Result<String> {
    decode(bytes).map_err(|error| error.or_kind(ErrorKind::Config))
}

fn decode(bytes: Vec<u8>) -> Result<String> {
    let utf16 = match bytes.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        // ASCII in UTF-16 without a mark: every other byte is 0.
        [0, second, 0, ..] | [second, 0, _, 0, ..] => *second != 0,
        _ => false,
    };
    if utf16 {
        return Err(Error::new("", "is text in UTF-16")
            .expected_got("UTF-8", "UTF-16")
            .why("JSON and TOML are UTF-8; Windows PowerShell writes UTF-16 with > and Out-File")
            .fix("save it as UTF-8"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(match text.strip_prefix(MARK) {
            Some(rest) => rest.to_owned(),
            None => text,
        }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(Error::new(
                "",
                format_args!(
                    "is not text in UTF-8: byte {at} is 0x{:02x}",
                    error.as_bytes()[at]
                ),
            )
            .fix("save it as UTF-8, or copy it again if it is no text"))
        }
    }
}

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
