//! What a run says at its end.

use std::time::{Duration, Instant};

use prep_onnx_loader::Skipped;
use prep_onnx_pipeline::{Error, ErrorKind};
use serde_json::{Map, Value, json};

use super::decoding::Cost;
use crate::ui;

/// Rows of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) images: usize,
    pub(crate) failed: usize,
    started: Instant,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            images: 0,
            failed: 0,
            started: Instant::now(),
        }
    }
}

/// The end of a run.
pub(crate) struct Summary {
    /// Rows of the output, those of an earlier run included.
    pub(crate) images: usize,
    /// Those among them that failed.
    pub(crate) failed: usize,
    /// Rows that an earlier run had made.
    pub(crate) resumed: usize,
    ran: usize,
    took: Duration,
    decode: Option<Cost>,
    /// Why each image ran alone and kept its output whole, where that was so.
    whole: Option<String>,
    skipped: Skipped,
}

/// What to do about files that a folder's walk passed over.
pub(crate) const SKIPPED_FIX: &str =
    "in a folder, files are taken by extension; name others in a list or by a pattern";

/// What a folder's walk passed over, in one line; `None` where that is nothing.
pub(crate) fn skipped_in_words(skipped: &Skipped) -> Option<String> {
    match skipped.total() {
        0 => None,
        1 => Some(format!("1 file: {skipped}")),
        total => Some(format!("{total} files: {skipped}")),
    }
}

/// The same for programs.
pub(crate) fn skipped_json(skipped: &Skipped) -> Value {
    json!({ "files": skipped.total(), "by_extension": skipped.by_extension() })
}

/// The error of a command that was given no image, with what it passed over.
pub(crate) fn no_images(given: &str, skipped: &Skipped) -> Error {
    let error = Error::new("images", "there are none")
        .expected_got("at least one image", given)
        .with_kind(ErrorKind::Image);
    match skipped_in_words(skipped) {
        None => error,
        Some(skipped) => error
            .why(format_args!("what is there was skipped: {skipped}"))
            .fix(SKIPPED_FIX),
    }
}

/// A rate with two digits at least.
fn in_words(rate: f64) -> String {
    let digits = match rate {
        0.0..1.0 => 2,
        1.0..10.0 => 1,
        _ => 0,
    };
    format!("{rate:.digits$}")
}

impl Summary {
    /// A run that ends now.
    pub(crate) fn new(counts: Counts, decode: Option<Cost>, whole: Option<String>, skipped: Skipped) -> Self {
        Self {
            images: counts.images,
            failed: counts.failed,
            resumed: 0,
            ran: counts.images,
            took: counts.started.elapsed(),
            decode,
            whole,
            skipped,
        }
    }

    /// Images that ran in this process, per second; `None` where none did.
    fn rate(&self) -> Option<f64> {
        (self.ran > 0).then(|| self.ran as f64 / self.took.as_secs_f64().max(1e-9))
    }

    /// The lines of the table.
    pub(crate) fn table(&self) -> String {
        let mut table = ui::Table::new(&[]);
        let mut line = |key: &str, value: String| table.row([ui::bold(key), value]);
        let failed = if self.failed == 0 {
            String::new()
        } else {
            format!(", {}", ui::bad(format_args!("{} failed", self.failed)))
        };
        line("images", format!("{}{failed}", self.images));
        if self.resumed > 0 {
            line("resumed", format!("{} of an earlier run", self.resumed));
        }
        let rate = match self.rate() {
            Some(rate) => format!("{} images/s", in_words(rate)),
            None => "no image had to run".to_owned(),
        };
        line("time", format!("{}, {rate}", ui::duration(self.took)));
        if let Some(skipped) = skipped_in_words(&self.skipped) {
            line("skipped", format!("{skipped}; {SKIPPED_FIX}"));
        }
        if let Some(why) = &self.whole {
            line(
                "rows",
                format!("none: {why}; one image at a time, each output whole"),
            );
        }
        if let Some(cost) = &self.decode {
            line("fast decode", cost.in_words());
        }
        table.to_string()
    }

    /// The entries of the answer.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("images".to_owned(), self.images.into());
        map.insert("failed".to_owned(), self.failed.into());
        map.insert("resumed".to_owned(), self.resumed.into());
        map.insert("seconds".to_owned(), self.took.as_secs_f64().into());
        map.insert("images_per_second".to_owned(), json!(self.rate()));
        map.insert("skipped".to_owned(), skipped_json(&self.skipped));
        let rows = if self.whole.is_some() { "whole" } else { "each" };
        map.insert("rows".to_owned(), rows.into());
        if let Some(why) = &self.whole {
            map.insert("rows_why".to_owned(), why.as_str().into());
        }
        if let Some(cost) = &self.decode {
            map.insert("fast_decode".to_owned(), json!(cost));
        }
        map
    }
}
