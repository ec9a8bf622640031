//! From the command line to the exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::{ColorChoice, Parser};

use crate::answer::{Answer, Outcome};
use crate::args::Cli;

/// Runs the command line of this process. Exit codes: 0 success, 1 failure, 2 wrong command line.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout with 0, errors to stderr with 2; nobody is left to tell if that fails.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match cli.global.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
    finish(cli.command.run(&cli.global), cli.global.json)
}

fn finish(outcome: Outcome, as_json: bool) -> ExitCode {
    let (text, code) = match outcome {
        Ok(Answer { text, json, ok }) => {
            let text = if as_json { pretty(&json) } else { text };
            (text, ExitCode::from(u8::from(!ok)))
        }
        Err(failure) => {
            anstream::eprintln!("{}", failure.lines());
            let text = if as_json {
                pretty(&failure.json())
            } else {
                String::new()
            };
            (text, ExitCode::from(failure.exit_code()))
        }
    };
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => code,
        // The reader has seen enough, as in `prep-onnx pipelines | head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => code,
        Err(_) => ExitCode::FAILURE,
    }
}

fn pretty(json: &serde_json::Value) -> String {
    format!("{json:#}\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
