//! Transcripts: text files of commands, their output, and their exit code where it is not 0.
//!
//! ```text
//! # A comment. `# needs runtime` marks a file that needs ONNX Runtime.
//! $ copy models/zoo/shapes-cnn.onnx
//! $ prep-onnx inspect nothing.onnx
//! error: nothing.onnx: cannot be read: [..]
//! ? 1
//! ```
//!
//! Standard output comes first, then standard error. `[..]` stands for any text in a line, a line `...`
//! for any lines. Each file runs in a new folder. Beside `prep-onnx`, with variables before it, there are
//! the commands of [`setup`].

mod matching;
mod setup;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) struct Transcript {
    path: PathBuf,
    blocks: Vec<Block>,
}

enum Block {
    Comment(String),
    Command { line: String, expected: String },
}

impl Transcript {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut blocks = Vec::new();
        for line in text.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                blocks.push(Block::Command {
                    line: command.to_owned(),
                    expected: String::new(),
                });
            } else if line.starts_with('#') || blocks.is_empty() {
                blocks.push(Block::Comment(line.to_owned()));
            } else if let Some(Block::Command { expected, .. }) = blocks.last_mut() {
                expected.push_str(line);
                expected.push('\n');
            } else {
                blocks.push(Block::Comment(line.to_owned()));
            }
        }
        Self {
            path: path.to_owned(),
            blocks,
        }
    }

    pub(crate) fn needs_runtime(&self) -> bool {
        self.blocks
            .iter()
            .any(|block| matches!(block, Block::Comment(line) if line == "# needs runtime"))
    }

    /// The commands whose output differs, each with both.
    pub(crate) fn check(&self, repository: &Path, binary: &Path) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut failures = Vec::new();
        let mut updated = String::new();
        for block in &self.blocks {
            let (line, expected) = match block {
                Block::Comment(line) => {
                    writeln!(updated, "{line}").unwrap();
                    continue;
                }
                Block::Command { line, expected } => (line, expected),
            };
            let words = setup::split(line);
            let printed = setup::run(&words, folder.path(), repository)
                .unwrap_or_else(|| run(&words, folder.path(), repository, binary));
            let same = matching::matches(expected.trim_end(), printed.trim_end());
            if !same {
                failures.push(format!(
                    "{}: $ {line}\n--- expected\n{}\n--- printed\n{}\n",
                    self.path.display(),
                    expected.trim_end(),
                    printed.trim_end()
                ));
            }
            writeln!(updated, "$ {line}").unwrap();
            let shown = if same {
                expected.trim_end()
            } else {
                printed.trim_end()
            };
            updated.push_str(shown);
            updated.push_str(if shown.is_empty() { "\n" } else { "\n\n" });
        }
        if !failures.is_empty() && std::env::var_os("UPDATE").is_some() {
            std::fs::write(&self.path, format!("{}\n", updated.trim_end())).unwrap();
        }
        failures
    }
}

fn run(words: &[String], folder: &Path, repository: &Path, binary: &Path) -> String {
    let variables: Vec<_> = words.iter().map_while(|word| word.split_once('=')).collect();
    let arguments = &words[variables.len()..];
    assert_eq!(
        arguments.first().map(String::as_str),
        Some("prep-onnx"),
        "unknown command {words:?}"
    );
    let output = Command::new(binary)
        .args(&arguments[1..])
        .current_dir(folder)
        .env_remove("RUST_BACKTRACE")
        .envs(variables)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        writeln!(
            text,
            "? {}",
            output
                .status
                .code()
                .map_or_else(|| "signal".to_owned(), |code| code.to_string())
        )
        .unwrap();
    }
    text.replace(&repository.display().to_string(), "[REPOSITORY]")
        .replace(&folder.display().to_string(), "[FOLDER]")
}
