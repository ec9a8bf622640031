//! The fused plan: what every backend executes. Kernels never hear of steps.
//!
//! Canonical order: resize, crop, channel order, arithmetic, output.

use serde::{Deserialize, Serialize};

use crate::named::named_enum;
use crate::size::MAX_EDGE;
use crate::steps::{CenterCrop, Resize, StepKind};
use crate::{CHANNELS, Dtype, Error, ErrorKind, Layout, Operation, Result, ValueTable};

/// The operator domain of the preprocessing ops.
pub const DOMAIN: &str = "prep.onnx";

/// The version of the domain that models import. A change of meaning is a new op name instead.
pub const DOMAIN_VERSION: i64 = 1;

/// The string attribute of the op that holds [`FusedPlan::to_json`].
pub const PLAN_ATTRIBUTE: &str = "plan";

const PLAN_VERSION: u32 = 1;

named_enum! {
    /// What the embedded model takes.
    pub enum Accept("accept") {
        /// `image`: uint8 [N, H, W, 3], images of one size.
        Batch = "batch",
        /// `pixels`: uint8 `[total]` and `shapes`: int64 `[N, 3]`, images of mixed sizes.
        Ragged = "ragged",
        /// `bytes`: uint8 `[total]` and `lengths`: int64 `[N]`, encoded files.
        Encoded = "encoded",
    }
}

/// The name of the op for an input form and an element type. It carries the version of the meaning.
pub fn op_name(accept: Accept, dtype: Dtype) -> String {
    let accept = match accept {
        Accept::Batch => "ImageBatch",
        Accept::Ragged => "ImageRagged",
        Accept::Encoded => "ImageEncoded",
    };
    let dtype = match dtype {
        Dtype::Float32 => "Float32",
        Dtype::Float16 => "Float16",
        Dtype::Uint8 => "Uint8",
    };
    format!("{accept}To{dtype}V{PLAN_VERSION}")
}

/// Preprocessing in canonical form: RGB uint8 images of any size to one tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FusedPlan {
    /// The resize; `None` keeps the size.
    pub resize: Option<Resize>,
    /// The crop of the resized image.
    pub crop: Option<CenterCrop>,
    /// For each output channel, the input channel that it is: a permutation of 0, 1, 2.
    pub channels: [usize; CHANNELS],
    /// What happens to each value, in the order of the output's channels.
    pub operations: Vec<Operation>,
    /// Axis order of the output.
    pub layout: Layout,
    /// Element type of the output.
    pub dtype: Dtype,
}

/// Where the pixels of one image come from and go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// (height, width) of the image.
    pub image: (usize, usize),
    /// (height, width) after the resize.
    pub resized: (usize, usize),
    /// The first resized row and column in the output; negative where zeros come first.
    pub offset: (i64, i64),
    /// (height, width) of the output.
    pub output: (usize, usize),
    /// Whether the vertical pass comes first.
    pub vertical_first: bool,
}

impl FusedPlan {
    /// (height, width) of the output when it does not depend on the image.
    pub fn fixed_output(&self) -> Option<(usize, usize)> {
        match (self.crop, self.resize) {
            (Some(crop), _) => Some((crop.size[0], crop.size[1])),
            (None, Some(resize)) => match resize.size.resolve() {
                crate::ResolvedSize::Exact(height, width) => Some((height, width)),
                _ => None,
            },
            (None, None) => None,
        }
    }

    /// The geometry for an image of `height` x `width` pixels.
    ///
    /// # Errors
    /// When the image has no pixels or would be resized to none.
    pub fn geometry(&self, height: usize, width: usize) -> Result<Geometry> {
        let (resized, vertical_first) = match self.resize {
            Some(resize) => {
                let to = resize.size.output_size(height, width)?;
                (to, resize.resampler.vertical_first((height, width), to))
            }
            None => (
                crate::ResolvedSize::Exact(height, width).output_size(height, width)?,
                false,
            ),
        };
        let (offset, output) = match self.crop {
            Some(CenterCrop {
                size: [crop_height, crop_width],
                offset,
            }) => (
                (
                    offset.offset(resized.0, crop_height),
                    offset.offset(resized.1, crop_width),
                ),
                (crop_height, crop_width),
            ),
            None => ((0, 0), resized),
        };
        Ok(Geometry {
            image: (height, width),
            resized,
            offset,
            output,
            vertical_first,
        })
    }

    /// The value of each pixel value in each output channel.
    pub fn table(&self) -> ValueTable {
        ValueTable::new(&self.operations)
    }

    /// The shape of the output for `images` images of this output size.
    pub fn output_shape(&self, images: usize, (height, width): (usize, usize)) -> [usize; 4] {
        match self.layout {
            Layout::Nchw => [images, CHANNELS, height, width],
            Layout::Nhwc => [images, height, width, CHANNELS],
        }
    }

    /// Canonical JSON: one plan has one text.
    pub fn to_json(&self) -> String {
        // Through a Value, whose maps are sorted by key.
        let mut value = serde_json::to_value(self).unwrap_or_default();
        value["version"] = PLAN_VERSION.into();
        value.to_string()
    }

    /// Reads what [`FusedPlan::to_json`] wrote.
    ///
    /// # Errors
    /// On another version, and on every plan that [`FusedPlan::check`] refuses; names the key.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::read(text).map_err(|error| error.within(PLAN_ATTRIBUTE).or_kind(ErrorKind::Config))
    }

    fn read(text: &str) -> Result<Self> {
        // Not `schema::typed`: plans are written by programs, and its paths cost the op library 60 kB.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys {
            resize: Option<Resize>,
            crop: Option<CenterCrop>,
            channels: [usize; CHANNELS],
            operations: Vec<Operation>,
            layout: Layout,
            dtype: Dtype,
        }
        let mut value: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| Error::new("", format_args!("is not valid JSON: {error}")))?;
        let version = value.as_object_mut().and_then(|map| map.remove("version"));
        if version.as_ref().and_then(serde_json::Value::as_u64) != Some(PLAN_VERSION.into()) {
            let got = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            return Err(Error::new("version", "is not a known plan version")
                .expected_got(PLAN_VERSION, got)
                .fix("use a library at least as new as the prep-onnx that embedded the model"));
        }
        let Keys {
            resize,
            crop,
            channels,
            operations,
            layout,
            dtype,
        } = serde_json::from_value(value).map_err(|error| Error::new("", error))?;
        let plan = Self {
            resize,
            crop,
            channels,
            operations,
            layout,
            dtype,
        };
        plan.check()?;
        Ok(plan)
    }

    /// Checks that the plan can be executed.
    ///
    /// # Errors
    /// Names the key, and expected and actual value.
    pub fn check(&self) -> Result<()> {
        let Self {
            resize,
            crop,
            channels,
            operations,
            layout: _,
            dtype,
        } = self;
        resize.map_or(Ok(()), |resize| {
            resize.check().map_err(|error| error.within_key("resize"))
        })?;
        crop.map_or(Ok(()), |crop| {
            crop.check().map_err(|error| error.within_key("crop"))
        })?;
        let mut sorted = *channels;
        sorted.sort_unstable();
        if sorted != [0, 1, 2] {
            return Err(Error::new("channels", "is not an order of the channels")
                .expected_got("a permutation of 0, 1, 2", format_args!("{channels:?}")));
        }
        for (index, operation) in operations.iter().enumerate() {
            let single = operation.precision == crate::Precision::Float32;
            if operation
                .operands
                .iter()
                .any(|v| !v.is_finite() || (single && f64::from(*v as f32) != *v))
            {
                return Err(Error::new(
                    format_args!("operations[{index}].operands"),
                    "is not a constant of its precision",
                )
                .expected_got(
                    format_args!("finite {} numbers", operation.precision),
                    format_args!("{:?}", operation.operands),
                ));
            }
        }
        if *dtype == Dtype::Uint8 && !operations.is_empty() {
            return Err(
                Error::new("dtype", "uint8 cannot hold the result of rescale or normalize")
                    .expected_got("float32 or float16", dtype)
                    .fix("remove these steps, or use a model with a float input"),
            );
        }
        self.table().check()
    }
}

/// Folds steps into a plan, or refuses with a reason.
#[derive(Default)]
pub(crate) struct PlanBuilder {
    resize: Option<Resize>,
    crop: Option<CenterCrop>,
    channels: Option<[usize; CHANNELS]>,
    operations: Vec<Operation>,
}

impl PlanBuilder {
    pub(crate) fn resize(&mut self, resize: Resize) -> Result<()> {
        self.before_arithmetic(Resize::NAME)?;
        let refuse = |before: &str| {
            Err(Error::new(Resize::NAME, format_args!("comes after {before}"))
                .why("one pass over the image resizes once, then crops")
                .fix("keep one resize, before the crop"))
        };
        if self.resize.is_some() {
            return refuse("another resize");
        }
        if self.crop.is_some() {
            return refuse(CenterCrop::NAME);
        }
        self.resize = Some(resize);
        Ok(())
    }

    pub(crate) fn crop(&mut self, crop: CenterCrop) -> Result<()> {
        self.before_arithmetic(CenterCrop::NAME)?;
        if self.crop.is_some() {
            return Err(
                Error::new(CenterCrop::NAME, "comes after another center_crop").fix("keep the last one")
            );
        }
        self.crop = Some(crop);
        Ok(())
    }

    pub(crate) fn reorder(&mut self, order: [usize; CHANNELS]) {
        let channels = self.channels.unwrap_or([0, 1, 2]);
        self.channels = Some(order.map(|channel| channels[channel]));
        for operation in &mut self.operations {
            operation.operands = order.map(|channel| operation.operands[channel]);
        }
    }

    pub(crate) fn operate(&mut self, operations: impl IntoIterator<Item = Operation>) {
        self.operations.extend(operations);
    }

    pub(crate) fn finish(self, layout: Layout, dtype: Dtype) -> Result<FusedPlan> {
        let Self {
            resize,
            crop,
            channels,
            operations,
        } = self;
        let plan = FusedPlan {
            resize,
            crop,
            channels: channels.unwrap_or([0, 1, 2]),
            operations,
            layout,
            dtype,
        };
        plan.check()?;
        Ok(plan)
    }

    fn before_arithmetic(&self, step: &str) -> Result<()> {
        if self.operations.is_empty() {
            return Ok(());
        }
        Err(Error::new(step, "comes after rescale or normalize")
            .why("libraries resize and crop 8-bit pixels; on floats the result is another")
            .fix(format_args!("put {step} before them")))
    }
}

/// The largest pixel count of one image that backends accept: a [`MAX_EDGE`] square.
pub const MAX_PIXELS: usize = MAX_EDGE * MAX_EDGE;
