//! Files one after the other, on the threads of the host.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use prep_onnx_loader::{ImageReader, SHARED_PIXELS, Scratch, Window, Workers};
use prep_onnx_pipeline::{Error, ImageStatus, OnBadImage, Result};

use crate::run::{Executor, OutputMut, Pool, Sequential, places};

/// Largest buffer of decoded pixels that a worker keeps between images, in bytes.
const KEPT_PIXELS: usize = 64 << 20;

/// Memory of one thread.
#[derive(Default)]
pub(super) struct Worker {
    pub(super) scratch: Scratch,
    pub(super) pixels: Vec<u8>,
}

/// What one image is written to. Only the worker that takes its index locks it.
struct Place<'a> {
    elements: OutputMut<'a>,
    status: ImageStatus,
}

/// Why an image has no tensor.
pub(super) struct BadImage {
    pub(super) status: ImageStatus,
    pub(super) error: Error,
}

/// The threads of the host, for one image.
struct Helpers<'a>(&'a dyn Executor);

impl Workers for Helpers<'_> {
    fn count(&self) -> usize {
        self.0.threads()
    }

    fn run(&self, total: usize, job: &(dyn Fn(usize) + Sync)) {
        // What is left out, the decoder sees.
        let _ = self.0.for_each(total, job);
    }
}

/// Decodes a part of an image, on the threads of the host where that pays.
pub(super) fn decode(
    image: ImageReader<'_>,
    part: &Window,
    pixels: &mut [u8],
    scratch: &mut Scratch,
    executor: &dyn Executor,
) -> std::result::Result<(), BadImage> {
    if image.height() * image.width() < SHARED_PIXELS {
        return Ok(image.read_window_into(part, pixels, scratch)?);
    }
    Ok(image.read_window_shared(part, pixels, scratch, &Helpers(executor))?)
}

/// Calls `run` with each file's index, its place and the threads for it: all of them where there is one file. Gives the
/// status of each.
///
/// # Errors
/// With [`OnBadImage::Fail`] that of the first file that cannot be read, with its index.
pub(super) fn each_file(
    files: &[&[u8]],
    places: Vec<OutputMut<'_>>,
    on_bad_image: OnBadImage,
    (workers, executor): (&Pool<Worker>, &dyn Executor),
    run: impl Fn(usize, OutputMut<'_>, &mut Worker, &dyn Executor) -> std::result::Result<(), BadImage> + Sync,
) -> Result<Vec<ImageStatus>> {
    let places: Vec<_> = (places.into_iter())
        .map(|elements| {
            Mutex::new(Place {
                elements,
                status: ImageStatus::Good,
            })
        })
        .collect();
    let next = AtomicUsize::new(0);
    // The first image that cannot be read. Those behind it need not be read any more.
    let failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let first_failed = AtomicUsize::new(usize::MAX);
    let work = |of_one: &dyn Executor| {
        let mut worker = workers.take(Worker::default);
        loop {
            // Relaxed: the executor orders what jobs write before its return.
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = places.get(index) else {
                break;
            };
            if index > first_failed.load(Ordering::Relaxed) {
                break;
            }
            let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
            let result = run(index, places::borrowed(&mut place.elements), &mut worker, of_one);
            if worker.pixels.capacity() > KEPT_PIXELS {
                worker.pixels = Vec::new();
            }
            let Err(bad) = result else {
                continue;
            };
            match on_bad_image {
                OnBadImage::Zero => {
                    places::zero(&mut place.elements);
                    place.status = bad.status;
                }
                OnBadImage::Fail => {
                    first_failed.fetch_min(index, Ordering::Relaxed);
                    let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    if failed.as_ref().is_none_or(|(first, _)| index < *first) {
                        *failed = Some((index, bad.error));
                    }
                }
            }
        }
        workers.give(worker);
    };
    match executor.threads().min(files.len()) {
        0 => {}
        1 if files.len() == 1 => work(executor),
        1 => work(&Sequential),
        count => executor.for_each(count, &|_| work(&Sequential))?,
    }
    if let Some((index, error)) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error.within(format_args!("bytes[{index}]")));
    }
    let status = |place: Mutex<Place<'_>>| {
        let place = place.into_inner().unwrap_or_else(PoisonError::into_inner);
        place.status
    };
    Ok(places.into_iter().map(status).collect())
}

impl From<(ImageStatus, Error)> for BadImage {
    fn from((status, error): (ImageStatus, Error)) -> Self {
        Self { status, error }
    }
}

impl From<prep_onnx_loader::ImageError> for BadImage {
    fn from(error: prep_onnx_loader::ImageError) -> Self {
        Self {
            status: error.kind().status(),
            error: error.into(),
        }
    }
}
