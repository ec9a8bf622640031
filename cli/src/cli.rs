//! From the command line to the exit code.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{ColorChoice, Parser};
use prep_onnx_pipeline::{Error, ErrorKind, Pipeline};
use serde_json::{Map, Value};

use crate::answer::{Answer, Failure};
use crate::args::Cli;
use crate::{complete, parse, ui};

/// The number of the shape of `--json`, which `cli/README.md` describes. Fields may come; when one goes or gets
/// another meaning, the number rises.
const SCHEMA: u32 = 1;

const FAILURE: u8 = 1;

/// Runs the command line of this process. Exit codes: 0 success, 1 failure, 2 wrong command line.
pub fn main() -> ExitCode {
    complete::answer_shell();
    ExitCode::from(main_with(std::env::args_os()))
}

/// Runs a command line, the name of the program first, and gives its exit code.
pub fn main_with(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error, arguments),
    };
    match cli.global.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
    let command = Some(cli.command.name());
    match cli.command.run(&cli.global) {
        Ok(Answer {
            text,
            json,
            is_report,
            ok,
            exit,
        }) => {
            let text = match (cli.global.json, is_report && cli.global.quiet) {
                (true, _) => document(command, ok && exit.is_none(), json),
                (false, true) => String::new(),
                (false, false) => ui::clean(&text),
            };
            print(&text, exit.unwrap_or(u8::from(!ok)))
        }
        Err(failure) => fail(command, &failure, cli.global.json),
    }
}

/// What a command answers to `--json`, for a caller in this process.
#[derive(Debug)]
pub struct Called {
    /// The fields of the answer that are the command's own: `cli/README.md` describes them.
    pub fields: Map<String, Value>,
    /// Whether the command line would have ended with 0: a verdict, where the command gives one.
    pub ok: bool,
}

/// Runs a command for a caller in this process: `arguments` are those behind the name of the program. `pipeline` takes the
/// place of what the option `--pipeline` would name. Nothing is printed but what `--quiet` leaves.
///
/// # Errors
/// What the command line prints on standard error.
pub fn call(
    arguments: impl IntoIterator<Item = OsString>,
    pipeline: Option<Pipeline>,
) -> Result<Called, Error> {
    let program = [OsString::from("prep-onnx"), "--quiet".into()];
    let mut cli = Cli::try_parse_from(program.into_iter().chain(arguments))
        .map_err(|error| parse::error(&error).with_kind(ErrorKind::Usage))?;
    cli.global.given = pipeline;
    let answer = cli.command.run(&cli.global).map_err(|failure| failure.error)?;
    Ok(Called {
        fields: answer.json,
        ok: answer.ok && answer.exit.is_none(),
    })
}

/// Help and version go to stdout, errors to stderr.
fn not_parsed(error: &clap::Error, arguments: Vec<OsString>) -> u8 {
    if error.use_stderr() {
        if parse::wants_json(arguments) {
            return fail(None, &Failure::usage(parse::error(error)), true);
        }
        // Nobody is left to tell where that fails.
        let _ = error.print();
        return u8::try_from(error.exit_code()).unwrap_or(2);
    }
    match error.print().and_then(|()| std::io::stdout().flush()) {
        Ok(()) => 0,
        Err(error) => not_printed(&error, 0),
    }
}

/// The lines on stderr; with `--json` the document on stdout, too.
fn fail(command: Option<&str>, failure: &Failure, as_json: bool) -> u8 {
    anstream::eprintln!("{}", failure.lines());
    let code = failure.exit_code();
    if as_json {
        print(&document(command, false, failure.json()), code)
    } else {
        code
    }
}

/// Prints to stdout; the exit code, which is `code` unless that fails.
fn print(text: &str, code: u8) -> u8 {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => code,
        Err(error) => not_printed(&error, code),
    }
}

fn not_printed(error: &std::io::Error, code: u8) -> u8 {
    // The reader has seen enough, as in `prep-onnx pipelines | head`.
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return code;
    }
    let error = Error::io("standard output", "cannot be written", error)
        .fix("free space where it goes, or send it elsewhere")
        .with_kind(ErrorKind::Io);
    // What cannot be said on stderr either stays the exit code.
    let _ = writeln!(anstream::stderr(), "{}", Failure::from(error).lines());
    FAILURE
}

/// The one shape of every answer to `--json`.
fn document(command: Option<&str>, ok: bool, fields: Map<String, Value>) -> String {
    let mut document = Map::new();
    document.insert("schema".to_owned(), SCHEMA.into());
    document.insert("command".to_owned(), command.into());
    document.insert("ok".to_owned(), ok.into());
    document.extend(fields);
    ui::clean_json(&format!("{:#}\n", Value::Object(document)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// A line that a terminal of 80 columns breaks looks like two commands.
    #[test]
    fn examples_fit_a_terminal() {
        let cli = Cli::command();
        for command in std::iter::once(&cli).chain(cli.get_subcommands()) {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            for line in help.lines().filter(|line| line.starts_with("  prep-onnx")) {
                assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
            }
        }
    }

    #[test]
    fn a_name_is_that_of_the_command_line() {
        let arguments = ["prep-onnx", "inspect", "model.onnx"];
        let cli = Cli::try_parse_from(arguments).unwrap();
        assert_eq!(cli.command.name(), "inspect");
        let known = Cli::command();
        let names: Vec<_> = known.get_subcommands().map(clap::Command::get_name).collect();
        assert!(names.contains(&cli.command.name()), "{names:?}");
    }
}
