//! Values in words.

use prep_onnx_pipeline::Pipeline;
use serde_json::Value;

/// A size in bytes, with three digits: `212 kB`, `1.05 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value < 9.995 {
        2
    } else {
        usize::from(value < 99.95)
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A shape: `[1, 3, 224, 224]`.
pub(crate) fn shape(shape: &[usize]) -> String {
    format!("{shape:?}")
}

/// One line per step: its name, then its parameters.
pub(crate) fn pipeline_lines(pipeline: &Pipeline) -> Vec<String> {
    pipeline
        .steps
        .iter()
        .map(|step| {
            let value = serde_json::to_value(step).unwrap_or_default();
            let keys: Vec<_> = value.as_object().into_iter().flatten().map(entry).collect();
            format!("{} {}", step.name(), keys.join(", "))
        })
        .collect()
}

fn entry((key, value): (&String, &Value)) -> String {
    format!("{key} {}", in_words(value))
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(in_words).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<_> = map.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (value, text) in [
            (999, "999 bytes"),
            (1000, "1.00 kB"),
            (212_114, "212 kB"),
            (12_345_678, "12.3 MB"),
            (999_600, "1.00 MB"),
            (2_147_483_647, "2.15 GB"),
        ] {
            assert_eq!(bytes(value), text);
        }
    }
}
