//! SAM: a longer edge, and zeros right and below to a square.

use crate::import::huggingface::Reader;
use crate::import::huggingface::processors::Size;
use crate::import::keys::Given;
use crate::steps::Step;
use crate::{Result, SizeRule};

pub(in super::super) fn sam(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    let crop = reader.center_crop()?;
    reader.no_other_size("the size of the model is that of its embeddings")?;
    if resizes {
        let size = match size {
            Given::Is(size) => reader.size("size", &size, true)?,
            given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
        };
        let Size::Longest(edge) = size else {
            return Err(reader.no_such_size(size));
        };
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(SizeRule::LongestEdge { size: edge }, filter));
    }
    reader.crop(steps, crop);
    let pad = reader.pad(steps)?;
    reader.arithmetic(steps)?;
    steps.extend(pad);
    Ok(())
}
