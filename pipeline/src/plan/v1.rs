//! What version 1 of the op can say: resize, crop, channel order, arithmetic, output. Frozen.

use super::{
    Anchor, Canvas, CanvasSize, Fill, Form, Plan, Resample, SourceFormat, Stage, Values, check_operations,
};
use crate::resample::{Arithmetic, Windows};
use crate::size::MAX_EDGE;
use crate::{
    CHANNELS, CropRule, Dtype, Error, ErrorKind, Filter, Layout, Operation, Precision, Result, SizeRule,
    ValueTable,
};

/// Preprocessing in canonical form: RGB uint8 images of any size to one tensor.
#[derive(Clone, Debug, PartialEq)]
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

/// An antialiased resize, each pass rounded to uint8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resize {
    /// How the new size follows from the old one.
    pub size: Size,
    /// The resampling filter.
    pub filter: Filter,
    /// Whose integer weights and pass order.
    pub resampler: Windows,
}

/// A crop around the centre; a smaller image is surrounded by zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CenterCrop {
    /// Height and width of the crop, in pixels.
    pub size: [usize; 2],
    /// Whose rule places the crop.
    pub offset: CropRule,
}

/// The size rules of version 1; [`SizeRule`] says what they mean.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is documented at SizeRule")]
pub enum Size {
    Exact {
        height: usize,
        width: usize,
    },
    ShortestEdge {
        size: usize,
        max: Option<usize>,
    },
    LongestEdge {
        size: usize,
    },
    Cover {
        height: usize,
        width: usize,
    },
    CropPct {
        height: usize,
        width: usize,
        fraction: f64,
    },
}

/// A rule with `crop_pct` worked out: what the backends of version 1 know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolvedSize {
    /// See [`SizeRule::Exact`].
    Exact(usize, usize),
    /// See [`SizeRule::ShortestEdge`].
    ShortestEdge(usize, Option<usize>),
    /// See [`SizeRule::LongestEdge`].
    LongestEdge(usize),
    /// See [`SizeRule::Cover`].
    Cover(usize, usize),
}

impl Size {
    /// The rule with `crop_pct` worked out.
    pub fn resolve(self) -> ResolvedSize {
        match self {
            Self::Exact { height, width } => ResolvedSize::Exact(height, width),
            Self::ShortestEdge { size, max } => ResolvedSize::ShortestEdge(size, max),
            Self::LongestEdge { size } => ResolvedSize::LongestEdge(size),
            Self::Cover { height, width } => ResolvedSize::Cover(height, width),
            Self::CropPct {
                height,
                width,
                fraction,
            } => {
                let [height, width] = [height, width].map(|edge| (edge as f64 / fraction) as usize);
                if height == width {
                    ResolvedSize::ShortestEdge(height, None)
                } else {
                    ResolvedSize::Cover(height, width)
                }
            }
        }
    }

    /// The rule, if version 1 has it. It has no `crop_pct` above 1.
    pub(super) fn of(rule: SizeRule) -> Option<Self> {
        Some(match rule {
            SizeRule::Exact { height, width } => Self::Exact { height, width },
            SizeRule::ShortestEdge { size, max } => Self::ShortestEdge { size, max },
            SizeRule::LongestEdge { size } => Self::LongestEdge { size },
            SizeRule::Cover { height, width } => Self::Cover { height, width },
            SizeRule::CropPct {
                height,
                width,
                fraction,
            } if fraction <= 1.0 => Self::CropPct {
                height,
                width,
                fraction,
            },
            SizeRule::CropPct { .. }
            | SizeRule::Detr { .. }
            | SizeRule::Yolos { .. }
            | SizeRule::Fit { .. }
            | SizeRule::Dpt { .. }
            | SizeRule::Textnet { .. }
            | SizeRule::Glpn { .. }
            | SizeRule::Vilt { .. }
            | SizeRule::Thumbnail { .. }
            | SizeRule::PaddleocrDet { .. }
            | SizeRule::PaddleocrRec { .. }
            | SizeRule::PaddleocrCls { .. }
            | SizeRule::Ddddocr { .. }
            | SizeRule::Height { .. }
            | SizeRule::Smart { .. }
            | SizeRule::Maskformer { .. }
            | SizeRule::Longest { .. }
            | SizeRule::Pixtral { .. }
            | SizeRule::GlmImage { .. }
            | SizeRule::Kimi { .. }
            | SizeRule::Lcnet { .. }
            | SizeRule::Idefics2 { .. }
            | SizeRule::Idefics3 { .. }
            | SizeRule::Idefics3Tiles { .. }
            | SizeRule::Grid { .. }
            | SizeRule::Ultravbert { .. }
            | SizeRule::Nemotron { .. }
            | SizeRule::Glm5Next { .. }
            | SizeRule::Gemma4 { .. }
            | SizeRule::Naflex { .. } => return None,
        })
    }
}

impl From<Size> for SizeRule {
    fn from(size: Size) -> Self {
        match size {
            Size::Exact { height, width } => Self::Exact { height, width },
            Size::ShortestEdge { size, max } => Self::ShortestEdge { size, max },
            Size::LongestEdge { size } => Self::LongestEdge { size },
            Size::Cover { height, width } => Self::Cover { height, width },
            Size::CropPct {
                height,
                width,
                fraction,
            } => Self::CropPct {
                height,
                width,
                fraction,
            },
        }
    }
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
                ResolvedSize::Exact(height, width) => Some((height, width)),
                ResolvedSize::ShortestEdge(..) | ResolvedSize::LongestEdge(_) | ResolvedSize::Cover(..) => {
                    None
                }
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
                let to = SizeRule::from(resize.size).output_size(height, width)?;
                (to, resize.resampler.vertical_first((height, width), to))
            }
            None => (
                SizeRule::Exact { height, width }.output_size(height, width)?,
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
        if let Some(resize) = resize {
            resize.check().map_err(|error| error.within_key("resize"))?;
        }
        if let Some(crop) = crop {
            for (index, edge) in crop.size.into_iter().enumerate() {
                if !(1..=MAX_EDGE).contains(&edge) {
                    return Err(
                        Error::new(format_args!("crop.size[{index}]"), "is not a size in pixels")
                            .expected_got(format_args!("1 to {MAX_EDGE}"), edge),
                    );
                }
            }
        }
        let mut sorted = *channels;
        sorted.sort_unstable();
        if sorted != [0, 1, 2] {
            return Err(Error::new("channels", "is not an order of the channels")
                .expected_got("a permutation of 0, 1, 2", format_args!("{channels:?}")));
        }
        check_operations("operations", operations)?;
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

/// Whether an operation is none that version 1 has.
pub(super) fn v1_lacks(operations: &[Operation]) -> bool {
    operations.iter().any(|operation| match operation.precision {
        Precision::Float32 | Precision::Float64 => false,
        Precision::Unrounded => true,
    })
}

impl Resize {
    fn check(&self) -> Result<()> {
        SizeRule::from(self.size)
            .check()
            .map_err(|error| error.within_key("size"))?;
        if let Size::CropPct { fraction, .. } = self.size
            && fraction > 1.0
        {
            return Err(
                Error::new("size.crop_pct", "is not a fraction").expected_got("above 0, at most 1", fraction)
            );
        }
        crate::Resampler::from(self.resampler).check_filter(self.filter)
    }
}

impl From<FusedPlan> for Plan {
    fn from(plan: FusedPlan) -> Self {
        let resample = plan.resize.map(|resize| Resample {
            size: resize.size.into(),
            sampling: Arithmetic::Passes {
                windows: resize.resampler,
                filter: resize.filter,
                antialias: true,
            },
        });
        let after = plan.crop.map(
            |CenterCrop {
                 size: [height, width],
                 offset: rule,
             }| { Canvas::fixed(height, width, Anchor::Center { rule }) },
        );
        let stage = Stage {
            before: None,
            resample,
            after,
        };
        Self {
            source: SourceFormat::Rgb,
            turn: None,
            gray: None,
            stages: if resample.is_some() || after.is_some() {
                vec![stage]
            } else {
                vec![]
            },
            float: None,
            overview: None,
            values: Values {
                gray: None,
                channels: plan.channels.to_vec(),
                operations: plan.operations,
                quantize: None,
            },
            form: Form {
                layout: plan.layout,
                dtype: plan.dtype,
                blocks: None,
            },
            outputs: Vec::new(),
        }
    }
}

impl Plan {
    /// The plan as version 1 has it.
    ///
    /// # Errors
    /// Names the first part that version 1 cannot say.
    pub fn to_v1(&self) -> Result<FusedPlan> {
        let beyond = |what: &str| {
            Error::new("plan", format_args!("cannot be embedded yet: it {what}"))
                .why("the op and the standard operators of this version cannot say it; the scalar reference alone can")
                .fix(
                    "do this part before the model, or keep to resize (pillow, pillow12 or torchvision, antialiased), one \
                     center_crop after it, channel_order, rescale and normalize",
                )
                .with_kind(ErrorKind::Config)
        };
        if self.source != SourceFormat::Rgb {
            return Err(beyond("takes images other than RGB"));
        }
        if self.turn.is_some() {
            return Err(beyond("turns the image"));
        }
        if self.gray.is_some() || self.values.gray.is_some() {
            return Err(beyond("makes the image gray"));
        }
        if self.float.is_some() {
            return Err(beyond("resizes floats"));
        }
        if self.values.quantize.is_some() {
            return Err(beyond("quantises the values"));
        }
        if self.form.blocks.is_some() {
            return Err(beyond("cuts the output into blocks"));
        }
        if !self.outputs.is_empty() {
            return Err(beyond("has outputs besides the tensor"));
        }
        let (resample, after) = match self.stages.as_slice() {
            [] => (None, None),
            [
                Stage {
                    before: None,
                    resample,
                    after,
                },
            ] => (*resample, *after),
            [_] => return Err(beyond("crops or pads before it resizes")),
            _ => return Err(beyond("has several stages of resize, crop and pad")),
        };
        let resize = match resample {
            None => None,
            Some(Resample {
                size,
                sampling:
                    Arithmetic::Passes {
                        windows,
                        filter,
                        antialias,
                    },
            }) => {
                let size = Size::of(size).ok_or_else(|| beyond("resizes by a size rule of version 2"))?;
                if !antialias {
                    return Err(beyond("resizes without antialiasing"));
                }
                Some(Resize {
                    size,
                    filter,
                    resampler: windows,
                })
            }
            Some(Resample {
                sampling: Arithmetic::Opencv { .. },
                ..
            }) => return Err(beyond("resizes as OpenCV does")),
            Some(Resample {
                sampling: Arithmetic::Torch { .. },
                ..
            }) => return Err(beyond("resizes as torch does")),
        };
        let crop = match after {
            None => None,
            Some(Canvas {
                size: CanvasSize::Fixed { height, width },
                anchor: Anchor::Center { rule: offset },
                fill: Fill::BLACK,
            }) => Some(CenterCrop {
                size: [height, width],
                offset,
            }),
            Some(_) => return Err(beyond("has a canvas other than a centre crop")),
        };
        if v1_lacks(&self.values.operations) {
            return Err(beyond("has a chain of operations in float64"));
        }
        let &[a, b, c] = self.values.channels.as_slice() else {
            return Err(beyond("has other than three channels"));
        };
        Ok(FusedPlan {
            resize,
            crop,
            channels: [a, b, c],
            operations: self.values.operations.clone(),
            layout: self.form.layout,
            dtype: self.form.dtype,
        })
    }
}
