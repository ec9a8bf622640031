//! A pipeline as the text of a file.

use std::fmt::Write;

use serde_json::Value;

use crate::Pipeline;

impl Pipeline {
    /// The pipeline in TOML, as a person would write it; [`Pipeline::parse`] reads the same pipeline.
    ///
    /// ```
    /// use prep_onnx_pipeline::{Notation, Pipeline, preset};
    ///
    /// let pipeline = preset("clip")?.import(None)?.pipeline;
    /// assert_eq!(Pipeline::parse(&pipeline.to_toml(), Notation::Toml)?, pipeline);
    /// # Ok::<(), prep_onnx_pipeline::Error>(())
    /// ```
    pub fn to_toml(&self) -> String {
        let value = self.to_value();
        let mut text = String::new();
        let mut line = |line: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
        };
        if let Some(description) = value.get("description") {
            line(format!("description = {}", inline(description)));
        }
        if let Some(input) = value.get("input") {
            line(format!("input = {}", inline(input)));
        }
        if let Some(background) = value.get("background") {
            line(format!("background = {}", inline(background)));
        }
        let steps = value.get("steps").and_then(Value::as_array);
        if steps.is_none_or(Vec::is_empty) {
            line("steps = []".to_owned());
        }
        if let Some(Value::Object(output)) = value.get("output") {
            line("\n[output]".to_owned());
            for (key, value) in output {
                line(format!("{key} = {}", inline(value)));
            }
        }
        for step in steps.into_iter().flatten() {
            line("\n[[steps]]".to_owned());
            line(format!("step = {}", inline(&step["step"])));
            for (key, value) in step.as_object().into_iter().flatten() {
                if key != "step" {
                    line(format!("{key} = {}", inline(value)));
                }
            }
        }
        text
    }
}

/// A value on one line.
pub(crate) fn inline(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let keys: Vec<_> = table
                .iter()
                .map(|(key, value)| format!("{key} = {}", inline(value)))
                .collect();
            format!("{{ {} }}", keys.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        // JSON's strings are TOML's too, but for the one control character that JSON need not escape.
        Value::String(_) => value.to_string().replace('\u{7f}', "\\u007f"),
        // As are its numbers and booleans.
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Notation;

    #[test]
    fn every_character_of_a_description_is_read_back() {
        let edges = [
            '"',
            '\\',
            '\u{7e}',
            '\u{7f}',
            '\u{80}',
            '\u{85}',
            '\u{2028}',
            '\u{feff}',
            '\u{10ffff}',
        ];
        for character in ('\0'..' ').chain(edges) {
            let pipeline = Pipeline {
                description: Some(format!("a{character}b")),
                ..Pipeline::default()
            };
            let toml = pipeline.to_toml();
            assert_eq!(
                Pipeline::parse(&toml, Notation::Toml).as_ref(),
                Ok(&pipeline),
                "{toml:?}"
            );
        }
    }
}
