//! From an uploaded file to pixels, on threads of its own.

use std::cell::RefCell;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use prep_onnx_loader::{DecodeOptions, ImageError, ImageReader, Limits, Scratch, decode};
use prep_onnx_pipeline::{Error, Plan, Result as AnyResult};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

use crate::answer::Refusal;
use crate::budget::{Budget, Taken};
use crate::model::Image;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Decodes images; their pixels are within a budget.
pub(crate) struct Decoder {
    pool: ThreadPool,
    options: Arc<DecodeOptions>,
    pixels: Budget,
}

/// A decoded image and its part of the budget.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) image: Image,
    pub(crate) taken: Taken,
}

impl Decoder {
    /// `threads` of 0 is one per core.
    ///
    /// # Errors
    /// Threads that cannot be started.
    pub(crate) fn new(threads: usize, max_pixels: u64, pixels: Budget) -> AnyResult<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("decode-{index}"))
            .build()
            .map_err(|error| Error::new("decode threads", error))?;
        let options = DecodeOptions::default().limits(Limits::default().max_pixels(max_pixels));
        Ok(Self {
            pool,
            options: Arc::new(options),
            pixels,
        })
    }

    /// The pixels of a file. Waits until the budget has room for them.
    pub(crate) async fn decode(&self, file: Bytes, plan: &Plan) -> Result<Decoded, Refusal> {
        let header = file.clone();
        let (height, width) = self
            .on_pool(move |options| {
                let reader = ImageReader::open(&header, options)?;
                Ok((reader.height(), reader.width()))
            })
            .await?;
        plan.geometry(height, width)
            .map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "size", error))?;
        // Twice: a batch is one array, into which its images are copied.
        let bytes = height.saturating_mul(width).saturating_mul(3 * 2);
        let Some(taken) = self.pixels.take(bytes).await else {
            let error = Error::new(
                "image",
                "is larger than all the memory that this service has for pixels",
            )
            .expected_got("a smaller image", format_args!("{width}x{height} pixels"));
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "limit", error));
        };
        let image = self
            .on_pool(move |options| {
                SCRATCH.with_borrow_mut(|scratch| decode(&file, options, scratch, Vec::new()))
            })
            .await?;
        Ok(Decoded {
            image: Image {
                height: image.height,
                width: image.width,
                pixels: image.data,
            },
            taken,
        })
    }

    async fn on_pool<T: Send + 'static>(
        &self,
        work: impl FnOnce(&DecodeOptions) -> Result<T, ImageError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (done, result) = oneshot::channel();
        let options = Arc::clone(&self.options);
        self.pool.spawn(move || {
            // Nobody waits any more where the client has gone.
            let _ = done.send(work(&options));
        });
        match result.await {
            Ok(result) => result.map_err(Refusal::from),
            Err(_) => Err(Refusal::model(Error::new(
                "image",
                "was not decoded: the decoder stopped",
            ))),
        }
    }
}
