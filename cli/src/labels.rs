//! Names of classes.

use std::path::Path;

use prep_onnx_pipeline::{Error, Result, text_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::Array;

/// The name of each class, by index.
#[derive(Debug, Default)]
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
        let text = text_of(bytes).map_err(|error| error.within(path.display()))?;
        Self::parse(
            &text,
            path.extension().is_some_and(|extension| extension == "json"),
        )
        .map_err(|error| error.within(path.display()))
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
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Error::new("", format_args!("is not valid JSON: {error}")))?;
        let value = value.get("id2label").cloned().unwrap_or(value);
        let name = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match value {
            Value::Array(items) => Ok(Self(items.iter().map(name).collect())),
            Value::Object(map) => {
                let mut names = vec![String::new(); map.len()];
                for (key, value) in &map {
                    let index = key.parse::<usize>().ok().and_then(|index| names.get_mut(index));
                    *index.ok_or_else(|| {
                        Error::new(key, "is no index of a class")
                            .expected_got(format_args!("0 to {}", map.len().saturating_sub(1)), key)
                    })? = name(value);
                }
                Ok(Self(names))
            }
            other => Err(Error::new("", "holds no labels")
                .expected_got("a list of names, or a table from index to name", other)),
        }
    }

    /// The name of a class; its index where it has none.
    pub(crate) fn name(&self, index: usize) -> String {
        self.0
            .get(index)
            .filter(|name| !name.is_empty())
            .cloned()
            .unwrap_or_else(|| index.to_string())
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

    #[test]
    fn the_highest_come_first_and_ties_keep_their_order() {
        let array = Array::Float32(ArrayD::from_shape_vec(IxDyn(&[4]), vec![1.0, 3.0, 3.0, 2.0]).unwrap());
        let indices: Vec<_> = top(&array, 3).into_iter().map(|ranked| ranked.index).collect();
        assert_eq!(indices, [1, 2, 3]);
    }
}
