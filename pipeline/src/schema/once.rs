//! JSON in which no key is given twice: of two values one would be lost without a word.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::spoiled;
use crate::{Error, ErrorKind, Result};

/// Reads JSON that may begin with a byte order mark.
///
/// ```
/// use prep_onnx_pipeline::json_once;
///
/// assert_eq!(json_once(r#"{"0": "cat"}"#)?["0"], "cat");
/// assert!(json_once(r#"{"0": "cat", "0": "dog"}"#).is_err());
/// # Ok::<(), prep_onnx_pipeline::Error>(())
/// ```
///
/// # Errors
/// Text that is no JSON, with its line; a key that one object has twice, with both values.
pub fn json_once(text: &str) -> Result<Value> {
    let text = text.strip_prefix(spoiled::MARK).unwrap_or(text);
    let value: Result<Once, _> = serde_json::from_str(text);
    value.map(|Once(value)| value).map_err(|error| {
        let error_line = if error.is_data() {
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or_default();
            Error::new(format_args!("line {}", error.line()), what).fix("leave one of them out")
        } else {
            spoiled::json(text, &error)
        };
        error_line.or_kind(ErrorKind::Config)
    })
}

struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;

        impl<'de> Visitor<'de> for Values {
            type Value = Value;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(Once(item)) = items.next_element()? {
                    list.push(item);
                }
                Ok(list.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
                let mut map = Map::new();
                while let Some((key, Once(value))) = entries.next_entry::<String, Once>()? {
                    if let Some(first) = map.get(&key) {
                        return Err(A::Error::custom(format_args!(
                            "the key {key:?} is there twice: {} and {}",
                            brief(first),
                            brief(&value)
                        )));
                    }
                    map.insert(key, value);
                }
                Ok(map.into())
            }
        }

        deserializer.deserialize_any(Values).map(Self)
    }
}

/// A value as JSON, not all of a long one.
fn brief(value: &Value) -> String {
    const MOST: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= MOST {
        return text;
    }
    format!("{}…", text.chars().take(MOST).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_key_twice_is_as_any_json() {
        for text in [
            "null",
            "[true, -1, 18446744073709551615, 0.1, \"grün\", {\"a\": [], \"b\": {\"a\": 1e-300}}]",
            "{}",
        ] {
            assert_eq!(
                json_once(text).unwrap(),
                serde_json::from_str::<Value>(text).unwrap()
            );
        }
        assert_eq!(json_once("\u{feff}[]").unwrap(), Value::Array(Vec::new()));
    }

    #[test]
    fn a_key_that_is_there_twice_is_named_with_both_values_and_its_line() {
        for (text, expected) in [
            (
                "{\"a\": 1,\n \"a\": 2}",
                "line 2: the key \"a\" is there twice: 1 and 2",
            ),
            (
                "[{\"x\": {\"0\": \"cat\", \"1\": \"dog\", \"0\": \"owl\"}}]",
                "line 1: the key \"0\" is there twice: \"cat\" and \"owl\"",
            ),
            // As text they differ, as keys they do not.
            (
                "{\"a\": [], \"\\u0061\": {}}",
                "line 1: the key \"a\" is there twice: [] and {}",
            ),
        ] {
            let error = json_once(text).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.kind(), ErrorKind::Config);
        }
        let long = format!("{{\"a\": \"{}\", \"a\": 0}}", "é".repeat(500));
        assert!(json_once(&long).unwrap_err().to_string().chars().count() < 120);
        assert_eq!(
            json_once("{\"a\": 1,}").unwrap_err().to_string(),
            "line 1: is not valid JSON: trailing comma"
        );
    }
}
