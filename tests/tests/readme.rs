//! The README's promises that a program can check.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use prep_onnx_tests::shipped;

fn read(path: &str) -> String {
    std::fs::read_to_string(shipped(path)).unwrap()
}

/// The lines of the first fenced block of `language`.
fn first_block<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    text.lines()
        .skip_while(|line| line.trim() != format!("```{language}"))
        .skip(1)
        .take_while(|line| line.trim() != "```")
        .collect()
}

#[test]
fn two_commands_start_everything_and_the_gate_runs_both() {
    let readme = read("README.md");
    let commands = first_block(&readme, "sh");
    assert_eq!(commands.len(), 2, "{commands:?}");
    let gate = read(".ci/run");
    for command in commands {
        assert!(
            gate.lines().any(|line| line == command),
            "{command} is not in .ci/run"
        );
    }
}

#[test]
fn linked_files_exist() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = read(document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            assert!(
                file.is_empty() || shipped(file).exists(),
                "{document}: {file} does not exist"
            );
        }
    }
}

#[test]
fn the_program_is_the_only_binary() {
    // A second one would make `cargo run` ask which.
    for folder in [
        "benches", "examples", "loader", "op", "pipeline", "rewriter", "tests",
    ] {
        assert!(
            !shipped(folder).join("src/bin").exists() && !shipped(folder).join("src/main.rs").exists(),
            "{folder}"
        );
    }
}
