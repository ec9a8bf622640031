//! Python literals, as exporters write them into metadata with `str(value)`: what `ast.literal_eval` reads.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// A list, a tuple or a set.
    List(Vec<Literal>),
    /// The entries of a dictionary, in their order.
    Dict(Vec<(Literal, Literal)>),
}

/// Deeper nesting is refused: metadata comes from anywhere.
const MAX_DEPTH: usize = 16;

impl Literal {
    /// Reads a literal; `None` where the text is none. JSON's `true`, `false` and `null` are read too.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let value = reader.value(0)?;
        reader.rest.trim_start().is_empty().then_some(value)
    }

    /// A whole number, also one that is written as a text or as a float.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the value is whole and within 2^53"
            )]
            Self::Float(number) => (number.fract() == 0.0 && number.abs() < 9e15).then_some(*number as i64),
            Self::None | Self::Bool(_) | Self::List(_) | Self::Dict(_) => None,
        }
    }

    /// The value of a key of a dictionary; of a key that is there twice the last one, as in Python.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else { return None };
        let found = entries
            .iter()
            .rev()
            .find(|(name, _)| matches!(name, Self::Text(name) if name == key));
        found.map(|(_, value)| value)
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Literal> {
        self.rest = self.rest.trim_start();
        if depth > MAX_DEPTH {
            return None;
        }
        match self.rest.chars().next()? {
            '[' => self.list(']', depth).map(|(items, _)| Literal::List(items)),
            '{' => self.braces(depth),
            '(' => {
                let (mut items, commas) = self.list(')', depth)?;
                match (items.len(), commas) {
                    (1, 0) => items.pop(),
                    _ => Some(Literal::List(items)),
                }
            }
            '\'' | '"' => self.text().map(Literal::Text),
            _ => self.word(),
        }
    }

    /// The items up to `close`, and how many commas there were.
    fn list(&mut self, close: char, depth: usize) -> Option<(Vec<Literal>, usize)> {
        self.eat_any();
        let (mut items, mut commas) = (Vec::new(), 0);
        loop {
            if self.eat(close) {
                return Some((items, commas));
            }
            if items.len() != commas {
                return None;
            }
            items.push(self.value(depth + 1)?);
            commas += usize::from(self.eat(','));
        }
    }

    fn braces(&mut self, depth: usize) -> Option<Literal> {
        self.eat_any();
        let (mut entries, mut items, mut more) = (Vec::new(), Vec::new(), true);
        loop {
            if self.eat('}') {
                break;
            }
            if !more {
                return None;
            }
            let key = self.value(depth + 1)?;
            if self.eat(':') {
                entries.push((key, self.value(depth + 1)?));
            } else {
                items.push(key);
            }
            more = self.eat(',');
        }
        match (entries.is_empty(), items.is_empty()) {
            (_, true) => Some(Literal::Dict(entries)),
            (true, false) => Some(Literal::List(items)),
            (false, false) => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let mut chars = self.rest[quote.len_utf8()..].char_indices();
        let mut text = String::new();
        while let Some((at, char)) = chars.next() {
            match char {
                _ if char == quote => {
                    self.rest = &self.rest[quote.len_utf8() + at + quote.len_utf8()..];
                    return Some(text);
                }
                '\\' => {
                    let (_, kind) = chars.next()?;
                    let digits = match kind {
                        'n' => Err('\n'),
                        't' => Err('\t'),
                        'r' => Err('\r'),
                        'x' => Ok(2),
                        'u' => Ok(4),
                        'U' => Ok(8),
                        '\\' | '\'' | '"' | '/' => Err(kind),
                        _ => return None,
                    };
                    text.push(match digits {
                        Err(plain) => plain,
                        Ok(count) => {
                            let mut code = 0_u32;
                            for _ in 0..count {
                                code = code.checked_mul(16)? + chars.next()?.1.to_digit(16)?;
                            }
                            char::from_u32(code)?
                        }
                    });
                }
                _ => text.push(char),
            }
        }
        None
    }

    fn word(&mut self) -> Option<Literal> {
        let end = self
            .rest
            .find(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '+' | '_')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let value = match word {
            "None" | "null" => Literal::None,
            "True" | "true" => Literal::Bool(true),
            "False" | "false" => Literal::Bool(false),
            _ if !word.starts_with(|char: char| char.is_ascii_digit() || matches!(char, '-' | '+' | '.')) => {
                return None;
            }
            _ => match word.parse() {
                Ok(number) => Literal::Int(number),
                Err(_) => Literal::Float(word.parse().ok()?),
            },
        };
        self.rest = rest;
        Some(value)
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn eat_any(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_writes() {
        let int = Literal::Int;
        let text = |text: &str| Literal::Text(text.to_owned());
        for (written, read) in [
            ("640", int(640)),
            (" [640, 480] ", Literal::List(vec![int(640), int(480)])),
            ("(17, 3)", Literal::List(vec![int(17), int(3)])),
            ("(5,)", Literal::List(vec![int(5)])),
            ("(5)", int(5)),
            ("[]", Literal::List(Vec::new())),
            ("{}", Literal::Dict(Vec::new())),
            ("-1.5e-3", Literal::Float(-0.0015)),
            (
                "{0: 'person', 1: \"bird's eye\"}",
                Literal::Dict(vec![(int(0), text("person")), (int(1), text("bird's eye"))]),
            ),
            (
                r#"{'a': 'it\'s', "b": '\xe9\u4eba\n', 'c': [True, False, None]}"#,
                Literal::Dict(vec![
                    (text("a"), text("it's")),
                    (text("b"), text("é人\n")),
                    (
                        text("c"),
                        Literal::List(vec![Literal::Bool(true), Literal::Bool(false), Literal::None]),
                    ),
                ]),
            ),
            (
                r#"{"0": "person", "ok": true}"#,
                Literal::Dict(vec![
                    (text("0"), text("person")),
                    (text("ok"), Literal::Bool(true)),
                ]),
            ),
        ] {
            assert_eq!(Literal::parse(written), Some(read), "{written}");
        }
    }

    #[test]
    fn what_is_none_is_not_guessed() {
        for written in [
            "",
            "[640",
            "640]",
            "[1 2]",
            "{1: 2",
            "{1: 2 3: 4}",
            "{1: 2, 3}",
            "'open",
            r"'\q'",
            "person",
            "nan",
            "[,]",
            "1 2",
            r"'\ud800'",
            "--5",
        ] {
            assert_eq!(Literal::parse(written), None, "{written}");
        }
        assert_eq!(Literal::parse(&"[".repeat(100_000)), None);
        assert_eq!(Literal::parse(&"(".repeat(100_000)), None);
    }

    #[test]
    fn numbers_and_keys() {
        let map = Literal::parse("{'a': 1, 'a': '2', 'b': 3.0, 'c': 3.5}").unwrap();
        assert_eq!(map.get("a").and_then(Literal::int), Some(2));
        assert_eq!(map.get("b").and_then(Literal::int), Some(3));
        assert_eq!(map.get("c").and_then(Literal::int), None);
        assert_eq!(map.get("d"), None);
    }
}
