//! The last stage and the values: from an image of bytes to the finished tensor.

use half::f16;
use ndarray::Array3;
use prep_onnx_pipeline::plan::{Canvas, Fill, Placement, Stage, StageGeometry};
use prep_onnx_pipeline::resample::Arithmetic;
use prep_onnx_pipeline::{CHANNELS, Dtype, FusedPlan, Geometry, Layout, Plan, Result, ValueTable};

use super::border;
use super::pixels::Pixels;
use super::resample::{Resampler, engine_step, visible};
use crate::SimdLevel;
use crate::run::{Executor, OutputMut, Preprocessor, grow, places, room};

/// What finishes an image.
pub(super) struct Finisher {
    /// Values of three channels, as they are.
    plain: Option<Box<Preprocessor>>,
    /// The last resize and the values of three channels at once.
    direct: Option<(Arithmetic, Box<Preprocessor>)>,
    table: ValueTable,
}

impl Finisher {
    pub(super) fn new(plan: &Plan, level: SimdLevel) -> Result<Self> {
        let fused = |resize| {
            let channels = plan.values.channels.as_slice().try_into().ok()?;
            let three = plan.image_channels() == CHANNELS && plan.values.gray.is_none();
            three.then(|| FusedPlan {
                resize,
                crop: None,
                channels,
                operations: plan.values.operations.clone(),
                // Blocks are cut from pixels with their channels together.
                layout: plan.form.blocks.map_or(plan.form.layout, |_| Layout::Nhwc),
                dtype: plan.form.dtype,
            })
        };
        let ready = |fused: FusedPlan| Preprocessor::with_level(fused, level).map(Box::new);
        let last = plan.stages.last().and_then(|stage| stage.resample);
        let step = last.and_then(|resample| Some((resample.sampling, engine_step(resample.sampling)?)));
        let direct = step.and_then(|(sampling, step)| Some((sampling, fused(Some(step))?)));
        Ok(Self {
            plain: fused(None).map(ready).transpose()?,
            direct: match direct {
                Some((sampling, fused)) => Some((sampling, ready(fused)?)),
                None => None,
            },
            table: plan.table(),
        })
    }

    /// The tensor of an image that has gone through all stages but the last, `stage`.
    pub(super) fn run(
        &self,
        plan: &Plan,
        stage: Option<(&Stage, &Option<Resampler>, &StageGeometry)>,
        image: Pixels<'_>,
        mut output: OutputMut<'_>,
        executor: &dyn Executor,
    ) -> Result<()> {
        let size = stage.map_or(image.size, |(_, _, numbers)| numbers.output);
        let after = stage.and_then(|(stage, _, numbers)| stage.after.as_ref().zip(numbers.after));
        let Some(plain) = &self.plain else {
            let image = last_stage(stage, image, executor)?;
            return self.run_plainly(plan, image, after, output);
        };
        let mirrored = after.is_some_and(|(canvas, _)| matches!(canvas.fill, Fill::Mirror { .. }));
        let blocks = plan.form.blocks.is_some();
        let mut joined = Joined::new(
            plan.form.dtype,
            if blocks { size.0 * size.1 * CHANNELS } else { 0 },
        )?;
        {
            let mut target = if blocks {
                joined.output()
            } else {
                places::borrowed(&mut output)
            };
            let resized = stage.and_then(|(_, _, numbers)| numbers.resized);
            match (&self.direct, resized) {
                (Some((arithmetic, direct)), Some(resized)) if !mirrored => {
                    let geometry = Geometry {
                        image: image.size,
                        resized: resized.to,
                        offset: after.map_or((0, 0), |(_, placement)| placement.offset),
                        output: size,
                        vertical_first: arithmetic.vertical_first(image.size, resized.to),
                    };
                    direct.run_geometry(geometry, &image.bytes, places::borrowed(&mut target), executor)?;
                }
                _ => apart(
                    plain,
                    stage,
                    image,
                    size,
                    (places::borrowed(&mut target), executor),
                )?,
            }
            if let Some((canvas, placement)) = after
                && let Some(values) = self.border(plan, canvas)
            {
                let layout = if blocks { Layout::Nhwc } else { plan.form.layout };
                border::fill(&mut target, layout, &placement, &values);
            }
        }
        if blocks {
            room(size.0 * size.1 * CHANNELS * size_of::<f32>())?;
            joined.cut(plan, size, output);
        }
        Ok(())
    }

    /// The value of each output channel around the image; `None` where the image is mirrored.
    fn border(&self, plan: &Plan, canvas: &Canvas) -> Option<Vec<f32>> {
        let channels = 0..plan.values.channels.len();
        match canvas.fill {
            Fill::Color { color } => Some(
                channels
                    .map(|channel| {
                        let value = color[plan.values.channels[channel]];
                        self.table.channel(channel)[usize::from(value)]
                    })
                    .collect(),
            ),
            Fill::Value { value } => Some(channels.map(|channel| value[channel] as f32).collect()),
            Fill::Mirror { .. } => None,
        }
    }

    /// One channel, value by value.
    fn run_plainly(
        &self,
        plan: &Plan,
        image: Pixels<'_>,
        after: Option<(&Canvas, Placement)>,
        output: OutputMut<'_>,
    ) -> Result<()> {
        let size = image.size;
        let gray = match plan.values.gray {
            Some(rule) => image.gray(rule)?.bytes,
            None => image.bytes,
        };
        let channels = plan.values.channels.len();
        let mut values = Vec::new();
        grow(&mut values, gray.len() * channels, 0.0)?;
        for (values, pixel) in values.chunks_exact_mut(channels).zip(gray.iter()) {
            for (channel, value) in values.iter_mut().enumerate() {
                *value = self.table.channel(channel)[usize::from(*pixel)];
            }
        }
        if let Some((canvas, placement)) = after
            && let Fill::Value { .. } = canvas.fill
            && let Some(around) = self.border(plan, canvas)
        {
            border::fill(
                &mut OutputMut::Float32(&mut values),
                Layout::Nhwc,
                &placement,
                &around,
            );
        }
        let (rows, columns) = size;
        let Ok(values) = Array3::from_shape_vec((rows, columns, channels), values) else {
            return Ok(());
        };
        match output {
            OutputMut::Float32(elements) => copy(&plan.form.ordered(&values), elements),
            OutputMut::Float16(elements) => copy(&plan.form.ordered(&values.mapv(f16::from_f32)), elements),
            OutputMut::Uint8(elements) => {
                copy(&plan.form.ordered(&values.mapv(|value| value as u8)), elements)
            }
        }
        Ok(())
    }
}

/// The last stage, and then the values of three channels.
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(unused_mut, reason = "row kernels alone borrow the target")
)]
fn apart(
    plain: &Preprocessor,
    stage: Option<(&Stage, &Option<Resampler>, &StageGeometry)>,
    image: Pixels<'_>,
    size: (usize, usize),
    (mut target, executor): (OutputMut<'_>, &dyn Executor),
) -> Result<()> {
    let geometry = |image: (usize, usize), offset: (i64, i64)| Geometry {
        image,
        resized: image,
        offset,
        output: size,
        vertical_first: false,
    };
    let placed = |numbers: &StageGeometry| numbers.after.map_or((0, 0), |placement| placement.offset);
    let mirrored = |stage: &Stage| {
        stage
            .after
            .is_some_and(|canvas| matches!(canvas.fill, Fill::Mirror { .. }))
    };
    let (image, offset) = match stage {
        Some((stage, Some(resampler), numbers)) if !mirrored(stage) => {
            let to = numbers.resized.map_or(image.size, |resized| resized.to);
            if resampler.keeps(image.size, to) {
                (image, placed(numbers))
            } else {
                let (rows, columns) = numbers
                    .after
                    .map_or((0..to.0, 0..to.1), |placement| visible(&placement));
                let offset = placed(numbers);
                let offset = (offset.0 - rows.start as i64, offset.1 - columns.start as i64);
                #[cfg(target_arch = "x86_64")]
                if let Resampler::Linear(level) = resampler {
                    let done = super::linear::finish(
                        (*level, plain),
                        &image,
                        to,
                        (rows.clone(), columns.clone()),
                        &geometry((rows.len(), columns.len()), offset),
                        (places::borrowed(&mut target), executor),
                    )?;
                    if done.is_some() {
                        return Ok(());
                    }
                }
                (resampler.resize(&image, to, (rows, columns), executor)?, offset)
            }
        }
        Some((stage, None, numbers)) if stage.before.is_none() && !mirrored(stage) => {
            (image, placed(numbers))
        }
        _ => (last_stage(stage, image, executor)?, (0, 0)),
    };
    plain.run_geometry(geometry(image.size, offset), &image.bytes, target, executor)
}

/// The image after its last stage, before the arithmetic.
fn last_stage<'a>(
    stage: Option<(&Stage, &Option<Resampler>, &StageGeometry)>,
    image: Pixels<'a>,
    executor: &dyn Executor,
) -> Result<Pixels<'a>> {
    match stage {
        Some((stage, resampler, numbers)) => {
            super::through(stage, resampler.as_ref(), numbers, image, executor)
        }
        None => Ok(image),
    }
}

/// Finished values before they are cut into blocks: [height, width, 3].
enum Joined {
    Float32(Vec<f32>),
    Float16(Vec<f16>),
    Uint8(Vec<u8>),
}

impl Joined {
    fn new(dtype: Dtype, length: usize) -> Result<Self> {
        fn values<T: Copy>(length: usize, zero: T) -> Result<Vec<T>> {
            let mut values = Vec::new();
            grow(&mut values, length, zero)?;
            Ok(values)
        }
        Ok(match dtype {
            Dtype::Float32 => Self::Float32(values(length, 0.0)?),
            Dtype::Float16 => Self::Float16(values(length, f16::ZERO)?),
            Dtype::Uint8 => Self::Uint8(values(length, 0)?),
        })
    }

    fn output(&mut self) -> OutputMut<'_> {
        match self {
            Self::Float32(values) => OutputMut::Float32(values),
            Self::Float16(values) => OutputMut::Float16(values),
            Self::Uint8(values) => OutputMut::Uint8(values),
        }
    }

    fn cut(self, plan: &Plan, (rows, columns): (usize, usize), output: OutputMut<'_>) {
        fn ordered<T: Copy + Default>(plan: &Plan, size: (usize, usize), values: Vec<T>, elements: &mut [T]) {
            if let Ok(values) = Array3::from_shape_vec((size.0, size.1, CHANNELS), values) {
                copy(&plan.form.ordered(&values), elements);
            }
        }
        let size = (rows, columns);
        match (self, output) {
            (Self::Float32(values), OutputMut::Float32(elements)) => ordered(plan, size, values, elements),
            (Self::Float16(values), OutputMut::Float16(elements)) => ordered(plan, size, values, elements),
            (Self::Uint8(values), OutputMut::Uint8(elements)) => ordered(plan, size, values, elements),
            // `check_output` has compared the types.
            (
                Self::Float32(_) | Self::Float16(_) | Self::Uint8(_),
                OutputMut::Float32(_) | OutputMut::Float16(_) | OutputMut::Uint8(_),
            ) => {}
        }
    }
}

fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
