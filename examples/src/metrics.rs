//! Counters in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What is counted.
#[derive(Default)]
pub(crate) struct Metrics {
    /// By status code of the answer.
    requests: Counters<u16>,
    /// By `ok`, or the kind of error.
    images: Counters<&'static str>,
    /// Images that are inside: being read, decoded, waiting or run.
    inside: AtomicU64,
    batches: Histogram,
    seconds: Histogram,
}

/// Upper bounds of batch sizes.
const SIZES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
/// Upper bounds of latencies, in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

impl Metrics {
    /// A request was answered.
    pub(crate) fn request(&self, status: u16, took: Duration) {
        self.requests.add(status);
        self.seconds.add(&SECONDS, took.as_secs_f64());
    }

    /// How many requests were answered.
    pub(crate) fn answers(&self) -> u64 {
        self.seconds
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count
    }

    /// An image got its answer: `ok` or the kind of its error.
    pub(crate) fn image(&self, outcome: &'static str) {
        self.images.add(outcome);
    }

    /// A batch was run.
    pub(crate) fn batch(&self, size: usize) {
        self.batches.add(&SIZES, size as f64);
    }

    pub(crate) fn entered(&self, images: u64) {
        self.inside.fetch_add(images, Ordering::Relaxed);
    }

    pub(crate) fn left(&self, images: u64) {
        self.inside.fetch_sub(images, Ordering::Relaxed);
    }

    /// Images that are inside.
    pub(crate) fn inside(&self) -> u64 {
        self.inside.load(Ordering::Relaxed)
    }

    /// The text that `/metrics` answers.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.requests.write(
            &mut text,
            "prep_onnx_requests_total",
            "Requests by status.",
            "status",
        );
        self.images.write(
            &mut text,
            "prep_onnx_images_total",
            "Images by outcome: ok, or the kind of error.",
            "outcome",
        );
        let inside = self.inside();
        let name = "prep_onnx_queue_depth";
        head(
            &mut text,
            name,
            "gauge",
            "Images that were taken and not answered yet.",
        );
        line(&mut text, format_args!("{name} {inside}"));
        self.batches.write(
            &mut text,
            &SIZES,
            "prep_onnx_batch_size",
            "Images of a run of the model.",
        );
        self.seconds.write(
            &mut text,
            &SECONDS,
            "prep_onnx_request_seconds",
            "Time from the first byte of a request's body to its answer.",
        );
        text
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    line(text, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let _ = writeln!(text, "{line}");
}

struct Counters<K>(Mutex<BTreeMap<K, u64>>);

impl<K> Default for Counters<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Copy + std::fmt::Display> Counters<K> {
    fn add(&self, key: K) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(key).or_default() += 1;
    }

    fn write(&self, text: &mut String, name: &str, help: &str, label: &str) {
        head(text, name, "counter", help);
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, count) in counts.iter() {
            line(text, format_args!("{name}{{{label}=\"{key}\"}} {count}"));
        }
    }
}

#[derive(Default)]
struct Histogram(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    /// How many are at most each bound.
    below: Vec<u64>,
    count: u64,
    sum: f64,
}

impl Histogram {
    fn add(&self, bounds: &[f64], value: f64) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.below.resize(bounds.len(), 0);
        for (below, bound) in counted.below.iter_mut().zip(bounds) {
            *below += u64::from(value <= *bound);
        }
        counted.count += 1;
        counted.sum += value;
    }

    fn write(&self, text: &mut String, bounds: &[f64], name: &str, help: &str) {
        head(text, name, "histogram", help);
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, bound) in bounds.iter().enumerate() {
            let below = counted.below.get(index).copied().unwrap_or(0);
            line(text, format_args!("{name}_bucket{{le=\"{bound}\"}} {below}"));
        }
        line(
            text,
            format_args!("{name}_bucket{{le=\"+Inf\"}} {}", counted.count),
        );
        line(
            text,
            format_args!("{name}_sum {}\n{name}_count {}", counted.sum, counted.count),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.request(200, Duration::from_millis(7));
        metrics.image("ok");
        metrics.batch(3);
        metrics.entered(2);
        let text = metrics.text();
        for line in [
            "# TYPE prep_onnx_requests_total counter",
            "prep_onnx_requests_total{status=\"200\"} 1",
            "prep_onnx_images_total{outcome=\"ok\"} 1",
            "prep_onnx_queue_depth 2",
            "prep_onnx_batch_size_bucket{le=\"2\"} 0",
            "prep_onnx_batch_size_bucket{le=\"4\"} 1",
            "prep_onnx_batch_size_bucket{le=\"+Inf\"} 1",
            "prep_onnx_request_seconds_bucket{le=\"0.01\"} 1",
            "prep_onnx_request_seconds_count 1",
        ] {
            assert!(
                text.lines().any(|known| known == line),
                "{line} is not in\n{text}"
            );
        }
    }
}
