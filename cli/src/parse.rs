//! Command lines that could not be parsed, in the shape of every other error.

use std::ffi::OsString;

use prep_onnx_pipeline::Error;

/// Whether `--json` is among the options: what a command line that could not be parsed asks for.
pub(crate) fn wants_json(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let mut options = arguments
        .into_iter()
        .skip(1)
        .take_while(|argument| argument != "--");
    options.any(|argument| argument == "--json")
}

/// What clap says, as what is wrong and what to do.
pub(crate) fn error(error: &clap::Error) -> Error {
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Error::new("", "no command was given").fix("see prep-onnx --help");
    }
    let text = anstream::adapter::strip_str(&error.render().to_string()).to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        let lines: Vec<_> = paragraph.lines().map(str::trim).collect();
        lines.join(" ")
    });
    let first = paragraphs.next().unwrap_or_default();
    let what = first.strip_prefix("error: ").unwrap_or(&first).to_owned();
    // Tips, and how the command is used; the last one says how to get help, which is known.
    let rest: Vec<_> = paragraphs
        .map(|paragraph| {
            let tip = paragraph.strip_prefix("tip: ").unwrap_or(&paragraph);
            tip.trim().replace("Usage: ", "usage: ")
        })
        .filter(|paragraph| !paragraph.is_empty() && !paragraph.starts_with("For more information"))
        .collect();
    let error = Error::new("", what);
    if rest.is_empty() {
        error.fix("see --help")
    } else {
        error.fix(rest.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn what_and_fix_are_one_line_each() {
        for (arguments, what, fix) in [
            (
                &["inspekt"][..],
                "unrecognized subcommand 'inspekt'",
                "a similar subcommand exists: 'inspect'",
            ),
            (
                &["strip", "m.onnx"],
                "the following required arguments were not provided: --out <OUT>",
                "usage: prep-onnx strip",
            ),
            (&[], "no command was given", "see prep-onnx --help"),
        ] {
            let clap = Cli::try_parse_from(std::iter::once(&"prep-onnx").chain(arguments)).unwrap_err();
            let error = error(&clap);
            assert_eq!(error.to_string(), what);
            assert!(error.help().unwrap().starts_with(fix), "{error:?}");
        }
    }

    #[test]
    fn an_argument_behind_two_dashes_is_no_option() {
        let wants = |arguments: &[&str]| wants_json(arguments.iter().map(OsString::from));
        assert!(wants(&["prep-onnx", "embed", "--json"]));
        assert!(!wants(&["prep-onnx", "embed", "--", "--json"]));
        assert!(!wants(&["--json"]));
    }
}
