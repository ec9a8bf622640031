//! Patches whose number is bounded: GLM-5, Nemotron Omni, Inkling 2.

use crate::import::huggingface::padding::zeros;
use crate::import::huggingface::processors::Size;
use crate::import::huggingface::{Backend, Reader};
use crate::import::keys::Given;
use crate::plan::{CanvasSize, PatchOrder};
use crate::steps::{Blocks, Pad, PadAnchor, Step};
use crate::{Dtype, Layout, Operation, Pipeline, Result, SizeRule};

const FOLLOWS: &str = "the number of patches follows from the image";

/// GLM-5: the image within a number of tokens, black to whole groups of patches.
pub(in super::super) fn glm5(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    let resizes = reader.keys.switch("do_resize", true)?;
    let resample = reader.keys.given("resample");
    reader.unread_size(resizes)?;
    for key in ["do_pad", "pad_size"] {
        // Not looked at by this class.
        reader.keys.take(key);
    }
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    let patch = reader.count("patch_size", 14)?;
    let merge = reader.count("merge_size", 2)?;
    let frames = reader.count("temporal_patch_size", 2)?;
    let mut expand = reader.count("patch_expand_factor", 1)?;
    // The Pillow backend does not look at it.
    if reader.backend == Backend::Pillow {
        expand = 1;
    }
    let least = reader.count("min_image_tokens", 16)?;
    let most = reader.count("max_image_tokens", 8000)?;
    if resizes {
        let multiple = reader.keys.edge("patch_size", &(patch * merge * expand).into())?;
        let rule = |inside| SizeRule::Glm5Next {
            multiple,
            frames,
            least,
            most,
            inside,
        };
        rule(true)
            .check()
            .map_err(|error| error.within_key("max_image_tokens"))?;
        let filter = reader.filter(resample)?;
        steps.push(reader.resize(rule(true), filter));
        steps.push(zeros(
            CanvasSize::OfSource { size: rule(false) },
            PadAnchor::TopLeft,
        ));
    }
    reader.arithmetic(steps)?;
    steps.push(patches(patch, merge, frames));
    Ok(())
}

/// Nemotron Omni: floats resized to groups of patches, and not cut to those of pixels.
pub(in super::super) fn nemotron(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    // The names of the first checkpoints.
    for (old, new) in [("norm_mean", "image_mean"), ("norm_std", "image_std")] {
        if let Some(value) = reader.keys.take(old) {
            reader.keys.set_default(new, value);
        }
    }
    for key in ["do_resize", "size", "do_pad", "pad_size", "_downsample_factor"] {
        // Not looked at by this class.
        reader.keys.take(key);
    }
    reader.no_other_size(FOLLOWS)?;
    reader.center_crop()?;
    let resample = reader.keys.given("resample");
    let filter = reader.filter(resample)?;
    let patch = reader.count("patch_size", 16)?;
    let ratio = match reader.keys.number("downsample_ratio")? {
        Given::Absent => 0.5,
        given => reader.or_default("downsample_ratio", given, None)?,
    };
    let merge = (1.0 / ratio).round_ties_even();
    if !(1.0..=1024.0).contains(&merge) {
        return Err(reader
            .keys
            .error("downsample_ratio", "is not that of whole patches")
            .expected_got("0.001 to 1", ratio));
    }
    let merge = merge as usize;
    let least = reader.count("min_num_patches", 1024)?;
    let most = reader.keys.whole("max_num_patches")?.value().unwrap_or(13_312) as usize;
    let context = reader.count("max_model_len", 16_384)?;
    if most == 0 || context.saturating_sub(4).saturating_mul(merge * merge) < most {
        return Err(reader
            .keys
            .error("max_num_patches", "cannot be expressed")
            .expected_got("a bound below that of max_model_len", most)
            .why("the number of patches of an image then follows from how many images come together"));
    }
    let rule = SizeRule::Nemotron {
        patch,
        merge,
        least,
        most: most.max(least),
    };
    rule.check()
        .map_err(|error| error.within_key("max_num_patches"))?;
    super::floats::float_pixels(reader, steps, Some((rule, filter)))?;
    steps.push(patches(patch, 1, 1));
    Ok(())
}

/// Inkling 2: the image's own size in tiles with the channels last; -1 around it, which the arithmetic changes too.
pub(in super::super) fn inkling2(reader: &mut Reader<'_>, steps: &mut Vec<Step>) -> Result<()> {
    for key in ["do_resize", "resample", "do_pad", "pad_size"] {
        // Not looked at by this class.
        reader.keys.take(key);
    }
    reader.no_other_size("the number of tiles follows from the image")?;
    reader.center_crop()?;
    let size = match reader.keys.given("size") {
        Given::Is(size) => reader.size("size", &size, true)?,
        given => reader.or_default("size", given.into_unit(), Some(reader.processor.size))?,
    };
    let of = match size {
        Size::Exact([height, width]) if height == width => height,
        size => return Err(reader.no_such_size(size)),
    };
    super::floats::float_pixels(reader, steps, None)?;
    let arithmetic = Pipeline {
        steps: steps.clone(),
        ..Pipeline::default()
    };
    let operations = arithmetic
        .compile(Layout::Nchw, Dtype::Float32)?
        .values
        .operations;
    let around = [0, 1, 2].map(|channel| f64::from(Operation::chain(&operations, -1.0, channel)));
    steps.push(Step::Pad(Pad {
        to: CanvasSize::Multiple { of },
        anchor: PadAnchor::TopLeft,
        color: None,
        value: Some(around),
        mode: None,
    }));
    steps.push(Step::Blocks(Blocks {
        tiles: Some([of, of]),
        patches: None,
        frame: false,
        after_channels: false,
        rows: None,
        sample: false,
        merge: 1,
        repeat: 1,
        order: PatchOrder::ChannelsFirst,
        joined: true,
    }));
    reader.own_layout = Some(Layout::Nhwc);
    Ok(())
}

fn patches(size: usize, merge: usize, repeat: usize) -> Step {
    Step::Blocks(Blocks {
        tiles: None,
        patches: Some(size),
        frame: false,
        after_channels: false,
        rows: None,
        sample: false,
        merge,
        repeat,
        order: PatchOrder::ChannelsFirst,
        joined: true,
    })
}
