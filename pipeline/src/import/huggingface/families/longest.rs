//! A longer edge, and the other one at least so long: Janus, DeepSeek-VL, Aria, TVP.

use serde_json::Value;

use super::frames::one_frame;
use crate::import::huggingface::padding::zeros;
use crate::import::huggingface::processors::Size;
use crate::import::huggingface::{Backend, Reader};
use crate::import::keys::Given;
use crate::plan::CanvasSize;
use crate::size::LongestRounding;
use crate::steps::{ChannelOrder, Order, PadAnchor, Step};
use crate::{Result, SizeRule};

const FOLLOWS: &str = "the size of the result follows from more than one key";

/// Janus and DeepSeek-VL: the longer edge, then a square of the mean colour.
pub(in super::super) fn janus(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    resize(reader, steps, resizes, "size", "resample", reader.processor.size)?;
    // Asked for, but without effect.
    reader.center_crop()?;
    reader.keys.take("pad_size");
    reader.square(steps)?;
    reader.keys.take("min_size");
    reader.arithmetic(steps)
}

/// The hybrid of DeepSeek-VL: its smaller image is made of the larger one.
pub(in super::super) fn janus_hybrid(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    for key in ["do_resize", "do_pad"] {
        if !reader.keys.peek(key).is_none_or(|on| *on == true) {
            return Err(reader
                .keys
                .error(key, "is off")
                .expected_got("true, or no such key", false)
                .why("the class then fails, or resizes in one step"));
        }
    }
    reader.keys.take("do_resize");
    if reader.backend == Backend::Pillow {
        // It takes the number 0 of nearest for none, and the filter of the smaller image then.
        let other = reader.keys.peek("resample").cloned();
        let other = other.unwrap_or_else(|| reader.processor.resample.into());
        reader
            .keys
            .read_as("high_res_resample", |own| (*own == 0).then(|| other.clone()));
    }
    resize(
        reader,
        steps,
        true,
        "high_res_size",
        "high_res_resample",
        Size::Exact([1024, 1024]),
    )?;
    let color = reader.mean_color("high_res_image_mean")?;
    steps.push(crate::import::huggingface::padding::square_of(color));
    resize(reader, steps, true, "size", "resample", reader.processor.size)?;
    // Of the larger image.
    let statistics = [
        reader.keys.per_channel("high_res_image_mean")?,
        reader.keys.divisors("high_res_image_std")?,
    ];
    if statistics.contains(&Given::Null) {
        return Err(reader.needed("high_res_image_std", "is null"));
    }
    // A square stays one.
    for key in ["do_pad", "pad_size", "min_size"] {
        reader.keys.take(key);
    }
    reader.center_crop()?;
    reader.notes.push(
        "this is the input pixel_values; high_res_pixel_values, the larger image that it is made of, stays an input of the model"
            .to_owned(),
    );
    reader.arithmetic(steps)
}

fn resize(
    reader: &mut Reader<'_>,
    steps: &mut Vec<Step>,
    resizes: bool,
    key: &'static str,
    resample: &'static str,
    default: Size,
) -> Result<()> {
    let size = reader.keys.given(key);
    let resample = reader.keys.given(resample);
    reader.no_other_size(FOLLOWS)?;
    if !resizes {
        return Ok(());
    }
    let size = match size {
        Given::Is(size) => reader.size(key, &size, true)?,
        given => reader.or_default(key, given.into_unit(), Some(default))?,
    };
    let size = match size {
        Size::Exact([height, width]) if height == width => height,
        size => return Err(reader.no_such_size(size)),
    };
    let least = match reader.keys.peek("min_size") {
        None => 14,
        Some(least) => whole(reader, "min_size", least)?,
    };
    let rule = SizeRule::Longest {
        size,
        least,
        rounding: LongestRounding::Even,
    };
    rule.check().map_err(|error| error.within_key("min_size"))?;
    let filter = reader.filter(resample)?;
    steps.push(reader.resize(rule, filter));
    Ok(())
}

fn whole(reader: &Reader<'_>, key: &str, value: &Value) -> Result<usize> {
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| {
        reader
            .keys
            .error(key, "is not a number of pixels")
            .expected_got("a whole number", value)
    })
}

/// Aria: the longer edge, then black right and below to a square.
pub(in super::super) fn aria(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resample = reader.keys.given("resample");
    reader.no_other_size(FOLLOWS)?;
    reader.keys.off("split_image", "it cuts the image into tiles")?;
    let mut edge = |key: &'static str, default: u64| -> Result<usize> {
        let given = reader.keys.whole(key)?;
        let edge = match given {
            Given::Absent => default,
            given => reader.or_default(key, given, None)?,
        };
        reader.keys.edge(key, &edge.into())
    };
    let size = edge("max_image_size", 980)?;
    let least = edge("min_image_size", 336)?;
    if ![490, 980].contains(&size) {
        return Err(reader
            .keys
            .error("max_image_size", "is refused by the class")
            .expected_got("490 or 980", size));
    }
    for key in ["do_resize", "size", "do_pad", "pad_size"] {
        // Not looked at by this class.
        reader.keys.take(key);
    }
    reader.center_crop()?;
    let rule = SizeRule::Longest {
        size,
        least,
        rounding: LongestRounding::Down,
    };
    rule.check().map_err(|error| error.within_key("min_image_size"))?;
    let filter = reader.filter(resample)?;
    steps.push(reader.resize(rule, filter));
    let canvas = CanvasSize::Fixed {
        height: size,
        width: size,
    };
    steps.push(zeros(canvas, PadAnchor::TopLeft));
    reader.arithmetic(steps)
}

/// TVP: the longer edge, a centre crop, zeros to a size, BGR; an image is a video of one frame.
pub(in super::super) fn tvp(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    reader.no_other_size(FOLLOWS)?;
    if resizes {
        let size = match size {
            Given::Is(size) => reader.size("size", &size, false)?,
            given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
        };
        let rule = match size {
            Size::Longest(size) => SizeRule::Longest {
                size,
                least: 0,
                rounding: LongestRounding::Ratio,
            },
            Size::Exact([height, width]) => SizeRule::Exact { height, width },
            size => return Err(reader.no_such_size(size)),
        };
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(rule, filter));
    }
    let crop = reader.center_crop()?;
    reader.crop(steps, crop);
    for (key, plain) in [
        ("constant_values", Value::from(0)),
        ("pad_mode", "constant".into()),
    ] {
        if let Some(other) = reader.keys.take(key).filter(|value| *value != plain) {
            return Err(reader
                .keys
                .error(key, "cannot be expressed")
                .expected_got(plain, other)
                .why("the frames are padded with zeros here"));
        }
    }
    if reader.backend == Backend::Pillow && reader.keys.peek("pad_size").is_some_and(Value::is_null) {
        return Err(reader.needed("pad_size", "is null"));
    }
    let pad = reader.pad(steps)?;
    reader.arithmetic(steps)?;
    steps.extend(pad);
    if reader.keys.switch("do_flip_channel_order", true)? {
        steps.push(Step::ChannelOrder(ChannelOrder { order: Order::Bgr }));
    }
    one_frame(reader, steps)
}

/// DeepSeek-OCR and its kind: the picture of the whole, whose tiles are another input of the model.
pub(in super::super) fn whole_page(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let cuts = reader.keys.switch("crop_to_patches", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    for key in ["do_resize", "do_pad", "pad_size"] {
        // Not looked at by these classes.
        reader.keys.take(key);
    }
    if !cuts {
        return Err(reader
            .keys
            .error("crop_to_patches", "is off")
            .expected_got("true, or no such key", false)
            .why("the picture of the whole then has the size of a tile, or is not padded"));
    }
    let size = match size {
        Given::Is(size) => reader.size("size", &size, true)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let size = match size {
        Size::Exact([height, width]) if height == width => height,
        size => return Err(reader.no_such_size(size)),
    };
    let filter = reader.filter(resample)?;
    let rule = SizeRule::Longest {
        size,
        least: 0,
        rounding: LongestRounding::Even,
    };
    steps.push(reader.resize(rule, filter));
    let color = match reader.keys.take("background_color") {
        None => Some([127; 3]),
        Some(color) => serde_json::from_value::<[u8; 3]>(color).ok(),
    };
    let Some(color) = color else {
        return Err(reader
            .keys
            .error("background_color", "is not a colour")
            .expected_got("three whole numbers from 0 to 255", "another value"));
    };
    steps.push(crate::import::huggingface::padding::square_of(color));
    reader.notes.push(
        "this is the input pixel_values, the picture of the whole; pixel_values_local, the tiles, stays an input of the model"
            .to_owned(),
    );
    reader.arithmetic(steps)
}
