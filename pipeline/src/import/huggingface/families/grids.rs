//! Tiles in a grid that is chosen by the size of the image, with a picture of the whole.

use serde_json::Value;

use super::frames::one_frame;
use crate::import::huggingface::Reader;
use crate::import::huggingface::padding::zeros;
use crate::import::huggingface::processors::Size;
use crate::import::keys::Given;
use crate::plan::{CanvasSize, OverviewPlace, PatchOrder};
use crate::size::{GridChoice, GridFit, GridList, Grids};
use crate::steps::{Blocks, Overview, OverviewOf, PadAnchor, Step};
use crate::{Filter, Result, SizeRule};

const FOLLOWS: &str = "the number of tiles follows from the image";

/// Cohere2 Vision, GotOcr2: as many tiles as fit best, those of all images on one axis.
pub(in super::super) fn joined_tiles(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let cohere = reader.processor.name == "Cohere2Vision";
    if !reader.keys.switch("crop_to_patches", cohere)? {
        return super::usual(reader, steps);
    }
    let tile = tile_of_size(reader)?;
    if cohere && tile[0] != tile[1] {
        return Err(reader
            .keys
            .error("size", "cannot be expressed")
            .expected_got("square tiles", format_args!("{} x {}", tile[0], tile[1]))
            .why("the class chooses the grid as if the height were the width, too"));
    }
    let filter = filter(reader)?;
    let most = reader.count("max_patches", 12)?;
    let least = match cohere {
        true => 1,
        false => reader.count("min_patches", 1)?,
    };
    let choice = match cohere {
        true => GridChoice::Scale,
        false => GridChoice::Aspect,
    };
    let grids = Grids::Within {
        least,
        most,
        side: most,
    };
    let rule = rule(tile, grids, choice, GridFit::Filled);
    rule.check().map_err(|error| error.within_key("max_patches"))?;
    steps.push(reader.resize(rule, filter));
    steps.push(overview(reader, tile, filter, OverviewPlace::Last, false));
    reader.arithmetic(steps)?;
    steps.push(tiles(tile, true));
    reader.notes.push(
        "num_patches stays with the caller; the output grid has rows and columns of the tiles, and several of them have the \
         picture of the whole besides"
            .to_owned(),
    );
    Ok(())
}

/// Granite-Docling: the same with at most 16 tiles along an edge, each image on its own.
pub(in super::super) fn granite(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let crops = reader.keys.switch("crop_to_patches", true)?;
    let tile = tile_of_size(reader)?;
    let filter = filter(reader)?;
    let least = reader.keys.whole("min_patches")?.value().unwrap_or(1) as usize;
    let most = reader.count("max_patches", 32)?;
    let dense = reader.keys.whole("dense_max_patches")?.value().unwrap_or(0);
    let [scale, aspect] = ["dense_max_scale", "dense_min_aspect"].map(|key| reader.keys.number(key));
    let bounded = scale?.value().unwrap_or(0.0) > 0.0 || aspect?.value().unwrap_or(0.0) > 0.0;
    reader.keys.take("dense_max_aspect");
    if crops && most > 1 && dense > 0 && bounded {
        return Err(reader
            .keys
            .error("dense_max_patches", "cannot be expressed")
            .expected_got(0, dense)
            .why("the number of tiles that there may be then follows from the image, too"));
    }
    let most = if crops { most } else { 1 };
    let grids = Grids::Within {
        least: least.min(most).max(1),
        most,
        side: most.min(16),
    };
    let rule = rule(tile, grids, GridChoice::Aspect, GridFit::Filled);
    rule.check().map_err(|error| error.within_key("max_patches"))?;
    steps.push(reader.resize(rule, filter));
    steps.push(overview(reader, tile, filter, OverviewPlace::Last, false));
    reader.arithmetic(steps)?;
    steps.push(tiles(tile, false));
    one_number(reader);
    Ok(())
}

/// LLaVA-NeXT and LLaVA-OneVision: the image inside the best of several sizes, black around it, the whole before its tiles.
pub(in super::super) fn pinpoints(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    // Whether it is on or off, every picture has the size already that it asks for.
    reader.keys.take("do_resize");
    for key in ["do_pad", "pad_size"] {
        // It adds images of zeros to those that have fewer tiles than others of the batch.
        reader.keys.take(key);
    }
    reader.no_other_size(FOLLOWS)?;
    let filter = filter(reader)?;
    let size = match reader.keys.given("size") {
        Given::Is(size) => reader.size("size", &size, false)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let whole = match size {
        Size::Exact(size) => size,
        Size::Shortest(edge) => [edge, edge],
        size => return Err(reader.no_such_size(size)),
    };
    let crops = reader
        .keys
        .switch("do_center_crop", reader.processor.center_crop)?;
    // The height of a crop is that of a tile, whether it crops or not.
    let crop = match reader.keys.given("crop_size") {
        Given::Is(crop) => match reader.size("crop_size", &crop, true)? {
            Size::Exact(crop) => Some(crop),
            size => return Err(reader.no_such_size(size)),
        },
        Given::Absent => reader.processor.crop,
        Given::Null => None,
    };
    if crops && crop.is_none() {
        return Err(reader.needed("crop_size", "is null"));
    }
    let edge = crop.map_or(whole[0], |crop| crop[0]);
    let tile = [edge, edge];
    if whole != tile || (crops && crop != Some(tile)) {
        return Err(reader
            .keys
            .error("crop_size", "is not the size of the whole picture")
            .expected_got(
                format_args!("{} x {}, as size says", whole[0], whole[1]),
                format_args!("tiles of {edge} x {edge}"),
            )
            .why("each tile is then resized and cropped again, which no step does"));
    }
    let grids = listed(reader, edge)?;
    let of = |fit| rule(tile, grids, GridChoice::Effective, fit);
    of(GridFit::Filled)
        .check()
        .map_err(|error| error.within_key("image_grid_pinpoints"))?;
    steps.push(overview(reader, tile, filter, OverviewPlace::First, true));
    steps.push(reader.resize(of(GridFit::Inside), filter));
    let canvas = CanvasSize::OfSource {
        size: of(GridFit::Filled),
    };
    steps.push(zeros(canvas, PadAnchor::Center));
    reader.arithmetic(steps)?;
    steps.push(tiles(tile, false));
    one_number(reader);
    Ok(())
}

/// The grids of `image_grid_pinpoints`, sizes in pixels of which tiles are `edge` high and wide.
fn listed(reader: &mut Reader<'_>, edge: usize) -> Result<Grids> {
    const KEY: &str = "image_grid_pinpoints";
    let given = match reader.keys.given(KEY) {
        Given::Is(given) => given,
        Given::Absent if reader.processor.name == "LlavaNext" => {
            reader.defaults.push(KEY);
            serde_json::json!([[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]])
        }
        Given::Absent => {
            reader.defaults.push(KEY);
            let grids = (1..=6).flat_map(|rows| (1..=6).map(move |columns| [384 * rows, 384 * columns]));
            grids.collect::<Vec<_>>().into()
        }
        Given::Null => return Err(reader.needed(KEY, "is null")),
    };
    let wrong = |what: &str| {
        reader
            .keys
            .error(KEY, "is not a list of sizes")
            .expected_got(what, &given)
    };
    let mut grids = Vec::new();
    for size in given.as_array().ok_or_else(|| wrong("[[height, width], …]"))? {
        let edges: Option<Vec<usize>> = size.as_array().and_then(|size| {
            let whole = |edge: &Value| edge.as_u64().and_then(|edge| usize::try_from(edge).ok());
            size.iter().map(whole).collect()
        });
        let Some([height, width]) = edges.as_deref() else {
            return Err(wrong("[[height, width], …]"));
        };
        if height % edge != 0 || width % edge != 0 {
            return Err(reader
                .keys
                .error(KEY, "cannot be expressed")
                .expected_got(
                    format_args!("multiples of {edge}"),
                    format_args!("{height} x {width}"),
                )
                .why("tiles at its edge are incomplete, and each is then resized and cropped by itself"));
        }
        grids.push((height / edge, width / edge));
    }
    GridList::new(&grids)
        .map(Grids::Listed)
        .map_err(|error| error.within_key(KEY))
}

/// Mllama: the image inside its grid, black right and below, and tiles of 0 up to their largest number.
pub(in super::super) fn mllama(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    for key in ["do_resize", "do_pad"] {
        if !reader.keys.switch(key, true)? {
            return Err(reader
                .keys
                .error(key, "is off")
                .expected_got(true, false)
                .why("transformers then raises"));
        }
    }
    reader.keys.take("pad_size");
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    let size = match reader.keys.given("size") {
        Given::Is(size) => reader.size("size", &size, true)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let tile = match size {
        Size::Exact([height, width]) if height == width => [height, width],
        size => return Err(reader.no_such_size(size)),
    };
    let filter = filter(reader)?;
    let most = reader.count("max_image_tiles", 4)?;
    // In the order of their rows, and of as large ones the first.
    let mut grids: Vec<(usize, usize)> = (1..=most.min(64))
        .flat_map(|rows| (1..=most / rows).map(move |columns| (rows, columns)))
        .collect();
    grids.sort_by_key(|(rows, columns)| rows * columns);
    let grids = match GridList::new(&grids) {
        Ok(list) => Grids::Listed(list),
        Err(error) => return Err(error.within_key("max_image_tiles")),
    };
    let of = |fit| rule(tile, grids, GridChoice::Scale, fit);
    of(GridFit::Filled)
        .check()
        .map_err(|error| error.within_key("max_image_tiles"))?;
    steps.push(reader.resize(of(GridFit::Clipped), filter));
    let canvas = CanvasSize::OfSource {
        size: of(GridFit::Filled),
    };
    steps.push(zeros(canvas, PadAnchor::TopLeft));
    reader.arithmetic(steps)?;
    steps.push(Step::Blocks(Blocks {
        tiles: Some(tile),
        patches: None,
        frame: false,
        after_channels: false,
        rows: Some(most),
        sample: true,
        merge: 1,
        repeat: 1,
        order: PatchOrder::ChannelsFirst,
        joined: false,
    }));
    reader.notes.push(
        "aspect_ratio_ids and aspect_ratio_mask stay inputs of the model; the output grid has the rows and columns for both"
            .to_owned(),
    );
    Ok(())
}

/// Perception LM: the whole before the tiles, which the image fills.
pub(in super::super) fn perception(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    reader.unread_size(resizes)?;
    for key in ["do_pad", "pad_size"] {
        // Not looked at by this class.
        reader.keys.take(key);
    }
    reader.no_other_size(FOLLOWS)?;
    let filter = filter(reader)?;
    reader.center_crop()?;
    let edge = reader.count("tile_size", 448)?;
    let most = reader.count("max_num_tiles", 36)?;
    let tile = [edge, edge];
    let tiled = match reader.keys.given("vision_input_type") {
        Given::Absent => true,
        Given::Null => false,
        Given::Is(kind) => kind == "thumb+tile",
    };
    if !resizes || !tiled {
        if resizes {
            let [height, width] = tile;
            let rule = SizeRule::Exact { height, width };
            rule.check().map_err(|error| error.within_key("tile_size"))?;
            steps.push(reader.resize(rule, filter));
        }
        reader.arithmetic(steps)?;
        return one_frame(reader, steps);
    }
    let rule = rule(tile, Grids::up_to(most), GridChoice::Holding, GridFit::Filled);
    rule.check().map_err(|error| error.within_key("max_num_tiles"))?;
    steps.push(reader.resize(rule, filter));
    steps.push(overview(reader, tile, filter, OverviewPlace::First, true));
    reader.arithmetic(steps)?;
    steps.push(tiles(tile, false));
    one_number(reader);
    Ok(())
}

/// Height and width of a tile, which `size` is.
fn tile_of_size(reader: &mut Reader<'_>) -> Result<[usize; 2]> {
    // Tiles are made in any case, and have the size already that it asks for.
    reader.keys.take("do_resize");
    for key in ["do_pad", "pad_size"] {
        // Not called by these classes.
        reader.keys.take(key);
    }
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    let size = match reader.keys.given("size") {
        Given::Is(size) => reader.size("size", &size, true)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    match size {
        Size::Exact(tile) => Ok(tile),
        size => Err(reader.no_such_size(size)),
    }
}

fn filter(reader: &mut Reader<'_>) -> Result<Filter> {
    let resample = reader.keys.given("resample");
    reader.filter(resample)
}

fn rule([height, width]: [usize; 2], grids: Grids, choice: GridChoice, fit: GridFit) -> SizeRule {
    SizeRule::Grid {
        height,
        width,
        grids,
        choice,
        fit,
    }
}

/// A picture of the whole source image.
fn overview(
    reader: &Reader<'_>,
    size: [usize; 2],
    filter: Filter,
    place: OverviewPlace,
    always: bool,
) -> Step {
    Step::Overview(Overview {
        size,
        filter,
        resampler: reader.resampler,
        antialias: true,
        of: OverviewOf::Source,
        place,
        always,
    })
}

/// Cuts the image into tiles, which are one axis with the images where they are `joined`.
pub(super) fn tiles(tile: [usize; 2], joined: bool) -> Step {
    Step::Blocks(Blocks {
        tiles: Some(tile),
        patches: None,
        frame: false,
        after_channels: false,
        rows: None,
        sample: false,
        merge: 1,
        repeat: 1,
        order: PatchOrder::ChannelsFirst,
        joined,
    })
}

fn one_number(reader: &mut Reader<'_>) {
    reader.notes.push(
        "the output is [N, tiles, 3, height, width] with the picture of the whole as one of the tiles: images of one batch have \
         one number of tiles"
            .to_owned(),
    );
}
