//! The forms of a size: one number, [height, width], or a table.

mod asked;

use serde_json::{Map, Value};

use super::Reader;
use super::processors::Size;
use crate::Result;
use crate::import::keys::Given;

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
    /// The size of a class that takes null for its own, where the config has none.
    pub(super) fn own_size<T>(&mut self, given: Given<T>) -> Result<Size> {
        let size = self.processor.size;
        match given {
            Given::Null => Ok(size),
            given => self.or_default("size", given.into_unit(), Some(size)),
        }
    }

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
        // Of classes that cut patches these are numbers of pixels.
        let number = |name: &str| {
            let number = table[name]
                .as_u64()
                .and_then(|number| usize::try_from(number).ok());
            number.filter(|number| *number > 0).ok_or_else(|| {
                self.keys
                    .error(&format!("{key}.{name}"), "is not a size in pixels")
                    .expected_got("a whole number above 0", &table[name])
            })
        };
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
            "longest_edge" if names.len() == 2 => {
                Ok(Size::Both([number("shortest_edge")?, number("longest_edge")?]))
            }
            "longest_edge" => Ok(Size::Longest(edge("longest_edge")?)),
            "max_height" => Ok(Size::Within([edge("max_height")?, edge("max_width")?])),
            "max_pixels" => Ok(Size::Pixels([number("min_pixels")?, number("max_pixels")?])),
            _ => Ok(Size::Shortest(edge("shortest_edge")?)),
        }
    }
}
