//! Who works on which rows: image times band of output rows, in contiguous segments with stealing.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use prep_onnx_pipeline::{Error, Result};

/// Runs jobs on threads.
pub trait Executor {
    /// An upper bound of the threads that work at once, at least 1.
    fn threads(&self) -> usize;

    /// Calls `job` with 0 to `total - 1`, each once, on any threads, and returns when all have returned.
    ///
    /// # Errors
    /// When a job could not be run.
    fn for_each(&self, total: usize, job: &(dyn Fn(usize) + Sync)) -> Result<()>;
}

/// Everything on the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequential;

impl Executor for Sequential {
    fn threads(&self) -> usize {
        1
    }

    fn for_each(&self, total: usize, job: &(dyn Fn(usize) + Sync)) -> Result<()> {
        (0..total).for_each(job);
        Ok(())
    }
}

/// A fixed number of threads, started for each call.
#[derive(Clone, Copy, Debug)]
pub struct Threads(pub std::num::NonZero<usize>);

impl Executor for Threads {
    fn threads(&self) -> usize {
        self.0.get()
    }

    fn for_each(&self, total: usize, job: &(dyn Fn(usize) + Sync)) -> Result<()> {
        std::thread::scope(|scope| {
            let mut started = Vec::with_capacity(total.saturating_sub(1));
            // What the system has no thread for runs here.
            let mut here = Vec::from_iter((total > 0).then_some(0));
            for index in 1..total {
                match std::thread::Builder::new().spawn_scoped(scope, move || job(index)) {
                    Ok(thread) => started.push(thread),
                    Err(_) => here.push(index),
                }
            }
            here.into_iter().for_each(job);
            // The scope waits for the closures alone. Joined threads are gone, and with them all that the library has
            // on their stacks when a host unloads it.
            for thread in started {
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
        Ok(())
    }
}

/// Calls `job` with 0 to `total - 1`, each once, as threads become free.
///
/// # Errors
/// That of some job that failed; those after it may not have run.
pub(crate) fn each(
    total: usize,
    executor: &dyn Executor,
    job: impl Fn(usize) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<Error>> = Mutex::new(None);
    let work = |_: usize| {
        loop {
            // Relaxed: the executor orders what jobs write before its return.
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= total {
                break;
            }
            if let Err(error) = job(index) {
                next.store(total, Ordering::Relaxed);
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        }
    };
    match executor.threads().min(total) {
        0 => {}
        1 => work(0),
        workers => executor.for_each(workers, &work)?,
    }
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Calls `band` with ranges of the output rows of one image, each row once, on as many threads as there are. Each thread takes what
/// neighbouring ranges reuse, and gives it back.
///
/// # Errors
/// That of some range that failed.
pub(crate) fn bands<S>(
    rows: usize,
    executor: &dyn Executor,
    (take, give): (impl Fn() -> S + Sync, impl Fn(S) + Sync),
    band: impl Fn(&mut S, Range<usize>) -> Result<()> + Sync,
) -> Result<()> {
    let schedule = Schedule::new(1, rows, executor.threads().max(1));
    if schedule.workers() == 1 {
        let mut scratch = take();
        let result = band(&mut scratch, 0..rows);
        give(scratch);
        return result;
    }
    let mut cursors = Vec::new();
    schedule.start(&mut cursors);
    let failed: Mutex<Option<Error>> = Mutex::new(None);
    executor.for_each(schedule.workers(), &|worker| {
        let mut scratch = take();
        schedule.drain(&cursors, worker, |_, rows| {
            if let Err(error) = band(&mut scratch, rows) {
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        });
        give(scratch);
    })?;
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The fewest output rows of a band: below, the rows that two bands both resize weigh too much.
pub(crate) const LEAST_ROWS: usize = 16;

/// Bands per thread, so that threads of uneven speed finish together.
pub(crate) const BANDS_PER_THREAD: usize = 4;

/// The fewest bands of an image on several threads: the one that is done first helps with a part of the last image, and does not wait
/// for all of it. Bands that follow each other on a thread cost nothing.
const BANDS_PER_IMAGE: usize = 4;

/// A partition of the output rows of all images.
///
/// Each worker drains its own segment of neighbouring bands, then helps with the next ones. A worker
/// that goes on with the following band of an image keeps its intermediate rows, so one thread alone
/// resizes no row twice.
pub(crate) struct Schedule {
    bands: usize,
    bands_per_image: usize,
    rows: usize,
    segments: usize,
}

impl Schedule {
    pub(crate) fn new(images: usize, rows: usize, threads: usize) -> Self {
        let wanted = if threads > 1 {
            BANDS_PER_IMAGE.max((threads * BANDS_PER_THREAD).div_ceil(images.max(1)))
        } else {
            1
        };
        let bands_per_image = wanted.min(rows / LEAST_ROWS).max(1);
        let bands = images * bands_per_image;
        Self {
            bands,
            bands_per_image,
            rows,
            segments: threads.min(bands),
        }
    }

    /// How many workers there should be.
    pub(crate) fn workers(&self) -> usize {
        self.segments
    }

    /// Makes `cursors` ready for a run.
    pub(crate) fn start(&self, cursors: &mut Vec<AtomicUsize>) {
        cursors.clear();
        cursors.extend((0..self.segments).map(|segment| AtomicUsize::new(self.segment(segment).start)));
    }

    /// Calls `band` with the image and the output rows of every band that worker `worker` gets hold of.
    pub(crate) fn drain(
        &self,
        cursors: &[AtomicUsize],
        worker: usize,
        mut band: impl FnMut(usize, Range<usize>),
    ) {
        for step in 0..self.segments {
            let segment = (worker + step) % self.segments;
            let end = self.segment(segment).end;
            loop {
                // Relaxed: the executor orders what the bands write before its return.
                let at = cursors[segment].fetch_add(1, Ordering::Relaxed);
                if at >= end {
                    break;
                }
                let (image, index) = (at / self.bands_per_image, at % self.bands_per_image);
                let row = |index: usize| index * self.rows / self.bands_per_image;
                band(image, row(index)..row(index + 1));
            }
        }
    }

    fn segment(&self, index: usize) -> Range<usize> {
        let bound = |index: usize| index * self.bands / self.segments;
        bound(index)..bound(index + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_one_workers_and_bands_are_small() {
        for images in [1, 2, 3, 32, 33] {
            for rows in [1, 15, 16, 33, 224, 1000] {
                for threads in [1, 2, 3, 8, 64] {
                    let schedule = Schedule::new(images, rows, threads);
                    assert!(schedule.workers() <= threads);
                    let mut cursors = Vec::new();
                    schedule.start(&mut cursors);
                    let seen: Vec<Vec<_>> = (0..images)
                        .map(|_| (0..rows).map(|_| AtomicUsize::new(0)).collect())
                        .collect();
                    let work = |worker: usize| {
                        schedule.drain(&cursors, worker, |image, band| {
                            if threads > 1 && rows >= 2 * LEAST_ROWS {
                                assert!(band.len() <= rows.div_ceil(2), "{images} {rows} {threads}");
                            }
                            for row in band {
                                seen[image][row].fetch_add(1, Ordering::Relaxed);
                            }
                        });
                    };
                    std::thread::scope(|scope| {
                        (0..schedule.workers()).for_each(|worker| {
                            drop(scope.spawn({
                                let work = &work;
                                move || work(worker)
                            }))
                        });
                    });
                    assert!(
                        seen.iter()
                            .flatten()
                            .all(|times| times.load(Ordering::Relaxed) == 1)
                    );
                }
            }
        }
    }
}
