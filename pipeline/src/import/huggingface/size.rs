//! The forms of a size: one number, [height, width], or a table.

use serde_json::{Map, Value};

use super::Reader;
use super::processors::Size;
use crate::Result;

/// The sets of keys that transformers takes as a size; it refuses every other one.
const TABLES: [&[&str]; 6] = [
    &["height", "width"],
    &["shortest_edge"],
    &["longest_edge", "shortest_edge"],
    &["longest_edge"],
    &["max_height", "max_width"],
    &["max_pixels", "min_pixels"],
];

impl Reader<'_> {
    /// Reads a size; one number is a square, or else a shortest edge.
    pub(super) fn size(&self, key: &str, value: &Value, square: bool) -> Result<Size> {
        let edge = |name: &str, value: &Value| self.keys.edge(&format!("{key}{name}"), value);
        match value {
            Value::Array(items) => match items.as_slice() {
                [height, width] => Ok(Size::Exact([edge("[0]", height)?, edge("[1]", width)?])),
                _ => Err(self
                    .keys
                    .error(key, "is not a size")
                    .expected_got("[height, width]", value)),
            },
            Value::Object(table) => self.size_table(key, value, table),
            value => {
                let edge = edge("", value)?;
                Ok(if square {
                    Size::Exact([edge, edge])
                } else {
                    Size::Shortest(edge)
                })
            }
        }
    }

    fn size_table(&self, key: &str, value: &Value, table: &Map<String, Value>) -> Result<Size> {
        let edge = |name: &str| self.keys.edge(&format!("{key}.{name}"), &table[name]);
        let mut names: Vec<&str> = table.keys().map(String::as_str).collect();
        names.sort_unstable();
        if !TABLES.contains(&names.as_slice()) {
            return Err(self
                .keys
                .error(key, "is not a size")
                .expected_got("height and width, or shortest_edge", value)
                .why("transformers refuses every other set of keys"));
        }
        match names[0] {
            "height" => Ok(Size::Exact([edge("height")?, edge("width")?])),
            // A longest_edge that is null does not bound the shortest one.
            "longest_edge" if table["longest_edge"].is_null() && names.len() == 2 => {
                Ok(Size::Shortest(edge("shortest_edge")?))
            }
            "shortest_edge" => Ok(Size::Shortest(edge("shortest_edge")?)),
            name => Err(self
                .keys
                .error(&format!("{key}.{name}"), "cannot be expressed")
                .expected_got("height and width, or shortest_edge", name)
                .why("the output size would follow from the image, with a rounding that no step has")),
        }
    }
}
