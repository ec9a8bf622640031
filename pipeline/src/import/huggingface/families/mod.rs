//! What makes steps of the keys of a config: a function for each family of image processors.

mod crops;
mod detr;
mod documents;
mod floats;
mod frames;
mod grids;
mod longest;
mod multiples;
mod patches;
mod sam;
mod tiles;
mod tokens;

use super::Reader;
use crate::Result;
use crate::steps::Step;

pub(super) use crops::perceiver;
pub(super) use detr::{detr, eomt, mask_former, one_former, rf_detr, yolos};
pub(super) use documents::{donut, nougat};
pub(super) use floats::{aliased, arithmetic_first, floats_first, server_det};
pub(super) use frames::{frames, vivit};
pub(super) use grids::{granite, joined_tiles, mllama, perception, pinpoints};
pub(super) use longest::{aria, janus, janus_hybrid, tvp, whole_page};
pub(super) use multiples::{
    apertus, bridge_tower, chmv2, emu3, fuyu, glpn, idefics2, lcnet, pixtral, swin2sr, textnet, vilt,
};
pub(super) use patches::{
    gemma4, in_rows, kimi, merged, merged_channels_last, naflex, own_size, small_images,
};
pub(super) use sam::sam;
pub(super) use tiles::idefics3;
pub(super) use tokens::{glm5, inkling2, nemotron};

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
