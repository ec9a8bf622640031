//! Encoded images to finished tensors: decode and preprocessing of one image after the other, on the
//! threads of the host.

mod each;
mod files;
mod staged;

use prep_onnx_loader::{DecodeOptions, ImageReader, Window};
use prep_onnx_pipeline::{Error, FusedPlan, ImageStatus, OnBadImage, Result};

use each::{BadImage, Worker, each_file};
pub use files::Files;
pub(crate) use staged::StagedFiles;

use crate::run::{
    Executor, OutputMut, Pool, Preprocessor, Shape, check_output, checked_shape, fixed_output, grow, places,
};

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
        let size = shape.extents.iter().skip(1).product();
        let statuses = each_file(
            &files,
            places::split(output, size),
            self.on_bad_image,
            (&self.workers, executor),
            |index, output, worker, executor| self.run_image(files[index], output, worker, executor),
        )?;
        for (code, image) in status.into_iter().flatten().zip(statuses) {
            *code = image.code();
        }
        Ok(())
    }

    fn run_image(
        &self,
        file: &[u8],
        output: OutputMut<'_>,
        Worker { scratch, pixels }: &mut Worker,
        executor: &dyn Executor,
    ) -> std::result::Result<(), BadImage> {
        let image = ImageReader::open(file, &self.options)?;
        let part = self.preprocessor.part(image.height(), image.width())?;
        let window = Window {
            rows: part.rows.clone(),
            columns: part.columns.clone(),
        };
        grow(pixels, window.byte_len(), 0).map_err(|error| (ImageStatus::Limit, error))?;
        let needed = &mut pixels[..window.byte_len()];
        each::decode(image, &window, needed, scratch, executor)?;
        let result = self.preprocessor.run_part(&part, needed, output, executor);
        Ok(result?)
    }
}
