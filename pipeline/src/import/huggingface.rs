//! Hugging Face's `preprocessor_config.json`, as transformers 5 and older versions save it.

use serde_json::Value;

use super::keys::Keys;
use super::processors::{self, Processor, Quirk, Size};
use super::{Import, Source};
use crate::size::MAX_EDGE;
use crate::steps::{CenterCrop, ChannelOrder, Normalize, Order, Rescale, RescaleNormalize, Resize, Step};
use crate::{CHANNELS, CropRule, Filter, Layout, Output, Pipeline, Precision, Resampler, Result, SizeRule};

/// Any of these makes a text a preprocessor config.
pub(super) const RECOGNISED_BY: &[&str] = &[
    "image_processor_type",
    "feature_extractor_type",
    "do_resize",
    "do_rescale",
    "do_normalize",
    "do_center_crop",
    "image_mean",
];

/// Keys that do not change the pixels of an RGB image.
const HARMLESS: &[&str] = &[
    "_name_or_path",
    "_valid_kwargs_names",
    "_valid_processor_keys",
    "apply_ocr",
    "disable_grouping",
    "do_convert_annotations",
    "do_convert_rgb",
    "do_reduce_labels",
    "format",
    "image_seq_length",
    "image_seq_len",
    "input_data_format",
    "name_or_path",
    "num_image_tokens",
    "ocr_lang",
    "processor_class",
    "reduce_labels",
    "return_tensors",
    "tesseract_config",
    "transformers_version",
];

/// Switches that may only be off, and what they would do.
const SWITCHES: &[(&str, &str)] = &[
    (
        "auto_map",
        "it names code of the model's own; remove it if the image processor of the library is in use",
    ),
    ("crop_to_patches", "it cuts the image into patches"),
    ("do_align_long_axis", "it turns the image by its longer edge"),
    ("do_color_quantize", "it maps pixels to palette indices"),
    ("do_grayscale", "it makes the image gray"),
    ("do_image_splitting", "it cuts the image into tiles"),
    ("do_pan_and_scan", "it cuts the image into crops"),
    ("do_split_image", "it cuts the image into tiles"),
    ("do_thumbnail", "it shrinks the image to a thumbnail"),
    (
        "keep_aspect_ratio",
        "the output size would follow from the image, in multiples",
    ),
    ("use_square_size", "the size is not what the key size says"),
];

/// Which of the library's two implementations is meant.
#[derive(Clone, Copy, PartialEq)]
enum Backend {
    Torchvision,
    Pillow,
}

struct Reader {
    keys: Keys,
    processor: Processor,
    backend: Backend,
    resampler: Resampler,
    defaults: Vec<&'static str>,
}

pub(super) fn read(mut keys: Keys, resampler: Option<Resampler>) -> Result<Import> {
    let mut notes = Vec::new();
    let processor = processors::named_in(&mut keys)?;
    if processor.name.is_empty() {
        notes.push(
            "the config names no image processor: took resize, centre crop, rescale and normalise in the usual order"
                .to_owned(),
        );
    }
    let resampler = resampler.unwrap_or_else(|| {
        notes.push(
            "a Hugging Face config names no resampler: took torchvision, the backend of transformers 5 \
             (--resampler pillow for its Pillow backend)"
                .to_owned(),
        );
        Resampler::Torchvision
    });
    let backend = match resampler {
        Resampler::Torchvision => Backend::Torchvision,
        Resampler::Pillow | Resampler::Pillow12 => Backend::Pillow,
    };
    let mut reader = Reader {
        keys,
        processor,
        backend,
        resampler,
        defaults: Vec::new(),
    };
    for (key, why) in SWITCHES {
        reader.keys.off(key, why)?;
    }
    if let Some(device) = reader.keys.text("device")?.filter(|device| device != "cpu") {
        notes.push(format!(
            "left device = {device:?} aside: the CPU's arithmetic is meant"
        ));
    }
    let layout = reader.layout()?;
    let mut steps = Vec::new();
    reader.geometry(&mut steps)?;
    reader.pad(&steps)?;
    reader.arithmetic(&mut steps)?;
    let Reader { keys, defaults, .. } = reader;
    keys.finish(HARMLESS)?;
    if !defaults.is_empty() {
        notes.push(format!(
            "not in the config, so as {}ImageProcessor has it: {}",
            processor.name,
            defaults.join(", ")
        ));
    }
    let name = if processor.name.is_empty() {
        "Hugging Face image processor".to_owned()
    } else {
        format!("{}ImageProcessor", processor.name)
    };
    let backend = match backend {
        Backend::Torchvision => "torchvision",
        Backend::Pillow => "Pillow",
    };
    Ok(Import {
        pipeline: Pipeline {
            description: Some(format!("{name}, {backend} backend")),
            steps,
            output: Output { layout, dtype: None },
        },
        notes,
        source: Source::HuggingFace,
    })
}

impl Reader {
    /// The value of the config, or the processor's own, which is then noted.
    fn or_default<T>(&mut self, key: &'static str, value: Option<T>, default: T) -> T {
        value.unwrap_or_else(|| {
            self.defaults.push(key);
            default
        })
    }

    fn layout(&mut self) -> Result<Option<Layout>> {
        match self.keys.text("data_format")?.as_deref() {
            None | Some("channels_first") => Ok(None),
            Some(other) => Err(self
                .keys
                .error("data_format", "cannot be expressed")
                .expected_got("channels_first", format_args!("{other:?}"))
                .why("the axis order follows from the model")),
        }
    }

    fn geometry(&mut self, steps: &mut Vec<Step>) -> Result<()> {
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
    fn pad(&mut self, steps: &[Step]) -> Result<()> {
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

    fn arithmetic(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        if self.processor.quirk == Quirk::LayoutLmV2 {
            steps.push(Step::ChannelOrder(ChannelOrder { order: Order::Bgr }));
            return Ok(());
        }
        let mut rescale = self.keys.flag("do_rescale")?;
        if self.processor.name == "OwlViT" {
            // The first configs of OWL-ViT had this name for it.
            rescale = self.keys.flag("rescale")?.or(rescale);
        }
        let given = self.keys.divisor("rescale_factor")?;
        let factor = match rescale.unwrap_or(true) {
            true => Some(self.or_default("rescale_factor", given, self.processor.factor)),
            false => None,
        };
        let normalize = self
            .keys
            .flag("do_normalize")?
            .unwrap_or(self.processor.normalize);
        let mean = self.keys.per_channel("image_mean")?;
        let std = self.keys.divisors("image_std")?;
        let mut offset = None;
        let mut again = false;
        if self.processor.quirk == Quirk::EfficientNet {
            offset = self.keys.flag("rescale_offset")?.unwrap_or(false).then_some(-1.0);
            again = self.keys.flag("include_top")?.unwrap_or(true);
        }
        let normalize = normalize && self.processor.quirk != Quirk::MobileVit;
        let mean = if normalize {
            Some(self.or_default("image_mean", mean, self.processor.mean))
        } else {
            None
        };
        let std = if normalize || again {
            self.or_default("image_std", std, self.processor.std)
        } else {
            self.processor.std
        };
        self.fold(steps, factor, offset, mean, std);
        if again {
            let mean = [0.0; CHANNELS];
            steps.push(Step::Normalize(Normalize { mean, std }));
        }
        if self.processor.quirk == Quirk::MobileVit
            && self.keys.flag("do_flip_channel_order")?.unwrap_or(true)
        {
            steps.push(Step::ChannelOrder(ChannelOrder { order: Order::Bgr }));
        }
        Ok(())
    }

    /// Rescale and normalise in the arithmetic of the backend.
    fn fold(
        &self,
        steps: &mut Vec<Step>,
        factor: Option<f64>,
        offset: Option<f64>,
        mean: Option<[f64; CHANNELS]>,
        std: [f64; CHANNELS],
    ) {
        let precision = match self.backend {
            Backend::Torchvision => Precision::Float32,
            Backend::Pillow => Precision::Float64,
        };
        match (factor, mean) {
            (Some(factor), Some(mean)) if self.backend == Backend::Torchvision && offset.is_none() => {
                steps.push(Step::RescaleNormalize(RescaleNormalize { factor, mean, std }));
            }
            (factor, mean) => {
                steps.extend(factor.map(|factor| {
                    Step::Rescale(Rescale {
                        factor: Some(factor),
                        divisor: None,
                        offset,
                        precision,
                    })
                }));
                steps.extend(mean.map(|mean| Step::Normalize(Normalize { mean, std })));
            }
        }
    }
}
