//! A crop before the resize.

use crate::import::huggingface::Reader;
use crate::import::huggingface::processors::Size;
use crate::import::keys::Given;
use crate::steps::{Crop, Step};
use crate::{Result, SizeRule};

/// Perceiver: of the shorter edge the part that `size` is of `crop_size`.
pub(in super::super) fn perceiver(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    let crop = reader.center_crop()?;
    reader.no_other_size("the part that is cropped follows from both sizes")?;
    let size = match size {
        Given::Is(size) => reader.size("size", &size, true)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let Size::Exact([height, width]) = size else {
        return Err(reader.no_such_size(size));
    };
    if let Some([of_height, of_width]) = crop {
        steps.push(Step::Crop(Crop {
            size: None,
            top: 0,
            left: 0,
            of_shorter_edge: Some([height as f64 / of_height as f64, width as f64 / of_width as f64]),
            offset: reader.crop_rule(),
        }));
    }
    if resizes {
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(SizeRule::Exact { height, width }, filter));
    }
    for key in ["do_pad", "pad_size"] {
        // Not called by this class.
        reader.keys.take(key);
    }
    reader.arithmetic(steps)
}
