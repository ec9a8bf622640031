//! Encoded images through a plan of version 2: all headers first, since the canvas may follow from all sizes.

use prep_onnx_loader::{DecodeOptions, ImageReader, Window};
use prep_onnx_pipeline::plan::ImageGeometry;
use prep_onnx_pipeline::{Accept, Error, ImageStatus, OnBadImage, Plan, Result};

use super::each::{self, BadImage, Worker, each_file};
use super::files::Files;
use crate::run::{Executor, OutputMut, Pool, grow, places};
use crate::staged::{ExtraMut, StagedPreprocessor, StagedShape, mixed};

/// A plan for encoded images made ready to run.
pub(crate) struct StagedFiles {
    preprocessor: StagedPreprocessor,
    on_bad_image: OnBadImage,
    options: DecodeOptions,
    workers: Pool<Worker>,
}

/// A call whose headers have been read.
pub(crate) struct FilesCall<'a> {
    files: Vec<&'a [u8]>,
    /// The numbers of each image, or why there are none.
    geometries: Vec<std::result::Result<ImageGeometry, BadImage>>,
    shape: StagedShape,
}

impl FilesCall<'_> {
    /// The extents of the outputs.
    pub(crate) fn shape(&self) -> &StagedShape {
        &self.shape
    }
}

impl StagedFiles {
    /// # Errors
    /// When the plan cannot be executed, is not of RGB images, or the size of its output depends on the image.
    pub(crate) fn new(plan: Plan, on_bad_image: OnBadImage) -> Result<Self> {
        mixed(&plan)?;
        if !Accept::Encoded.takes(plan.source) {
            return Err(Error::new("source", "is not what decoding an image gives")
                .expected_got("rgb", plan.source.name()));
        }
        Ok(Self {
            preprocessor: StagedPreprocessor::new(plan)?,
            on_bad_image,
            options: DecodeOptions::default(),
            workers: Pool::new(),
        })
    }

    pub(crate) fn plan(&self) -> &Plan {
        self.preprocessor.plan()
    }

    /// Checks the input and reads the headers. A canvas of the batch is that of the images that have one.
    ///
    /// # Errors
    /// Names the input, and the expected and the actual shape or length; with [`OnBadImage::Fail`] the first file that
    /// cannot be read.
    pub(crate) fn call<'a>(&self, files: &Files<'a>) -> Result<FilesCall<'a>> {
        let files = files.check()?;
        let plan = self.plan();
        let size = |file: &[u8]| -> std::result::Result<(usize, usize), BadImage> {
            let image = ImageReader::open(file, &self.options)?;
            let size = (image.height(), image.width());
            plan.geometry(size.0, size.1)
                .map_err(|error| (ImageStatus::Size, error))?;
            Ok(size)
        };
        let mut sizes = Vec::with_capacity(files.len());
        for (index, file) in files.iter().enumerate() {
            match size(file) {
                Err(bad) if self.on_bad_image == OnBadImage::Fail => {
                    return Err(bad.error.within(format_args!("bytes[{index}]")));
                }
                size => sizes.push(size),
            }
        }
        let canvas = plan.batch_canvas(sizes.iter().filter_map(|size| size.as_ref().ok().copied()))?;
        let geometries: Vec<_> = (sizes.into_iter())
            .map(|size| {
                let (height, width) = size?;
                (plan.geometry_on(height, width, canvas))
                    .and_then(|geometry| plan.form.check_size(geometry.output).map(|()| geometry))
                    .map_err(|error| BadImage::from((ImageStatus::Size, error)))
            })
            .collect();
        let output = plan
            .fixed_output()
            .or(canvas.map(|canvas| canvas.size))
            .unwrap_or_default();
        Ok(FilesCall {
            shape: StagedShape::new(plan, files.len(), output)?,
            files,
            geometries,
        })
    }

    /// Decodes and preprocesses each file into its place of the outputs, whose extents are those of the call.
    ///
    /// With [`OnBadImage::Zero`] a file that cannot be read leaves zeros in all outputs and a status other than
    /// [`ImageStatus::Good`].
    ///
    /// # Errors
    /// Names the output that does not fit; with [`OnBadImage::Fail`] the first file that cannot be read.
    pub(crate) fn run(
        &self,
        call: FilesCall<'_>,
        tensor: OutputMut<'_>,
        extras: &mut [ExtraMut<'_>],
        status: Option<&mut [i64]>,
        executor: &dyn Executor,
    ) -> Result<()> {
        let FilesCall {
            files,
            geometries,
            shape,
        } = call;
        let plan = self.plan();
        let elements: usize = shape.tensor.iter().product();
        let places = places::split(tensor, elements / shape.images.max(1));
        let statuses = each_file(
            &files,
            places,
            self.on_bad_image,
            (&self.workers, executor),
            |index, output, worker, executor| match &geometries[index] {
                Ok(geometry) => self.run_image(files[index], geometry, output, worker, executor),
                Err(bad) => Err(BadImage {
                    status: bad.status,
                    error: bad.error.clone(),
                }),
            },
        )?;
        let good = |index: usize| match statuses.get(index) {
            Some(ImageStatus::Good) => geometries[index].as_ref().ok(),
            Some(_) | None => None,
        };
        let written: Vec<_> = (0..files.len()).map(good).collect();
        shape.write_extras(plan, &written, extras)?;
        for (code, image) in status.into_iter().flatten().zip(statuses) {
            *code = image.code();
        }
        Ok(())
    }

    fn run_image(
        &self,
        file: &[u8],
        geometry: &ImageGeometry,
        output: OutputMut<'_>,
        Worker { scratch, pixels }: &mut Worker,
        executor: &dyn Executor,
    ) -> std::result::Result<(), BadImage> {
        let image = ImageReader::open(file, &self.options)?;
        let length = geometry.image.0 * geometry.image.1 * prep_onnx_pipeline::CHANNELS;
        grow(pixels, length, 0).map_err(|error| (ImageStatus::Limit, error))?;
        let pixels = &mut pixels[..length];
        let whole = Window::whole(geometry.image.0, geometry.image.1);
        each::decode(image, &whole, pixels, scratch, executor)?;
        Ok((self.preprocessor.image(geometry, pixels, output, executor))
            .map_err(|error| (ImageStatus::Limit, error))?)
    }
}
