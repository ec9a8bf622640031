//! From what was found to a pipeline.

use super::resolve::Sampler;
use crate::plan::{Anchor, CanvasSize, GrayRule, Turn};
use crate::steps::{
    CenterCrop, ChannelOrder, Crop, Grayscale, Letterbox, Order, Pad, PadAnchor, Resize, RotateTo, Step,
};
use crate::{CropRule, Dtype, Layout, Output, Pipeline, SizeRule};

/// A canvas as a rule; its colour is that of the border.
pub(super) type CanvasRule = (CanvasSize, Anchor);

/// What is around the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Border {
    /// Pixel values, in the order of the image's channels, before the arithmetic.
    Color([u8; 3]),
    /// Values, in the order of the output's channels, after it.
    Value([f64; 3]),
}

impl Border {
    const BLACK: Self = Self::Color([0; 3]);
}

/// Everything that a pipeline is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parts {
    pub(super) turn: Option<Turn>,
    /// The rule, whether it comes before the resize, and the channels of the result.
    pub(super) gray: Option<(GrayRule, bool, usize)>,
    pub(super) before: Option<CanvasRule>,
    pub(super) resize: Option<(SizeRule, Sampler)>,
    pub(super) after: Option<CanvasRule>,
    pub(super) border: Option<Border>,
    pub(super) reversed: bool,
    pub(super) arithmetic: Vec<Step>,
    pub(super) layout: Layout,
    pub(super) dtype: Dtype,
}

impl Parts {
    /// The pipeline; `None` where no step has one of the parts.
    pub(super) fn pipeline(&self) -> Option<Pipeline> {
        let border = self.border.unwrap_or(Border::BLACK);
        let mut steps = Vec::new();
        if let Some(orientation) = self.turn {
            steps.push(Step::RotateTo(RotateTo { orientation }));
        }
        let gray = self
            .gray
            .map(|(rule, _, channels)| Step::Grayscale(Grayscale { rule, channels }));
        let gray_first = self.gray.is_some_and(|(_, first, _)| first);
        if gray_first {
            steps.extend(gray.clone());
        }
        if let Some(rule) = self.before {
            // A border that is inside of a resize is one of pixels.
            let Border::Color(_) = border else { return None };
            steps.push(canvas(rule, border)?);
        }
        let letterbox = self.letterbox(border);
        let late = matches!(border, Border::Value(_));
        if let Some(letterbox) = letterbox {
            steps.push(letterbox);
        } else {
            if let Some((size, sampler)) = self.resize {
                steps.push(Step::Resize(Resize {
                    size,
                    filter: sampler.filter,
                    resampler: sampler.resampler,
                    antialias: sampler.antialias,
                }));
            }
            if let (Some(rule), false) = (self.after, late) {
                steps.push(canvas(rule, border)?);
            }
        }
        if !gray_first {
            steps.extend(gray);
        }
        if self.reversed {
            steps.push(Step::ChannelOrder(ChannelOrder { order: Order::Bgr }));
        }
        steps.extend(self.arithmetic.iter().cloned());
        if let (Some(rule), true) = (self.after, late) {
            steps.push(canvas(rule, border)?);
        }
        let pipeline = Pipeline {
            description: None,
            steps,
            output: Output {
                layout: Some(self.layout),
                dtype: Some(self.dtype),
            },
            ..Pipeline::default()
        };
        pipeline.check().is_ok().then_some(pipeline)
    }

    /// A resize into a box on a canvas of that box, as one step.
    fn letterbox(&self, border: Border) -> Option<Step> {
        let (
            Some((
                SizeRule::Fit {
                    height,
                    width,
                    rounding,
                    enlarge,
                },
                sampler,
            )),
            Some((size, anchor)),
        ) = (self.resize, self.after)
        else {
            return None;
        };
        let stride = match size {
            CanvasSize::Fixed { .. } => None,
            CanvasSize::Stride { stride, .. } => Some(stride),
            CanvasSize::Square
            | CanvasSize::Multiple { .. }
            | CanvasSize::MultipleAbove { .. }
            | CanvasSize::BatchLargest { .. }
            | CanvasSize::TextLine { .. }
            | CanvasSize::OfSource { .. }
            | CanvasSize::OfShorterEdge { .. } => return None,
        };
        let same = match size {
            CanvasSize::Fixed { height: h, width: w }
            | CanvasSize::Stride {
                height: h, width: w, ..
            } => (h, w) == (height, width),
            CanvasSize::Square
            | CanvasSize::Multiple { .. }
            | CanvasSize::MultipleAbove { .. }
            | CanvasSize::BatchLargest { .. }
            | CanvasSize::TextLine { .. }
            | CanvasSize::OfSource { .. }
            | CanvasSize::OfShorterEdge { .. } => false,
        };
        let Border::Color(color) = border else { return None };
        let usual = sampler.resampler.arithmetic(sampler.filter, true).ok()? == sampler.arithmetic;
        (same && usual).then_some(())?;
        Some(Step::Letterbox(Letterbox {
            size: [height, width],
            color,
            scale_up: enlarge,
            stride,
            anchor: pad_anchor(anchor)?,
            rounding,
            filter: sampler.filter,
            resampler: sampler.resampler,
        }))
    }
}

fn pad_anchor(anchor: Anchor) -> Option<PadAnchor> {
    Some(match anchor {
        Anchor::TopLeft => PadAnchor::TopLeft,
        Anchor::BottomRight => PadAnchor::BottomRight,
        Anchor::Center {
            rule: CropRule::Torchvision,
        } => PadAnchor::CenterTorchvision,
        Anchor::Center {
            rule: CropRule::HuggingFace,
        } => PadAnchor::Center,
        Anchor::Center {
            rule: CropRule::HuggingFacePil,
        } => PadAnchor::CenterHuggingfacePil,
        Anchor::Position { .. } => return None,
    })
}

fn canvas((size, anchor): CanvasRule, border: Border) -> Option<Step> {
    let black = match border {
        Border::Color(color) => color == [0; 3],
        Border::Value(value) => value == [0.0; 3],
    };
    match (size, anchor) {
        (CanvasSize::Fixed { height, width }, Anchor::Center { rule }) if black => {
            Some(Step::CenterCrop(CenterCrop {
                size: [height, width],
                offset: rule,
            }))
        }
        (CanvasSize::Fixed { height, width }, Anchor::Position { top, left }) if black => {
            Some(Step::Crop(Crop {
                size: Some([height, width]),
                top,
                left,
                of_shorter_edge: None,
                offset: CropRule::HuggingFace,
            }))
        }
        (CanvasSize::OfShorterEdge { height, width }, Anchor::Center { rule }) if black => {
            Some(Step::Crop(Crop {
                size: None,
                top: 0,
                left: 0,
                of_shorter_edge: Some([height, width]),
                offset: rule,
            }))
        }
        (
            CanvasSize::Fixed { .. }
            | CanvasSize::Square
            | CanvasSize::Multiple { .. }
            | CanvasSize::MultipleAbove { .. },
            anchor,
        ) => {
            let (color, value) = match border {
                Border::Color(color) => (Some(color), None),
                Border::Value(value) => (None, Some(value)),
            };
            Some(Step::Pad(Pad {
                to: size,
                anchor: pad_anchor(anchor)?,
                color: color.filter(|_| !black),
                value: value.filter(|_| !black),
                mode: None,
            }))
        }
        (
            CanvasSize::Stride { .. }
            | CanvasSize::BatchLargest { .. }
            | CanvasSize::TextLine { .. }
            | CanvasSize::OfSource { .. }
            | CanvasSize::OfShorterEdge { .. },
            _,
        ) => None,
    }
}
