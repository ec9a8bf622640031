//! What a command says, and how it fails.

use prep_onnx_pipeline::{Error, ErrorKind};
use serde_json::{Map, Value, json};

/// What a command says when it is done.
pub(crate) struct Answer {
    /// For people; styles are removed where the output is no terminal.
    pub(crate) text: String,
    /// For programs: the fields of the answer to `--json`, beside those of every answer.
    pub(crate) json: Map<String, Value>,
    /// Whether the text only tells what was done: `--quiet` leaves it out.
    pub(crate) is_report: bool,
    /// Whether the exit code is 0; else it is 1.
    pub(crate) ok: bool,
    /// The exit code where it is another one: of a command that was interrupted.
    pub(crate) exit: Option<u8>,
}

impl Answer {
    /// What was asked for. `json` is an object.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        let json = match json {
            Value::Object(fields) => fields,
            other => Map::from_iter([("result".to_owned(), other)]),
        };
        Self {
            text: text.into(),
            json,
            is_report: false,
            ok: true,
            exit: None,
        }
    }

    /// What was done, where what was asked for is a file.
    pub(crate) fn report(text: impl Into<String>, json: Value) -> Self {
        Self {
            is_report: true,
            ..Self::new(text, json)
        }
    }

    pub(crate) fn with_exit(mut self, code: u8) -> Self {
        self.exit = Some(code);
        self
    }

    pub(crate) fn with_verdict(mut self, ok: bool) -> Self {
        self.ok = ok;
        self
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
}

pub(crate) type Outcome<T = Answer> = Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error }
    }
}

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(error: Error) -> Self {
        error.with_kind(ErrorKind::Usage).into()
    }

    /// 2 where the command line itself is wrong, else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        match self.error.kind() {
            ErrorKind::Usage => 2,
            _ => 1,
        }
    }

    /// The lines on stderr.
    pub(crate) fn lines(&self) -> String {
        error_lines(&self.error)
    }

    pub(crate) fn json(&self) -> Map<String, Value> {
        Map::from_iter([("error".to_owned(), error_json(&self.error))])
    }
}

/// An error on one line, then why and what to do, where known.
pub(crate) fn error_lines(error: &Error) -> String {
    let mut lines = format!("{} {}", crate::ui::bad("error:"), one_line(&error.to_string()));
    for (label, text) in [("why", error.reason()), ("fix", error.help())] {
        if let Some(text) = text {
            lines.push_str(&format!(
                "\n  {} {}",
                crate::ui::bold(format_args!("{label}:")),
                one_line(text)
            ));
        }
    }
    lines
}

pub(crate) fn error_json(error: &Error) -> Value {
    json!({
        "kind": error.kind().as_str(),
        "what": error.to_string(),
        "why": error.reason(),
        "fix": error.help(),
    })
}

/// The text without line breaks and other control characters, which could come from a file.
fn one_line(text: &str) -> String {
    let clean = |c: char| if crate::ui::is_hidden(c) { ' ' } else { c };
    text.chars().map(clean).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_one_line_each() {
        let error = Error::new("a\nb", "is\x1b[2Jbad").why("x").fix("y");
        let text = anstream::adapter::strip_str(&error_lines(&error)).to_string();
        assert_eq!(text, "error: a b: is [2Jbad\n  why: x\n  fix: y");
    }
}
