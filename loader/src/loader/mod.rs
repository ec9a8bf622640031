//! Many images on many threads, as batches.

mod batch;
mod buffers;
mod builder;
mod job;
mod opened;
mod order;
mod queue;

use std::fmt;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

pub use batch::{Batch, Item};
pub use builder::LoaderBuilder;
pub use order::Order;
pub use queue::Usage;

use crate::Source;
use queue::Queue;

/// Reads and decodes images on its own threads and yields them as [`Batch`]es.
///
/// A batch is begun when the consumer has taken an earlier one, so the consumer's pace bounds the memory:
/// see [`LoaderBuilder::queue_images`] and [`LoaderBuilder::queue_bytes`]. Every source arrives exactly once,
/// as pixels or as an error, in the batch of its neighbours. Dropping the loader stops its threads after the
/// image that each one is at.
pub struct Loader {
    queue: Arc<Queue>,
    sources: Box<dyn Iterator<Item = Source> + Send>,
    batch_size: usize,
    exhausted: bool,
    begun: u64,
    taken: u64,
}

impl Loader {
    /// A loader with default settings, to be changed.
    pub fn builder() -> LoaderBuilder {
        LoaderBuilder::default()
    }

    /// What the loader holds at this moment and held at most.
    pub fn usage(&self) -> Usage {
        self.queue.usage()
    }

    /// What [`Iterator::next`] gives, or [`Poll::Pending`] where no batch is ready after `most`: for a caller that has something else
    /// to look after. Sources are drawn from before the wait, so an iterator that blocks is not bounded by it.
    pub fn next_within(&mut self, most: Duration) -> Poll<Option<Batch>> {
        self.polled(Instant::now().checked_add(most))
    }

    fn polled(&mut self, end: Option<Instant>) -> Poll<Option<Batch>> {
        self.begin_batches();
        if self.taken == self.begun {
            return Poll::Ready(None);
        }
        let Some(batch) = self.queue.take(end) else {
            return Poll::Pending;
        };
        self.taken += 1;
        self.begin_batches();
        Poll::Ready(Some(batch))
    }

    fn begin_batches(&mut self) {
        while !self.exhausted && (self.begun - self.taken) < self.queue.max_batches() {
            let sources: Vec<Source> = self.sources.by_ref().take(self.batch_size).collect();
            self.exhausted = sources.len() < self.batch_size;
            if sources.is_empty() {
                return;
            }
            self.queue.begin(self.begun, sources);
            self.begun += 1;
        }
    }
}

impl Iterator for Loader {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        loop {
            // Without an end, it waits for the batch.
            if let Poll::Ready(batch) = self.polled(None) {
                return batch;
            }
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.queue.cancel();
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("begun", &self.begun)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// A file whose bytes come when they are sent.
    struct Late(Receiver<u8>);

    impl Read for Late {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let byte = self.0.recv().ok();
            Ok(byte.zip(buffer.first_mut()).map_or(0, |(byte, place)| {
                *place = byte;
                1
            }))
        }
    }

    #[test]
    fn a_batch_that_is_late_is_pending() {
        let (send, receive) = channel();
        let sources = vec![Source::reader("late", Late(receive))];
        let mut loader = Loader::builder().threads(1).build(sources).unwrap();
        for _ in 0..3 {
            assert!(loader.next_within(Duration::from_millis(5)).is_pending());
        }
        drop(send);
        let Poll::Ready(Some(batch)) = loader.next_within(Duration::from_secs(60)) else {
            panic!("no batch");
        };
        assert!(batch.items()[0].size.is_err());
        assert!(matches!(loader.next_within(Duration::ZERO), Poll::Ready(None)));
        assert!(loader.next().is_none());
    }

    /// A service hands loaders and batches to other threads.
    #[test]
    fn loaders_and_batches_move_between_threads() {
        fn moves<T: Send + 'static>() {}
        moves::<Loader>();
        moves::<Batch>();
        moves::<crate::ImageError>();
    }

    /// Nothing of a loader outlives it: neither its threads nor its buffers.
    #[test]
    fn a_dropped_loader_frees_everything() {
        let image = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/jpeg/gray.jpg");
        for taken in [0, 1, 5] {
            let sources: Vec<Source> = (0..20).map(|_| Source::path(image)).collect();
            let mut loader = Loader::builder().threads(2).batch_size(4).build(sources).unwrap();
            assert_eq!(loader.by_ref().take(taken).count(), taken);
            let queue = Arc::downgrade(&loader.queue);
            drop(loader);
            let end = Instant::now() + Duration::from_secs(5);
            while queue.strong_count() > 0 {
                assert!(Instant::now() < end, "{} owners are left", queue.strong_count());
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}
