//! Paths as text that no two paths of bytes share.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

/// A path as text. One that is Unicode is its text. Of any other, bytes that are no UTF-8 become `\xe9` and
/// backslashes become `\\`, so that two such paths never have one text; on Windows the bytes are those of WTF-8.
///
/// ```
/// use prep_onnx_loader::path_text;
///
/// assert_eq!(path_text("grün\\1.png".as_ref()), "grün\\1.png");
/// # #[cfg(unix)]
/// # {
/// use std::os::unix::ffi::OsStrExt;
/// let latin1 = std::ffi::OsStr::from_bytes(b"gr\xfcn\\1.png");
/// assert_eq!(path_text(latin1.as_ref()), r"gr\xfcn\\1.png");
/// # }
/// ```
pub fn path_text(path: &Path) -> Cow<'_, str> {
    match path.to_str() {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(bytes_text(path.as_os_str().as_encoded_bytes())),
    }
}

/// As [`path_text`], for bytes.
pub(super) fn bytes_text(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Names of up to four of these bytes: the texts of those that are no UTF-8 all differ.
    #[test]
    fn names_that_are_no_text_have_texts_of_their_own() {
        let alphabet = [b'\\', b'x', b'f', b'c', 0xfc, 0xc3, 0xbc];
        let mut names: Vec<Vec<u8>> = vec![Vec::new()];
        let mut seen: HashMap<String, Vec<u8>> = HashMap::new();
        for _ in 0..4 {
            names = names
                .iter()
                .flat_map(|name| alphabet.map(|byte| [name.as_slice(), &[byte]].concat()))
                .collect();
            for name in names.iter().filter(|name| std::str::from_utf8(name).is_err()) {
                let text = bytes_text(name);
                let other = seen.insert(text.clone(), name.clone());
                assert_eq!(other, None, "{text} stands for {name:x?} too");
            }
        }
        assert!(seen.len() > 1000);
    }
}
