//! Sizes, filters and crops of a Hugging Face config.

use serde_json::Value;

use super::processors::{Cropping, Processor, Resizing, Size};
use super::{Backend, Reader};
use crate::import::keys::Given;
use crate::size::FitRounding;
use crate::size::MAX_EDGE;
use crate::steps::{CenterCrop, Resize, Step};
use crate::{CropRule, Error, Filter, Result, SizeRule};

impl Reader<'_> {
    /// Resize and crop.
    pub(super) fn geometry(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        self.square(steps)?;
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
            let size_rule;
            (size_rule, own) = self.size_of_the_class(size)?;
            steps.push(self.resize(size_rule, filter));
        } else {
            // What the resize of the class alone asks for.
            let its_own: &[&str] = match self.processor.resizing {
                Resizing::Multiple => &["ensure_multiple_of", "keep_aspect_ratio"],
                Resizing::ConvNext | Resizing::PoolFormer => &["crop_pct"],
                Resizing::Plain | Resizing::ExactOnly | Resizing::Levit => &[],
            };
            for key in its_own {
                self.keys.take(key);
            }
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
        self.crop(steps, crop.or(own));
        Ok(())
    }

    /// A resize by the backend.
    pub(super) fn resize(&self, size: SizeRule, filter: Filter) -> Step {
        Step::Resize(Resize::new(size, filter, self.resampler))
    }

    /// The centre crop of the backend.
    pub(super) fn crop(&self, steps: &mut Vec<Step>, size: Option<[usize; 2]>) {
        let offset = self.crop_rule();
        steps.extend(size.map(|size| Step::CenterCrop(CenterCrop { size, offset })));
    }

    /// How the backend places a crop.
    pub(super) fn crop_rule(&self) -> CropRule {
        match self.backend {
            Backend::Torchvision => CropRule::HuggingFace,
            Backend::Pillow => CropRule::HuggingFacePil,
        }
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
    pub(super) fn center_crop(&mut self) -> Result<Option<[usize; 2]>> {
        let on = self.keys.switch("do_center_crop", self.processor.center_crop)?;
        let given = self.keys.given("crop_size");
        if !on {
            return Ok(None);
        }
        let size = match given {
            Given::Is(size) => match self.size("crop_size", &size, true)? {
                Size::Exact(size) => Given::Is(size),
                Size::Shortest(_) | Size::Longest(_) | Size::Both(_) | Size::Within(_) | Size::Pixels(_) => {
                    return Err(self
                        .keys
                        .error("crop_size", "is not the size of a crop")
                        .expected_got("height and width", size));
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

    /// The rule that it is resized by, and the crop that belongs to it.
    fn size_of_the_class(&mut self, size: Size) -> Result<(SizeRule, Option<[usize; 2]>)> {
        let exact = |[height, width]: [usize; 2]| SizeRule::Exact { height, width };
        let shortest = |size| SizeRule::ShortestEdge { size, max: None };
        match (self.processor.resizing, size) {
            (Resizing::Plain | Resizing::Levit | Resizing::ExactOnly, Size::Exact(size)) => {
                Ok((exact(size), None))
            }
            (Resizing::Plain, Size::Shortest(size)) => Ok((shortest(size), None)),
            (Resizing::Plain, Size::Both([shortest, longest])) => {
                self.edges("size", [shortest, longest])?;
                Ok((SizeRule::Detr { shortest, longest }, None))
            }
            (Resizing::Plain, Size::Within([height, width])) => Ok((
                SizeRule::Fit {
                    height,
                    width,
                    rounding: FitRounding::Down,
                    enlarge: true,
                },
                None,
            )),
            (Resizing::ConvNext, Size::Shortest(edge)) => {
                let given = self.keys.number("crop_pct")?;
                if edge >= 384 {
                    return Ok((exact([edge, edge]), None));
                }
                let fraction = self.crop_pct(given, 224.0 / 256.0)?;
                Ok((
                    shortest(self.scaled("crop_pct", edge as f64 / fraction)?),
                    Some([edge, edge]),
                ))
            }
            (Resizing::PoolFormer, size @ (Size::Exact(_) | Size::Shortest(_))) => {
                let given = self.keys.number("crop_pct")?;
                let plain = given == Given::Null;
                let fraction = match given {
                    Given::Null => 1.0,
                    given => self.crop_pct(given, 0.9)?,
                };
                let scaled = |reader: &Self, edge: usize| reader.scaled("crop_pct", edge as f64 / fraction);
                let rule = match size {
                    Size::Exact([height, width]) if height != width || plain => {
                        exact([scaled(self, height)?, scaled(self, width)?])
                    }
                    Size::Exact([edge, _]) | Size::Shortest(edge) => shortest(scaled(self, edge)?),
                    Size::Longest(_) | Size::Both(_) | Size::Within(_) | Size::Pixels(_) => {
                        return Err(self.no_such_size(size));
                    }
                };
                Ok((rule, None))
            }
            (Resizing::Levit, Size::Shortest(edge)) => {
                Ok((shortest(self.scaled("size", 256.0 / 224.0 * edge as f64)?), None))
            }
            (Resizing::Multiple, Size::Exact([height, width])) => {
                let given = self.keys.whole("ensure_multiple_of")?;
                let multiple = match given {
                    Given::Absent => 1,
                    given => self.or_default("ensure_multiple_of", given, None)?,
                };
                let keeps = self.keys.switch("keep_aspect_ratio", false)?;
                Ok((self.multiple([height, width], multiple, keeps)?, None))
            }
            (
                Resizing::Plain
                | Resizing::ExactOnly
                | Resizing::Multiple
                | Resizing::ConvNext
                | Resizing::PoolFormer
                | Resizing::Levit,
                size,
            ) => Err(self.no_such_size(size)),
        }
    }

    /// The rule of DPT.
    pub(super) fn multiple(
        &self,
        [height, width]: [usize; 2],
        multiple: u64,
        keeps: bool,
    ) -> Result<SizeRule> {
        if multiple == 0 || multiple > MAX_EDGE as u64 {
            return Err(self
                .keys
                .error("ensure_multiple_of", "is not a number of pixels")
                .expected_got(format_args!("1 to {MAX_EDGE}"), multiple));
        }
        let multiple = multiple as usize;
        if !keeps && height % multiple == 0 && width % multiple == 0 {
            return Ok(SizeRule::Exact { height, width });
        }
        Ok(SizeRule::Dpt {
            height,
            width,
            multiple,
            keep_aspect_ratio: keeps,
        })
    }

    /// The error of a form of size that the class does not take.
    pub(super) fn no_such_size(&self, size: Size) -> Error {
        let (got, takes) = match size {
            Size::Exact(_) => ("height and width", "another size than this"),
            Size::Shortest(_) => ("shortest_edge", "no shortest edge alone"),
            Size::Longest(_) => ("longest_edge", "no longest edge alone"),
            Size::Both(_) => ("shortest_edge and longest_edge", "not both edges"),
            Size::Within(_) => ("max_height and max_width", "no largest height and width"),
            Size::Pixels(_) => ("min_pixels and max_pixels", "no number of pixels"),
        };
        let Processor { name, resizing, .. } = self.processor;
        let expected = match resizing {
            Resizing::ConvNext => "shortest_edge",
            Resizing::ExactOnly | Resizing::Multiple => "height and width",
            Resizing::Plain | Resizing::PoolFormer | Resizing::Levit => "a size as the class has it",
        };
        self.keys
            .error("size", "is not a size that the class takes")
            .expected_got(expected, got)
            .why(format_args!("{name}ImageProcessor takes {takes}"))
    }

    /// Checks that these are edges in pixels.
    pub(super) fn edges(&self, key: &str, edges: [usize; 2]) -> Result<()> {
        edges
            .iter()
            .try_for_each(|edge| self.keys.edge(key, &Value::from(*edge)).map(drop))
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

    /// A number of pixels, patches or tiles, or the default of the class.
    pub(super) fn count(&mut self, key: &'static str, default: u64) -> Result<usize> {
        let given = self.keys.whole(key)?;
        let number = match given {
            Given::Absent => default,
            given => self.or_default(key, given, None)?,
        };
        self.keys.edge(key, &number.into())
    }

    pub(super) fn filter(&mut self, resample: Given<Value>) -> Result<Filter> {
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
