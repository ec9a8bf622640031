//! The service as a whole: start, serve, stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use prep_onnx_pipeline::{Error, Result};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::batcher::{Batcher, Rule};
use crate::budget::Budget;
use crate::connections::{self, Bounds};
use crate::decoding::Decoder;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::routes::{self, Inside};

/// The bounds of the service.
#[derive(Clone, Debug)]
pub struct Config {
    /// Most images inside at once; one more is answered 503.
    pub queue: usize,
    /// Longest body in bytes; a longer one is answered 413.
    pub body: usize,
    /// Bytes of bodies that are in memory at once, and bytes of pixels.
    pub memory: usize,
    /// Largest image, height times width; a larger one is answered 422.
    pub pixels: u64,
    /// Most images of a batch.
    pub batch: usize,
    /// How long the first image of a batch waits for others that are inside.
    pub wait: Duration,
    /// Threads that decode; 0 for one per core.
    pub decode_threads: usize,
    /// Most connections at once. One more closes the older half of those that wait for their clients, and so does a
    /// lack of descriptors.
    pub connections: usize,
    /// How long the head of a request may take to arrive, and how long a connection may be idle; then it is closed.
    pub head: Duration,
    /// How long a body may take to arrive; a slower one is answered 408.
    pub read: Duration,
    /// How long nothing of a body may arrive; then it is answered 408.
    pub pause: Duration,
    /// How long what was taken may take to be answered once the service is to stop.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue: 256,
            body: 16 << 20,
            memory: 512 << 20,
            pixels: 40_000_000,
            batch: 16,
            wait: Duration::from_millis(2),
            decode_threads: 0,
            connections: 1024,
            head: Duration::from_secs(10),
            read: Duration::from_secs(20),
            pause: Duration::from_secs(5),
            drain: Duration::from_secs(30),
        }
    }
}

/// Serves `POST /predict`, `GET /health` and `GET /metrics` until `stop` is done, then takes no more connections
/// and returns the number of answers to `POST /predict` when everything that was taken is answered.
///
/// # Errors
/// Threads that cannot be started; a listener that fails; answers that were not given within
/// [`Config::drain`].
pub async fn serve(
    listener: TcpListener,
    model: Model,
    config: Config,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<u64> {
    let metrics = Arc::new(Metrics::default());
    let rule = Rule {
        images: config.batch.max(1),
        wait: config.wait,
    };
    let plan = model.plan();
    let (batcher, thread) = Batcher::start(model, rule, Arc::clone(&metrics))?;
    let inside = Inside {
        places: Arc::new(Semaphore::new(config.queue.clamp(1, Semaphore::MAX_PERMITS))),
        bodies: Budget::new(config.memory),
        decoder: Decoder::new(config.decode_threads, config.pixels, Budget::new(config.memory))?,
        batcher,
        metrics: Arc::clone(&metrics),
        body: config.body,
        read: config.read,
        pause: config.pause,
        plan,
    };
    let bounds = Bounds {
        most: config.connections,
        head: config.head,
        drain: config.drain,
    };
    if !connections::serve(listener, routes::router(inside), bounds, stop).await {
        return Err(Error::new("service", "stopped before all requests were answered")
            .expected_got(format_args!("answers within {:?}", config.drain), "open requests"));
    }
    // The router is gone and with it the last batcher: the thread runs what it has and ends.
    let ended = tokio::task::spawn_blocking(move || thread.join()).await;
    match ended {
        Ok(Ok(())) => Ok(metrics.answers()),
        _ => Err(Error::new("session thread", "stopped with a panic")),
    }
}
