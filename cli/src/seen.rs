//! What a model sees of an image: the pixels after all geometry, before any arithmetic.

use ndarray::{Array3, ArrayView3, Axis};
use prep_onnx_pipeline::plan::{Placement, Resized};
use prep_onnx_pipeline::steps::{Order, Step};
use prep_onnx_pipeline::{CHANNELS, Dtype, Elements, Error, Layout, Pipeline, Plan, Result, SourceFormat};

/// The geometry of a pipeline.
pub(crate) struct Seen {
    pipeline: Pipeline,
    plan: Plan,
    /// Whether its pixels come out as BGR.
    reversed: bool,
}

/// Which part of an image a model sees, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    /// (height, width) of the image, turned where it is turned.
    pub(crate) image: (usize, usize),
    /// Whether it is turned by 90 degrees clockwise first.
    pub(crate) turned: bool,
    /// (height, width) after each resize.
    pub(crate) resized: Vec<(usize, usize)>,
    /// The last canvas.
    pub(crate) canvas: Placement,
    /// The rows and columns of the image that are seen, each from and to.
    pub(crate) kept: [(f64, f64); 2],
    /// The rows and columns of the result that show them, each from and to; the rest is border.
    pub(crate) shown: [(usize, usize); 2],
    /// (height, width) of the result.
    pub(crate) output: (usize, usize),
}

impl Seen {
    /// The steps of a pipeline that move pixels.
    ///
    /// # Errors
    /// A pipeline that has no plan.
    pub(crate) fn of(pipeline: &Pipeline) -> Result<Self> {
        let mut reversed = false;
        let steps = pipeline.steps.iter().filter_map(|step| match step {
            Step::Resize(_)
            | Step::CenterCrop(_)
            | Step::Crop(_)
            | Step::Letterbox(_)
            | Step::RotateTo(_)
            | Step::Grayscale(_) => Some(step.clone()),
            // A value is one after the arithmetic, and no colour.
            Step::Pad(pad) => Some(Step::Pad(prep_onnx_pipeline::steps::Pad { value: None, ..*pad })),
            // Colours of later steps are given in this order.
            Step::ChannelOrder(order) => {
                reversed ^= order.order == Order::Bgr;
                Some(step.clone())
            }
            // Tiles and patches are of the pixels that are drawn.
            Step::Overview(_)
            | Step::Blocks(_)
            | Step::Rescale(_)
            | Step::Normalize(_)
            | Step::RescaleNormalize(_)
            | Step::Arithmetic(_) => None,
        });
        let pipeline = Pipeline {
            description: None,
            steps: steps.collect(),
            // Image files are RGB, whatever another host hands over.
            input: SourceFormat::Rgb,
            ..Pipeline::default()
        };
        let plan = pipeline.compile(Layout::Nhwc, Dtype::Uint8)?;
        Ok(Self {
            pipeline,
            plan,
            reversed,
        })
    }

    /// Where the pixels come from.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What is seen of an image of `height` x `width`, alone in its batch.
    ///
    /// # Errors
    /// An image that would be resized to nothing.
    pub(crate) fn view(&self, height: usize, width: usize) -> Result<View> {
        let geometry = self.plan.geometry(height, width)?;
        let image = if geometry.turned {
            (width, height)
        } else {
            (height, width)
        };
        let whole = Placement {
            from: image,
            offset: (0, 0),
            size: image,
        };
        let mut axes = [Span::whole(image.0), Span::whole(image.1)];
        let (mut canvas, mut resized) = (whole, Vec::new());
        for stage in &geometry.stages {
            let mut place = |placement: Option<Placement>, axes: &mut [Span; 2]| {
                if let Some(placement) = placement {
                    axes[0].place(placement.offset.0, placement.size.0);
                    axes[1].place(placement.offset.1, placement.size.1);
                    canvas = placement;
                }
            };
            place(stage.before, &mut axes);
            if let Some(Resized { from, to, .. }) = stage.resized {
                axes[0].scale(to.0 as f64 / from.0 as f64);
                axes[1].scale(to.1 as f64 / from.1 as f64);
                resized.push(to);
                place(
                    Some(Placement {
                        from: to,
                        offset: (0, 0),
                        size: to,
                    }),
                    &mut axes,
                );
            }
            place(stage.after, &mut axes);
        }
        Ok(View {
            image,
            turned: geometry.turned,
            resized,
            canvas,
            kept: [axes[0].kept(), axes[1].kept()],
            shown: [axes[0].shown(), axes[1].shown()],
            output: geometry.output,
        })
    }

    /// RGB pixels [height, width, 3].
    ///
    /// # Errors
    /// An image that would be resized to nothing.
    pub(crate) fn pixels(&self, image: ArrayView3<'_, u8>) -> Result<Array3<u8>> {
        let tensor = self.pipeline.reference(image, Layout::Nhwc, Dtype::Uint8)?;
        let extents: Vec<usize> = tensor.shape.iter().rev().take(3).rev().copied().collect();
        match (tensor.elements, extents.as_slice()) {
            (Elements::Uint8(values), [height, width, channels @ (1 | CHANNELS)]) => {
                let pixels = Array3::from_shape_vec((*height, *width, *channels), values)
                    .map_err(|error| Error::new("image", error))?;
                let order = match (*channels, self.reversed) {
                    (1, _) => [0, 0, 0],
                    (_, true) => [2, 1, 0],
                    (_, false) => [0, 1, 2],
                };
                Ok(pixels.select(Axis(2), &order))
            }
            _ => Err(Error::new("image", "has no pixels after resize and crop")),
        }
    }
}

/// One axis on its way: a pixel of the image is at `pixel * scale + offset`, and seen from `from` to `to`.
#[derive(Clone, Copy)]
struct Span {
    scale: f64,
    offset: f64,
    from: f64,
    to: f64,
}

impl Span {
    fn whole(length: usize) -> Self {
        Self {
            scale: 1.0,
            offset: 0.0,
            from: 0.0,
            to: length as f64,
        }
    }

    fn scale(&mut self, factor: f64) {
        for position in [&mut self.scale, &mut self.offset, &mut self.from, &mut self.to] {
            *position *= factor;
        }
    }

    fn place(&mut self, offset: i64, size: usize) {
        self.offset -= offset as f64;
        for position in [&mut self.from, &mut self.to] {
            *position = (*position - offset as f64).clamp(0.0, size as f64);
        }
    }

    fn kept(&self) -> (f64, f64) {
        (
            (self.from - self.offset) / self.scale,
            (self.to - self.offset) / self.scale,
        )
    }

    fn shown(&self) -> (usize, usize) {
        (self.from.round() as usize, self.to.round() as usize)
    }
}
