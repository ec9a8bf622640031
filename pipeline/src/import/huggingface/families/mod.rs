//! What makes steps of the keys of a config: a function for each family of image processors.

mod crops;
mod detr;
mod documents;
mod floats;
mod frames;
mod multiples;
mod patches;
mod sam;

use super::Reader;
use crate::Result;
use crate::steps::Step;

pub(super) use crops::perceiver;
pub(super) use detr::{detr, eomt, one_former, yolos};
pub(super) use documents::{donut, nougat};
pub(super) use floats::{aliased, floats_first};
pub(super) use frames::{frames, vivit};
pub(super) use multiples::{apertus, bridge_tower, chmv2, emu3, glpn, swin2sr, textnet, vilt};
pub(super) use patches::{in_rows, merged};
pub(super) use sam::sam;

/// Reads the keys of a class into its steps.
pub(super) type Family = fn(&mut Reader<'_>, &mut Vec<Step>) -> Result<()>;

/// The library's base class: resize, centre crop, rescale and normalise, pad.
pub(super) fn usual(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    reader.geometry(steps)?;
    let pad = reader.pad(steps)?;
    reader.arithmetic(steps)?;
    steps.extend(pad);
    Ok(())
}
