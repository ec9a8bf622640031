//! A plan of version 2 on the GPU.

use prep_onnx_pipeline::plan::{Blocks, Fill, ImageGeometry, OverviewPlace, PatchOrder};
use prep_onnx_pipeline::{Layout, OutputKind, Plan, Result};

use super::calls::{FormRecord, MAX_IMAGES};
use super::context::{Context, Scratch};
use super::driver::DeviceAddress;
use super::engine::{Batch, Between, Engine, ResizeImage, Target, bits};
use super::host::{OnHost, through_device};
use super::place::{PlacedImage, mask, place, store};
use super::preprocessor::{DeviceImages, Stream, apart};
use super::route::{Placing, Resizing, Step, steps, swaps_channels, without_kernel};
use crate::run::{Executor, ImageShapes, Images, OutputMut, Sequential, element_size};
use crate::staged::{ExtraMut, StagedCall, extras};

/// Bytes of pictures between steps that one group of images may take on the GPU; one image may take more.
const MOST_SCRATCH: usize = 256 << 20;

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

/// What makes the tensor of a plan without an overview.
struct Tensor {
    plan: Plan,
    engine: Engine,
    /// What the last step makes of pixels; `used` and `all` follow from the call.
    form: FormRecord,
}

/// Where the elements of a part of the tensor of each image are.
#[derive(Clone, Copy)]
struct Part {
    /// Elements before those of the first image.
    before: usize,
    /// Elements from image to image.
    stride: usize,
}

/// An image of a call.
struct OfCall<'a> {
    geometry: &'a ImageGeometry,
    /// Where its bytes begin.
    start: usize,
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

impl Tensor {
    fn new(plan: Plan) -> Self {
        let table = plan.table();
        let mut form = FormRecord {
            outputs: plan.channels() as i32,
            element_size: element_size(plan.form.dtype) as i32,
            channels_last: (plan.form.layout == Layout::Nhwc).into(),
            ..FormRecord::BYTES
        };
        match plan.form.blocks {
            None | Some(Blocks::Frame) => {}
            Some(Blocks::Tiles { height, width, .. }) => {
                form.merge = 1;
                (form.block_height, form.block_width) = (height as i32, width as i32);
            }
            Some(Blocks::Patches {
                size,
                merge,
                repeat,
                order,
                ..
            }) => {
                form.merge = merge as i32;
                (form.block_height, form.block_width) = (size as i32, size as i32);
                form.repeat = repeat as i32;
                form.channels_last = (order == PatchOrder::ChannelsLast).into();
            }
        }
        let swaps = swaps_channels(&plan);
        for (to, channel) in form.channels.iter_mut().zip(&plan.values.channels) {
            *to = if swaps { 2 - *channel } else { *channel } as i32;
        }
        for (out, (to, channel)) in form.around.iter_mut().zip(&plan.values.channels).enumerate() {
            let value = match plan.last_canvas().map(|canvas| canvas.fill) {
                Some(Fill::Color { color }) => table.channel(out)[usize::from(color[*channel])],
                Some(Fill::Value { value }) => value[out] as f32,
                Some(Fill::Mirror { .. }) | None => 0.0,
            };
            *to = bits(plan.form.dtype, value);
        }
        Self {
            engine: Engine::new(&table, plan.form.dtype),
            form,
            plan,
        }
    }

    /// # Safety
    /// As for [`StagedPreprocessor::launch`]; `part` lies in the tensor. Of a batch all images are as the first.
    unsafe fn run(
        &self,
        target: Target<'_>,
        between: Between,
        images: &[OfCall<'_>],
        batch: bool,
        part: Part,
    ) -> Result<()> {
        let Some(first) = images.first() else {
            return Ok(());
        };
        let size = first.geometry.output;
        let mut form = self.form;
        form.used = (size.0 * size.1) as u64 * (form.outputs * form.repeat) as u64;
        form.all = self.plan.output_shape(1, size).iter().product::<usize>() as u64;
        let mut start = 0;
        while start < images.len() {
            let distinct = &images[start..];
            let mut ways: Vec<Vec<Step>> = Vec::new();
            let mut most = 0;
            let mut count = 0;
            for image in distinct {
                let way = if batch && !ways.is_empty() {
                    None
                } else {
                    Some(steps(&self.plan, image.geometry))
                };
                let of = way.as_ref().or(ways.first()).map_or(0, |way| scratch(way));
                let full = !batch && count == MAX_IMAGES;
                if count > 0 && (full || most + of > MOST_SCRATCH) {
                    break;
                }
                most += of;
                count += 1;
                ways.extend(way);
            }
            let group = Group {
                images: &distinct[..count],
                ways,
                batch,
                output: Part {
                    before: part.before + start * part.stride,
                    stride: part.stride,
                },
            };
            // SAFETY: promised by the caller.
            unsafe { self.run_group(target, between, &group, form) }?;
            start += count;
        }
        Ok(())
    }

    /// # Safety
    /// As for [`Tensor::run`].
    unsafe fn run_group(
        &self,
        target: Target<'_>,
        between: Between,
        group: &Group<'_>,
        form: FormRecord,
    ) -> Result<()> {
        let steps = group.ways.first().map_or(0, Vec::len);
        let mut from: Vec<u64> = group.images.iter().map(|image| image.start as u64).collect();
        let mut pixels = between.pixels;
        let mut held: Option<Scratch> = None;
        for index in 0..steps {
            let last = index + 1 == steps;
            let (to, bytes) = group.places(index, last);
            let made = if last {
                None
            } else {
                // SAFETY: promised by the caller.
                Some(unsafe { Scratch::new(target.context, bytes, target.stream) }?)
            };
            let way = Between {
                pixels,
                output: made.as_ref().map_or(between.output, Scratch::address),
            };
            let batch = group.batch.then(|| Batch {
                images: group.images.len(),
                from_stride: from.get(1).map_or(0, |second| second - from[0]),
                to_stride: to.get(1).map_or(0, |second| second - to[0]),
            });
            let mut placed: Vec<PlacedImage> = Vec::new();
            let mut resized: Vec<(ResizeImage, Resizing)> = Vec::new();
            for ((steps, from), to) in group.ways.iter().zip(&from).zip(&to) {
                match steps[index] {
                    Step::Place(placing) => placed.push(PlacedImage {
                        from: *from,
                        to: *to,
                        placing: Placing { ..placing },
                    }),
                    Step::Resize(resizing) => resized.push((
                        ResizeImage {
                            from: *from,
                            to: *to,
                            resize: resizing.resize,
                        },
                        resizing,
                    )),
                }
            }
            let of_bytes = |fill: Option<Fill>| FormRecord {
                around: match fill {
                    Some(Fill::Color { color }) if self.plan.image_channels() == 1 => {
                        [u32::from(color[0]); 3]
                    }
                    Some(Fill::Color { color }) => color.map(u32::from),
                    // Written after the arithmetic, or nothing.
                    Some(Fill::Value { .. } | Fill::Mirror { .. }) | None => [0; 3],
                },
                ..FormRecord::BYTES
            };
            let fill = resized.first().and_then(|(_, resizing)| resizing.fill);
            let becomes = if last {
                (form, true)
            } else {
                (of_bytes(fill), false)
            };
            let resized: Vec<ResizeImage> = resized.into_iter().map(|(image, _)| image).collect();
            // SAFETY: promised by the caller; what lies between steps is as long as the images there, and only used on this stream.
            unsafe {
                place(target, way, &placed, batch)?;
                self.engine.resize(target, way, becomes, &resized, batch)?;
            }
            // What the step has read is free for what comes behind it.
            held = made;
            pixels = held.as_ref().map_or(0, Scratch::address);
            from = to;
        }
        drop(held);
        Ok(())
    }
}

/// Images that go through the steps together.
struct Group<'a> {
    images: &'a [OfCall<'a>],
    /// The steps of each image; of a batch those of the first.
    ways: Vec<Vec<Step>>,
    batch: bool,
    output: Part,
}

impl Group<'_> {
    /// Where the result of step `index` of each image begins, in bytes, or of the last one in elements; and all bytes.
    fn places(&self, index: usize, last: bool) -> (Vec<u64>, usize) {
        let mut end = 0;
        let places = (0..self.images.len())
            .map(|image| {
                if last {
                    return (self.output.before + image * self.output.stride) as u64;
                }
                let way = if self.batch { 0 } else { image };
                let begin = end;
                end += bytes_of(&self.ways[way][index]);
                begin as u64
            })
            .collect();
        (places, end)
    }
}

/// Bytes of what a step leaves, to a multiple of what the vectors of the kernels are.
fn bytes_of(step: &Step) -> usize {
    let (rows, columns) = step.size();
    (rows * columns * 3).next_multiple_of(16)
}

/// Bytes of the two largest pictures between steps: more are not there at once.
fn scratch(steps: &[Step]) -> usize {
    let mut bytes: Vec<usize> = steps.iter().rev().skip(1).map(bytes_of).collect();
    bytes.sort_unstable();
    bytes.iter().rev().take(2).sum()
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
