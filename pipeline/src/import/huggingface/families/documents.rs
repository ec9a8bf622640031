//! Donut and Nougat: a turn, a shorter edge, a thumbnail, and black around the centre.

use crate::import::huggingface::padding::zeros;
use crate::import::huggingface::processors::Size;
use crate::import::huggingface::{Backend, Reader};
use crate::import::keys::Given;
use crate::plan::{CanvasSize, Turn};
use crate::steps::{PadAnchor, RotateTo, Step};
use crate::{Filter, Result, SizeRule};

pub(in super::super) fn donut(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let crop = reader.center_crop()?;
    geometry(reader, steps, None)?;
    reader.crop(steps, crop);
    reader.arithmetic(steps)
}

pub(in super::super) fn nougat(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    if reader.keys.switch("do_crop_margin", true)? {
        return Err(reader
            .keys
            .error("do_crop_margin", "cannot be expressed")
            .expected_got(false, true)
            .why("it cuts off the margin that the pixels of the page show")
            .fix("set do_crop_margin to false, for pages without a margin"));
    }
    if reader.backend == Backend::Pillow && reader.keys.peek("do_thumbnail").is_none_or(|on| *on == true) {
        return Err(reader
            .keys
            .error("do_thumbnail", "cannot be expressed")
            .expected_got(false, true)
            .why("the Pillow backend shrinks in two steps: reducing_gap"));
    }
    reader.keys.off(
        "do_align_long_axis",
        "its own turn swaps the wrong axes and raises",
    )?;
    // Asked for, but without effect.
    reader.center_crop()?;
    geometry(reader, steps, Some(Filter::Bicubic))?;
    reader.arithmetic(steps)
}

/// `thumbnail` is the filter of the thumbnail where it has its own.
fn geometry(reader: &mut Reader<'_>, steps: &mut Vec<Step>, thumbnail: Option<Filter>) -> Result<()> {
    let [resizes, shrinks, pads] =
        ["do_resize", "do_thumbnail", "do_pad"].map(|key| reader.keys.switch(key, true));
    let (resizes, shrinks, pads) = (resizes?, shrinks?, pads?);
    let turns = reader.keys.switch("do_align_long_axis", false)?;
    let resample = reader.keys.given("resample");
    reader.keys.take("pad_size");
    reader.no_other_size("two resizes follow from it")?;
    let size = match reader.keys.given("size") {
        // The first configs of Donut have width and height.
        Given::Is(size) if size.is_array() && thumbnail.is_none() => {
            match reader.size("size", &size, true)? {
                Size::Exact([width, height]) => Size::Exact([height, width]),
                size => size,
            }
        }
        Given::Is(size) => reader.size("size", &size, true)?,
        given if thumbnail.is_none() => reader.own_size(given)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let Size::Exact([height, width]) = size else {
        return Err(reader.no_such_size(size));
    };
    if turns && height != width {
        let orientation = if height > width {
            Turn::Portrait
        } else {
            Turn::Landscape
        };
        steps.push(Step::RotateTo(RotateTo { orientation }));
    }
    if resizes || (shrinks && thumbnail.is_none()) {
        let filter = reader.filter(resample)?;
        if resizes {
            let size = height.min(width);
            steps.push(reader.resize(SizeRule::ShortestEdge { size, max: None }, filter));
        }
        if shrinks {
            let size = SizeRule::Thumbnail { height, width };
            // The Pillow backend takes the number 0 of nearest for none.
            let own = match (reader.backend, filter) {
                (Backend::Pillow, Filter::Nearest) => Filter::Bicubic,
                _ => filter,
            };
            steps.push(reader.resize(size, thumbnail.unwrap_or(own)));
        }
    } else if shrinks {
        steps.push(reader.resize(
            SizeRule::Thumbnail { height, width },
            thumbnail.unwrap_or(Filter::Bilinear),
        ));
    }
    if pads && !shrinks {
        return Err(
            reader.no_pad("an image without do_thumbnail may be larger than the size that it is padded to")
        );
    }
    if pads {
        steps.push(zeros(CanvasSize::Fixed { height, width }, PadAnchor::Center));
    }
    Ok(())
}
