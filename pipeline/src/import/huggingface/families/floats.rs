//! Resizes without antialiasing, and resizes of floats.

use crate::import::huggingface::Reader;
use crate::import::keys::Given;
use crate::resample::TORCH_ONE_THREAD;
use crate::size::Limit;
use crate::steps::{ChannelOrder, Order, Rescale, Resize, Step};
use crate::{Error, Filter, Precision, Resampler, Result, SizeRule};

/// A resize of 8-bit pixels without antialiasing.
pub(in super::super) fn aliased(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    super::usual(reader, steps)?;
    for step in steps {
        if let Step::Resize(resize) = step {
            resize.antialias = false;
        }
    }
    Ok(())
}

/// DINOv3: rescale, then the resize of floats, then normalise.
pub(in super::super) fn floats_first(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    reader.geometry(steps)?;
    for key in ["do_pad", "pad_size"] {
        // Not called by this class.
        reader.keys.take(key);
    }
    between(reader, steps, true)
}

/// Rescale, then the resizes of `steps` as resizes of floats, then normalise.
pub(super) fn between(reader: &mut Reader<'_>, steps: &mut Vec<Step>, antialias: bool) -> Result<()> {
    let said = reader.said()?;
    let Some((factor, _)) = said.factor else {
        for step in &mut *steps {
            if let Step::Resize(resize) = step {
                resize.antialias = antialias;
            }
        }
        reader.fold_unfused(steps, None, &said);
        return Ok(());
    };
    let mut geometry = std::mem::take(steps);
    for step in &mut geometry {
        if let Step::Resize(resize) = step {
            resize.antialias = antialias;
            two_columns(resize)?;
            of_floats(reader, resize, 1.0, "before the normalisation ");
        }
    }
    reader.fold_unfused(steps, Some(factor), &said);
    let normalise = steps.split_off(1);
    steps.append(&mut geometry);
    steps.extend(normalise);
    Ok(())
}

/// DepthPro: the arithmetic first, then the resize of its floats without antialiasing.
pub(in super::super) fn arithmetic_first(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let mut geometry = Vec::new();
    reader.geometry(&mut geometry)?;
    for key in ["do_pad", "pad_size"] {
        // Not called by this class.
        reader.keys.take(key);
    }
    let said = reader.said()?;
    let largest = said.largest();
    reader.arithmetic_of(steps, &said)?;
    for step in &mut geometry {
        if let Step::Resize(resize) = step {
            resize.antialias = false;
            if !steps.is_empty() {
                of_floats(reader, resize, largest, "");
            }
        }
    }
    steps.append(&mut geometry);
    Ok(())
}

/// Refuses what torch gets wrong: resizing floats with antialiasing to one column, it gives the first row in every row.
fn two_columns(resize: &Resize) -> Result<()> {
    match resize.size {
        SizeRule::Exact { width: 1, .. } if resize.antialias => Err(Error::new(
            "size.width",
            "is where torch gives no resize: its rows of floats would all be the first one",
        )
        .expected_got("at least 2", 1)),
        _ => Ok(()),
    }
}

/// Makes a resize one of floats, the largest of which is `largest`.
fn of_floats(reader: &mut Reader<'_>, resize: &mut Resize, largest: f64, when: &str) {
    resize.resampler = Resampler::Torch;
    apart(reader, resize, largest, when);
}

/// Says how far torch's floats, the largest of which is `largest`, may be apart on one thread.
fn apart(reader: &mut Reader<'_>, resize: &Resize, largest: f64, when: &str) {
    if resize.differs_on_one_thread() {
        let bound = TORCH_ONE_THREAD * largest;
        reader.notes.push(format!(
            "torch on one thread, and for results of at most 128 rows and columns together, rounds positions otherwise: values {when}then \
             differ by up to {bound:e} at 1536 pixels"
        ));
    }
}

/// Floats of pixels that are not rescaled, resized or as they are; rescale and normalise follow.
pub(super) fn float_pixels(
    reader: &mut Reader<'_>,
    steps: &mut Vec<Step>,
    resize: Option<(SizeRule, Filter)>,
) -> Result<()> {
    let said = reader.said()?;
    let idle = said.factor.is_none() && said.is_plain();
    if resize.is_some() || idle {
        // What makes floats of them.
        steps.push(Step::Rescale(Rescale {
            factor: Some(1.0),
            divisor: None,
            offset: None,
            precision: Precision::Float32,
        }));
    }
    if let Some((size, filter)) = resize {
        let largest = 255.0 * said.factor.map_or(1.0, |(factor, _)| factor.abs());
        let when = if said.is_plain() {
            ""
        } else {
            "before the normalisation "
        };
        let resize = Resize::new(size, filter, Resampler::Torch);
        two_columns(&resize)?;
        apart(reader, &resize, largest, when);
        steps.push(Step::Resize(resize));
    }
    reader.fold(steps, said.factor.map(|(factor, _)| factor), None, &said);
    Ok(())
}

/// PP-OCR's detection as transformers has it: multiples of 32, and the channels in the other order at the end.
pub(in super::super) fn server_det(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let resample = reader.keys.given("resample");
    reader.unread_size(resizes)?;
    for key in ["do_pad", "pad_size"] {
        // Not looked at by this class.
        reader.keys.take(key);
    }
    reader.no_other_size("the size of the result follows from the image")?;
    reader.center_crop()?;
    let limit = reader.count("limit_side_len", 960)?;
    let most = match reader.keys.whole("max_side_limit")? {
        Given::Absent => Some(4000),
        Given::Null => None,
        Given::Is(most) => Some(reader.keys.edge("max_side_limit", &most.into())?),
    };
    let limit_type = match reader.keys.text("limit_type")? {
        None => Limit::Max,
        Some(name) => name.parse().map_err(|_| {
            reader
                .keys
                .error("limit_type", "is not one of the class")
                .expected_got("max, min or resize_long", format_args!("{name:?}"))
        })?,
    };
    let resize = match resizes {
        true => {
            let rule = SizeRule::PaddleocrDet {
                limit,
                limit_type,
                most,
            };
            rule.check().map_err(|error| error.within_key("limit_side_len"))?;
            Some((rule, reader.filter(resample)?))
        }
        false => None,
    };
    float_pixels(reader, steps, resize)?;
    steps.push(Step::ChannelOrder(ChannelOrder { order: Order::Bgr }));
    Ok(())
}
