//! Videos of one frame: the output has an axis for frames.

use serde_json::json;

use crate::Result;
use crate::import::huggingface::Reader;
use crate::plan::PatchOrder;
use crate::steps::{Blocks, Rescale, Step};

pub(in super::super) fn frames(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    reader.geometry(steps)?;
    for key in ["do_pad", "pad_size"] {
        // Not called by this class.
        reader.keys.take(key);
    }
    reader.arithmetic(steps)?;
    one_frame(reader, steps)
}

/// ViViT: `offset` takes 1 away after the factor.
pub(in super::super) fn vivit(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    // Null is their default.
    for key in ["size", "crop_size"] {
        reader.keys.forget_null(key);
    }
    // A number is a shorter edge whatever default_to_square says, and a longer edge is not looked at.
    reader.keys.take("default_to_square");
    reader.keys.read_as("size", |size| {
        let table = size.as_object();
        let edges = table.filter(|table| table.keys().all(|key| key.ends_with("_edge")));
        let edge = match size.is_number() {
            true => Some(size),
            false => edges.and_then(|edges| edges.get("shortest_edge")),
        };
        edge.map(|edge| json!({ "shortest_edge": edge }))
    });
    reader.geometry(steps)?;
    let offset = reader.keys.switch("offset", true)?;
    reader.arithmetic(steps)?;
    let rescale = steps.iter_mut().find_map(|step| match step {
        Step::Rescale(rescale) => Some(rescale),
        _ => None,
    });
    match (offset, rescale) {
        (true, Some(rescale)) => {
            *rescale = Rescale {
                offset: Some(-1.0),
                ..*rescale
            }
        }
        (true, None) => {
            return Err(reader
                .keys
                .error("offset", "is on without do_rescale")
                .expected_got(false, true)
                .why("transformers then raises"));
        }
        (false, _) => {}
    }
    one_frame(reader, steps)
}

pub(super) fn one_frame(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    reader
        .notes
        .push("an image is a video of one frame: the output is [N, 1, 3, height, width]".to_owned());
    steps.push(Step::Blocks(Blocks {
        tiles: None,
        patches: None,
        frame: true,
        after_channels: false,
        rows: None,
        sample: false,
        merge: 1,
        repeat: 1,
        order: PatchOrder::ChannelsFirst,
        joined: false,
    }));
    Ok(())
}
