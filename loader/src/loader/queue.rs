//! The bounded queue between the threads and the consumer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use prep_onnx_pipeline::{Error, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::batch::{Batch, Owner};
use super::buffers::Buffers;
use super::opened::{Opened, Work};
use super::order::Order;
use crate::{DecodeOptions, Source};

pub(super) struct Settings {
    /// Batches begun and not yet taken by the consumer.
    pub(super) max_batches: u64,
    /// Bytes of pixels that exist at once.
    pub(super) max_bytes: u64,
    pub(super) order: Order,
    pub(super) decode: DecodeOptions,
    /// Threads of the pool, and batches worked on at once.
    pub(super) threads: usize,
    pub(super) coordinators: usize,
}

/// What a loader holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Usage {
    /// Bytes of pixels in batches under way, waiting, or held by the consumer.
    pub bytes: u64,
    /// The most that `bytes` ever was.
    pub peak_bytes: u64,
}

pub(super) struct Queue {
    threads: ThreadPool,
    settings: Settings,
    state: Mutex<State>,
    /// For the consumer: a batch is ready or waits for room.
    changed: Condvar,
    /// For the coordinators.
    work_or_end: Condvar,
    cancelled: AtomicBool,
    pixels: Buffers,
    files: Buffers,
}

#[derive(Default)]
struct State {
    /// What no coordinator has taken up yet, earliest batch first.
    work: VecDeque<Work>,
    ready: BTreeMap<u64, Batch>,
    /// Batches whose pixels do not fit yet.
    waiting: BTreeMap<u64, Opened>,
    /// Batches under way on the threads, those in `waiting` not counted.
    running: usize,
    /// The batch that the consumer gets next when the order is kept.
    next: u64,
    usage: Usage,
}

impl State {
    fn count(&mut self, bytes: u64) {
        self.usage.bytes += bytes;
        self.usage.peak_bytes = self.usage.peak_bytes.max(self.usage.bytes);
    }
}

impl Queue {
    /// Starts the threads, whose coordinators do each piece of work by `run`.
    pub(super) fn start(settings: Settings, run: fn(&Arc<Self>, Work)) -> Result<Arc<Self>> {
        let cannot = |error: &dyn std::fmt::Display| Error::new("threads", "cannot be started").why(error);
        let pool = ThreadPoolBuilder::new()
            .num_threads(settings.threads)
            .thread_name(|i| format!("prep-onnx-decode-{i}"))
            .build()
            .map_err(|error| cannot(&error))?;
        let coordinators = settings.coordinators;
        let queue = Arc::new(Self {
            threads: pool,
            state: Mutex::default(),
            changed: Condvar::new(),
            work_or_end: Condvar::new(),
            cancelled: AtomicBool::new(false),
            pixels: Buffers::default(),
            files: Buffers::default(),
            settings,
        });
        for i in 0..coordinators {
            let shared = Arc::clone(&queue);
            let builder = std::thread::Builder::new().name(format!("prep-onnx-batch-{i}"));
            if let Err(error) = builder.spawn(move || shared.coordinate(run)) {
                queue.cancel();
                return Err(cannot(&error));
            }
        }
        Ok(queue)
    }

    pub(super) fn options(&self) -> &DecodeOptions {
        &self.settings.decode
    }

    pub(super) fn max_batches(&self) -> u64 {
        self.settings.max_batches
    }

    pub(super) fn threads(&self) -> &ThreadPool {
        &self.threads
    }

    /// A buffer for `bytes` pixels that are counted already; `None` where there is no such memory. Free buffers
    /// give way to them.
    pub(super) fn take_pixels(&self, bytes: usize) -> Option<Vec<u8>> {
        let room = self.settings.max_bytes.saturating_sub(self.usage().bytes);
        self.pixels.take(bytes, room)
    }

    pub(super) fn files(&self) -> &Buffers {
        &self.files
    }

    pub(super) fn usage(&self) -> Usage {
        self.lock().usage
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Nothing more is decoded or kept.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        let mut state = self.lock();
        let dropped = (
            std::mem::take(&mut state.ready),
            std::mem::take(&mut state.waiting),
            std::mem::take(&mut state.work),
        );
        drop(state);
        self.work_or_end.notify_all();
        drop(dropped);
    }

    pub(super) fn begin(&self, index: u64, sources: Vec<Source>) {
        let mut state = self.lock();
        state.running += 1;
        state.work.push_back(Work::Begin { index, sources });
        drop(state);
        self.work_or_end.notify_one();
    }

    fn coordinate(self: &Arc<Self>, run: fn(&Arc<Self>, Work)) {
        while let Some(work) = self.next_work() {
            run(self, work);
        }
    }

    /// The next piece of work; `None` when the loader is gone.
    fn next_work(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if self.is_cancelled() {
                return None;
            }
            if let Some(work) = state.work.pop_front() {
                return Some(work);
            }
            state = self
                .work_or_end
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Counts the bytes of a batch if they fit and gives it back; else keeps it until they do.
    pub(super) fn admit(&self, opened: Opened) -> Option<Opened> {
        let mut state = self.lock();
        if self.fits(&state, &opened) {
            state.count(opened.bytes());
            return Some(opened);
        }
        state.running -= 1;
        state.waiting.insert(opened.index(), opened);
        drop(state);
        self.changed.notify_all();
        None
    }

    pub(super) fn deliver(&self, batch: Batch) {
        let mut state = self.lock();
        state.running -= 1;
        if self.is_cancelled() {
            drop(state);
            return;
        }
        state.ready.insert(batch.index(), batch);
        drop(state);
        self.changed.notify_all();
    }

    /// The next batch; `None` where `end` comes first. The caller knows that one is under way.
    pub(super) fn take(&self, end: Option<Instant>) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            let ready = match self.settings.order {
                Order::Kept => {
                    let next = state.next;
                    state.ready.remove(&next)
                }
                Order::AsCompleted => state.ready.pop_first().map(|(_, batch)| batch),
            };
            if let Some(batch) = ready {
                state.next += 1;
                return Some(batch);
            }
            // What the consumer waits for may not itself wait for the consumer.
            let held_up = match self.settings.order {
                Order::Kept => {
                    let next = state.next;
                    state.waiting.remove(&next)
                }
                Order::AsCompleted if state.running == 0 => {
                    state.waiting.pop_first().map(|(_, opened)| opened)
                }
                Order::AsCompleted => None,
            };
            if let Some(opened) = held_up {
                self.resume(&mut state, opened);
            }
            state = match end.map(|end| end.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return None,
                Some(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn fits(&self, state: &State, opened: &Opened) -> bool {
        state.usage.bytes == 0 || state.usage.bytes.saturating_add(opened.bytes()) <= self.settings.max_bytes
    }

    /// The front of the work: a later batch would wait for this one's bytes.
    fn resume(&self, state: &mut State, opened: Opened) {
        state.count(opened.bytes());
        state.running += 1;
        state.work.push_front(Work::Resume(opened));
        self.work_or_end.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner for Queue {
    /// Takes back the buffer of a batch, and begins what fits now.
    fn release(&self, buffer: Vec<u8>, counted: u64) {
        let mut state = self.lock();
        state.usage.bytes -= counted;
        self.pixels
            .put(buffer, self.settings.max_bytes.saturating_sub(state.usage.bytes));
        while let Some(first) = state.waiting.first_entry() {
            let index = *first.key();
            let opened = first.remove();
            if !self.fits(&state, &opened) {
                state.waiting.insert(index, opened);
                break;
            }
            self.resume(&mut state, opened);
        }
    }
}
