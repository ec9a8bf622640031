//! Pixel and file buffers that come back when they are no longer used.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Largest file buffer that is kept, in bytes.
const KEPT_FILE: usize = 16 << 20;
/// Most file buffers that are kept.
const KEPT_FILES: usize = 64;
/// A buffer this many times too large is left for a larger batch.
const MAX_SLACK: usize = 4;

/// Buffers not in use. The contents of a pixel buffer are never zeroed again: its length only grows.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    free: Mutex<Vec<Vec<u8>>>,
}

impl Buffers {
    /// A buffer of at least `bytes` bytes with arbitrary contents; `None` where there is no such memory. What
    /// stays free is at most `room` bytes.
    pub(super) fn take(&self, bytes: usize, room: u64) -> Option<Vec<u8>> {
        let mut free = self.lock();
        let fits = bytes..=bytes.saturating_mul(MAX_SLACK);
        let best = (0..free.len())
            .filter(|&i| fits.contains(&free[i].len()))
            .min_by_key(|&i| free[i].len());
        let taken = best.map(|i| free.swap_remove(i));
        let dropped = trim(&mut free, room);
        drop(free);
        drop(dropped);
        taken.or_else(|| zeroed(bytes))
    }

    /// Keeps a buffer if all that are free are at most `room` bytes then.
    pub(super) fn put(&self, buffer: Vec<u8>, room: u64) {
        if buffer.is_empty() {
            return;
        }
        let mut free = self.lock();
        free.push(buffer);
        let dropped = trim(&mut free, room);
        drop(free);
        drop(dropped);
    }

    /// An empty buffer that has grown before, if there is one.
    pub(super) fn take_empty(&self) -> Vec<u8> {
        let mut buffer = self.lock().pop().unwrap_or_default();
        buffer.clear();
        buffer
    }

    /// Keeps a buffer for [`take_empty`](Self::take_empty), if it is of a usual size.
    pub(super) fn put_file(&self, buffer: Vec<u8>) {
        let mut free = self.lock();
        if buffer.capacity() <= KEPT_FILE && free.len() < KEPT_FILES {
            free.push(buffer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `vec![0; bytes]` without its end of the process. The pages are touched once.
fn zeroed(bytes: usize) -> Option<Vec<u8>> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(bytes).ok()?;
    buffer.resize(bytes, 0);
    Some(buffer)
}

/// Takes out the oldest buffers until the rest fit into `room` bytes.
fn trim(free: &mut Vec<Vec<u8>>, room: u64) -> Vec<Vec<u8>> {
    let mut total: u64 = free.iter().map(|buffer| buffer.len() as u64).sum();
    let excess = free.iter().take_while(|buffer| {
        let over = total > room;
        total = total.saturating_sub(buffer.len() as u64);
        over
    });
    let count = excess.count();
    free.drain(..count).collect()
}
