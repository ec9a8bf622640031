//! Resizes without antialiasing, and resizes of floats.

use crate::import::huggingface::Reader;
use crate::resample::TORCH_BOUND;
use crate::steps::{Resize, Step};
use crate::{Resampler, Result};

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

/// Makes a resize one of floats, the largest of which is `largest`.
fn of_floats(reader: &mut Reader<'_>, resize: &mut Resize, largest: f64, when: &str) {
    resize.resampler = Resampler::Torch;
    reader.notes.push(format!(
        "torch resizes floats, and adds in an order of its own: values {when}differ by up to {:e}",
        TORCH_BOUND * largest
    ));
}
