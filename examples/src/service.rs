//! The service as a whole: start, serve, stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use prep_onnx_pipeline::{Error, Result};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::batcher::{Batcher, Rule};
use crate::budget::Budget;
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
    /// How long a body may take to arrive; a slower one is answered 408.
    pub read: Duration,
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
            read: Duration::from_secs(20),
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
    let (batcher, thread) = Batcher::start(model, rule, Arc::clone(&metrics))?;
    let inside = Inside {
        places: Arc::new(Semaphore::new(config.queue.clamp(1, Semaphore::MAX_PERMITS))),
        bodies: Budget::new(config.memory),
        decoder: Decoder::new(config.decode_threads, config.pixels, Budget::new(config.memory))?,
        batcher,
        metrics: Arc::clone(&metrics),
        body: config.body,
        read: config.read,
    };
    let (stopping, mut stopped) = watch::channel(false);
    let stop = async move {
        stop.await;
        // The receiver below lives as long as this future.
        let _ = stopping.send(true);
    };
    let late = async move {
        // An error means that the service has ended, which the other branch sees.
        if stopped.wait_for(|stopped| *stopped).await.is_ok() {
            tokio::time::sleep(config.drain).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let serving = axum::serve(listener, routes::router(inside)).with_graceful_shutdown(stop);
    tokio::select! {
        ended = serving.into_future() => ended.map_err(|error| Error::new("service", error))?,
        () = late => {
            return Err(Error::new("service", "stopped before all requests were answered")
                .expected_got(format_args!("answers within {:?}", config.drain), "open requests"));
        }
    }
    // The router is gone and with it the last batcher: the thread runs what it has and ends.
    let ended = tokio::task::spawn_blocking(move || thread.join()).await;
    match ended {
        Ok(Ok(())) => Ok(metrics.answers()),
        _ => Err(Error::new("session thread", "stopped with a panic")),
    }
}
