//! serde's errors in plain words.

use crate::Error;

/// An error of serde about the value at `path`.
pub(super) fn error(path: &str, inner: &str) -> Error {
    if let Some(rest) = inner.strip_prefix("invalid type: ")
        && let Some((got, expected)) = rest.split_once(", expected ")
    {
        return Error::new(path, "has another type").expected_got(kind(expected), value(got));
    }
    if let Some((got, names)) = inner
        .strip_prefix("unknown variant `")
        .and_then(|rest| rest.split_once("`, expected "))
    {
        return Error::new(path, "is an unknown name")
            .expected_got(names.replace('`', ""), format_args!("{got:?}"));
    }
    if let Some(got) = inner
        .strip_prefix("invalid value: integer `")
        .and_then(|rest| rest.strip_suffix("`, expected usize"))
    {
        return Error::new(path, "is out of range").expected_got("0 or more", got);
    }
    if let Some((got, expected)) = inner
        .strip_prefix("invalid length ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        return Error::new(path, "has another length").expected_got(kind(expected), got);
    }
    if let Some(key) = inner
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'))
    {
        let error = Error::new(key, "is missing");
        return if path.is_empty() || path == "." {
            error
        } else {
            error.within_key(path)
        };
    }
    Error::new(if path == "." { "" } else { path }, inner)
}

/// The name of a type.
fn kind(expected: &str) -> String {
    match expected {
        "f64" | "f32" => "a number".to_owned(),
        "usize" | "u64" | "u32" | "i64" => "a whole number".to_owned(),
        "variant identifier" => "a name".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table of keys".to_owned(),
        "string or map" => "a name, or a table of one key".to_owned(),
        other => match other.strip_prefix("an array of length ") {
            Some(length) => format!("a list of {length} numbers"),
            None if other.starts_with("struct ") => "a table of keys".to_owned(),
            None => other.to_owned(),
        },
    }
}

/// A value, of which serde says the type too.
fn value(got: &str) -> String {
    let bare = |kind: &str| got.strip_prefix(kind)?.strip_suffix('`').map(str::to_owned);
    ["integer `", "floating point `", "boolean `"]
        .into_iter()
        .find_map(bare)
        .unwrap_or_else(|| match got {
            "sequence" => "a list".to_owned(),
            "map" => "a table of keys".to_owned(),
            other => other.strip_prefix("string ").unwrap_or(other).to_owned(),
        })
}
