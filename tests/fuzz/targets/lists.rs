//! Any bytes as a list of images, and any text as a glob pattern.
//!
//! An even first byte is followed by a list, an odd one by a pattern.
#![no_main]

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io::Cursor;
use std::os::unix::ffi::OsStrExt;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prep_onnx_fuzz::only_our_panics;
use prep_onnx_loader::{Limits, Source, Sources, path_text};

fuzz_target!(init: only_our_panics(), |bytes: &[u8]| {
    match bytes.split_first() {
        Some((choice, pattern)) if choice % 2 == 1 => glob(pattern),
        Some((_, list)) => lines(list),
        None => {}
    }
});

/// A line by a second reading of the rules.
#[derive(Debug, PartialEq)]
enum Line {
    Bytes(Vec<u8>),
    Unreadable,
    /// Unreadable, and nothing after it is read.
    End,
}

fn lines(list: &[u8]) {
    let mut expected = match list {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => bytes(list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list)),
    };
    expected.retain(|line| *line != Line::Bytes(Vec::new()));
    if let Some(end) = expected.iter().position(|line| *line == Line::End) {
        expected.truncate(end + 1);
    }
    let sources: Vec<Source> = Sources::new().list(Cursor::new(list.to_vec())).collect();
    assert_eq!(sources.len(), expected.len(), "{expected:?} {sources:?}");
    let mut texts = HashMap::new();
    for (source, line) in sources.into_iter().zip(expected) {
        let Line::Bytes(line) = line else {
            assert_eq!(source.place(), None);
            source.read(&Limits::default()).unwrap_err();
            continue;
        };
        let tab = line.iter().position(|byte| *byte == b'\t');
        let place = &line[tab.map_or(0, |tab| tab + 1)..];
        let id = &line[..tab.unwrap_or(line.len())];
        assert_eq!(source.place(), Some(text(place)));
        assert_eq!(source.id(), text(id));
        if let Some(file) = source.file() {
            assert_eq!(file.as_os_str().as_bytes(), place);
        }
        if std::str::from_utf8(place).is_err() {
            let other = texts.insert(text(place), place.to_vec());
            assert!(other.is_none_or(|other| other == place));
        }
    }
}

fn text(bytes: &[u8]) -> String {
    path_text(OsStr::from_bytes(bytes).as_ref()).into_owned()
}

fn bytes(list: &[u8]) -> Vec<Line> {
    let line = |line: &[u8]| match line.strip_suffix(b"\r").unwrap_or(line) {
        line if line.contains(&0) => Line::End,
        line => Line::Bytes(line.to_vec()),
    };
    list.split(|byte| *byte == b'\n').map(line).collect()
}

fn utf16(list: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<Line> {
    let (pairs, odd) = list.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().copied().map(unit).collect();
    let line = |line: &[u16]| {
        let line = line.strip_suffix(&[u16::from(b'\r')]).unwrap_or(line);
        match String::from_utf16(line) {
            Ok(text) if text.contains('\0') => Line::End,
            Ok(text) => Line::Bytes(text.into_bytes()),
            Err(_) => Line::Unreadable,
        }
    };
    let mut lines: Vec<Line> = units.split(|unit| *unit == u16::from(b'\n')).map(line).collect();
    if let ([_], Some(last)) = (odd, lines.last_mut()) {
        *last = Line::Unreadable;
    }
    lines
}

const FILES: [&str; 10] = [
    "a.png",
    "b.jpg",
    "c.txt",
    ".hidden.png",
    "d/a.png",
    "d/e/f.jpeg",
    "d/e/g.PNG",
    "[x].png",
    "h{i}.png",
    "ü.png",
];

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for file in FILES {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }
    std::env::set_current_dir(folder.path()).unwrap();
    folder
});

fn glob(pattern: &[u8]) {
    let Ok(pattern) = std::str::from_utf8(pattern) else {
        return;
    };
    LazyLock::force(&FOLDER);
    // Nothing outside of the folder is walked.
    if pattern.starts_with('/') || pattern.contains("..") || pattern.contains('\0') {
        return;
    }
    let found: Vec<String> = match Sources::new().glob(pattern) {
        Ok(sources) => sources.map(|source| source.id().to_owned()).collect(),
        Err(_) => Vec::new(),
    };
    let names: BTreeSet<&str> = found
        .iter()
        .map(|id| id.strip_prefix("./").unwrap_or(id))
        .collect();
    assert_eq!(names.len(), found.len(), "{pattern:?}: {found:?}");
    assert!(
        names.iter().all(|name| FILES.contains(name)),
        "{pattern:?}: {found:?}"
    );
    // Patterns of * and ? alone, by a second matcher.
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '*' | '?' | '/');
    let odd = ["**", "//", "./"].iter().any(|part| pattern.contains(part)) || pattern.ends_with(['/', '.']);
    if pattern.chars().all(plain) && !odd {
        let characters = |text: &str| text.chars().collect::<Vec<char>>();
        let expected: BTreeSet<&str> = FILES
            .into_iter()
            .filter(|file| matches(&characters(pattern), &characters(file)))
            .collect();
        assert_eq!(names, expected, "{pattern:?}");
    }
}

fn matches(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            let longer = |(first, name): (&char, &[char])| *first != '/' && matches(pattern, name);
            matches(rest, name) || name.split_first().is_some_and(longer)
        }
        (['?', rest @ ..], [first, name @ ..]) => *first != '/' && matches(rest, name),
        ([p, rest @ ..], [first, name @ ..]) => p == first && matches(rest, name),
        _ => false,
    }
}
