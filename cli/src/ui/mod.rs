//! What people see: styles, tables, progress, and values in words.

mod clean;
mod progress;
mod table;
mod words;

use anstyle::{AnsiColor, Style};

pub(crate) use clean::{clean, clean_json, clean_line, is_hidden};
pub(crate) use progress::Progress;
pub(crate) use table::Table;
pub(crate) use words::{bytes, duration, pipeline_lines, shape, wrapped};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

pub(crate) fn bold(text: impl std::fmt::Display) -> String {
    paint(BOLD, text)
}

pub(crate) fn dim(text: impl std::fmt::Display) -> String {
    paint(DIM, text)
}

pub(crate) fn good(text: impl std::fmt::Display) -> String {
    paint(GOOD, text)
}

/// What nobody said and nobody checked.
pub(crate) fn warn(text: impl std::fmt::Display) -> String {
    paint(WARN, text)
}

pub(crate) fn bad(text: impl std::fmt::Display) -> String {
    paint(BAD, text)
}

/// `good` or `bad` by what is true.
pub(crate) fn verdict(ok: bool, text: impl std::fmt::Display) -> String {
    if ok { good(text) } else { bad(text) }
}
