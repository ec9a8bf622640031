//! Qwen2-VL and its kind: multiples within a number of pixels, cut into patches.

use crate::import::huggingface::Reader;
use crate::import::huggingface::processors::Size;
use crate::import::keys::Given;
use crate::plan::PatchOrder;
use crate::steps::{Blocks, Step};
use crate::{Filter, Result, SizeRule};

/// Patches in groups of `merge_size` x `merge_size` neighbours.
pub(in super::super) fn merged(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let cut = resize(reader, steps, None)?;
    finish(reader, steps, cut, cut.merge)
}

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
        _ => [14, 2, 2],
    }
}

fn resize(reader: &mut Reader<'_>, steps: &mut Vec<Step>, always: Option<Filter>) -> Result<Cut> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let resample = reader.keys.given("resample");
    reader.no_other_size("the number of patches follows from the image")?;
    reader.center_crop()?;
    let [patch, merge, frames] = defaults(reader.processor.name);
    let mut number = |key: &'static str, default: u64| -> Result<usize> {
        let given = reader.keys.whole(key)?;
        let number = match given {
            Given::Absent => default,
            given => reader.or_default(key, given, None)?,
        };
        reader.keys.edge(key, &number.into())
    };
    let cut = Cut {
        patch: number("patch_size", patch)?,
        merge: number("merge_size", merge)?,
        repeat: number("temporal_patch_size", frames)?,
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
        let multiple = cut.patch * cut.merge;
        let rule = SizeRule::Smart {
            multiple,
            min_pixels,
            max_pixels,
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
        merge,
        repeat: cut.repeat,
        order: PatchOrder::ChannelsFirst,
        joined: true,
    }));
    Ok(())
}
