//! A plan of version 1 on the GPU.

use std::ffi::c_void;

use prep_onnx_pipeline::{Error, FusedPlan, Geometry, Layout, Result};

use super::calls::FormRecord;
use super::context::{Buffer, Context};
use super::driver::DeviceAddress;
use super::engine::{Batch, Between, Engine, Resize, ResizeImage, Target};
use super::rule::Rule;
use crate::run::{Image, ImageShapes, Images, OutputMut, Pixels, Shape, check_output, element_size};

/// A CUDA stream (`CUstream`, which is also `cudaStream_t`); null is the default stream.
#[derive(Clone, Copy, Debug)]
pub struct Stream(pub *mut c_void);

/// Images in device memory.
#[derive(Clone, Copy, Debug)]
pub struct DeviceImages<'a> {
    /// The device address of the uint8 elements.
    pub pixels: DeviceAddress,
    /// The extents, in host memory.
    pub shapes: ImageShapes<'a>,
}

/// A plan made ready to run on GPUs, as often and from as many threads as wanted.
///
/// The first call with a new image size allocates, copies and waits; later ones only launch. So run once
/// with the same sizes before a CUDA graph is captured.
pub struct Preprocessor {
    plan: FusedPlan,
    engine: Engine,
}

impl Preprocessor {
    /// Prepares `plan`. Needs no GPU yet.
    ///
    /// # Errors
    /// When the plan cannot be executed.
    pub fn new(plan: FusedPlan) -> Result<Self> {
        plan.check()?;
        Ok(Self {
            engine: Engine::new(&plan.table(), plan.dtype),
            plan,
        })
    }

    /// What is executed.
    pub fn plan(&self) -> &FusedPlan {
        &self.plan
    }

    /// Checks the input and gives the extents of its output.
    ///
    /// # Errors
    /// Names the input, and the expected and the actual shape.
    pub fn output_shape(&self, shapes: &ImageShapes<'_>) -> Result<Shape> {
        shapes.check(&self.plan, |_| ())
    }

    /// Launches the work on `stream`, in the context that is current on this thread, else in the stream's,
    /// and returns without waiting for it.
    ///
    /// # Errors
    /// Names the input that does not fit, or the driver's call that failed and its result.
    ///
    /// # Safety
    /// `stream` is null or alive, and belongs to the context. Until its work is done, `images.pixels` is
    /// device memory with the elements that the shapes describe, and `output` device memory for
    /// [`Preprocessor::output_shape`] elements of the plan's type, aligned to them.
    pub unsafe fn launch(
        &self,
        images: &DeviceImages<'_>,
        output: DeviceAddress,
        stream: Stream,
    ) -> Result<Shape> {
        if let ImageShapes::List(_) = images.shapes {
            return Err(apart());
        }
        let mut list: Vec<Image> = Vec::new();
        let shape = images.shapes.check(&self.plan, |image| list.push(image))?;
        if shape.extents.contains(&0) {
            return Ok(shape);
        }
        // SAFETY: promised by the caller.
        let context = unsafe { Context::current(stream.0) }?;
        let [_, a, b, c] = shape.extents;
        let elements = (a * b * c) as u64;
        let whole = |index: usize, image: &Image| ResizeImage {
            from: image.start as u64,
            to: index as u64 * elements,
            resize: self.resize(&image.geometry),
        };
        let mut list: Vec<_> = (list.iter().enumerate())
            .map(|(index, image)| whole(index, image))
            .collect();
        let batch = matches!(images.shapes, ImageShapes::Batch { .. }).then_some(Batch {
            images: shape.images,
            from_stride: list.get(1).map_or(1, |second| second.from),
            to_stride: elements,
        });
        if batch.is_some() {
            list.truncate(1);
        }
        let target = Target {
            context: &context,
            stream: stream.0,
        };
        let between = Between {
            pixels: images.pixels,
            output,
        };
        // SAFETY: promised by the caller; the shapes were checked above.
        unsafe {
            self.engine
                .resize(target, between, (self.form(), true), &list, batch)
        }?;
        Ok(shape)
    }

    fn resize(&self, geometry: &Geometry) -> Resize {
        Resize {
            rule: Rule::of_v1(self.plan.resize),
            image: geometry.image,
            resized: geometry.resized,
            vertical_first: geometry.vertical_first,
            // Of what lies outside the resized image the value is that of 0.
            offset: geometry.offset,
            part: geometry.output,
            canvas: geometry.output,
            at: (0, 0),
        }
    }

    fn form(&self) -> FormRecord {
        FormRecord {
            channels: self.plan.channels.map(|channel| channel as i32),
            element_size: element_size(self.plan.dtype) as i32,
            channels_last: (self.plan.layout == Layout::Nhwc).into(),
            ..FormRecord::BYTES
        }
    }

    /// Runs on host memory: copies the images to the GPU, the output back, and waits.
    ///
    /// # Errors
    /// As [`Preprocessor::launch`], and when the output does not fit.
    pub fn run(&self, images: &Images<'_>, mut output: OutputMut<'_>) -> Result<()> {
        let Pixels::Joined(joined) = images.pixels() else {
            return Err(apart());
        };
        let shape = self.output_shape(&images.shapes())?;
        check_output(self.plan.dtype, shape, &mut output)?;
        let (elements, length) = output.elements();
        if length == 0 {
            return Ok(());
        }
        let stream = Stream(std::ptr::null_mut());
        // SAFETY: the null stream needs nothing.
        let context = unsafe { Context::current(stream.0) }?;
        // SAFETY: the context is current.
        let pixels = unsafe { Buffer::with_bytes(&context, joined, stream.0) }?;
        let bytes = length * element_size(self.plan.dtype);
        let result = Buffer::new(&context, bytes)?;
        let device_images = DeviceImages {
            pixels: pixels.address(),
            shapes: images.shapes(),
        };
        // SAFETY: both buffers were just allocated with these lengths, and live until the download, which
        // waits for the stream; `elements` is the output's memory, of this many bytes.
        unsafe {
            self.launch(&device_images, result.address(), stream)?;
            context
                .driver()
                .download(result.address(), elements, bytes, stream.0)
        }
    }
}

/// The error of a list: the images of a launch lie in one buffer.
pub(super) fn apart() -> Error {
    Error::new("images", "are a list, which the GPU does not take")
        .expected_got("a batch, or pixels one after another with their shapes", "a list")
}
