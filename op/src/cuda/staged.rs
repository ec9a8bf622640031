//! A plan of version 2 on the GPU.

use prep_onnx_pipeline::plan::{ImageGeometry, OverviewPlace};
use prep_onnx_pipeline::{OutputKind, Plan, Result};

use super::context::Context;
use super::driver::DeviceAddress;
use super::engine::{Between, Target};
use super::host::{OnHost, through_device};
use super::place::{mask, store};
use super::preprocessor::{DeviceImages, Stream, apart};
use super::route::without_kernel;
use super::tensor::{OfCall, Part, Tensor};
use crate::run::{Executor, ImageShapes, Images, OutputMut, Sequential};
use crate::staged::{ExtraMut, StagedCall, extras};

/// A plan of any version made ready to run on GPUs, as often and from as many threads as wanted.
///
/// The first call with a new image size allocates, copies and waits; later ones only launch. So run once with the same sizes before
/// a CUDA graph is captured. A plan that [`without_kernel`] names something of is computed on the CPU, with copies and waits.
pub struct StagedPreprocessor {
    plan: Plan,
    way: Way,
}

enum Way {
    Kernels(Box<Tensor>),
    /// The tiles and the picture of the whole.
    Parts(Box<[Tensor; 2]>),
    Host(Box<OnHost>),
}

impl StagedPreprocessor {
    /// Prepares `plan`. Needs no GPU yet.
    ///
    /// # Errors
    /// When the plan cannot be executed.
    pub fn new(plan: Plan) -> Result<Self> {
        plan.check()?;
        let way = match (without_kernel(&plan), plan.overview_alone()) {
            (Some(what), _) => Way::Host(Box::new(OnHost::new(plan.clone(), what)?)),
            (None, None) => Way::Kernels(Box::new(Tensor::new(plan.clone()))),
            (None, Some(whole)) => {
                Way::Parts(Box::new([Tensor::new(plan.tiles_alone()), Tensor::new(whole)]))
            }
        };
        Ok(Self { plan, way })
    }

    /// What is executed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Checks the input and gives the extents of all outputs.
    ///
    /// # Errors
    /// Names the input, and the expected and the actual shape.
    pub fn call(&self, shapes: &ImageShapes<'_>) -> Result<StagedCall> {
        StagedCall::new(&self.plan, shapes)
    }

    /// Puts the work of `call`, which [`StagedPreprocessor::call`] made of the same shapes, on `stream`, in the context that is
    /// current on this thread, else in the stream's, and returns without waiting for it. `extras` are the outputs of the plan
    /// besides the tensor, in their order; 0 for one that nobody uses. What has no kernel is computed by `executor`, and waited for.
    ///
    /// # Errors
    /// Names what does not fit, or the driver's call that failed and its result.
    ///
    /// # Safety
    /// `stream` is null or alive, and belongs to the context. Until its work is done, `images.pixels` is device memory with the
    /// elements that the shapes describe, and the outputs are device memory for the extents that `call` says and the plan's
    /// types, aligned to them.
    pub unsafe fn launch(
        &self,
        images: &DeviceImages<'_>,
        call: &StagedCall,
        tensor: DeviceAddress,
        extras: &[DeviceAddress],
        stream: Stream,
        executor: &dyn Executor,
    ) -> Result<()> {
        if let ImageShapes::List(_) = images.shapes {
            return Err(apart());
        }
        if call.images().is_empty() {
            return Ok(());
        }
        // SAFETY: promised by the caller.
        let context = unsafe { Context::current(stream.0) }?;
        let target = Target {
            context: &context,
            stream: stream.0,
        };
        let batch = matches!(images.shapes, ImageShapes::Batch { .. });
        let between = Between {
            pixels: images.pixels,
            output: tensor,
        };
        let list: Vec<OfCall<'_>> = (call.images().iter())
            .map(|image| OfCall {
                geometry: &image.geometry,
                start: image.bytes.start,
            })
            .collect();
        let stride = call.elements_of_image();
        let whole = Part { before: 0, stride };
        match &self.way {
            // SAFETY: promised by the caller.
            Way::Kernels(of) => unsafe { of.run(target, between, &list, batch, whole) }?,
            Way::Parts(parts) => {
                // SAFETY: promised by the caller.
                unsafe { self.run_parts(parts, target, between, &list, batch, stride) }?;
            }
            Way::Host(host) => {
                // SAFETY: promised by the caller.
                return unsafe { host.run(target, images, call, tensor, extras, executor) };
            }
        }
        // SAFETY: promised by the caller.
        unsafe { self.write_extras(target, call, extras) }
    }

    /// # Safety
    /// As for [`StagedPreprocessor::launch`].
    unsafe fn run_parts(
        &self,
        [tiles, picture]: &[Tensor; 2],
        target: Target<'_>,
        between: Between,
        list: &[OfCall<'_>],
        batch: bool,
        stride: usize,
    ) -> Result<()> {
        let Some(first) = list.first() else {
            return Ok(());
        };
        let elements: usize = tiles.plan.output_shape(1, first.geometry.output).iter().product();
        let rest = stride.saturating_sub(elements);
        let place = self.plan.overview.as_ref().map(|overview| overview.place);
        let before = match place {
            Some(OverviewPlace::First) => (rest, 0),
            Some(OverviewPlace::Last) | None => (0, elements),
        };
        let part = |before: usize| Part { before, stride };
        // SAFETY: promised by the caller.
        unsafe { tiles.run(target, between, list, batch, part(before.0)) }?;
        if rest == 0 {
            return Ok(());
        }
        let geometries = (list.iter())
            .map(|image| {
                picture
                    .plan
                    .geometry(image.geometry.image.0, image.geometry.image.1)
            })
            .collect::<Result<Vec<_>>>()?;
        let pictures: Vec<_> = (list.iter().zip(&geometries))
            .map(|(image, geometry)| OfCall {
                geometry,
                start: image.start,
            })
            .collect();
        // SAFETY: promised by the caller.
        unsafe { picture.run(target, between, &pictures, batch, part(before.1)) }
    }

    /// # Safety
    /// As for [`StagedPreprocessor::launch`].
    unsafe fn write_extras(
        &self,
        target: Target<'_>,
        call: &StagedCall,
        addresses: &[DeviceAddress],
    ) -> Result<()> {
        for ((kind, extents), output) in call.shape().extras.iter().zip(addresses) {
            if *output == 0 {
                continue;
            }
            let size: usize = extents.iter().skip(1).product();
            let of_all = |row: &mut dyn FnMut(&ImageGeometry)| {
                call.images().iter().for_each(|image| row(&image.geometry));
            };
            let mut words: Vec<u32> = Vec::new();
            match kind {
                OutputKind::Mask => {
                    let mut inners = Vec::new();
                    of_all(&mut |geometry| inners.push(geometry.inner()));
                    let canvas = call
                        .images()
                        .first()
                        .map_or((0, 0), |image| image.geometry.output);
                    // SAFETY: promised by the caller.
                    unsafe { mask(target, *output, canvas, &inners) }?;
                }
                OutputKind::Geometry => {
                    let mut row = vec![0.0; size];
                    of_all(&mut |geometry| {
                        let mut elements = ExtraMut::Float32(&mut row);
                        extras::write(&self.plan, *kind, 0, Some(geometry), extents, &mut elements);
                        words.extend(row.iter().map(|value| value.to_bits()));
                    });
                }
                OutputKind::Sizes | OutputKind::Grid => {
                    let mut row = vec![0; size];
                    of_all(&mut |geometry| {
                        let mut elements = ExtraMut::Int64(&mut row);
                        extras::write(&self.plan, *kind, 0, Some(geometry), extents, &mut elements);
                        // The lower half first, as on every machine with CUDA.
                        words.extend(
                            row.iter()
                                .flat_map(|value| [*value as u32, (*value >> 32) as u32]),
                        );
                    });
                }
                // Not among what a plan asks for.
                OutputKind::Tensor | OutputKind::Status => {}
            }
            // SAFETY: promised by the caller.
            unsafe { store(target, *output, &words) }?;
        }
        Ok(())
    }
}

impl StagedPreprocessor {
    /// Runs on host memory: copies the images to the GPU, the outputs back, and waits.
    ///
    /// # Errors
    /// As [`StagedPreprocessor::launch`], and when an output does not fit.
    pub fn run(
        &self,
        images: &Images<'_>,
        call: &StagedCall,
        tensor: OutputMut<'_>,
        extras: &mut [ExtraMut<'_>],
    ) -> Result<()> {
        through_device(images, call, &self.plan, tensor, extras, |on, to, more| {
            let stream = Stream(std::ptr::null_mut());
            // SAFETY: the buffers were just allocated with the lengths of `call`, and live until the downloads, which wait.
            unsafe { self.launch(on, call, to, more, stream, &Sequential) }
        })
    }
}
