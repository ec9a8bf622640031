//! The settings of a loader.

use std::thread::available_parallelism;

use prep_onnx_pipeline::{Error, Result};

use super::order::Order;
use super::queue::{Queue, Settings};
use super::{Loader, job};
use crate::{DecodeOptions, Source};

/// Settings of a [`Loader`].
#[derive(Debug, Clone)]
pub struct LoaderBuilder {
    threads: Option<usize>,
    batch_size: usize,
    queue_images: Option<usize>,
    queue_bytes: u64,
    order: Order,
    decode: DecodeOptions,
}

impl Default for LoaderBuilder {
    fn default() -> Self {
        Self {
            threads: None,
            batch_size: 32,
            queue_images: None,
            queue_bytes: 1 << 30,
            order: Order::Kept,
            decode: DecodeOptions::default(),
        }
    }
}

impl LoaderBuilder {
    /// Threads that read and decode, at least 1. Default: the cores of the machine.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Sources per batch, at least 1; the last batch may be smaller. Default 32.
    #[must_use]
    pub fn batch_size(mut self, images: usize) -> Self {
        self.batch_size = images;
        self
    }

    /// Images that may be under way or waiting for the consumer, rounded up to whole batches. Default: two
    /// batches, and no fewer than four images per thread.
    #[must_use]
    pub fn queue_images(mut self, images: usize) -> Self {
        self.queue_images = Some(images);
        self
    }

    /// Bytes of pixels that may exist at once, those of the batches that the consumer holds included. A batch
    /// that does not fit waits, except when the consumer waits for just that one. Default 1 GiB.
    #[must_use]
    pub fn queue_bytes(mut self, bytes: u64) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// In which order batches arrive. Default [`Order::Kept`].
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// How images are decoded.
    #[must_use]
    pub fn decode(mut self, options: DecodeOptions) -> Self {
        self.decode = options;
        self
    }

    /// Starts the threads. The sources are drawn by the thread that asks for batches, as room appears.
    ///
    /// # Errors
    /// A setting is zero, or the threads cannot be started.
    pub fn build<S>(self, sources: S) -> Result<Loader>
    where
        S: IntoIterator<Item = Source>,
        S::IntoIter: Send + 'static,
    {
        let threads = self
            .threads
            .unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
        for (name, value) in [
            ("threads", threads),
            ("batch_size", self.batch_size),
            ("queue_images", self.queue_images.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(Error::new(name, "is zero").expected_got("at least 1", 0));
            }
        }
        let queue_images = self
            .queue_images
            .unwrap_or_else(|| (2 * self.batch_size).max(4 * threads));
        let max_batches = queue_images.div_ceil(self.batch_size);
        let settings = Settings {
            max_batches: max_batches as u64,
            max_bytes: self.queue_bytes,
            order: self.order,
            decode: self.decode,
            threads,
            // Enough batches at once that the last image of one leaves no thread without work.
            coordinators: max_batches.min(1 + (2 * threads).div_ceil(self.batch_size)),
        };
        Ok(Loader {
            queue: Queue::start(settings, job::run)?,
            sources: Box::new(sources.into_iter()),
            batch_size: self.batch_size,
            exhausted: false,
            begun: 0,
            taken: 0,
        })
    }
}
