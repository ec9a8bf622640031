//! Weights of recent image sizes.

use std::sync::{Arc, Mutex, PoisonError};

use prep_onnx_pipeline::Result;

/// Which pixels of an image there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    /// The rows and columns that are read, and no others.
    Part,
}

/// All that the tables of one axis depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Source positions.
    pub(crate) input: usize,
    /// Positions after the resize.
    pub(crate) resized: usize,
    /// Where the output begins in them.
    pub(crate) offset: i64,
    /// Positions of the output.
    pub(crate) output: usize,
    pub(crate) vertical_first: bool,
    pub(crate) extent: Extent,
}

/// How many sizes are kept: enough that a stream of camera formats is served, small enough to search.
const SIZES: usize = 64;

/// A bounded cache, the most recently used entry first.
pub(crate) struct Cache<T>(Mutex<Vec<(Key, Arc<T>)>>);

impl<T> Cache<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Vec::with_capacity(SIZES + 1)))
    }

    /// The entry of `key`, made outside the lock when it is not there.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) fn get(&self, key: Key, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        if let Some(found) = self.find(key) {
            return Ok(found);
        }
        let made = Arc::new(make()?);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(0, (key, Arc::clone(&made)));
        entries.truncate(SIZES);
        Ok(made)
    }

    fn find(&self, key: Key) -> Option<Arc<T>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = entries.iter().position(|entry| entry.0 == key)?;
        entries[..=at].rotate_right(1);
        Some(Arc::clone(&entries[0].1))
    }
}
