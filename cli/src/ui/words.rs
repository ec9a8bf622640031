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

/// A time: `0.25 s`, `12.5 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs_f64();
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.2} s"),
        10..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A shape: `[1, 3, 224, 224]`.
pub(crate) fn shape(shape: &[usize]) -> String {
    format!("{shape:?}")
}

/// The text in lines of at most 80 characters, each behind `indent` spaces.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    /// The width of a terminal.
    const LINE: usize = 80;
    let mut lines = String::new();
    let mut at = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if at > 0 && at + 1 + length <= LINE {
            lines.push(' ');
            at += 1 + length;
        } else {
            if at > 0 {
                lines.push('\n');
            }
            lines.push_str(&" ".repeat(indent));
            at = indent + length;
        }
        lines.push_str(word);
    }
    lines.push('\n');
    lines
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

    #[test]
    fn times_have_two_units_at_most() {
        for (seconds, text) in [
            (0.254, "0.25 s"),
            (35.04, "35.0 s"),
            (200.4, "3 min 20 s"),
            (7500.0, "2 h 5 min"),
        ] {
            assert_eq!(duration(std::time::Duration::from_secs_f64(seconds)), text);
        }
    }
}
