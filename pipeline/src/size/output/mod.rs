//! The size that a rule gives. Each formula has the order of operations of the library that it equals.

mod edges;
mod multiples;
mod tiles;

use self::edges::{cover, detr, fit, longest, scaled, shortest_edge, thumbnail, up_to_multiple};
pub use self::multiples::{GLM5_BITS, NAFLEX_HALVINGS, NAFLEX_SCALES};
use self::multiples::{dpt, enlarged, gemma4, glm_image, glm5_next, naflex, nemotron, smart, vilt};
use self::tiles::{idefics3, idefics3_tiles, ultravbert};
use super::grid::{chosen, fitted};
use super::{Limit, MAX_EDGE, SizeRule};
use crate::{Error, Result};

type Size = (usize, usize);

impl SizeRule {
    /// The (height, width) that an image of `height` x `width` is resized to, where it is the source image, alone.
    ///
    /// # Errors
    /// When the image has no pixels, or the rule gives an edge of 0.
    pub fn output_size(self, height: usize, width: usize) -> Result<Size> {
        self.on((height, width), (height, width), None)
    }

    /// The (height, width) that an `image` is resized to: `source` is the size of the source image, `batch` that of the
    /// canvas of the batch, where it is known.
    ///
    /// # Errors
    /// As for [`SizeRule::output_size`].
    pub fn on(self, image: Size, source: Size, batch: Option<Size>) -> Result<Size> {
        let (height, width) = image;
        if height == 0 || width == 0 {
            return Err(Error::new("image", "has no pixels")
                .expected_got(
                    "a height and a width of at least 1",
                    format_args!("{height} x {width}"),
                )
                .with_kind(crate::ErrorKind::Image));
        }
        let both = |of: &dyn Fn(usize) -> usize| (of(height), of(width));
        let to = match self {
            Self::Exact { height, width } => (height, width),
            Self::ShortestEdge { size, max } => shortest_edge(image, size, max),
            Self::LongestEdge { size } => {
                let scale = size as f64 / height.max(width) as f64;
                both(&|edge| (edge as f64 * scale + 0.5) as usize)
            }
            Self::Cover { height, width } => cover(image, (height, width)),
            Self::CropPct {
                height,
                width,
                fraction,
            } => {
                let [height, width] = [height, width].map(|edge| (edge as f64 / fraction) as usize);
                if height == width {
                    shortest_edge(image, height, None)
                } else {
                    cover(image, (height, width))
                }
            }
            Self::Detr { shortest, longest } => detr(image, shortest, longest, true),
            Self::Yolos {
                shortest,
                longest,
                multiple,
            } => {
                let (height, width) = detr(image, shortest, longest, false);
                (height / multiple * multiple, width / multiple * multiple)
            }
            Self::Fit {
                height,
                width,
                rounding,
                enlarge,
            } => fit(image, (height, width), rounding, enlarge),
            Self::Dpt {
                height,
                width,
                multiple,
                keep_aspect_ratio,
            } => dpt(image, (height, width), multiple, keep_aspect_ratio),
            Self::Textnet { shortest, multiple } => {
                let (height, width) = shortest_edge(image, shortest, None);
                (up_to_multiple(height, multiple), up_to_multiple(width, multiple))
            }
            Self::Glpn { multiple } => both(&|edge| edge / multiple * multiple),
            Self::Vilt { shortest, multiple } => vilt(image, shortest, multiple),
            Self::Thumbnail { height, width } => thumbnail(image, (height, width)),
            Self::PaddleocrDet {
                limit,
                limit_type,
                most,
            } => {
                let long = (height.max(width)) as f64;
                let short = (height.min(width)) as f64;
                let limit = limit as f64;
                let ratio = match limit_type {
                    Limit::Max if long > limit => limit / long,
                    Limit::Min if short < limit => limit / short,
                    Limit::Max | Limit::Min => 1.0,
                    Limit::ResizeLong => limit / long,
                };
                let limited = |edge: usize| (edge as f64 * ratio) as usize;
                let longest = limited(height).max(limited(width));
                let again = most
                    .filter(|most| longest > *most)
                    .map(|most| most as f64 / longest as f64);
                both(&|edge| {
                    let edge = limited(edge);
                    let edge = again.map_or(edge, |again| (edge as f64 * again) as usize);
                    (((edge as f64 / 32.0).round_ties_even() * 32.0) as usize).max(32)
                })
            }
            Self::PaddleocrRec { height, width } => {
                let aspect = source.1 as f64 / source.0 as f64;
                let widest = batch.map_or_else(|| text_line_canvas(height, width, source), |batch| batch.1);
                (height, ((height as f64 * aspect).ceil() as usize).min(widest))
            }
            Self::PaddleocrCls {
                height: to,
                width: widest,
            } => {
                let aspect = width as f64 / height as f64;
                (to, ((to as f64 * aspect).ceil() as usize).min(widest))
            }
            Self::Ddddocr { height: to } => (to, (width as f64 * (to as f64 / height as f64)) as usize),
            Self::Height { height: to } => (to, scaled(width, to, height).max(1)),
            Self::Smart {
                multiple,
                min_pixels,
                max_pixels,
                frames,
                small,
            } => smart(
                enlarged(image, multiple, small),
                multiple,
                [min_pixels, max_pixels],
                frames,
            ),
            Self::Maskformer {
                shortest,
                longest,
                multiple,
            } => {
                let (height, width) = detr(image, shortest, longest, true);
                (up_to_multiple(height, multiple), up_to_multiple(width, multiple))
            }
            Self::Longest {
                size,
                least,
                rounding,
            } => longest(image, size, least, rounding),
            Self::Pixtral {
                height: rows,
                width: columns,
                multiple,
            } => {
                let ratio = (height as f64 / rows as f64).max(width as f64 / columns as f64);
                let inside = |edge: usize| match ratio > 1.0 {
                    true => (edge as f64 / ratio).floor() as usize,
                    false => edge,
                };
                both(&|edge| up_to_multiple(inside(edge), multiple))
            }
            Self::GlmImage {
                multiple,
                shortest,
                longest,
            } => glm_image(image, multiple, shortest, longest),
            Self::Kimi { patch, patches, side } => {
                let along = |edge: usize| (edge / patch).max(1) as f64;
                let limit = |edge: usize| (side * patch) as f64 / edge as f64;
                let scale = (patches as f64 / (along(height) * along(width))).sqrt();
                let scale = 1.0_f64.min(scale).min(limit(height)).min(limit(width));
                both(&|edge| ((edge as f64 * scale) as usize).max(1).min(side * patch))
            }
            Self::Lcnet { shortest, multiple } => {
                let scale = shortest as f64 / height.min(width) as f64;
                both(&|edge| up_to_multiple((edge as f64 * scale).round_ties_even() as usize, multiple))
            }
            Self::Idefics2 { least, longest } => {
                let aspect = width as f64 / height as f64;
                let long = longest as f64;
                let (height, width) = if width >= height && width > longest {
                    ((long / aspect) as usize, longest)
                } else if height > width && height > longest {
                    (longest, (long * aspect) as usize)
                } else {
                    image
                };
                (height.max(least), width.max(least))
            }
            Self::Idefics3 { longest } => idefics3(image, longest),
            Self::Idefics3Tiles { multiple } => idefics3_tiles(image, multiple),
            Self::Grid {
                height,
                width,
                grids,
                choice,
                fit,
            } => {
                let tile = (height, width);
                let (rows, columns) = chosen(image, tile, grids, choice);
                fitted(image, tile, (rows * height, columns * width), fit)
            }
            Self::Ultravbert { longest, tile, tiles } => ultravbert(image, longest, tile, tiles),
            Self::Nemotron {
                patch,
                merge,
                least,
                most,
            } => nemotron(image, patch, merge, [least, most]),
            Self::Glm5Next {
                multiple,
                frames,
                least,
                most,
                inside,
            } => glm5_next(image, multiple, frames, [least, most], inside),
            Self::Gemma4 { multiple, blocks } => gemma4(image, multiple, blocks),
            Self::Naflex { patch, patches } => naflex(image, patch, patches),
        };
        if to.0 == 0 || to.1 == 0 {
            return Err(nothing_left(image, to));
        }
        let fits = |pixels: usize| pixels <= MAX_EDGE * MAX_EDGE;
        if !to.0.checked_mul(to.1).is_some_and(fits) {
            return Err(Error::new(
                "image",
                format_args!("of {height} x {width} would be resized to {} x {}", to.0, to.1),
            )
            .expected_got(
                format_args!("at most {} pixels", MAX_EDGE * MAX_EDGE),
                format_args!("{} x {}", to.0, to.1),
            )
            .with_kind(crate::ErrorKind::Image));
        }
        Ok(to)
    }
}

/// The error of an image of which a step leaves nothing.
pub(crate) fn nothing_left(from: Size, to: Size) -> Error {
    Error::new(
        "image",
        format_args!(
            "of {} x {} would be resized to {} x {}",
            from.0, from.1, to.0, to.1
        ),
    )
    .why("the size rule keeps the aspect ratio, and one edge rounds to 0")
    .fix("use a less extreme image, or a pipeline with an exact size")
    .with_kind(crate::ErrorKind::Image)
}

/// The width of PaddleOCR's canvas for a text line of this source size, alone in its batch.
pub(crate) fn text_line_canvas(height: usize, width: usize, source: Size) -> usize {
    let least = width as f64 / height as f64;
    let aspect = source.1 as f64 / source.0 as f64;
    (height as f64 * least.max(aspect)) as usize
}
