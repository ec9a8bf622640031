//! Weights of recent image sizes.

use std::sync::{Arc, Mutex, PoisonError};

use prep_onnx_pipeline::Result;

use super::tables::Extent;

/// What one axis is resized from and to, whether the vertical pass comes first, and which pixels there are.
pub(crate) type Key = (usize, usize, bool, Extent);

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
