//! Tiles of an image beside a smaller picture of the whole.

use super::frames::one_frame;
use super::grids::tiles;
use crate::import::huggingface::Reader;
use crate::import::huggingface::processors::Size;
use crate::import::keys::Given;
use crate::plan::OverviewPlace;
use crate::steps::{Overview, OverviewOf, Step};
use crate::{Result, SizeRule};

/// Idefics3, SmolVLM and UltraVBert: a longer edge, multiples of a tile, then the tiles and the whole.
pub(in super::super) fn idefics3(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let capped = reader.processor.name == "UltraVBert";
    let resizes = reader.keys.switch("do_resize", true)?;
    let size = reader.keys.given("size");
    let resample = reader.keys.given("resample");
    let splits = reader.keys.switch("do_image_splitting", true)?;
    reader.no_other_size("the number of tiles follows from the image")?;
    reader.center_crop()?;
    for key in ["do_pad", "pad_size"] {
        // It adds images of zeros to those that have fewer tiles than others of the batch.
        reader.keys.take(key);
    }
    let edge = match reader.keys.given("max_image_size") {
        Given::Absent if capped => 512,
        Given::Absent => 364,
        Given::Is(size) => match reader.size("max_image_size", &size, false)? {
            Size::Longest(edge) => edge,
            size => return Err(reader.no_such_size(size)),
        },
        Given::Null => return Err(reader.needed("max_image_size", "is null")),
    };
    let filter = reader.filter(resample)?;
    if resizes {
        let size = match size {
            Given::Is(size) => reader.size("size", &size, false)?,
            given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
        };
        let tiles = match capped {
            true => reader.count("max_image_tiles", 27)?,
            false => 0,
        };
        let rule = match size {
            Size::Longest(longest) if capped && splits => SizeRule::Ultravbert {
                longest,
                tile: edge,
                tiles,
            },
            Size::Exact(_) if capped && splits => return Err(reader.no_such_size(size)),
            Size::Longest(longest) => SizeRule::Idefics3 { longest },
            Size::Exact([height, width]) => SizeRule::Exact { height, width },
            size => return Err(reader.no_such_size(size)),
        };
        rule.check().map_err(|error| error.within_key("size"))?;
        steps.push(reader.resize(rule, filter));
    }
    let tile = [edge, edge];
    if !splits {
        let [height, width] = tile;
        steps.push(reader.resize(SizeRule::Exact { height, width }, filter));
        reader.arithmetic(steps)?;
        return one_frame(reader, steps);
    }
    steps.push(reader.resize(SizeRule::Idefics3Tiles { multiple: edge }, filter));
    steps.push(Step::Overview(Overview {
        size: tile,
        filter,
        resampler: reader.resampler,
        antialias: true,
        of: OverviewOf::Here,
        place: OverviewPlace::Last,
        always: false,
    }));
    reader.arithmetic(steps)?;
    reader.notes.push(
        "the output is [N, tiles, 3, height, width] with the picture of the whole as the last tile: images of one batch have \
         one number of tiles"
            .to_owned(),
    );
    steps.push(tiles(tile, false));
    Ok(())
}
