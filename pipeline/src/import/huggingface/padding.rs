//! Padding of a Hugging Face config.

use super::processors::{Padding, Size};
use super::{Backend, Reader};
use crate::import::keys::Given;
use crate::plan::CanvasSize;
use crate::steps::{Pad, PadAnchor, Step};
use crate::{CHANNELS, Result, SizeRule};

/// Zeros around an image, wherever it stands.
pub(super) fn zeros(to: CanvasSize, anchor: PadAnchor) -> Step {
    Step::Pad(Pad {
        to,
        anchor,
        color: None,
        value: None,
        mode: None,
    })
}

/// A square of a colour around the centre.
pub(super) fn square_of(color: [u8; CHANNELS]) -> Step {
    Step::Pad(Pad {
        to: CanvasSize::Square,
        anchor: PadAnchor::Center,
        color: Some(color),
        value: None,
        mode: None,
    })
}

impl Reader<'_> {
    /// What `do_pad` puts around the result, for after the arithmetic.
    pub(super) fn pad(&mut self, steps: &[Step]) -> Result<Option<Step>> {
        if self.processor.padding == Padding::Square {
            return Ok(None);
        }
        let on = self.keys.switch("do_pad", self.processor.pads)?;
        let to = self.keys.given("pad_size");
        let divisor = self.keys.whole("size_divisor")?;
        if !on {
            return Ok(None);
        }
        let fixed = fixed(steps);
        match self.processor.padding {
            Padding::Ignored | Padding::Square => Ok(None),
            Padding::Refused(why) => Err(self.no_pad(why)),
            Padding::Divisor => match divisor {
                Given::Is(divisor) => self.to_multiple(divisor, fixed),
                Given::Absent | Given::Null
                    if self.processor.name == "DPT" && self.backend == Backend::Torchvision =>
                {
                    Err(self.needed("size_divisor", "is missing"))
                }
                Given::Absent | Given::Null => Ok(None),
            },
            Padding::End if divisor.value().is_some() => {
                Err(self.no_pad("what it does with a size_divisor depends on the version of the library"))
            }
            Padding::End => {
                let to = match to {
                    Given::Is(to) => match self.size("pad_size", &to, true)? {
                        Size::Exact(to) => Some(to),
                        size => return Err(self.no_such_size(size)),
                    },
                    Given::Absent => self.processor.pad_to,
                    Given::Null => None,
                };
                self.to_end(to, steps)
            }
        }
    }

    /// Around the centre to the next multiple.
    pub(super) fn to_multiple(&self, divisor: u64, fixed: Option<[usize; 2]>) -> Result<Option<Step>> {
        let of = self.keys.edge("size_divisor", &divisor.into())?;
        if fixed.is_some_and(|size| size.iter().all(|edge| edge.is_multiple_of(of))) {
            return Ok(None);
        }
        Ok(Some(zeros(CanvasSize::Multiple { of }, PadAnchor::Center)))
    }

    /// Right and below, to a size or to the largest of the batch.
    pub(super) fn to_end(&self, to: Option<[usize; 2]>, steps: &[Step]) -> Result<Option<Step>> {
        match (to, fixed(steps)) {
            (None, Some(_)) => Ok(None),
            (Some(to), Some(size)) if to == size => Ok(None),
            (Some(to), Some(size)) if to[0] < size[0] || to[1] < size[1] => Err(self
                .keys
                .error("pad_size", "is smaller than the image")
                .expected_got(
                    format_args!("at least {} x {}", size[0], size[1]),
                    format_args!("{} x {}", to[0], to[1]),
                )
                .why("transformers then raises")),
            (Some(to), None) if bound(steps).is_none_or(|most| to[0] < most[0] || to[1] < most[1]) => {
                Err(self
                    .keys
                    .error("pad_size", "may be smaller than the image")
                    .expected_got(
                        "a size that no image exceeds",
                        format_args!("{} x {}", to[0], to[1]),
                    )
                    .why("transformers then raises, and nothing here would tell"))
            }
            (Some([height, width]), _) => Ok(Some(zeros(
                CanvasSize::Fixed { height, width },
                PadAnchor::TopLeft,
            ))),
            (None, None) => Ok(Some(zeros(
                CanvasSize::BatchLargest { multiple: 1 },
                PadAnchor::TopLeft,
            ))),
        }
    }

    /// LLaVA's square of the mean colour, before the resize.
    pub(super) fn square(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        if self.processor.padding != Padding::Square || !self.keys.switch("do_pad", self.processor.pads)? {
            return Ok(());
        }
        let color = self.mean_color("image_mean")?;
        steps.push(square_of(color));
        Ok(())
    }

    /// The mean under `key`, as a colour.
    pub(super) fn mean_color(&self, key: &str) -> Result<[u8; CHANNELS]> {
        let mean = match self.keys.peek(key) {
            Some(mean) => mean.clone(),
            None => self.processor.statistics.map(|[mean, _]| mean.to_vec()).into(),
        };
        let color: Option<Vec<u8>> = mean.as_array().and_then(|mean| {
            // Python's int(x * 255).
            let byte = |value: &serde_json::Value| {
                let value = (value.as_f64()? * 255.0).trunc();
                (0.0..=255.0).contains(&value).then_some(value as u8)
            };
            mean.iter().map(byte).collect()
        });
        let color: Option<[u8; CHANNELS]> = color.and_then(|color| color.try_into().ok());
        color.ok_or_else(|| self.no_pad("it pads with the mean as a colour, which it is not"))
    }

    pub(super) fn no_pad(&self, why: &str) -> crate::Error {
        self.keys
            .error("do_pad", "cannot be expressed")
            .expected_got("false, or no such key", true)
            .why(why)
    }
}

/// Height and width that no image has more of after the resize.
fn bound(steps: &[Step]) -> Option<[usize; 2]> {
    let Some(Step::Resize(resize)) = steps.last() else {
        return None;
    };
    match resize.size {
        SizeRule::Exact { height, width } | SizeRule::Fit { height, width, .. } => Some([height, width]),
        SizeRule::LongestEdge { size } | SizeRule::Longest { size, .. } => Some([size, size]),
        SizeRule::Detr { longest, .. } | SizeRule::Yolos { longest, .. } => Some([longest, longest]),
        SizeRule::Maskformer {
            longest, multiple, ..
        } => Some([longest.div_ceil(multiple) * multiple; 2]),
        SizeRule::ShortestEdge { .. }
        | SizeRule::Cover { .. }
        | SizeRule::CropPct { .. }
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
        | SizeRule::Naflex { .. } => None,
    }
}

/// Height and width of the result, where they do not depend on the image.
pub(super) fn fixed(steps: &[Step]) -> Option<[usize; 2]> {
    let last = steps.iter().rev().find_map(|step| match step {
        Step::CenterCrop(crop) => Some(Some(crop.size)),
        Step::Pad(pad) => match pad.to {
            CanvasSize::Fixed { height, width } => Some(Some([height, width])),
            _ => Some(None),
        },
        Step::Resize(resize) => Some(match resize.size {
            SizeRule::Exact { height, width } => Some([height, width]),
            _ => None,
        }),
        _ => None,
    });
    last.flatten()
}
