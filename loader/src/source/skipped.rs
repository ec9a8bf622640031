//! What a walk through a folder passed over.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::path_text;

/// Counts files that were no images by their extension. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Skipped(Arc<Mutex<BTreeMap<String, u64>>>);

impl Skipped {
    pub(super) fn count(&self, path: &Path) {
        let extension = path.extension().map(|extension| path_text(extension.as_ref()));
        let extension = extension.map_or_else(String::new, |extension| {
            format!(".{}", extension.to_ascii_lowercase())
        });
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(extension).or_default() += 1;
    }

    /// How many files had each extension, in lower case with its dot; empty for those without one.
    pub fn by_extension(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many files there were.
    pub fn total(&self) -> u64 {
        self.by_extension().values().sum()
    }
}

/// The most frequent first: `2 .heic, 1 without an extension`.
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts: Vec<_> = self.by_extension().into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (index, (extension, count)) in counts.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let extension = if extension.is_empty() {
                "without an extension"
            } else {
                extension
            };
            write!(f, "{comma}{count} {extension}")?;
        }
        Ok(())
    }
}
