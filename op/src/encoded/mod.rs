//! Encoded images to finished tensors: decode and preprocessing of one image after the other, on the
//! threads of the host.

mod files;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use prep_onnx_loader::{DecodeOptions, ImageReader, Scratch, Window};
use prep_onnx_pipeline::{Error, FusedPlan, ImageStatus, OnBadImage, Result};

pub use files::Files;

use crate::run::{
    Executor, OutputMut, Pool, Preprocessor, Shape, check_output, checked_shape, fixed_output, grow, places,
};

/// Largest buffer of decoded pixels that a worker keeps between images, in bytes.
const KEPT_PIXELS: usize = 64 << 20;

/// A plan for encoded images made ready to run, as often and from as many threads as wanted.
///
/// Files are decoded as `prep_onnx_loader::decode` does with its default options: the pixels of Pillow,
/// turned upright by EXIF, within the default limits. Of a JPEG only the part that the crop keeps is
/// transformed and converted.
pub struct EncodedPreprocessor {
    preprocessor: Preprocessor,
    on_bad_image: OnBadImage,
    options: DecodeOptions,
    workers: Pool<Worker>,
}

/// Memory of one thread.
#[derive(Default)]
struct Worker {
    scratch: Scratch,
    pixels: Vec<u8>,
}

/// What one image is written to. Only the worker that takes its index locks it.
struct Place<'a> {
    elements: OutputMut<'a>,
    status: ImageStatus,
}

/// Why an image has no tensor.
struct BadImage {
    status: ImageStatus,
    error: Error,
}

impl EncodedPreprocessor {
    /// Prepares a plan.
    ///
    /// # Errors
    /// When the plan cannot be executed, or its output's size depends on the image: images of one call have
    /// one size in the output.
    pub fn new(plan: FusedPlan, on_bad_image: OnBadImage) -> Result<Self> {
        let preprocessor = Preprocessor::new(plan)?;
        let encoded = Self {
            preprocessor,
            on_bad_image,
            options: DecodeOptions::default(),
            workers: Pool::new(),
        };
        encoded.shape(0)?;
        Ok(encoded)
    }

    /// What is executed.
    pub fn plan(&self) -> &FusedPlan {
        self.preprocessor.plan()
    }

    fn shape(&self, images: usize) -> Result<Shape> {
        checked_shape(self.plan(), images, fixed_output(self.plan())?)
    }

    /// Checks the input and gives the extents of its output. Nothing is decoded yet.
    ///
    /// # Errors
    /// Names the input, and the expected and the actual shape or length.
    pub fn output_shape(&self, files: &Files<'_>) -> Result<Shape> {
        self.shape(files.check()?.len())
    }

    /// Decodes and preprocesses each file into its place of the output, whose extents are those of
    /// [`EncodedPreprocessor::output_shape`], and sets its element of `status`.
    ///
    /// With [`OnBadImage::Zero`] a file that cannot be read leaves zeros and a status other than
    /// [`ImageStatus::Good`].
    ///
    /// # Errors
    /// Names the input or output that does not fit; with [`OnBadImage::Fail`] the first file that cannot be
    /// read, with its index and the reason.
    pub fn run(
        &self,
        files: &Files<'_>,
        output: OutputMut<'_>,
        status: Option<&mut [i64]>,
        executor: &dyn Executor,
    ) -> Result<()> {
        let files = files.check()?;
        let shape = self.shape(files.len())?;
        let mut output = output;
        check_output(self.plan().dtype, shape, &mut output)?;
        if let Some(status) = &status
            && status.len() != files.len()
        {
            return Err(Error::new("status", "has another length").expected_got(files.len(), status.len()));
        }
        let statuses = self.run_checked(&files, output, shape, executor)?;
        for (code, image) in status.into_iter().flatten().zip(statuses) {
            *code = image.code();
        }
        Ok(())
    }

    fn run_checked(
        &self,
        files: &[&[u8]],
        output: OutputMut<'_>,
        shape: Shape,
        executor: &dyn Executor,
    ) -> Result<Vec<ImageStatus>> {
        let size = shape.extents.iter().skip(1).product();
        let places: Vec<_> = places::split(output, size)
            .into_iter()
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
        let work = |_: usize| {
            let mut worker = self.workers.take(Worker::default);
            loop {
                // Relaxed: the executor orders what jobs write before its return.
                let index = next.fetch_add(1, Ordering::Relaxed);
                let (Some(file), Some(place)) = (files.get(index), places.get(index)) else {
                    break;
                };
                if index > first_failed.load(Ordering::Relaxed) {
                    break;
                }
                let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
                let output = places::borrowed(&mut place.elements);
                let Err(bad) = self.run_image(file, output, &mut worker) else {
                    continue;
                };
                match self.on_bad_image {
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
            self.workers.give(worker);
        };
        match executor.threads().min(files.len()) {
            0 => {}
            1 => work(0),
            workers => executor.for_each(workers, &work)?,
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

    fn run_image(
        &self,
        file: &[u8],
        output: OutputMut<'_>,
        Worker { scratch, pixels }: &mut Worker,
    ) -> std::result::Result<(), BadImage> {
        let image = ImageReader::open(file, &self.options)?;
        let part = self.preprocessor.part(image.height(), image.width())?;
        let window = Window {
            rows: part.rows.clone(),
            columns: part.columns.clone(),
        };
        grow(pixels, window.byte_len(), 0).map_err(|error| (ImageStatus::Limit, error))?;
        let needed = &mut pixels[..window.byte_len()];
        image.read_window_into(&window, needed, scratch)?;
        let result = self.preprocessor.run_part(&part, needed, output);
        if pixels.capacity() > KEPT_PIXELS {
            *pixels = Vec::new();
        }
        Ok(result?)
    }
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
