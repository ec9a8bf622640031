//! Threads for one image.

/// Fewest pixels of an image whose decode is worth more than one thread. Where other work holds the processors, waiting for a
/// thread costs more than the decode of a smaller one: 1920x1080 gained nothing then, 640x480 took several times as long.
pub const SHARED_PIXELS: usize = 1 << 21;

/// Threads that may take part in the decode of one image.
pub trait Workers {
    /// How many work at once, that of the caller included.
    fn count(&self) -> usize;

    /// Calls `job` with 0 to `total - 1`, on any threads, and returns when all calls have. Calls that cannot be made may
    /// be left out: the image is then decoded by the caller alone.
    fn run(&self, total: usize, job: &(dyn Fn(usize) + Sync));
}
