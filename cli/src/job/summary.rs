//! What a run says at its end.

use std::time::{Duration, Instant};

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
}

impl Summary {
    /// A run that ends now.
    pub(crate) fn new(counts: Counts, decode: Option<Cost>) -> Self {
        Self {
            images: counts.images,
            failed: counts.failed,
            resumed: 0,
            ran: counts.images,
            took: counts.started.elapsed(),
            decode,
        }
    }

    fn rate(&self) -> f64 {
        self.ran as f64 / self.took.as_secs_f64().max(1e-9)
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
        line(
            "time",
            format!("{}, {:.0} images/s", ui::duration(self.took), self.rate()),
        );
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
        map.insert("images_per_second".to_owned(), self.rate().into());
        if let Some(cost) = &self.decode {
            map.insert("fast_decode".to_owned(), json!(cost));
        }
        map
    }
}
