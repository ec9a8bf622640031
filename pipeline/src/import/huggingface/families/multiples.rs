//! Sizes that are multiples of a number of pixels.

use crate::import::huggingface::padding::{fixed, zeros};
use crate::import::huggingface::processors::Size;
use crate::import::huggingface::{Backend, Reader};
use crate::import::keys::Given;
use crate::plan::{CanvasSize, Mirror};
use crate::size::{FitRounding, SmallImage};
use crate::steps::{ChannelOrder, Order, Pad, PadAnchor, Step};
use crate::{Result, SizeRule};

const FOLLOWS: &str = "the size of the result follows from the image";

/// ViLT: the shorter edge within 1333 / 800 of it, cut to multiples; zeros to the largest of the batch.
pub(in super::super) fn vilt(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    vilt_resize(reader, steps)?;
    // Asked for, but without effect.
    reader.center_crop()?;
    end(reader, steps)
}

/// BridgeTower: as ViLT, with a centre crop to a square.
pub(in super::super) fn bridge_tower(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    vilt_resize(reader, steps)?;
    let crops = reader.keys.switch("do_center_crop", true)?;
    let crop = match reader.keys.given("crop_size") {
        Given::Is(size) => reader.size("crop_size", &size, true)?,
        given => reader.or_default("crop_size", given.into_unit(), Some(reader.processor.size))?,
    };
    if crops {
        let Size::Shortest(edge) = crop else {
            return Err(reader
                .keys
                .error("crop_size", "is not a shortest edge")
                .expected_got("shortest_edge", "another size")
                .why("BridgeTowerImageProcessor crops to a square of it"));
        };
        reader.crop(steps, Some([edge, edge]));
        reader.notes.push(
            "its pixel_mask counts what the crop fills with 0 as image: the output mask does not".to_owned(),
        );
    }
    end(reader, steps)
}

fn vilt_resize(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    let multiple = divisor(reader, 32)?;
    reader.no_other_size(FOLLOWS)?;
    if !resizes {
        return Ok(());
    }
    let size = match size {
        Given::Is(size) => reader.size("size", &size, false)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let shortest = match size {
        // The longer edge is not looked at.
        Size::Shortest(shortest) | Size::Both([shortest, _]) => shortest,
        size => return Err(reader.no_such_size(size)),
    };
    reader.edges("size", [shortest, shortest])?;
    let filter = reader.filter(resample)?;
    steps.push(reader.resize(SizeRule::Vilt { shortest, multiple }, filter));
    Ok(())
}

fn end(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let pads = reader.keys.switch("do_pad", true)?;
    reader.keys.take("pad_size");
    let pad = match pads {
        true => reader.to_end(None, steps)?,
        false => None,
    };
    reader.arithmetic(steps)?;
    steps.extend(pad);
    Ok(())
}

/// `size_divisor`.
fn divisor(reader: &mut Reader<'_>, default: usize) -> Result<usize> {
    let given = reader.keys.whole("size_divisor")?;
    let divisor = match given {
        // Without it the torchvision backend of ViLT does not cut.
        Given::Null if reader.processor.name == "Vilt" && reader.backend == Backend::Torchvision => 1,
        Given::Absent => default as u64,
        given => reader.or_default("size_divisor", given, None)?,
    };
    reader.keys.edge("size_divisor", &divisor.into())
}

/// GLPN: the image's own size, cut to multiples.
pub(in super::super) fn glpn(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    reader.keys.take("size");
    let resample = reader.keys.given("resample");
    let multiple = divisor(reader, 32)?;
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    if resizes {
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(SizeRule::Glpn { multiple }, filter));
    }
    reader.arithmetic(steps)
}

/// TextNet: a shorter edge, both raised to multiples.
pub(in super::super) fn textnet(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    let multiple = divisor(reader, 32)?;
    let crop = reader.center_crop()?;
    reader.no_other_size(FOLLOWS)?;
    if resizes {
        let size = match size {
            Given::Is(size) => reader.size("size", &size, false)?,
            given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
        };
        let shortest = match size {
            Size::Shortest(shortest) | Size::Both([shortest, _]) => shortest,
            size => return Err(reader.no_such_size(size)),
        };
        reader.edges("size", [shortest, shortest])?;
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(SizeRule::Textnet { shortest, multiple }, filter));
    }
    reader.crop(steps, crop);
    reader.arithmetic(steps)
}

/// A Chinese map of canopies: DPT's rule and padding, without a resize where nothing is said.
pub(in super::super) fn chmv2(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", false)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    let multiple = reader.keys.whole("ensure_multiple_of")?.value().unwrap_or(16);
    let keeps = reader.keys.switch("keep_aspect_ratio", true)?;
    let crop = reader.center_crop()?;
    reader.no_other_size(FOLLOWS)?;
    if resizes {
        let size = match size {
            Given::Is(size) => reader.size("size", &size, true)?,
            given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
        };
        let Size::Exact(size) = size else {
            return Err(reader.no_such_size(size));
        };
        let rule = reader.multiple(size, multiple, keeps)?;
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(rule, filter));
    }
    reader.crop(steps, crop);
    let pads = reader.keys.switch("do_pad", true)?;
    let divisor = divisor(reader, 16)?;
    let pad = match pads {
        true => reader.to_multiple(divisor as u64, fixed(steps))?,
        false => None,
    };
    reader.arithmetic(steps)?;
    steps.extend(pad);
    Ok(())
}

/// Swin2SR: mirrored to the multiple above, without a resize.
pub(in super::super) fn swin2sr(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    reader.no_other_size(FOLLOWS)?;
    for key in [
        "do_resize",
        "size",
        "resample",
        "do_normalize",
        "image_mean",
        "image_std",
    ] {
        // Without effect.
        reader.keys.take(key);
    }
    reader.center_crop()?;
    let pads = reader.keys.switch("do_pad", true)?;
    // Its name before size_divisor.
    let old = reader.keys.whole("pad_size")?.value();
    let given = match reader.keys.whole("size_divisor")? {
        Given::Null => return Err(reader.needed("size_divisor", "is null")),
        given => given.value(),
    };
    let of = reader
        .keys
        .edge("size_divisor", &given.or(old).unwrap_or(8).into())?;
    reader.arithmetic(steps)?;
    if pads {
        steps.push(Step::Pad(Pad {
            to: CanvasSize::MultipleAbove { of },
            anchor: PadAnchor::TopLeft,
            color: None,
            value: None,
            mode: Some(Mirror::Symmetric),
        }));
    }
    Ok(())
}

/// Emu3: multiples within a number of pixels.
pub(in super::super) fn emu3(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let resample = reader.keys.given("resample");
    let min_pixels = reader.keys.whole("min_pixels")?.value().unwrap_or(512 * 512);
    let max_pixels = reader.keys.whole("max_pixels")?.value().unwrap_or(1024 * 1024);
    // Made of the two.
    reader.keys.take("size");
    smart(
        reader,
        steps,
        resizes,
        resample,
        [min_pixels as usize, max_pixels as usize],
    )?;
    reader.keys.take("do_pad");
    reader.arithmetic(steps)?;
    steps.push(zeros(
        CanvasSize::BatchLargest { multiple: 1 },
        PadAnchor::TopLeft,
    ));
    Ok(())
}

/// Apertus: as Emu3, with the numbers in `size`.
pub(in super::super) fn apertus(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let resample = reader.keys.given("resample");
    let size = match reader.keys.given("size") {
        Given::Is(size) => reader.size("size", &size, true)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let Size::Pixels(pixels) = size else {
        return Err(reader.no_such_size(size));
    };
    smart(reader, steps, resizes, resample, pixels)?;
    end(reader, steps)
}

fn smart(
    reader: &mut Reader<'_>,
    steps: &mut Vec<Step>,
    resizes: bool,
    resample: Given<serde_json::Value>,
    [min_pixels, max_pixels]: [usize; 2],
) -> Result<()> {
    let multiple = reader
        .keys
        .whole("spatial_factor")?
        .value()
        .unwrap_or(match reader.processor.name {
            "Emu3" => 8,
            _ => 16,
        });
    let multiple = reader.keys.edge("spatial_factor", &multiple.into())?;
    reader.no_other_size(FOLLOWS)?;
    if resizes {
        let filter = reader.filter(resample)?;
        let rule = SizeRule::Smart {
            multiple,
            min_pixels,
            max_pixels,
            frames: 1,
            small: SmallImage::Kept,
        };
        rule.check().map_err(|error| error.within_key("size"))?;
        steps.push(reader.resize(rule, filter));
    }
    Ok(())
}

/// Pixtral: inside a box, raised to whole patches, zeros to the largest of the batch.
pub(in super::super) fn pixtral(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    let patch = match reader.keys.given("patch_size") {
        Given::Is(size) => reader.size("patch_size", &size, true)?,
        Given::Absent | Given::Null => Size::Exact([16, 16]),
    };
    let multiple = match patch {
        Size::Exact([height, width]) if height == width => height,
        size => return Err(reader.no_such_size(size)),
    };
    reader.no_other_size(FOLLOWS)?;
    if reader.center_crop()?.is_some() {
        return Err(reader
            .keys
            .error("do_center_crop", "cannot be expressed")
            .expected_got("false, or no such key", true)
            .why("the class pads by the sizes from before the crop"));
    }
    if resizes {
        let size = match size {
            Given::Is(size) => reader.size("size", &size, true)?,
            given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
        };
        let [height, width] = match size {
            Size::Longest(edge) => [edge, edge],
            Size::Exact(size) => size,
            size => return Err(reader.no_such_size(size)),
        };
        let filter = reader.filter(resample)?;
        let rule = SizeRule::Pixtral {
            height,
            width,
            multiple,
        };
        steps.push(reader.resize(rule, filter));
    }
    end(reader, steps)
}

/// PP-LCNet: a shorter edge, both to the nearest; a centre crop, BGR.
pub(in super::super) fn lcnet(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    let shortest = reader.keys.whole("resize_short")?;
    let multiple = match reader.keys.whole("size_divisor")? {
        Given::Absent | Given::Null => 1,
        Given::Is(multiple) => reader.keys.edge("size_divisor", &multiple.into())?,
    };
    let crop = reader.center_crop()?;
    reader.no_other_size(FOLLOWS)?;
    if resizes {
        if size == Given::Null {
            return Err(reader.needed("size", "is null"));
        }
        let rule = match shortest {
            Given::Null => match size {
                Given::Is(size) => match reader.size("size", &size, true)? {
                    Size::Exact([height, width]) => SizeRule::Exact { height, width },
                    size => return Err(reader.no_such_size(size)),
                },
                _ => return Err(reader.needed("size", "is missing")),
            },
            given => {
                let edge = given.value().unwrap_or(256);
                SizeRule::Lcnet {
                    shortest: reader.keys.edge("resize_short", &edge.into())?,
                    multiple,
                }
            }
        };
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(rule, filter));
    }
    reader.crop(steps, crop);
    for key in ["do_pad", "pad_size"] {
        // Not called by this class.
        reader.keys.take(key);
    }
    reader.arithmetic(steps)?;
    steps.push(Step::ChannelOrder(ChannelOrder { order: Order::Bgr }));
    Ok(())
}

/// Idefics2 without its tiles: a longer edge, a least one, zeros to the largest of the batch; an image is a list of one.
pub(in super::super) fn idefics2(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    if resizes {
        let size = match size {
            Given::Is(size) => reader.size("size", &size, false)?,
            given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
        };
        let rule = match size {
            Size::Both(edges) => {
                reader.edges("size", edges)?;
                let [least, longest] = edges;
                SizeRule::Idefics2 { least, longest }
            }
            Size::Exact([height, width]) => SizeRule::Exact { height, width },
            size => return Err(reader.no_such_size(size)),
        };
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(rule, filter));
    }
    end(reader, steps)?;
    super::frames::one_frame(reader, steps)
}

/// Fuyu: inside a box, never enlarged, then a colour right and below; an image is a list of one.
pub(in super::super) fn fuyu(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    let pads = reader.keys.switch("do_pad", true)?;
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    reader.keys.take("pad_size");
    let size = match size {
        Given::Is(size) => reader.size("size", &size, true)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let Size::Exact([height, width]) = size else {
        return Err(reader.no_such_size(size));
    };
    let value = match reader.keys.number("padding_value")? {
        // torchvision's pad takes none for 0; NumPy's does not take it.
        Given::Null if reader.backend == Backend::Torchvision || !pads => 0.0,
        Given::Null => return Err(reader.needed("padding_value", "is null")),
        Given::Is(value) => value,
        Given::Absent => 1.0,
    };
    let mode = reader.keys.text("padding_mode")?;
    if resizes {
        let rule = SizeRule::Fit {
            height,
            width,
            rounding: FitRounding::Down,
            enlarge: false,
        };
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(rule, filter));
    }
    if pads {
        if value.fract() != 0.0 || !(0.0..=255.0).contains(&value) {
            return Err(reader
                .keys
                .error("padding_value", "is not the value of a pixel")
                .expected_got("a whole number from 0 to 255", value));
        }
        if !resizes || mode.is_some_and(|mode| mode != "constant") {
            return Err(
                reader.no_pad("an image may be larger than the size, or its own pixels are around it")
            );
        }
        steps.push(Step::Pad(Pad {
            to: CanvasSize::Fixed { height, width },
            anchor: PadAnchor::TopLeft,
            color: Some([value as u8; 3]),
            value: None,
            mode: None,
        }));
    }
    reader.arithmetic(steps)?;
    super::frames::one_frame(reader, steps)
}
