//! The commands of transcripts that prepare files:
//!
//! ```text
//! copy FROM [TO]       a file or folder of the repository
//! write FILE TEXT...   words, one line each
//! cut FILE LENGTH      keeps the first bytes
//! link FROM TO         a symbolic link
//! mkdir DIR
//! remove FILE
//! nested FILE LENGTH   a protobuf message nested in itself again and again
//! list                 every file, in order
//! same ONE OTHER       says whether two files hold the same bytes
//! ```

use std::fs;
use std::path::{Path, PathBuf};

/// What the command prints; `None` for another command.
pub(super) fn run(words: &[String], folder: &Path, repository: &Path) -> Option<String> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let at = |name: &str| folder.join(name);
    match words.as_slice() {
        ["copy", from, rest @ ..] => {
            let from = repository.join(from);
            let to = rest
                .first()
                .map_or_else(|| folder.join(from.file_name().unwrap()), |to| at(to));
            copy(&from, &to);
        }
        ["write", file, lines @ ..] => fs::write(at(file), lines.join("\n") + "\n").unwrap(),
        ["cut", file, length] => {
            let bytes = fs::read(at(file)).unwrap();
            fs::write(at(file), &bytes[..length.parse().unwrap()]).unwrap();
        }
        #[cfg(unix)]
        ["link", from, to] => std::os::unix::fs::symlink(from, at(to)).unwrap(),
        ["mkdir", name] => fs::create_dir_all(at(name)).unwrap(),
        ["remove", name] => fs::remove_file(at(name)).unwrap(),
        ["nested", file, length] => fs::write(at(file), nested(length.parse().unwrap())).unwrap(),
        ["list"] => {
            let mut files = Vec::new();
            list(folder, &mut files);
            files.sort();
            return Some(files.iter().map(|file| relative(file, folder) + "\n").collect());
        }
        ["same", one, other] => {
            let same = fs::read(at(one)).unwrap() == fs::read(at(other)).unwrap();
            return Some(if same { "same\n" } else { "different\n" }.to_owned());
        }
        _ => return None,
    }
    Some(String::new())
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn relative(file: &Path, folder: &Path) -> String {
    file.strip_prefix(folder)
        .unwrap()
        .to_string_lossy()
        .replace('\\', "/")
}

/// A ModelProto whose graph holds a node whose attribute holds a graph, and so on.
fn nested(length: usize) -> Vec<u8> {
    let mut message = Vec::new();
    // Field 7 of a model is a graph, 1 of a graph a node, 5 of a node an attribute, 6 of an attribute a graph.
    let mut tags = [0x32, 0x2a, 0x0a].into_iter().cycle();
    let mut reversed: Vec<u8> = Vec::with_capacity(length + 16);
    while reversed.len() < length {
        let mut size = Vec::new();
        let mut value = reversed.len();
        while value >= 0x80 {
            size.push(value as u8 | 0x80);
            value >>= 7;
        }
        size.push(value as u8);
        reversed.extend(size.iter().rev());
        reversed.extend(tags.next());
    }
    message.extend([0x08, 0x08, 0x3a]);
    let mut value = reversed.len();
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
    message.extend(reversed.iter().rev());
    message
}

/// Splits a line into words; single and double quotes hold words together.
pub(super) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
