//! Glob patterns over paths: by character where the path is Unicode, else by byte.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use prep_onnx_pipeline::{Error, ErrorKind, Result};
use regex::Regex;

pub(super) struct Pattern {
    characters: Regex,
    bytes: GlobMatcher,
}

impl Pattern {
    /// # Errors
    /// The pattern is malformed.
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let bad = |why: &dyn std::fmt::Display| {
            Error::new(pattern, "is no glob pattern")
                .why(why)
                .with_kind(ErrorKind::Usage)
        };
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        let glob = glob.map_err(|error| bad(error.kind()))?;
        Ok(Self {
            characters: Regex::new(&of_characters(glob.regex())).map_err(|error| bad(&error))?,
            bytes: glob.compile_matcher(),
        })
    }

    pub(super) fn matches(&self, path: &Path) -> bool {
        match path.to_str() {
            Some(text) => self.characters.is_match(text),
            None => self.bytes.is_match(path),
        }
    }
}

/// The regular expression of `globset`, which is one over bytes and writes those of a character beyond ASCII as
/// `\xc3\xa9`, as one over characters.
fn of_characters(over_bytes: &str) -> String {
    let mut rest = over_bytes.strip_prefix("(?-u)").unwrap_or(over_bytes);
    let mut text = Vec::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        text.extend_from_slice(before.as_bytes());
        let byte = escape.strip_prefix("\\x").and_then(|digits| digits.get(..2));
        let taken = match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                text.push(byte);
                4
            }
            // Another escape: the backslash and what it protects.
            None => {
                let end = escape.char_indices().nth(2).map_or(escape.len(), |(end, _)| end);
                text.extend_from_slice(&escape.as_bytes()[..end]);
                end
            }
        };
        rest = &escape[taken..];
    }
    text.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_characters() {
        for (pattern, path, expected) in [
            ("?.png", "é.png", true),
            ("?.png", "e.png", true),
            ("?.png", "🦉.png", true),
            ("??.png", "é.png", false),
            ("gr?n/?.png", "grün/ß.png", true),
            ("[äöü].png", "ö.png", true),
            ("[äöü].png", "é.png", false),
            ("[!a-z].png", "é.png", true),
            ("[à-ÿ].png", "é.png", true),
            ("[à-ÿ].png", "e.png", false),
            ("é*.{jpg,jpég}", "été.jpég", true),
            ("É.png", "é.png", false),
            ("**/?.png", "a/b/é.png", true),
            ("?.png", "/.png", false),
            ("*.png", "a/b.png", false),
            ("a+(b)^$|.png", "a+(b)^$|.png", true),
            ("x[.]png", "xapng", false),
            ("x.png", "xapng", false),
            ("\\xe9.png", "é.png", false),
            ("\\?.png", "?.png", true),
            ("\\?.png", "a.png", false),
            ("a\nb?", "a\nb\n", true),
            ("?", "\u{301}", true),
        ] {
            let found = Pattern::new(pattern).unwrap().matches(path.as_ref());
            assert_eq!(found, expected, "{pattern} {path}");
        }
        assert_eq!(
            Pattern::new("[a").err().unwrap().to_string(),
            "[a: is no glob pattern"
        );
    }

    /// Where all is ASCII, both are one.
    #[test]
    fn characters_are_bytes_in_ascii() {
        let patterns = [
            "*",
            "?a*",
            "[!a-c]?",
            "{a,b?}/**",
            "**/[+-.]",
            "a[]]b",
            "[^a]",
            "**/a/**",
            "\\*a",
        ];
        let pieces = ["a", "b", "-", "+", "]", "/", "*", "\n", "."];
        for pattern in patterns {
            let pattern = Pattern::new(pattern).unwrap();
            for a in pieces {
                for b in pieces {
                    for c in ["", "a", "/", "]"] {
                        let path = format!("{a}{b}{c}");
                        let by_bytes = pattern.bytes.is_match(&path);
                        assert_eq!(pattern.matches(path.as_ref()), by_bytes, "{path:?}");
                    }
                }
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_matched_by_byte() {
        use std::os::unix::ffi::OsStrExt;

        let path = std::ffi::OsStr::from_bytes(b"gr\xfcn.png");
        let matches = |pattern: &str| Pattern::new(pattern).unwrap().matches(path.as_ref());
        assert!(matches("gr?n.png") && matches("*.png") && !matches("gr??n.png"));
    }
}
