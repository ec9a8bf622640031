//! The plan: what every backend executes. Kernels never hear of steps.
//!
//! ```text
//! Plan = source, turn, gray, stages, float stage, overview, values, form, outputs
//! ```
//! Its JSON has versions ([`wire`]); [`FusedPlan`](v1::FusedPlan) is the part of it that version 1 can say.

mod canvas;
mod form;
mod geometry;
mod outputs;
mod overview;
mod quantize;
mod signature;
mod source;
mod stage;
pub mod v1;
mod values;
pub mod wire;

use serde::{Deserialize, Serialize};

pub use canvas::{Anchor, Canvas, CanvasSize, Fill, Mirror};
pub use form::{Blocks, Form, PatchOrder};
pub use geometry::{BatchCanvas, ImageGeometry, Placement, Resized, StageGeometry};
pub use outputs::{OutputElement, OutputExtent, OutputKind};
pub use overview::{Overview, OverviewPlace};
pub use quantize::{ByteTable, Quantize};
pub use signature::Signature;
pub use source::{Matrix, Range, SourceFormat};
pub use stage::{FloatStage, Resample, Stage};
pub use values::{GrayRule, Values};

pub use crate::scalar::source::{Coefficients, composite};

use crate::named::named_enum;
use crate::size::MAX_EDGE;
use crate::{Dtype, Error, Layout, Precision, Result, ValueTable};

/// The operator domain of the preprocessing ops.
pub const DOMAIN: &str = "prep.onnx";

/// The version of the domain that models import. A change of meaning is a new op name instead.
pub const DOMAIN_VERSION: i64 = 1;

/// The string attribute of the op that holds the plan as JSON.
pub const PLAN_ATTRIBUTE: &str = "plan";

/// The largest pixel count of one image that backends accept: a [`MAX_EDGE`] square.
pub const MAX_PIXELS: usize = MAX_EDGE * MAX_EDGE;

named_enum! {
    /// The orientation that an image is turned to, by 90 degrees clockwise, where it has the other one.
    pub enum Turn("turn") {
        /// At least as high as wide.
        Portrait = "portrait",
        /// At least as wide as high.
        Landscape = "landscape",
    }
}

/// Preprocessing in canonical form: uint8 images of any size to one tensor, and what else is known of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What the host hands over.
    pub source: SourceFormat,
    /// A turn of the image before all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// Three channels become one, before the first stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gray: Option<GrayRule>,
    /// uint8 to uint8, one after another; none keeps the image as it is.
    pub stages: Vec<Stage>,
    /// A resize of floats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub float: Option<FloatStage>,
    /// A picture of the whole as one more tile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview: Option<Overview>,
    /// What happens to the values.
    pub values: Values,
    /// The form of the tensor.
    pub form: Form,
    /// Outputs after the tensor (and the status of encoded images), in the order of [`OutputKind`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputKind>,
}

impl Plan {
    /// Channels of the image in the stages: 3, or 1 for gray.
    pub fn image_channels(&self) -> usize {
        if self.gray.is_some() {
            1
        } else {
            self.source.channels()
        }
    }

    /// Channels of the output.
    pub fn channels(&self) -> usize {
        self.values.channels.len()
    }

    /// The canvas that the output lies on.
    pub fn last_canvas(&self) -> Option<&Canvas> {
        match &self.float {
            Some(float) => float.after.as_ref(),
            None => self.stages.last()?.after.as_ref(),
        }
    }

    /// (height, width) of the output when it does not depend on the image.
    pub fn fixed_output(&self) -> Option<(usize, usize)> {
        let exact = |resample: &Resample| resample.size.fixed();
        let mut fixed = None;
        for stage in &self.stages {
            fixed = after(fixed, stage.before.as_ref());
            if let Some(resample) = &stage.resample {
                fixed = exact(resample).or_else(|| resample.size.output_size(fixed?.0, fixed?.1).ok());
            }
            fixed = after(fixed, stage.after.as_ref());
        }
        if let Some(float) = &self.float {
            fixed =
                exact(&float.resample).or_else(|| float.resample.size.output_size(fixed?.0, fixed?.1).ok());
            fixed = after(fixed, float.after.as_ref());
        }
        fixed
    }

    /// The height of the output where it does not depend on the image: also of readers, whose lines have one height.
    pub fn fixed_height(&self) -> Option<usize> {
        if let Some((height, _)) = self.fixed_output() {
            return Some(height);
        }
        let of_float = self
            .float
            .as_ref()
            .map(|float| (Some(&float.resample), &float.after));
        let of_stage = || {
            self.stages
                .last()
                .map(|stage| (stage.resample.as_ref(), &stage.after))
        };
        let (resample, after) = of_float.or_else(of_stage)?;
        match after.as_ref().map(|canvas| canvas.size) {
            Some(CanvasSize::TextLine { height, .. }) => Some(height),
            Some(_) => None,
            None => resample?.size.fixed_height(),
        }
    }

    /// The extents of the tensor for `images` images of this output size.
    pub fn output_shape(&self, images: usize, size: (usize, usize)) -> Vec<usize> {
        let mut shape = self.form.shape(images, self.channels(), size);
        if let Some(blocks) = self.form.blocks {
            let (down, across) = blocks.grid(size);
            if self.has_overview(down * across) {
                match blocks.is_joined() {
                    true => shape[0] += images,
                    false => shape[1] += 1,
                }
            }
        }
        shape
    }

    /// How many elements of one channel follow each other in a tensor of this shape.
    pub fn channel_stride(&self, shape: &[usize]) -> usize {
        let plane = || shape.iter().rev().take(2).product::<usize>().max(1);
        match (self.form.blocks, self.form.layout) {
            (None | Some(Blocks::Tiles { .. } | Blocks::Frame { .. }), Layout::Nchw) => plane(),
            (None | Some(Blocks::Tiles { .. } | Blocks::Frame { .. }), Layout::Nhwc) => 1,
            (
                Some(Blocks::Patches {
                    size, repeat, order, ..
                }),
                _,
            ) => match order {
                PatchOrder::ChannelsFirst => repeat * size * size,
                PatchOrder::ChannelsLast => 1,
            },
        }
    }

    /// The value of each pixel value in each output channel; without a float stage.
    pub fn table(&self) -> ValueTable {
        self.values.table()
    }

    /// The same plan with these outputs besides the tensor.
    ///
    /// # Errors
    /// Those of [`Plan::check`].
    pub fn with_outputs(mut self, outputs: &[OutputKind]) -> Result<Self> {
        self.outputs = OutputKind::ALL
            .iter()
            .copied()
            .filter(|kind| outputs.contains(kind))
            .collect();
        self.check()?;
        Ok(self)
    }

    /// Checks that the plan can be executed.
    ///
    /// # Errors
    /// Names the key, and expected and actual value.
    pub fn check(&self) -> Result<()> {
        for (index, stage) in self.stages.iter().enumerate() {
            stage
                .check()
                .map_err(|error| error.within_key(format_args!("stages[{index}]")))?;
        }
        self.check_canvases()?;
        self.check_channels()?;
        if let Some(float) = &self.float {
            float.check().map_err(|error| error.within_key("float"))?;
            check_operations("float.operations", &float.operations)?;
            ValueTable::new(&float.operations).check()?;
        }
        check_operations("values.operations", &self.values.operations)?;
        self.check_form()?;
        self.check_quantize()?;
        self.check_overview()?;
        if self.outputs.iter().any(|kind| !OutputKind::EXTRA.contains(kind))
            || !self
                .outputs
                .is_sorted_by_key(|kind| OutputKind::ALL.iter().position(|k| k == kind))
        {
            return Err(Error::new("outputs", "are not outputs in their order")
                .expected_got(names(OutputKind::EXTRA), names(&self.outputs)));
        }
        if self.outputs.contains(&OutputKind::Grid) && self.form.blocks.is_none() {
            return Err(Error::new("outputs", "grid counts blocks, and there are none")
                .fix("leave grid out, or add a step blocks"));
        }
        if self.float.is_none() {
            self.table().check()?;
        }
        Ok(())
    }

    /// Only the last canvas may be of the batch or filled after the arithmetic.
    fn check_canvases(&self) -> Result<()> {
        let canvases = self.stages.iter().enumerate().flat_map(|(index, stage)| {
            [("before", stage.before), ("after", stage.after)]
                .into_iter()
                .filter_map(move |(key, canvas)| Some((index, key, canvas?)))
        });
        for (index, key, canvas) in canvases {
            let is_last = key == "after" && index + 1 == self.stages.len() && self.float.is_none();
            if is_last {
                continue;
            }
            let subject = format!("stages[{index}].{key}");
            if canvas.is_of_batch() {
                return Err(
                    Error::new(subject, "follows from the whole batch, so it must come last")
                        .fix("put the pad to the batch's largest after all other geometry"),
                );
            }
            if matches!(canvas.fill, Fill::Value { .. }) {
                return Err(
                    Error::new(subject, "is filled after the arithmetic, so it must come last")
                        .fix("put this pad after all other geometry, or give it a colour"),
                );
            }
        }
        Ok(())
    }

    fn check_channels(&self) -> Result<()> {
        let mut channels = self.image_channels();
        if self.gray.is_some() && self.source.channels() == 1 {
            return Err(Error::new("gray", "needs three channels").expected_got(3, 1));
        }
        if self.values.gray.is_some() {
            if channels == 1 {
                return Err(Error::new("values.gray", "needs three channels").expected_got(3, 1));
            }
            channels = 1;
        }
        let order = &self.values.channels;
        let mut sorted = order.clone();
        sorted.sort_unstable();
        let (expected, good) = if channels == 1 {
            (
                "[0] or [0, 0, 0] of a gray image",
                *order == [0] || *order == [0, 0, 0],
            )
        } else {
            ("a permutation of 0, 1, 2", sorted == [0, 1, 2])
        };
        if good {
            return Ok(());
        }
        Err(Error::new("channels", "is not an order of the channels")
            .expected_got(expected, format_args!("{order:?}")))
    }

    fn check_form(&self) -> Result<()> {
        let operations =
            (!self.values.operations.is_empty() || self.float.is_some()) && self.values.quantize.is_none();
        let valued = self
            .last_canvas()
            .is_some_and(|canvas| matches!(canvas.fill, Fill::Value { .. }));
        if self.form.dtype == Dtype::Uint8 && (operations || valued) {
            return Err(
                Error::new("dtype", "uint8 cannot hold the result of rescale or normalize")
                    .expected_got("float32 or float16", self.form.dtype)
                    .fix("remove these steps, or use a model with a float input"),
            );
        }
        let Some(blocks) = self.form.blocks else {
            return Ok(());
        };
        let numbers = match blocks {
            Blocks::Tiles { height, width, .. } => vec![("height", height), ("width", width)],
            Blocks::Patches {
                size, merge, repeat, ..
            } => vec![("size", size), ("merge", merge), ("repeat", repeat)],
            Blocks::Frame { .. } => Vec::new(),
        };
        if let Some(rows) = blocks.rows() {
            if blocks.is_joined() {
                return Err(
                    Error::new("form.blocks.rows", "are of images with an axis of their own")
                        .expected_got("joined = false", "joined = true"),
                );
            }
            crate::size::check_edge("rows", rows).map_err(|error| error.within_key("form.blocks"))?;
        }
        if blocks.has_sample() && blocks.is_joined() {
            return Err(
                Error::new("form.blocks.sample", "is an axis of images with one of their own")
                    .expected_got("joined = false", "joined = true"),
            );
        }
        for (key, number) in numbers {
            crate::size::check_edge(key, number).map_err(|error| error.within_key("form.blocks"))?;
        }
        self.fixed_output()
            .map_or(Ok(()), |size| self.form.check_size(size))
    }
}

/// The size that a canvas gives to an image whose size is fixed, or is not.
fn after(image: Option<(usize, usize)>, canvas: Option<&Canvas>) -> Option<(usize, usize)> {
    let Some(canvas) = canvas else { return image };
    match canvas.size {
        CanvasSize::Fixed { height, width } => Some((height, width)),
        CanvasSize::Square
        | CanvasSize::Multiple { .. }
        | CanvasSize::MultipleAbove { .. }
        | CanvasSize::Stride { .. }
        | CanvasSize::BatchLargest { .. }
        | CanvasSize::OfShorterEdge { .. } => image.map(|size| canvas.alone(size, size)),
        CanvasSize::TextLine { .. } | CanvasSize::OfSource { .. } => None,
    }
}

fn names(kinds: &[OutputKind]) -> String {
    kinds
        .iter()
        .map(|kind| kind.name())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Checks that every operand is a constant of its precision.
fn check_operations(key: &str, operations: &[crate::Operation]) -> Result<()> {
    for (index, operation) in operations.iter().enumerate() {
        let single = operation.precision == Precision::Float32;
        let wrong = |v: &f64| !v.is_finite() || (single && f64::from(*v as f32) != *v);
        if operation.operands.iter().any(wrong) {
            return Err(Error::new(
                format_args!("{key}[{index}].operands"),
                "is not a constant of its precision",
            )
            .expected_got(
                format_args!("finite {} numbers", operation.precision),
                format_args!("{:?}", operation.operands),
            ));
        }
    }
    Ok(())
}
