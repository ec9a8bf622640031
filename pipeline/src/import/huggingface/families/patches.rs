//! Qwen2-VL and its kind: multiples within a number of pixels, cut into patches.

use crate::import::huggingface::padding::zeros;
use crate::import::huggingface::processors::Size;
use crate::import::huggingface::{Backend, Reader};
use crate::import::keys::Given;
use crate::plan::{CanvasSize, PatchOrder};
use crate::size::SmallImage;
use crate::steps::{Blocks, PadAnchor, Step};
use crate::{Filter, Result, SizeRule};

/// Patches in groups of `merge_size` x `merge_size` neighbours.
pub(in super::super) fn merged(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let cut = resize(reader, steps, None)?;
    finish(reader, steps, cut, cut.merge)
}

/// As [`merged`], a patch with its channels last and one frame: Cosmos.
pub(in super::super) fn merged_channels_last(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let cut = resize(reader, steps, None)?;
    one_frame(reader, cut)?;
    finish(reader, steps, cut, cut.merge)?;
    if let Some(Step::Blocks(blocks)) = steps.last_mut() {
        blocks.order = PatchOrder::ChannelsLast;
    }
    Ok(())
}

/// Patches row by row, each an image of its own: PaddleOCR-VL.
pub(in super::super) fn small_images(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let cut = resize(reader, steps, None)?;
    one_frame(reader, cut)?;
    finish(reader, steps, cut, 1)?;
    in_tiles(steps, cut.patch);
    Ok(())
}

/// Puts tiles in the place of patches.
fn in_tiles(steps: &mut [Step], edge: usize) {
    if let Some(Step::Blocks(blocks)) = steps.last_mut() {
        *blocks = Blocks {
            tiles: Some([edge, edge]),
            patches: None,
            merge: 1,
            repeat: 1,
            ..*blocks
        };
    }
}

fn one_frame(reader: &Reader<'_>, cut: Cut) -> Result<()> {
    if cut.repeat == 1 {
        return Ok(());
    }
    Err(reader
        .keys
        .error("temporal_patch_size", "cannot be expressed")
        .expected_got(1, cut.repeat)
        .why("no form of patches repeats the frames of this class"))
}

/// Kimi K2.5: shrunk to a number of patches, black to whole groups of them; each patch is an image of its own.
pub(in super::super) fn kimi(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let resample = reader.keys.given("resample");
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    let patch = reader.count("patch_size", 14)?;
    let merge = reader.count("merge_size", 2)?;
    let patches = reader.count("max_patches", 16_384)?;
    let size = match reader.keys.given("size") {
        Given::Is(size) => reader.size("size", &size, true)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let side = match size {
        Size::Within([height, width]) if height == width => height,
        size => return Err(reader.no_such_size(size)),
    };
    if resizes {
        let rule = SizeRule::Kimi { patch, patches, side };
        rule.check().map_err(|error| error.within_key("size"))?;
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(rule, filter));
        let of = reader.keys.edge("merge_size", &(patch * merge).into())?;
        steps.push(zeros(CanvasSize::Multiple { of }, PadAnchor::TopLeft));
    }
    let cut = Cut {
        patch,
        merge: 1,
        repeat: 1,
    };
    finish(reader, steps, cut, 1)?;
    in_tiles(steps, patch);
    Ok(())
}

/// NeoMME: the image's own size, black to whole patches.
pub(in super::super) fn own_size(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    reader.no_other_size(FOLLOWS)?;
    let resizes = reader.keys.switch("do_resize", true)?;
    reader.center_crop()?;
    let patch = reader.count("patch_size", 32)?;
    for key in ["size", "max_side"] {
        if let Some(bound) = reader.keys.take(key).filter(|_| resizes) {
            return Err(reader
                .keys
                .error(key, "cannot be expressed")
                .expected_got("null, or no such key", bound)
                .why("its bounds on pixels and edges are met by several tries, which no size rule makes"));
        }
    }
    reader.keys.take("resample");
    steps.push(zeros(CanvasSize::Multiple { of: patch }, PadAnchor::TopLeft));
    let cut = Cut {
        patch,
        merge: 1,
        repeat: 1,
    };
    finish(reader, steps, cut, 1)?;
    if let Some(Step::Blocks(blocks)) = steps.last_mut() {
        blocks.order = PatchOrder::ChannelsLast;
    }
    Ok(())
}

const FOLLOWS: &str = "the number of patches follows from the image";

/// Patches row by row, and bicubic whatever `resample` says: HunYuan.
pub(in super::super) fn in_rows(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let cut = resize(reader, steps, Some(Filter::Bicubic))?;
    finish(reader, steps, cut, 1)
}

#[derive(Clone, Copy)]
struct Cut {
    patch: usize,
    merge: usize,
    repeat: usize,
}

/// The numbers of a class where its config says nothing: patch, merge, frames of a still image.
fn defaults(name: &str) -> [u64; 3] {
    match name {
        "HunYuanVL" | "HYV4VL" => [16, 2, 1],
        "Ernie4_5_VLMoe" | "Ernie4_5_VL_Moe" => [14, 2, 1],
        "VideoLlama3" => [14, 1, 1],
        "PaddleOCRVL" => [14, 2, 1],
        "Cosmos3Edge" => [16, 2, 1],
        _ => [14, 2, 2],
    }
}

fn resize(reader: &mut Reader<'_>, steps: &mut Vec<Step>, always: Option<Filter>) -> Result<Cut> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let resample = reader.keys.given("resample");
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    let [patch, merge, frames] = defaults(reader.processor.name);
    let cut = Cut {
        patch: reader.count("patch_size", patch)?,
        merge: reader.count("merge_size", merge)?,
        repeat: reader.count("temporal_patch_size", frames)?,
    };
    // Of classes that had names for it before `size`, null is the default too.
    let names = reader.processor.harmless.contains(&"min_pixels");
    let size = match reader.keys.given("size") {
        Given::Is(size) => reader.size("size", &size, false)?,
        given if names => reader.own_size(given)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let mut pixels = match size {
        Size::Both(pixels) | Size::Pixels(pixels) => pixels,
        size => return Err(reader.no_such_size(size)),
    };
    for (pixels, key) in pixels.iter_mut().zip(["min_pixels", "max_pixels"]) {
        if let (true, Some(given)) = (names, reader.keys.whole(key)?.value()) {
            *pixels = given as usize;
        }
    }
    let [min_pixels, max_pixels] = pixels;
    if resizes {
        let mut multiple = cut.patch * cut.merge;
        if reader.processor.name == "Glmga" {
            let expand = reader.count("patch_expand_factor", 1)?;
            // The Pillow backend does not look at it.
            if reader.backend == Backend::Torchvision {
                multiple *= expand;
            }
        }
        let edge = |pixels: usize| (pixels as f64).sqrt().round_ties_even() as usize;
        let (frames, small) = match reader.processor.name {
            "Glm4v" | "Glm46V" | "Glmga" | "Cosmos3Edge" => (cut.repeat, SmallImage::Scaled),
            "PaddleOCRVL" => (1, SmallImage::Stepwise),
            _ => (1, SmallImage::Kept),
        };
        let rule = match reader.processor.name {
            "GlmImage" => SizeRule::GlmImage {
                multiple,
                shortest: edge(min_pixels),
                longest: edge(max_pixels),
            },
            _ => SizeRule::Smart {
                multiple,
                min_pixels,
                max_pixels,
                frames,
                small,
            },
        };
        rule.check().map_err(|error| error.within_key("size"))?;
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(rule, always.unwrap_or(filter)));
    }
    Ok(cut)
}

fn finish(reader: &mut Reader<'_>, steps: &mut Vec<Step>, cut: Cut, merge: usize) -> Result<()> {
    for key in ["do_pad", "pad_size"] {
        // Not called by these classes.
        reader.keys.take(key);
    }
    reader.arithmetic(steps)?;
    steps.push(Step::Blocks(Blocks {
        tiles: None,
        patches: Some(cut.patch),
        frame: false,
        after_channels: false,
        rows: None,
        sample: false,
        merge,
        repeat: cut.repeat,
        order: PatchOrder::ChannelsFirst,
        joined: true,
    }));
    Ok(())
}

/// SigLIP 2: as many patches as the number allows, filled up to it with 0.
pub(in super::super) fn naflex(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resample = always_resized(reader)?;
    let patch = reader.count("patch_size", 16)?;
    let patches = reader.count("max_num_patches", 256)?;
    let rule = SizeRule::Naflex { patch, patches };
    filled_up(reader, steps, rule, resample, [patch, patches])?;
    reader.notes.push(
        "pixel_attention_mask and spatial_shapes stay inputs of the model; the output grid has the numbers of both"
            .to_owned(),
    );
    Ok(())
}

/// Gemma 4: whole blocks of patches, as many as the number of tokens allows, filled up with 0. The unified model takes the
/// blocks themselves.
pub(in super::super) fn gemma4(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    const TOKENS: [usize; 5] = [70, 140, 280, 560, 1120];
    let resample = always_resized(reader)?;
    let patch = reader.count("patch_size", 16)?;
    let tokens = reader.count("max_soft_tokens", 280)?;
    let pool = reader.count("pooling_kernel_size", 3)?;
    if !TOKENS.contains(&tokens) {
        return Err(reader
            .keys
            .error("max_soft_tokens", "is refused by the class")
            .expected_got(format_args!("one of {TOKENS:?}"), tokens));
    }
    let multiple = reader.keys.edge("pooling_kernel_size", &(pool * patch).into())?;
    let rule = SizeRule::Gemma4 {
        multiple,
        blocks: tokens,
    };
    let cut = match reader.processor.name {
        "Gemma4Unified" => [multiple, tokens],
        _ => [patch, tokens * pool * pool],
    };
    filled_up(reader, steps, rule, resample, cut)?;
    if let Some(Step::Resize(resize)) = steps.first_mut()
        && resize.filter == Filter::NearestExact
    {
        // These hand the number to torchvision, to which 0 is plain nearest.
        resize.filter = Filter::Nearest;
    }
    reader.notes.push(
        "image_position_ids stays an input of the model; the output grid has the numbers for it".to_owned(),
    );
    Ok(())
}

fn always_resized(reader: &mut Reader<'_>) -> Result<Given<serde_json::Value>> {
    if !reader.keys.switch("do_resize", true)? {
        return Err(reader
            .keys
            .error("do_resize", "is off")
            .expected_got(true, false)
            .why("an image of its own size may have more patches than rows, which nothing here would tell"));
    }
    reader.keys.take("size");
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    Ok(reader.keys.given("resample"))
}

fn filled_up(
    reader: &mut Reader<'_>,
    steps: &mut Vec<Step>,
    rule: SizeRule,
    resample: Given<serde_json::Value>,
    [patch, rows]: [usize; 2],
) -> Result<()> {
    rule.check()
        .map_err(|error| reader.keys.error("patch_size", error))?;
    let filter = reader.filter(resample)?;
    steps.push(reader.resize(rule, filter));
    let cut = Cut {
        patch,
        merge: 1,
        repeat: 1,
    };
    finish(reader, steps, cut, 1)?;
    if let Some(Step::Blocks(blocks)) = steps.last_mut() {
        blocks.order = PatchOrder::ChannelsLast;
        blocks.joined = false;
        blocks.rows = Some(rows);
    }
    Ok(())
}
