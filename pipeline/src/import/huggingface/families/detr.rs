//! DETR and the detectors and segmenters after it: a shorter edge within a longer one, and zeros to the largest image of the batch.

use crate::Result;
use crate::import::huggingface::Reader;
use crate::import::huggingface::padding::zeros;
use crate::import::huggingface::processors::Size;
use crate::import::keys::Given;
use crate::plan::CanvasSize;
use crate::size::FitRounding;
use crate::steps::{PadAnchor, Step};
use crate::{Error, SizeRule};

pub(in super::super) fn detr(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let rule = |[shortest, longest]: [usize; 2]| SizeRule::Detr { shortest, longest };
    detector(reader, steps, &rule)
}

pub(in super::super) fn yolos(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let rule = |[shortest, longest]: [usize; 2]| SizeRule::Yolos {
        shortest,
        longest,
        multiple: 16,
    };
    detector(reader, steps, &rule)
}

/// MaskFormer and Mask2Former: every size raised to a multiple of `size_divisor`, and always padded.
pub(in super::super) fn mask_former(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let multiple = match reader.keys.whole("size_divisor")? {
        Given::Absent => 32,
        Given::Is(0) => 1,
        Given::Is(multiple) => reader.keys.edge("size_divisor", &multiple.into())?,
        Given::Null => return Err(reader.needed("size_divisor", "is null")),
    };
    if reader.keys.peek("max_size").is_none() {
        // A number alone is a shorter edge without a longer one.
        let bare = reader.keys.peek("size").filter(|size| size.is_number());
        if bare.is_some() {
            return Err(reader.no_such_size(Size::Shortest(1)));
        }
    }
    let rule = |[shortest, longest]: [usize; 2]| match multiple {
        1 => SizeRule::Detr { shortest, longest },
        _ => SizeRule::Maskformer {
            shortest,
            longest,
            multiple,
        },
    };
    resize(reader, steps, &rule, multiple)?;
    // Asked for, but without effect.
    reader.center_crop()?;
    reader.keys.take("do_pad");
    let to = pad_size(reader)?;
    let pad = reader.to_end(to, steps)?;
    reader.arithmetic(steps)?;
    steps.extend(pad);
    Ok(())
}

type Rule<'a> = &'a dyn Fn([usize; 2]) -> SizeRule;

/// RF-DETR: as DETR, with a resize of floats without antialiasing.
pub(in super::super) fn rf_detr(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let rule = |[shortest, longest]: [usize; 2]| SizeRule::Detr { shortest, longest };
    let pad = geometry(reader, steps, &rule)?;
    super::floats::between(reader, steps, false)?;
    steps.extend(pad);
    Ok(())
}

fn detector(reader: &mut Reader<'_>, steps: &mut Vec<Step>, rule: Rule<'_>) -> Result<()> {
    let pad = geometry(reader, steps, rule)?;
    reader.arithmetic(steps)?;
    steps.extend(pad);
    Ok(())
}

/// The resize, and the pad for after the arithmetic.
fn geometry(reader: &mut Reader<'_>, steps: &mut Vec<Step>, rule: Rule<'_>) -> Result<Option<Step>> {
    resize(reader, steps, rule, 1)?;
    // Asked for, but without effect.
    reader.center_crop()?;
    let pads = reader.keys.switch("pad_and_return_pixel_mask", true)?;
    let pads = reader.keys.switch("do_pad", pads)?;
    let to = pad_size(reader)?;
    match pads {
        true => reader.to_end(to, steps),
        false => Ok(None),
    }
}

fn pad_size(reader: &mut Reader<'_>) -> Result<Option<[usize; 2]>> {
    match reader.keys.given("pad_size") {
        Given::Is(to) => match reader.size("pad_size", &to, true)? {
            Size::Exact(to) => Ok(Some(to)),
            size => Err(reader.no_such_size(size)),
        },
        Given::Absent | Given::Null => Ok(None),
    }
}

/// The resize of DETR's own, which `multiple` raises: it takes no shorter edge alone, and a number is one within `max_size`.
fn resize(reader: &mut Reader<'_>, steps: &mut Vec<Step>, rule: Rule<'_>, multiple: usize) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    if !resizes {
        return Ok(());
    }
    let size = match size {
        Given::Is(size) => {
            let longest = reader.keys.whole("max_size")?.value().unwrap_or(1333);
            match reader.size("size", &size, false)? {
                Size::Shortest(shortest) if size.is_number() => Size::Both([shortest, longest as usize]),
                size => size,
            }
        }
        given => reader.own_size(given)?,
    };
    if let (Some(asked), Size::Exact(size)) = (reader.options.size, size) {
        let mut size = Size::Exact(size);
        reader.at_size(&mut size, &mut None)?;
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(exact(raised(asked, multiple)), filter));
        return Ok(());
    }
    reader.no_other_size("the size of the result follows from the image")?;
    let rule = match size {
        Size::Both(edges) => {
            reader.edges("size", edges)?;
            rule(edges)
        }
        Size::Exact(size) => exact(raised(size, multiple)),
        Size::Within(_) if multiple > 1 => return Err(reader.no_such_size(size)),
        Size::Within([height, width]) => SizeRule::Fit {
            height,
            width,
            rounding: FitRounding::Down,
            enlarge: true,
        },
        size @ (Size::Shortest(_) | Size::Longest(_) | Size::Pixels(_)) => {
            return Err(reader.no_such_size(size));
        }
    };
    let filter = reader.filter(resample)?;
    steps.push(reader.resize(rule, filter));
    Ok(())
}

fn raised(size: [usize; 2], multiple: usize) -> [usize; 2] {
    size.map(|edge| edge.div_ceil(multiple) * multiple)
}

fn exact([height, width]: [usize; 2]) -> SizeRule {
    SizeRule::Exact { height, width }
}

/// OneFormer pads whatever `do_pad` says.
pub(in super::super) fn one_former(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    reader.geometry(steps)?;
    reader.keys.take("do_pad");
    reader.keys.take("pad_size");
    let pad = reader.to_end(None, steps)?;
    reader.arithmetic(steps)?;
    steps.extend(pad);
    Ok(())
}

/// EoMT pads before the arithmetic, to a square.
pub(in super::super) fn eomt(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    reader.geometry(steps)?;
    if reader.keys.switch("do_pad", false)? {
        let square = steps.iter().find_map(|step| match step {
            Step::Resize(resize) => match resize.size {
                SizeRule::Detr { shortest, longest } if shortest == longest => Some(shortest),
                _ => None,
            },
            _ => None,
        });
        let Some(edge) = square else {
            return Err(not_square(reader));
        };
        steps.push(zeros(
            CanvasSize::Fixed {
                height: edge,
                width: edge,
            },
            PadAnchor::TopLeft,
        ));
    }
    reader.keys.take("pad_size");
    reader.arithmetic(steps)
}

fn not_square(reader: &Reader<'_>) -> Error {
    reader.no_pad("it pads each edge that is shorter than its own of the two edges in size, which differ")
}
