//! Where the pixels of an image come from and go to, in two phases: each image alone, then the canvas of the batch.

use super::{Canvas, FloatStage, Plan, Resample, Stage, Turn};
use crate::plan::Fill;
use crate::{Error, MAX_PIXELS, Result};

/// An image on a canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Placement {
    /// (height, width) of the image.
    pub from: (usize, usize),
    /// The first row and column of the image on the canvas; negative where the fill comes first.
    pub offset: (i64, i64),
    /// (height, width) of the canvas.
    pub size: (usize, usize),
}

/// An image and its resized form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resized {
    /// (height, width) before.
    pub from: (usize, usize),
    /// (height, width) after.
    pub to: (usize, usize),
    /// Whether the vertical pass comes first.
    pub vertical_first: bool,
}

/// The numbers of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StageGeometry {
    /// (height, width) of its input.
    pub input: (usize, usize),
    /// The canvas before the resize.
    pub before: Option<Placement>,
    /// The resize.
    pub resized: Option<Resized>,
    /// The canvas after it.
    pub after: Option<Placement>,
    /// (height, width) of its output.
    pub output: (usize, usize),
}

/// The numbers of one image, through all stages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageGeometry {
    /// (height, width) of the source image.
    pub image: (usize, usize),
    /// Whether it is turned by 90 degrees clockwise first.
    pub turned: bool,
    /// One for each stage of the plan, then the float stage, where there is one.
    pub stages: Vec<StageGeometry>,
    /// (height, width) of the output.
    pub output: (usize, usize),
}

impl Placement {
    /// (first row, first column, height, width) of the image on the canvas, as far as it is inside.
    pub fn inner(&self) -> [usize; 4] {
        let axis = |from: usize, offset: i64, size: usize| {
            let start = (-offset).clamp(0, size as i64);
            let end = (from as i64 - offset).clamp(start, size as i64);
            (start as usize, (end - start) as usize)
        };
        let (top, height) = axis(self.from.0, self.offset.0, self.size.0);
        let (left, width) = axis(self.from.1, self.offset.1, self.size.1);
        [top, left, height, width]
    }
}

impl ImageGeometry {
    /// The last canvas: what the outputs `mask` and `sizes` speak of.
    fn last(&self) -> Option<Placement> {
        let last = self.stages.last()?;
        last.after.or(last.before.filter(|_| last.resized.is_none()))
    }

    /// (first row, first column, height, width) of the image inside the last canvas.
    pub fn inner(&self) -> [usize; 4] {
        self.last()
            .map_or([0, 0, self.output.0, self.output.1], |placement| {
                placement.inner()
            })
    }

    /// The row of the output `geometry`: source height, source width, vertical scale, horizontal scale, top, left, so that
    /// `source = (model - offset) / scale`. Of an image that is turned, source means the turned one.
    pub fn mapping(&self) -> [f32; 6] {
        let (height, width) = if self.turned {
            (self.image.1, self.image.0)
        } else {
            self.image
        };
        let mut scale = [1.0_f64; 2];
        let mut offset = [0.0_f64; 2];
        let mut place = |placement: Option<Placement>, scale: &mut [f64; 2], resized: Option<Resized>| {
            if let Some(placement) = placement {
                offset[0] -= placement.offset.0 as f64;
                offset[1] -= placement.offset.1 as f64;
            }
            if let Some(Resized { from, to, .. }) = resized {
                let factor = [to.0 as f64 / from.0 as f64, to.1 as f64 / from.1 as f64];
                for axis in 0..2 {
                    scale[axis] *= factor[axis];
                    offset[axis] *= factor[axis];
                }
            }
        };
        for stage in &self.stages {
            place(stage.before, &mut scale, stage.resized);
            place(stage.after, &mut scale, None);
        }
        [
            height as f64,
            width as f64,
            scale[0],
            scale[1],
            offset[0],
            offset[1],
        ]
        .map(|value| value as f32)
    }
}

/// What the images of a batch have together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchCanvas {
    /// (height, width) of the last canvas for every image.
    pub size: (usize, usize),
}

impl Plan {
    /// Whether the size of the output follows from all images of a batch together.
    pub fn is_of_batch(&self) -> bool {
        self.last_canvas().is_some_and(Canvas::is_of_batch)
    }

    /// Phase one: the numbers of an image of `height` x `width` alone in its batch.
    ///
    /// # Errors
    /// When the image has no pixels, or a step would give it none or too many.
    pub fn geometry(&self, height: usize, width: usize) -> Result<ImageGeometry> {
        self.geometry_on(height, width, None)
    }

    /// The canvas of a batch of images, given as (height, width); `None` where each has one of its own.
    ///
    /// # Errors
    /// Those of [`Plan::geometry`].
    pub fn batch_canvas(
        &self,
        images: impl IntoIterator<Item = (usize, usize)>,
    ) -> Result<Option<BatchCanvas>> {
        if !self.is_of_batch() {
            return Ok(None);
        }
        let mut size = (0, 0);
        for (height, width) in images {
            let alone = self.geometry(height, width)?.output;
            size = (size.0.max(alone.0), size.1.max(alone.1));
        }
        Ok(Some(BatchCanvas { size }))
    }

    /// Phase two: the numbers of an image on the canvas of its batch.
    ///
    /// # Errors
    /// When the image has no pixels, or a step would give it none or too many.
    pub fn geometry_on(
        &self,
        height: usize,
        width: usize,
        batch: Option<BatchCanvas>,
    ) -> Result<ImageGeometry> {
        if height == 0 || width == 0 {
            return Err(Error::new("image", "has no pixels")
                .expected_got(
                    "a height and a width of at least 1",
                    format_args!("{height} x {width}"),
                )
                .with_kind(crate::ErrorKind::Image));
        }
        let turned = self.turn.is_some_and(|turn| turn.turns((height, width)));
        let source = if turned { (width, height) } else { (height, width) };
        let mut at = At {
            size: source,
            source,
            batch,
        };
        let mut stages = Vec::with_capacity(self.stages.len() + usize::from(self.float.is_some()));
        for Stage {
            before,
            resample,
            after,
        } in &self.stages
        {
            stages.push(at.stage(before.as_ref(), resample.as_ref(), after.as_ref())?);
        }
        if let Some(FloatStage { resample, after, .. }) = &self.float {
            stages.push(at.stage(None, Some(resample), after.as_ref())?);
        }
        self.form.check_size(at.size)?;
        Ok(ImageGeometry {
            image: (height, width),
            turned,
            stages,
            output: at.size,
        })
    }
}

impl Turn {
    /// Whether an image of (height, width) is turned.
    pub const fn turns(self, (height, width): (usize, usize)) -> bool {
        match self {
            Self::Portrait => width > height,
            Self::Landscape => height > width,
        }
    }
}

/// Where the walk through the stages is.
struct At {
    size: (usize, usize),
    source: (usize, usize),
    batch: Option<BatchCanvas>,
}

impl At {
    fn stage(
        &mut self,
        before: Option<&Canvas>,
        resample: Option<&Resample>,
        after: Option<&Canvas>,
    ) -> Result<StageGeometry> {
        let input = self.size;
        let before = before.map(|canvas| self.place(canvas)).transpose()?;
        let resized = resample.map(|resample| self.resize(resample)).transpose()?;
        // Of a thin image enlarged to a short edge only the crop is computed.
        let whole = match after {
            Some(canvas) => matches!(canvas.fill, Fill::Mirror { .. }),
            None => true,
        };
        if let (Some(resample), Some(resized)) = (resample, resized)
            && (whole || !resample.sampling.has_parts())
        {
            checked(resized.from, resized.to)?;
        }
        let after = after.map(|canvas| self.place(canvas)).transpose()?;
        Ok(StageGeometry {
            input,
            before,
            resized,
            after,
            output: self.size,
        })
    }

    fn resize(&mut self, resample: &Resample) -> Result<Resized> {
        let from = self.size;
        let to = resample
            .size
            .on(from, self.source, self.batch.map(|batch| batch.size))?;
        self.size = to;
        Ok(Resized {
            from,
            to,
            vertical_first: resample.sampling.vertical_first(from, to),
        })
    }

    fn place(&mut self, canvas: &Canvas) -> Result<Placement> {
        let from = self.size;
        let size = match self.batch {
            Some(batch) if canvas.is_of_batch() => batch.size,
            _ => canvas.alone(from, self.source),
        };
        let offset = canvas.anchor.offset(from, size);
        self.size = checked(from, size)?;
        if let Fill::Mirror { mode } = canvas.fill {
            let within = |from: usize, offset: i64, size: usize| {
                let reach = mode.reach(from) as i64;
                -offset <= reach && offset + size as i64 - from as i64 <= reach
            };
            if !within(from.0, offset.0, size.0) || !within(from.1, offset.1, size.1) {
                return Err(Error::new(
                    "image",
                    format_args!(
                        "of {} x {} cannot be mirrored to {} x {}",
                        from.0, from.1, size.0, size.1
                    ),
                )
                .why(format_args!(
                    "{mode} takes the added pixels from the image, which has too few"
                ))
                .fix("use a larger image, or pad with a colour"));
            }
        }
        Ok(Placement { from, offset, size })
    }
}

fn checked(from: (usize, usize), to: (usize, usize)) -> Result<(usize, usize)> {
    if to.0 == 0 || to.1 == 0 {
        return Err(crate::size::nothing_left(from, to));
    }
    if to.0.checked_mul(to.1).is_some_and(|pixels| pixels <= MAX_PIXELS) {
        return Ok(to);
    }
    Err(Error::new(
        "image",
        format_args!("of {} x {} would become {} x {}", from.0, from.1, to.0, to.1),
    )
    .expected_got(
        format_args!("at most {MAX_PIXELS} pixels"),
        format_args!("{} x {}", to.0, to.1),
    ))
}
