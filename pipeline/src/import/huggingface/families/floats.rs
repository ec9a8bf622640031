//! Resizes without antialiasing, and resizes of floats.

use crate::import::huggingface::Reader;
use crate::resample::TORCH_BOUND;
use crate::steps::Step;
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
    let [pad, pad_size] = ["do_pad", "pad_size"].map(|key| reader.keys.take(key));
    // Not called by this class.
    drop((pad, pad_size));
    let said = reader.said()?;
    let Some((factor, _)) = said.factor else {
        reader.fold_unfused(steps, None, &said);
        return Ok(());
    };
    let mut geometry = std::mem::take(steps);
    for step in &mut geometry {
        if let Step::Resize(resize) = step {
            resize.resampler = Resampler::Torch;
            reader.notes.push(format!(
                "torch resizes floats, and adds in an order of its own: values before the normalisation differ by up to {TORCH_BOUND:e}"
            ));
        }
    }
    reader.fold_unfused(steps, Some(factor), &said);
    let normalise = steps.split_off(1);
    steps.append(&mut geometry);
    steps.extend(normalise);
    Ok(())
}
