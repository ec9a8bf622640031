//! What may reach a terminal: text, and the styles of this program. Names in models and of files may hold anything.

/// The selections of graphic rendition that the styles of this program are made of.
const STYLES: [&str; 8] = ["0", "1", "2", "3", "31", "32", "33", "36"];

/// What stands for a character that is not shown.
const HIDDEN: char = '\u{fffd}';

/// Whether a terminal would act on the character instead of showing it: a control character, or one that turns the
/// direction of writing, which can make a name look like another.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text as it may be printed: lines, tabs and the styles of this program stay, nothing else that a terminal acts on.
pub(crate) fn clean(text: &str) -> String {
    cleaned(text, |c| matches!(c, '\n' | '\t'))
}

/// The text as it may be a cell of a table, on one line.
pub(crate) fn clean_line(text: &str) -> String {
    cleaned(text, |_| false)
}

fn cleaned(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if c == '\x1b' { style(rest) } else { None };
        let length = match length {
            Some(length) => {
                clean.push_str(&rest[..length]);
                length
            }
            None => {
                clean.push(if is_hidden(c) && !stays(c) { HIDDEN } else { c });
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    clean
}

/// The length of the style that the text begins with.
fn style(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find('m')?;
    STYLES.contains(&&parameters[..end]).then_some(end + 3)
}

/// JSON text without characters that a terminal acts on. In JSON they can only stand in strings, where an escape
/// means the same.
pub(crate) fn clean_json(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) && c != '\n' {
            clean.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_acts_on_nothing_but_styles() {
        for hostile in [
            "\x1b[2J",
            "\x1b]0;title\x07",
            "\x1b[8m",
            "\x1b[1;31m",
            "\x1bc",
            "\u{9b}2J",
            "\x07",
            "\r",
            "\x7f",
            "\u{202e}gpj",
            "\x1b[",
            "\x1b[31",
        ] {
            let text = format!("a{hostile}b");
            for clean in [clean(&text), clean_line(&text)] {
                assert!(!clean.chars().any(is_hidden), "{text:?}: {clean:?}");
                assert!(clean.starts_with('a') && clean.ends_with('b'), "{clean:?}");
            }
        }
        assert_eq!(clean("a\tb\n"), "a\tb\n");
        assert_eq!(clean_line("a\nb"), "a\u{fffd}b");
    }

    #[test]
    fn the_styles_of_this_program_stay() {
        for text in [
            super::super::bold("a"),
            super::super::dim("a"),
            super::super::good("a"),
            super::super::bad("a"),
        ] {
            assert_eq!(clean(&text), text);
        }
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({ "name": "\u{7f}\u{9b}2J\u{202e}\n" });
        let text = clean_json(&format!("{value:#}\n"));
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
