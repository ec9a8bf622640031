//! Steps on the command line: `NAME`, `NAME=VALUE`, `NAME=KEY=VALUE,…`.

use std::fmt;
use std::str::FromStr;

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use serde_json::{Map, Value as Json};

use super::Then;

pub(super) fn unknown(name: &str) -> Error {
    let names: Vec<_> = Then::ALL.iter().map(|step| step.name).collect();
    Error::new("step", "no such step comes after a model")
        .expected_got(
            format_args!("one of {}", names.join(", ")),
            format_args!("{name:?}"),
        )
        .fix("prep-onnx steps lists them")
        .with_kind(ErrorKind::Usage)
}

/// serde's message without its position, which a command line has none of.
pub(super) fn plain(error: &serde_json::Error) -> String {
    error.to_string()
}

impl FromStr for Then {
    type Err = Error;

    /// Reads a step as it is written behind `--then`.
    fn from_str(text: &str) -> Result<Self> {
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        let name = name.trim().replace('-', "_");
        let main = Self::main_key(&name)?;
        let mut keys = Map::new();
        for part in rest.into_iter().flat_map(|rest| rest.split(',')) {
            let (key, value) = match (part.split_once('='), main) {
                (Some((key, value)), _) => (key.trim(), value.trim()),
                (None, Some(main)) => (main, part.trim()),
                (None, None) => {
                    return Err(Error::new(&name, "a value needs its key here")
                        .expected_got(format_args!("{name}=KEY=VALUE"), format_args!("{text:?}"))
                        .with_kind(ErrorKind::Usage));
                }
            };
            if keys.insert(key.to_owned(), value_of(value)).is_some() {
                return Err(Error::new(format_args!("{name}.{key}"), "is there twice")
                    .expected_got("one value", format_args!("{text:?}"))
                    .with_kind(ErrorKind::Usage));
            }
        }
        Self::of(&name, Json::Object(keys)).map_err(|error| error.or_kind(ErrorKind::Usage))
    }
}

/// A number or a truth value where it is one.
fn value_of(text: &str) -> Json {
    match serde_json::from_str(text) {
        Ok(value @ (Json::Number(_) | Json::Bool(_))) => value,
        _ => Json::from(text),
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let main = Self::main_key(self.name()).ok().flatten();
        let keys = self.keys();
        let (first, others): (Vec<_>, Vec<_>) = keys.iter().partition(|(key, _)| Some(key.as_str()) == main);
        for (index, (key, value)) in first.into_iter().chain(others).enumerate() {
            f.write_str(if index == 0 { "=" } else { "," })?;
            match value {
                Json::String(text) if Some(key.as_str()) == main => f.write_str(text)?,
                other if Some(key.as_str()) == main => write!(f, "{other}")?,
                Json::String(text) => write!(f, "{key}={text}")?,
                other => write!(f, "{key}={other}")?,
            }
        }
        Ok(())
    }
}
