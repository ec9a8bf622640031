//! Which numbers a size can have.

use super::SizeRule;
use crate::{Error, Result};

/// The largest height or width that an image or a target may have.
pub const MAX_EDGE: usize = 65_535;

/// Checks that `value` is an edge in pixels.
pub(crate) fn check_edge(key: &str, value: usize) -> Result<()> {
    if (1..=MAX_EDGE).contains(&value) {
        return Ok(());
    }
    Err(Error::new(key, "is not a size in pixels").expected_got(format_args!("1 to {MAX_EDGE}"), value))
}

impl SizeRule {
    /// Checks that every number is one that a size can have.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(self) -> Result<()> {
        let edges = |edges: &[(&str, usize)]| edges.iter().try_for_each(|(key, edge)| check_edge(key, *edge));
        match self {
            Self::Exact { height, width } => edges(&[("exact[0]", height), ("exact[1]", width)]),
            Self::ShortestEdge { size, max } => {
                check_edge("shortest_edge", size)?;
                let Some(max) = max else { return Ok(()) };
                check_edge("max_edge", max)?;
                if max > size {
                    return Ok(());
                }
                Err(Error::new("max_edge", "is not above shortest_edge")
                    .expected_got(format_args!("more than {size}"), max)
                    .why("torchvision's Resize demands it"))
            }
            Self::LongestEdge { size } => check_edge("longest_edge", size),
            Self::Cover { height, width } => edges(&[("cover[0]", height), ("cover[1]", width)]),
            Self::CropPct {
                height,
                width,
                fraction,
            } => check_crop_pct(height, width, fraction),
            Self::Detr { shortest, longest } => {
                edges(&[("shortest_edge", shortest), ("longest_edge", longest)])
            }
            Self::Yolos {
                shortest,
                longest,
                multiple,
            }
            | Self::Maskformer {
                shortest,
                longest,
                multiple,
            }
            | Self::GlmImage {
                multiple,
                shortest,
                longest,
            } => edges(&[
                ("shortest", shortest),
                ("longest", longest),
                ("multiple", multiple),
            ]),
            Self::Fit { height, width, .. }
            | Self::Thumbnail { height, width }
            | Self::PaddleocrRec { height, width }
            | Self::PaddleocrCls { height, width } => edges(&[("height", height), ("width", width)]),
            Self::Dpt {
                height,
                width,
                multiple,
                ..
            } => edges(&[("height", height), ("width", width), ("multiple", multiple)]),
            Self::Longest { size, least, .. } => {
                check_edge("size", size)?;
                if least <= size {
                    return Ok(());
                }
                Err(Error::new("least", "is above size").expected_got(format_args!("at most {size}"), least))
            }
            Self::Pixtral {
                height,
                width,
                multiple,
            } => edges(&[("height", height), ("width", width), ("multiple", multiple)]),
            Self::Kimi { patch, patches, side } => {
                edges(&[("patch", patch), ("side", side)])?;
                check_blocks("patches", patches, patch)
            }
            Self::Idefics3 { longest } => {
                if (1..=4095).contains(&longest) {
                    return Ok(());
                }
                Err(Error::new("longest", "is not an edge that Idefics3 takes")
                    .expected_got("1 to 4095", longest))
            }
            Self::Grid {
                height, width, grids, ..
            } => {
                edges(&[("height", height), ("width", width)])?;
                grids.check((height, width))
            }
            Self::Ultravbert { longest, tile, tiles } => {
                Self::Idefics3 { longest }.check()?;
                // So many sizes are tried one after the other.
                const TRIES: usize = 64;
                edges(&[("tile", tile), ("tiles", tiles)])?;
                let least = longest.div_ceil(TRIES);
                if tile >= least {
                    return Ok(());
                }
                Err(Error::new("tile", "is too small for the longer edge")
                    .expected_got(format_args!("at least {least}"), tile))
            }
            Self::Nemotron {
                patch,
                merge,
                least,
                most,
            } => {
                edges(&[("patch", patch), ("merge", merge), ("least", least)])?;
                check_edge("patch", patch.saturating_mul(merge))?;
                check_blocks("most", most, patch)
            }
            Self::Glm5Next {
                multiple,
                frames,
                least,
                most,
                ..
            } => {
                edges(&[("multiple", multiple), ("frames", frames), ("least", least)])?;
                check_blocks("most", most, multiple)
            }
            Self::Idefics3Tiles { multiple } => check_edge("multiple", multiple),
            Self::Idefics2 { least, longest } => edges(&[("least", least), ("longest", longest)]),
            Self::Gemma4 { multiple, blocks } => {
                check_edge("multiple", multiple)?;
                check_blocks("blocks", blocks, multiple)
            }
            Self::Naflex { patch, patches } => {
                check_edge("patch", patch)?;
                check_blocks("patches", patches, patch)
            }
            Self::Textnet { shortest, multiple }
            | Self::Vilt { shortest, multiple }
            | Self::Lcnet { shortest, multiple } => edges(&[("shortest", shortest), ("multiple", multiple)]),
            Self::Glpn { multiple } => check_edge("multiple", multiple),
            Self::PaddleocrDet { limit, most, .. } => {
                check_edge("limit", limit)?;
                check_edge("most", most.unwrap_or(limit))
            }
            Self::Height { height } | Self::Ddddocr { height } => check_edge("height", height),
            Self::Smart {
                multiple,
                min_pixels,
                max_pixels,
                frames,
                ..
            } => {
                check_edge("multiple", multiple)?;
                check_edge("frames", frames)?;
                if multiple * multiple <= max_pixels
                    && min_pixels <= max_pixels
                    && max_pixels <= crate::MAX_PIXELS
                {
                    return Ok(());
                }
                Err(Error::new("max_pixels", "leaves no size").expected_got(
                    format_args!(
                        "at least {} and at most {}",
                        min_pixels.max(multiple * multiple),
                        crate::MAX_PIXELS
                    ),
                    max_pixels,
                ))
            }
        }
    }
}

/// Checks that an image may have so many blocks of this edge.
fn check_blocks(key: &str, blocks: usize, edge: usize) -> Result<()> {
    let most = crate::MAX_PIXELS / (edge * edge);
    if (1..=most).contains(&blocks) {
        return Ok(());
    }
    Err(Error::new(key, "is not a number of blocks").expected_got(format_args!("1 to {most}"), blocks))
}

fn check_crop_pct(height: usize, width: usize, fraction: f64) -> Result<()> {
    check_edge("target[0]", height)?;
    check_edge("target[1]", width)?;
    let [shorter, longer] = [height.min(width), height.max(width)].map(|edge| edge as f64 / fraction);
    if !(fraction > 0.0 && shorter >= 1.0) {
        return Err(
            Error::new("crop_pct", "is not the part of the image that a crop keeps")
                .expected_got("above 0, and at most the target", fraction),
        );
    }
    if longer > MAX_EDGE as f64 {
        return Err(Error::new("crop_pct", "makes the resized image too large")
            .expected_got(format_args!("an edge of at most {MAX_EDGE} pixels"), longer));
    }
    Ok(())
}
