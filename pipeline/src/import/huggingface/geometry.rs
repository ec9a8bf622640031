//! Sizes, filters, crops and padding of a Hugging Face config.

use serde_json::Value;

use super::{Backend, Reader};
use crate::import::processors::{Quirk, Size};
use crate::size::MAX_EDGE;
use crate::steps::{CenterCrop, Resize, Step};
use crate::{CropRule, Filter, Result, SizeRule};

impl Reader {
    /// Resize and crop.
    pub(super) fn geometry(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        let resize = self.keys.flag("do_resize")?.unwrap_or(true);
        let size = self.keys.take("size");
        let resample = self.keys.take("resample");
        let mut crop = None;
        if resize {
            let size = match size {
                Some(size) => self.size("size", &size, self.processor.square)?,
                None => self.or_default("size", None, self.processor.size),
            };
            let filter = self.filter(resample)?;
            let rule;
            (rule, crop) = self.quirks_of_size(size)?;
            let size = match rule {
                Size::Exact([height, width]) => SizeRule::Exact { height, width },
                Size::Shortest(size) => SizeRule::ShortestEdge { size, max: None },
            };
            steps.push(Step::Resize(Resize {
                size,
                filter,
                resampler: self.resampler,
            }));
        }
        let given = self.keys.flag("do_center_crop")?;
        let crop_size = self.keys.take("crop_size");
        match (self.processor.center_crop, given) {
            (None, Some(true)) => {
                return Err(self
                    .keys
                    .error("do_center_crop", "cannot be expressed")
                    .expected_got("false, or no such key", true)
                    .why(format_args!(
                        "{}ImageProcessor has no centre crop of its own",
                        self.processor.name
                    )));
            }
            (Some(default), given) if given.unwrap_or(default) => {
                let size = match crop_size {
                    Some(size) => match self.size("crop_size", &size, true)? {
                        Size::Exact(size) => size,
                        Size::Shortest(_) => {
                            return Err(self
                                .keys
                                .error("crop_size.shortest_edge", "is not the size of a crop")
                                .expected_got("height and width", "shortest_edge"));
                        }
                    },
                    None => self.or_default("crop_size", None, self.processor.crop),
                };
                crop = Some(size);
            }
            _ => {}
        }
        if let Some(size) = crop {
            let offset = match self.backend {
                Backend::Torchvision => CropRule::HuggingFace,
                Backend::Pillow => CropRule::HuggingFacePil,
            };
            steps.push(Step::CenterCrop(CenterCrop { size, offset }));
        }
        Ok(())
    }

    /// The size that is resized to, and the crop that belongs to it.
    fn quirks_of_size(&mut self, size: Size) -> Result<(Size, Option<[usize; 2]>)> {
        match (self.processor.quirk, size) {
            (Quirk::ConvNext, Size::Shortest(edge)) => {
                let fraction = self.crop_pct(224.0 / 256.0)?;
                if edge >= 384 {
                    return Ok((Size::Exact([edge, edge]), None));
                }
                Ok((
                    Size::Shortest(self.scaled("crop_pct", edge as f64 / fraction)?),
                    Some([edge, edge]),
                ))
            }
            (Quirk::ConvNext, Size::Exact(_)) => Err(self
                .keys
                .error("size", "is not a shortest edge")
                .expected_got("shortest_edge", "height and width")
                .why("ConvNextImageProcessor takes nothing else")),
            (Quirk::PoolFormer, size) => {
                let fraction = self.crop_pct(0.9)?;
                let scaled = |reader: &Self, edge: usize| reader.scaled("crop_pct", edge as f64 / fraction);
                let size = match size {
                    Size::Shortest(edge) => Size::Shortest(scaled(self, edge)?),
                    Size::Exact([height, width]) if height == width => Size::Shortest(scaled(self, height)?),
                    Size::Exact([height, width]) => {
                        Size::Exact([scaled(self, height)?, scaled(self, width)?])
                    }
                };
                Ok((size, None))
            }
            (Quirk::Levit, Size::Shortest(edge)) => {
                let edge = self.scaled("size", 256.0 / 224.0 * edge as f64)?;
                Ok((Size::Shortest(edge), None))
            }
            (Quirk::Dpt, Size::Exact(size)) => {
                let multiple = self.keys.whole("ensure_multiple_of")?.unwrap_or(1);
                if multiple == 0 || size.iter().any(|edge| !(*edge as u64).is_multiple_of(multiple)) {
                    return Err(self
                        .keys
                        .error("ensure_multiple_of", "does not divide the size")
                        .expected_got(format_args!("a divisor of {} and {}", size[0], size[1]), multiple)
                        .why("the output size would follow from the image, in multiples"));
                }
                Ok((Size::Exact(size), None))
            }
            (_, size) => Ok((size, None)),
        }
    }

    fn crop_pct(&mut self, default: f64) -> Result<f64> {
        let given = self.keys.number("crop_pct")?;
        let fraction = self.or_default("crop_pct", given, default);
        if fraction > 0.0 {
            return Ok(fraction);
        }
        Err(self
            .keys
            .error("crop_pct", "is not a fraction")
            .expected_got("above 0", fraction))
    }

    fn scaled(&self, key: &str, edge: f64) -> Result<usize> {
        let whole = edge as usize;
        if (1..=MAX_EDGE).contains(&whole) {
            return Ok(whole);
        }
        Err(self
            .keys
            .error(key, "leads to a resize that is not possible")
            .expected_got(format_args!("an edge of 1 to {MAX_EDGE} pixels"), edge))
    }

    /// Reads a size: one number, [height, width], or a table.
    fn size(&self, key: &str, value: &Value, square: bool) -> Result<Size> {
        let edge = |name: &str, value: &Value| self.keys.edge(&format!("{key}{name}"), value);
        match value {
            Value::Array(items) => match items.as_slice() {
                [height, width] => Ok(Size::Exact([edge("[0]", height)?, edge("[1]", width)?])),
                _ => Err(self
                    .keys
                    .error(key, "is not a size")
                    .expected_got("[height, width]", value)),
            },
            Value::Object(table) => {
                let given = |name: &str| table.get(name).filter(|value| !value.is_null());
                if let Some((name, _)) = table.iter().find(|(name, value)| {
                    !value.is_null() && !["height", "width", "shortest_edge"].contains(&name.as_str())
                }) {
                    return Err(self
                        .keys
                        .error(&format!("{key}.{name}"), "cannot be expressed")
                        .expected_got("height and width, or shortest_edge", name)
                        .why("the output size would follow from the image and be padded"));
                }
                match (given("height"), given("width"), given("shortest_edge")) {
                    (Some(height), Some(width), None) => {
                        Ok(Size::Exact([edge(".height", height)?, edge(".width", width)?]))
                    }
                    (None, None, Some(shortest)) => Ok(Size::Shortest(edge(".shortest_edge", shortest)?)),
                    _ => Err(self
                        .keys
                        .error(key, "is not a size")
                        .expected_got("height and width, or shortest_edge", value)),
                }
            }
            value => {
                let edge = edge("", value)?;
                Ok(if square {
                    Size::Exact([edge, edge])
                } else {
                    Size::Shortest(edge)
                })
            }
        }
    }

    fn filter(&mut self, resample: Option<Value>) -> Result<Filter> {
        let number = match &resample {
            Some(value) => value.as_u64(),
            None => Some(self.or_default("resample", None, self.processor.resample)),
        };
        let torchvision = self.backend == Backend::Torchvision;
        match number {
            Some(0) if torchvision => Ok(Filter::NearestExact),
            Some(0) => Ok(Filter::Nearest),
            Some(1) => Ok(Filter::Lanczos),
            Some(2) => Ok(Filter::Bilinear),
            Some(3) => Ok(Filter::Bicubic),
            Some(4) if !torchvision => Ok(Filter::Box),
            Some(5) if !torchvision => Ok(Filter::Hamming),
            Some(4 | 5) => Err(self
                .keys
                .error("resample", "is a filter that torchvision has not")
                .expected_got("0, 1, 2 or 3", resample.unwrap_or_default())
                .fix("add --resampler pillow")),
            _ => Err(self
                .keys
                .error("resample", "is not a filter of Pillow")
                .expected_got(
                    "0 (nearest), 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (hamming)",
                    resample.unwrap_or_default(),
                )),
        }
    }

    /// Lets `do_pad` pass where it has nothing to pad.
    pub(super) fn pad(&mut self, steps: &[Step]) -> Result<()> {
        let on = self.keys.flag("do_pad")?.unwrap_or(false);
        let to = self.keys.take("pad_size");
        let divisor = self.keys.take("size_divisor");
        if !on {
            return Ok(());
        }
        let fixed = steps.iter().rev().find_map(|step| match step {
            Step::CenterCrop(crop) => Some(Some(crop.size)),
            Step::Resize(resize) => Some(match resize.size {
                SizeRule::Exact { height, width } => Some([height, width]),
                _ => None,
            }),
            _ => None,
        });
        let to = to.map(|to| self.size("pad_size", &to, true)).transpose()?;
        let why = match (self.processor.pad, fixed.flatten(), to) {
            (None, Some(_), None) if divisor.is_none() => return Ok(()),
            (None, Some(size), Some(to)) if to == Size::Exact(size) => return Ok(()),
            (Some(why), _, _) => why,
            (None, _, _) => "it pads after the normalisation",
        };
        Err(self
            .keys
            .error("do_pad", "cannot be expressed")
            .expected_got("false, or no such key", true)
            .why(why))
    }
}
