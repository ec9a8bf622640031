//! The tensor of a plan of version 2, without an overview: its images through the kernels, step by step.

use prep_onnx_pipeline::plan::{Blocks, Fill, ImageGeometry, PatchOrder};
use prep_onnx_pipeline::{Layout, Plan, Result};

use super::calls::{FormRecord, MAX_IMAGES};
use super::context::Scratch;
use super::engine::{Batch, Between, Engine, ResizeImage, Target, bits};
use super::place::{PlacedImage, place};
use super::route::{Step, steps, swaps_channels};
use crate::run::element_size;

/// Bytes of pictures between steps that one group of images may take on the GPU; one image may take more.
const MOST_SCRATCH: usize = 256 << 20;

/// What makes the tensor of a plan without an overview.
pub(super) struct Tensor {
    pub(super) plan: Plan,
    engine: Engine,
    /// What the last step makes of pixels; `used` and `all` follow from the call.
    form: FormRecord,
}

/// Where the elements of a part of the tensor of each image are.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Elements before those of the first image.
    pub(super) before: usize,
    /// Elements from image to image.
    pub(super) stride: usize,
}

/// An image of a call.
pub(super) struct OfCall<'a> {
    pub(super) geometry: &'a ImageGeometry,
    /// Where its bytes begin.
    pub(super) start: usize,
}

impl Tensor {
    /// Of a plan that has kernels. Needs no GPU yet.
    pub(super) fn new(plan: Plan) -> Self {
        let table = plan.table();
        let mut form = FormRecord {
            outputs: plan.channels() as i32,
            element_size: element_size(plan.form.dtype) as i32,
            channels_last: (plan.form.layout == Layout::Nhwc).into(),
            ..FormRecord::BYTES
        };
        match plan.form.blocks {
            None | Some(Blocks::Frame { .. }) => {}
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

    /// Puts the work for `images` on the stream. Of a batch all of them are as the first.
    ///
    /// # Errors
    /// Those of [`Engine::resize`].
    ///
    /// # Safety
    /// As for `StagedPreprocessor::launch`; `part` lies in the tensor.
    pub(super) unsafe fn run(
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
            let mut resized: Vec<ResizeImage> = Vec::new();
            let mut fill = None;
            for ((steps, from), to) in group.ways.iter().zip(&from).zip(&to) {
                match steps[index] {
                    Step::Place(placing) => placed.push(PlacedImage {
                        from: *from,
                        to: *to,
                        placing,
                    }),
                    Step::Resize(resizing) => {
                        fill = resizing.fill;
                        resized.push(ResizeImage {
                            from: *from,
                            to: *to,
                            resize: resizing.resize,
                        });
                    }
                }
            }
            let becomes = if last {
                (form, true)
            } else {
                (self.bytes(fill), false)
            };
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

    /// What a step leaves that is not the last one, with what is around.
    fn bytes(&self, fill: Option<Fill>) -> FormRecord {
        FormRecord {
            around: match fill {
                Some(Fill::Color { color }) if self.plan.image_channels() == 1 => [u32::from(color[0]); 3],
                Some(Fill::Color { color }) => color.map(u32::from),
                // Written after the arithmetic, or nothing.
                Some(Fill::Value { .. } | Fill::Mirror { .. }) | None => [0; 3],
            },
            ..FormRecord::BYTES
        }
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
