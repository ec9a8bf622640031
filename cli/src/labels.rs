//! Names of classes.

use std::path::Path;

use prep_onnx_pipeline::{Error, ErrorKind, Result, json_once, text_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::Array;

/// The name of each class, by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels(Vec<String>);

/// A class of one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ranked {
    pub(crate) index: usize,
    pub(crate) score: f64,
}

impl Labels {
    /// Reads a text file with one name per line, or JSON: a list, `{"0": "name", …}`, or a config with
    /// `id2label`.
    ///
    /// # Errors
    /// Names the file, and in JSON the key.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).map_err(|error| Error::io(path.display(), "cannot be read", &error))?;
        let json = path.extension().is_some_and(|extension| extension == "json");
        text_of(bytes)
            .and_then(|text| Self::parse(&text, json))
            .map_err(|error| error.within(path.display()).or_kind(ErrorKind::Config))
    }

    pub(crate) fn parse(text: &str, json: bool) -> Result<Self> {
        if !json {
            // An empty line is a class without a name, but not at the end.
            return Ok(Self(
                text.trim_end()
                    .lines()
                    .map(|name| name.trim_end().to_owned())
                    .collect(),
            ));
        }
        let value = json_once(text)?;
        let value = value.get("id2label").cloned().unwrap_or(value);
        let name = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match value {
            Value::Array(items) => Ok(Self(items.iter().map(name).collect())),
            Value::Object(map) => {
                let mut names = vec![None; map.len()];
                for (key, value) in &map {
                    let index = key.parse::<usize>().ok();
                    let place = index.and_then(|index| names.get_mut(index)).ok_or_else(|| {
                        Error::new(key, "is no index of a class")
                            .expected_got(format_args!("0 to {}", map.len().saturating_sub(1)), key)
                    })?;
                    // "1" and "01" are one index.
                    if let Some(first) = place.replace(name(value)) {
                        let both = format_args!("{first:?} and {:?}", name(value));
                        return Err(
                            Error::new(key, "is the index of two classes").expected_got("one name", both)
                        );
                    }
                }
                Ok(Self(names.into_iter().flatten().collect()))
            }
            other => Err(Error::new("", "holds no labels")
                .expected_got("a list of names, or a table from index to name", other)),
        }
    }

    /// Those that a model carries.
    pub(crate) fn of(names: Vec<String>) -> Self {
        Self(names)
    }

    /// All of them, by index.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.0
    }

    /// The name of a class; its index where it has none.
    pub(crate) fn name(&self, index: usize) -> String {
        self.0
            .get(index)
            .filter(|name| !name.is_empty())
            .cloned()
            .unwrap_or_else(|| index.to_string())
    }

    /// The name of a class that may be any number; none where there are no names.
    pub(crate) fn name_of(&self, class: i64) -> Option<String> {
        let named = usize::try_from(class).map_or_else(|_| class.to_string(), |class| self.name(class));
        (!self.is_empty()).then_some(named)
    }

    /// How many classes there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The `count` highest of an array's elements, highest first, the first of equal ones first.
pub(crate) fn top(array: &Array, count: usize) -> Vec<Ranked> {
    let mut ranked: Vec<_> = array
        .to_f64()
        .into_iter()
        .enumerate()
        .map(|(index, score)| Ranked { index, score })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    ranked.truncate(count);
    ranked
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};

    use super::*;

    #[test]
    fn labels_come_in_four_forms() {
        for (text, json) in [
            ("cat\ndog\n", false),
            ("cat\r\ndog\r\n\r\n", false),
            (r#"["cat", "dog"]"#, true),
            (r#"{"1": "dog", "0": "cat"}"#, true),
            (
                r#"{"id2label": {"0": "cat", "1": "dog"}, "model_type": "vit"}"#,
                true,
            ),
        ] {
            let labels = Labels::parse(text, json).unwrap();
            assert_eq!(
                (labels.name(0), labels.name(1), labels.name(2)),
                ("cat".into(), "dog".into(), "2".into())
            );
            assert_eq!(labels.len(), 2);
        }
        let error = Labels::parse(r#"{"7": "cat"}"#, true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "7: is no index of a class: expected 0 to 0, got 7"
        );
    }

    /// Damaged files: refused, or as many names as there are entries.
    #[test]
    fn damaged_labels_are_refused_or_read_whole() {
        let mut state = 5_u64;
        let mut below = |end: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % end
        };
        let good = r#"{"id2label": {"0": "cat", "1": "dög", "2": ["n01", "owl"]}, "x": [1, null, 2.5e300]}"#;
        let words = [
            "\"0\"",
            "\"01\"",
            "18446744073709551616",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "null",
            "\\u0030",
            "é",
        ];
        let mut read = 0;
        for _ in 0..20_000 {
            let mut chars: Vec<char> = good.chars().collect();
            for _ in 0..=below(3) {
                let at = below(chars.len());
                let word = words[below(words.len())].chars();
                let end = (at + below(4)).min(chars.len());
                chars.splice(at..end, word);
            }
            let text: String = chars.into_iter().collect();
            if let Ok(labels) = Labels::parse(&text, true) {
                read += 1;
                let value: Value = serde_json::from_str(&text).unwrap();
                let names = value.get("id2label").unwrap_or(&value);
                let entries = names
                    .as_object()
                    .map(serde_json::Map::len)
                    .or(names.as_array().map(Vec::len));
                assert_eq!(Some(labels.len()), entries, "{text}");
            }
        }
        assert!(read > 100, "{read}");
    }

    #[test]
    fn an_index_with_two_names_is_refused_with_both() {
        for (text, expected) in [
            (
                r#"{"0": "cat", "1": "dog", "0": "owl"}"#,
                "line 1: the key \"0\" is there twice: \"cat\" and \"owl\"",
            ),
            (
                r#"{"id2label": {"0": "cat", "0": "cat"}}"#,
                "line 1: the key \"0\" is there twice: \"cat\" and \"cat\"",
            ),
            (
                r#"{"0": "cat", "1": "dog", "01": "owl"}"#,
                "1: is the index of two classes: expected one name, got \"owl\" and \"dog\"",
            ),
        ] {
            assert_eq!(Labels::parse(text, true).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn the_highest_come_first_and_ties_keep_their_order() {
        let array = Array::Float32(ArrayD::from_shape_vec(IxDyn(&[4]), vec![1.0, 3.0, 3.0, 2.0]).unwrap());
        let indices: Vec<_> = top(&array, 3).into_iter().map(|ranked| ranked.index).collect();
        assert_eq!(indices, [1, 2, 3]);
    }
}
