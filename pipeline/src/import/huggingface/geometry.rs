//! Sizes, filters and crops of a Hugging Face config.

use serde_json::Value;

use super::processors::{Cropping, Resizing, Size};
use super::{Backend, Reader};
use crate::import::keys::Given;
use crate::size::MAX_EDGE;
use crate::steps::{CenterCrop, Resize, Step};
use crate::{CropRule, Filter, Result, SizeRule};

impl Reader<'_> {
    /// Resize and crop.
    pub(super) fn geometry(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        let resize = self.keys.switch("do_resize", true)?;
        let default_square = self.processor.square;
        let mut square = self.keys.switch("default_to_square", default_square)?;
        if self.processor.null_is_default {
            square = default_square;
        }
        let size = self.keys.given("size");
        let resample = self.keys.given("resample");
        let mut crop = self.center_crop()?;
        let mut own = None;
        if resize {
            let size = match self.image_size()? {
                Given::Absent => size,
                given => given,
            };
            let size = match size {
                Given::Is(size) => Given::Is(self.size("size", &size, square)?),
                Given::Null => Given::Null,
                Given::Absent => Given::Absent,
            };
            let mut size = self.or_default("size", size, Some(self.processor.size))?;
            let filter = self.filter(resample)?;
            self.at_size(&mut size, &mut crop)?;
            let rule;
            (rule, own) = self.size_of_the_class(size)?;
            let size = match rule {
                Size::Exact([height, width]) => SizeRule::Exact { height, width },
                Size::Shortest(size) => SizeRule::ShortestEdge { size, max: None },
            };
            steps.push(Step::Resize(Resize {
                size,
                filter,
                resampler: self.resampler,
                antialias: true,
            }));
        } else {
            self.at_size_without_resize(&mut crop)?;
        }
        if let (Some(own), Some(crop)) = (own, crop)
            && own != crop
        {
            return Err(self
                .keys
                .error("do_center_crop", "cannot be expressed")
                .expected_got("false, or no such key", true)
                .why("its resize crops already, and one pass over the image crops once"));
        }
        if let Some(size) = crop.or(own) {
            let offset = match self.backend {
                Backend::Torchvision => CropRule::HuggingFace,
                Backend::Pillow => CropRule::HuggingFacePil,
            };
            steps.push(Step::CenterCrop(CenterCrop { size, offset }));
        }
        Ok(())
    }

    /// What the key of Idefics says, which stands above `size`.
    fn image_size(&mut self) -> Result<Given<Value>> {
        if self.processor.name != "Idefics" {
            return Ok(Given::Absent);
        }
        self.keys.off("transform", "it is code of the caller")?;
        Ok(match self.keys.whole("image_size")?.value() {
            Some(edge) => Given::Is(Value::Array(vec![edge.into(), edge.into()])),
            None => Given::Absent,
        })
    }

    /// The centre crop, where it is on and the class heeds it.
    fn center_crop(&mut self) -> Result<Option<[usize; 2]>> {
        let on = self.keys.switch("do_center_crop", self.processor.center_crop)?;
        let given = self.keys.given("crop_size");
        if !on {
            return Ok(None);
        }
        let size = match given {
            Given::Is(size) => match self.size("crop_size", &size, true)? {
                Size::Exact(size) => Given::Is(size),
                Size::Shortest(_) => {
                    return Err(self
                        .keys
                        .error("crop_size.shortest_edge", "is not the size of a crop")
                        .expected_got("height and width", "shortest_edge"));
                }
            },
            Given::Null => Given::Null,
            Given::Absent => Given::Absent,
        };
        // Asked for even where the crop is ignored, as transformers does.
        let size = self.or_default("crop_size", size, self.processor.crop)?;
        Ok(match self.processor.cropping {
            Cropping::Heeded => Some(size),
            Cropping::Ignored => None,
            Cropping::TorchvisionOnly => (self.backend == Backend::Torchvision).then_some(size),
        })
    }

    /// The size that is resized to, and the crop that belongs to it.
    fn size_of_the_class(&mut self, size: Size) -> Result<(Size, Option<[usize; 2]>)> {
        match (self.processor.resizing, size) {
            (Resizing::Plain | Resizing::Levit, size @ Size::Exact(_))
            | (Resizing::Plain, size @ Size::Shortest(_))
            | (Resizing::ExactOnly, size @ Size::Exact(_)) => Ok((size, None)),
            (Resizing::ConvNext, Size::Shortest(edge)) => {
                let given = self.keys.number("crop_pct")?;
                if edge >= 384 {
                    return Ok((Size::Exact([edge, edge]), None));
                }
                let fraction = self.crop_pct(given, 224.0 / 256.0)?;
                Ok((
                    Size::Shortest(self.scaled("crop_pct", edge as f64 / fraction)?),
                    Some([edge, edge]),
                ))
            }
            (Resizing::ConvNext, Size::Exact(_)) => Err(self
                .keys
                .error("size", "is not a shortest edge")
                .expected_got("shortest_edge", "height and width")
                .why("ConvNextImageProcessor takes nothing else")),
            (Resizing::PoolFormer, size) => {
                let given = self.keys.number("crop_pct")?;
                if given == Given::Null {
                    return Ok((size, None));
                }
                let fraction = self.crop_pct(given, 0.9)?;
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
            (Resizing::Levit, Size::Shortest(edge)) => {
                let edge = self.scaled("size", 256.0 / 224.0 * edge as f64)?;
                Ok((Size::Shortest(edge), None))
            }
            (Resizing::Multiple, Size::Exact(size)) => {
                let given = self.keys.whole("ensure_multiple_of")?;
                let multiple = match given {
                    Given::Absent => 1,
                    given => self.or_default("ensure_multiple_of", given, None)?,
                };
                if multiple == 0 || size.iter().any(|edge| !(*edge as u64).is_multiple_of(multiple)) {
                    return Err(self
                        .keys
                        .error("ensure_multiple_of", "does not divide the size")
                        .expected_got(format_args!("a divisor of {} and {}", size[0], size[1]), multiple)
                        .why("the output size would follow from the image, in multiples"));
                }
                Ok((Size::Exact(size), None))
            }
            (Resizing::ExactOnly | Resizing::Multiple, Size::Shortest(_)) => Err(self
                .keys
                .error("size", "is not a height and a width")
                .expected_got("height and width", "a shortest edge")
                .why(format_args!(
                    "{}ImageProcessor takes no shortest edge alone",
                    self.processor.name
                ))),
        }
    }

    fn crop_pct(&mut self, given: Given<f64>, default: f64) -> Result<f64> {
        let fraction = self.or_default("crop_pct", given, Some(default))?;
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

    fn filter(&mut self, resample: Given<Value>) -> Result<Filter> {
        let default = Some(self.processor.resample.into());
        let resample = self.or_default("resample", resample, default)?;
        let torchvision = self.backend == Backend::Torchvision;
        match resample.as_u64() {
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
                .expected_got("0, 1, 2 or 3", resample)
                .fix("add --resampler pillow")),
            _ => Err(self
                .keys
                .error("resample", "is not a filter of Pillow")
                .expected_got(
                    "0 (nearest), 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (hamming)",
                    resample,
                )),
        }
    }
}
