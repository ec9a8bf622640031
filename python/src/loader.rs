//! The threaded loader.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use numpy::{IntoPyArray, PyArray1};
use prep_onnx_loader::{DecodeOptions, Item, Loader as Threaded, Order, Source, Sources};
use prep_onnx_pipeline::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyString};

use crate::error::{OrRaise, exception};

/// How long an interrupt of Python may wait.
const PATIENCE: Duration = Duration::from_millis(50);

/// Batches of decoded images.
#[pyclass(frozen, module = "prep_onnx._native")]
pub(crate) struct Loader {
    loader: Mutex<Option<Threaded>>,
    failed: Failed,
}

/// Why the sources ended early.
type Failed = Arc<Mutex<Option<PyErr>>>;

/// Id; height and width; the kind of error and its words; height and width in the file.
type Fate = (
    String,
    Option<(usize, usize)>,
    Option<(&'static str, String)>,
    Option<(usize, usize)>,
);

/// Position, pixels, shapes and the fate of each source.
type Parts<'py> = (
    u64,
    Bound<'py, PyArray1<u8>>,
    Bound<'py, PyArray1<i64>>,
    Vec<Fate>,
);

#[pymethods]
impl Loader {
    /// `sources` iterates over str (a file, folder, pattern), paths, bytes, and pairs of an id and one of these.
    #[new]
    #[pyo3(signature = (sources, *, batch_size, threads=None, in_order=true, exif_transpose=true, queue_images=None, queue_bytes=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        sources: &Bound<'_, PyAny>,
        batch_size: usize,
        threads: Option<usize>,
        in_order: bool,
        exif_transpose: bool,
        queue_images: Option<usize>,
        queue_bytes: Option<u64>,
    ) -> PyResult<Self> {
        let failed = Failed::default();
        let drawn = Drawn {
            iterator: sources.try_iter()?.unbind(),
            current: None,
            index: 0,
            failed: failed.clone(),
        };
        let order = if in_order { Order::Kept } else { Order::AsCompleted };
        let mut builder = Threaded::builder()
            .batch_size(batch_size)
            .order(order)
            .decode(DecodeOptions::default().exif_transpose(exif_transpose));
        if let Some(threads) = threads {
            builder = builder.threads(threads);
        }
        if let Some(images) = queue_images {
            builder = builder.queue_images(images);
        }
        if let Some(bytes) = queue_bytes {
            builder = builder.queue_bytes(bytes);
        }
        let loader = builder
            .build(drawn)
            .map_err(|error| error.or_kind(ErrorKind::Usage))
            .or_raise(py)?;
        Ok(Self {
            loader: Mutex::new(Some(loader)),
            failed,
        })
    }

    /// The next batch; `None` at the end.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Parts<'py>>> {
        let wait = || {
            let mut loader = locked(&self.loader);
            let polled = loader.as_mut().map(|loader| loader.next_within(PATIENCE));
            polled.unwrap_or(Poll::Ready(None))
        };
        let batch = loop {
            match py.detach(wait) {
                Poll::Ready(batch) => break batch,
                // Before a batch that took long: it would be lost with one that is there.
                Poll::Pending => py.check_signals()?,
            }
        };
        if let Some(error) = locked(&self.failed).take() {
            return Err(error);
        }
        let Some(batch) = batch else {
            return Ok(None);
        };
        let index = batch.index();
        let (items, shapes, pixels) = batch.into_parts();
        let fates = items.into_iter().map(fate).collect();
        Ok(Some((
            index,
            pixels.into_pyarray(py),
            shapes.into_pyarray(py),
            fates,
        )))
    }

    /// Stops the threads after the image that each one is at.
    fn close(&self, py: Python<'_>) {
        let loader = py.detach(|| locked(&self.loader).take());
        drop(loader);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fate(item: Item) -> Fate {
    let (size, error) = match item.size {
        Ok(size) => (Some(size), None),
        Err(error) => (None, Some((error.kind().as_str(), words(&Error::from(error))))),
    };
    (item.id, size, error, item.original)
}

fn words(error: &Error) -> String {
    format!("{error:?}")
}

/// Sources as an iterator of Python gives them, one by one.
struct Drawn {
    iterator: Py<PyIterator>,
    current: Option<Sources>,
    index: usize,
    failed: Failed,
}

impl Iterator for Drawn {
    type Item = Source;

    fn next(&mut self) -> Option<Source> {
        loop {
            if let Some(source) = self.current.as_mut().and_then(Iterator::next) {
                return Some(source);
            }
            self.current = None;
            let drawn = Python::attach(|py| {
                let next = self.iterator.bind(py).clone().next();
                let sources = next.map(|item| item.and_then(|item| sources(&item, self.index)));
                sources.transpose()
            });
            match drawn {
                Ok(sources) => self.current = Some(sources?),
                Err(error) => {
                    *locked(&self.failed) = Some(error);
                    return None;
                }
            }
            self.index += 1;
        }
    }
}

/// What an item stands for.
fn sources(item: &Bound<'_, PyAny>, index: usize) -> PyResult<Sources> {
    let py = item.py();
    if let Ok((id, inner)) = item.extract::<(String, Bound<'_, PyAny>)>() {
        let source = one(&inner, &id)?;
        return Ok(Sources::new().then([source.with_id(id)]));
    }
    if let Ok(text) = item.cast::<PyString>() {
        return Sources::new()
            .expand(&text.extract::<std::ffi::OsString>()?)
            .or_raise(py);
    }
    if let Ok(path) = item.extract::<std::path::PathBuf>()
        && path.is_dir()
    {
        return Ok(Sources::new().directory(path));
    }
    Ok(Sources::new().then([one(item, &index.to_string())?]))
}

/// A path or bytes.
fn one(item: &Bound<'_, PyAny>, id: &str) -> PyResult<Source> {
    if let Ok(bytes) = item.cast::<PyBytes>() {
        return Ok(Source::bytes(id, bytes.as_bytes()));
    }
    if let Ok(path) = item.extract::<std::path::PathBuf>() {
        return Ok(Source::path(path));
    }
    let kind = item.get_type().name()?;
    let error = Error::new(format_args!("sources: {id}"), "is no source of an image")
        .expected_got(
            "str, a path, bytes, or a pair of an id and one of these",
            kind.to_string(),
        )
        .with_kind(ErrorKind::Usage);
    Err(exception(item.py(), &error))
}
