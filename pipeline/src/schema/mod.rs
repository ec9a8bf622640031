//! Reading TOML and JSON with errors that name the key and the line.

mod locate;
mod once;
mod plain;
mod spoiled;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::named::named_enum;
use crate::{Error, ErrorKind, Result};

pub use once::json_once;

named_enum! {
    /// The notation of a configuration text.
    pub enum Notation("notation") {
        /// TOML 1.0.
        Toml = "TOML",
        /// JSON (RFC 8259).
        Json = "JSON",
    }
}

/// A parsed configuration text that can find the line of a key.
pub struct Document<'a> {
    text: &'a str,
    notation: Notation,
    /// The parsed values.
    pub value: Value,
}

impl<'a> Document<'a> {
    /// Parses `text`, which may begin with a byte order mark.
    ///
    /// # Errors
    /// On a syntax error, with its line; on a text that is something else, such as a Git LFS pointer; on a key
    /// that is there twice, in TOML or in a pipeline of ours;
    /// on a number that is not finite, with its key.
    pub fn parse(text: &'a str, notation: Notation) -> Result<Self> {
        Self::read(text, notation).map_err(|error| error.or_kind(ErrorKind::Config))
    }

    fn read(text: &'a str, notation: Notation) -> Result<Self> {
        let text = text.strip_prefix(spoiled::MARK).unwrap_or(text);
        if let Some(error) = spoiled::known(text) {
            return Err(error);
        }
        let value = match notation {
            Notation::Json => {
                let value: Value = serde_json::from_str(text).map_err(|error| spoiled::json(text, &error))?;
                // In the configs of other libraries the last of two counts, as for Python.
                let ours = ["/steps", "/pipeline/steps"]
                    .iter()
                    .any(|steps| value.pointer(steps).is_some());
                if ours { json_once(text)? } else { value }
            }
            Notation::Toml => {
                let table: toml::Table = toml::from_str(text).map_err(|error| {
                    let line = error.span().map_or(1, |span| locate::line(text, span.start));
                    Error::new(
                        format_args!("line {line}"),
                        format_args!("is not valid {notation}: {}", error.message()),
                    )
                })?;
                let document = Self {
                    text,
                    notation,
                    value: Value::Null,
                };
                let value = from_toml(toml::Value::Table(table), "")
                    .map_err(|error| document.with_line(error).or_kind(ErrorKind::Config))?;
                return Ok(Self { value, ..document });
            }
        };
        Ok(Self {
            text,
            notation,
            value,
        })
    }

    /// Puts the line of the key that `error` names in front of it.
    pub fn with_line(&self, error: Error) -> Error {
        match locate::find(self.text, self.notation, error.subject()) {
            Some(line) => error.within(format_args!("line {line}")),
            None => error,
        }
    }
}

/// Reads `value` as `T`; errors name the key relative to `value`.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.inner().to_string();
        // An unknown key is reported at its parent by some containers and at itself by others.
        match inner
            .strip_prefix("unknown field `")
            .and_then(|rest| rest.split_once('`'))
        {
            Some((key, rest)) => {
                let parent = path.strip_suffix(key).unwrap_or(&path).trim_end_matches('.');
                let expected = rest
                    .trim_start_matches(", ")
                    .trim_start_matches("expected ")
                    .replace('`', "");
                let error =
                    Error::new(key, "is an unknown key").expected_got(expected, format_args!("{key:?}"));
                if parent.is_empty() || parent == "." {
                    error
                } else {
                    error.within_key(parent)
                }
            }
            None => plain::error(&path, &inner),
        }
    })
}

/// An error of serde in plain words.
pub(crate) fn plain(error: &serde_json::Error) -> Error {
    plain::error("", &error.to_string())
}

fn from_toml(value: toml::Value, path: &str) -> Result<Value> {
    let key = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) if number.is_finite() => number.into(),
        toml::Value::Float(number) => {
            return Err(Error::new(path, "is not a finite number").expected_got("a finite number", number));
        }
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| from_toml(item, &format!("{path}[{index}]")))
            .collect::<Result<Vec<_>>>()?
            .into(),
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(name, item)| Ok((name.clone(), from_toml(item, &key(&name))?)))
            .collect::<Result<serde_json::Map<_, _>>>()?
            .into(),
    })
}
