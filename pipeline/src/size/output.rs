//! The size that a rule gives. Each formula has the order of operations of the library that it equals.

use super::grid::{chosen, fitted};
use super::{FitRounding, Limit, LongestRounding, MAX_EDGE, SizeRule, SmallImage};
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

/// `size * by / of` in 128 bits, where no product of two sizes overflows.
fn scaled(size: usize, by: usize, of: usize) -> usize {
    usize::try_from(size as u128 * by as u128 / of as u128).unwrap_or(usize::MAX)
}

/// The multiple of `of` that is not below `edge`.
fn up_to_multiple(edge: usize, of: usize) -> usize {
    edge.div_ceil(of).saturating_mul(of)
}

fn shortest_edge((height, width): Size, size: usize, max: Option<usize>) -> Size {
    let (short, long) = (height.min(width), height.max(width));
    let (mut new_short, mut new_long) = (size, scaled(size, long, short));
    if let Some(max) = max.filter(|max| new_long > *max) {
        (new_short, new_long) = (scaled(max, new_short, new_long), max);
    }
    if width <= height {
        (new_long, new_short)
    } else {
        (new_short, new_long)
    }
}

fn cover((height, width): Size, target: Size) -> Size {
    let ratio = (height as f64 / target.0 as f64).min(width as f64 / target.1 as f64);
    let edge = |edge: usize| (edge as f64 / ratio).round_ties_even() as usize;
    (edge(height), edge(width))
}

/// `keeps`: an image whose shorter edge has its target stays as it is, whatever the longer one; YOLOS asks only of wide ones.
fn detr((height, width): Size, shortest: usize, longest: usize, keeps: bool) -> Size {
    let (short, long) = (height.min(width) as f64, height.max(width) as f64);
    let mut size = shortest;
    let mut raw = shortest as f64;
    if long / short * shortest as f64 > longest as f64 {
        raw = longest as f64 * short / long;
        size = raw.round_ties_even() as usize;
    }
    // The products and quotients of Python's `int(raw_size * height / width)`.
    let other = |long: usize, short: usize| (raw * long as f64 / short as f64) as usize;
    if height.min(width) == size && (keeps || height <= width) {
        (height, width)
    } else if width < height {
        (other(height, width), size)
    } else {
        (size, other(width, height))
    }
}

fn fit((height, width): Size, target: Size, rounding: FitRounding, enlarge: bool) -> Size {
    let [rows, columns] = [target.0 as f64 / height as f64, target.1 as f64 / width as f64];
    let mut scale = rows.min(columns);
    if !enlarge {
        scale = scale.min(1.0);
    }
    let both = |of: &dyn Fn(f64, usize) -> usize| (of(height as f64, target.0), of(width as f64, target.1));
    match rounding {
        FitRounding::Even => both(&|edge, _| ((edge * scale).round_ties_even() as usize).max(1)),
        FitRounding::Down => both(&|edge, _| (edge * scale) as usize),
        FitRounding::Up => both(&|edge, limit| ((edge * scale).ceil() as usize).min(limit)),
        FitRounding::Timm => {
            let mut ratio = (height as f64 / target.0 as f64).max(width as f64 / target.1 as f64);
            if !enlarge {
                ratio = ratio.max(1.0);
            }
            both(&|edge, _| (edge / ratio).round_ties_even() as usize)
        }
        FitRounding::Insightface => {
            if !enlarge && height <= target.0 && width <= target.1 {
                return (height, width);
            }
            let aspect = height as f64 / width as f64;
            let model = target.0 as f64 / target.1 as f64;
            if aspect > model {
                (target.0, (target.0 as f64 / aspect) as usize)
            } else {
                ((target.1 as f64 * aspect) as usize, target.1)
            }
        }
    }
}

fn dpt((height, width): Size, target: Size, multiple: usize, keep_aspect_ratio: bool) -> Size {
    let mut rows = target.0 as f64 / height as f64;
    let mut columns = target.1 as f64 / width as f64;
    if keep_aspect_ratio {
        if (1.0 - columns).abs() < (1.0 - rows).abs() {
            rows = columns;
        } else {
            columns = rows;
        }
    }
    let multiple = multiple as f64;
    let edge = |scale: f64, edge: usize| {
        let value = scale * edge as f64;
        ((value / multiple).round_ties_even() * multiple) as usize
    };
    (edge(rows, height), edge(columns, width))
}

fn vilt((height, width): Size, shortest: usize, multiple: usize) -> Size {
    let longest = (1333.0 / 800.0 * shortest as f64) as usize as f64;
    let shorter = shortest as f64;
    let (mut rows, mut columns) = if height < width {
        (shorter, width as f64 * (shorter / height as f64))
    } else {
        (height as f64 * (shorter / width as f64), shorter)
    };
    if rows.max(columns) > longest {
        let scale = longest / rows.max(columns);
        rows *= scale;
        columns *= scale;
    }
    let edge = |edge: f64| (edge + 0.5) as usize / multiple * multiple;
    (edge(rows), edge(columns))
}

fn thumbnail((height, width): Size, target: Size) -> Size {
    let (rows, columns) = (height.min(target.0), width.min(target.1));
    if (rows, columns) == (height, width) {
        return (height, width);
    }
    // Python's true division of whole numbers, cut: the same as this for images below 2^26 pixels an edge.
    if height > width {
        (rows, scaled(width, rows, height))
    } else if width > height {
        (scaled(height, columns, width), columns)
    } else {
        (rows, columns)
    }
}

/// What is looked at in the place of an image with an edge below the multiple.
fn enlarged((height, width): Size, multiple: usize, small: SmallImage) -> Size {
    let factor = multiple as f64;
    match small {
        SmallImage::Kept => (height, width),
        SmallImage::Scaled if height < multiple || width < multiple => {
            let scale = (factor / height as f64).max(factor / width as f64);
            let edge = |edge: usize| (edge as f64 * scale) as usize;
            (edge(height), edge(width))
        }
        SmallImage::Scaled => (height, width),
        SmallImage::Stepwise => {
            let (mut height, mut width) = (height as f64, width as f64);
            if height < factor {
                (height, width) = (factor, (width * factor / height).round_ties_even());
            }
            if width < factor {
                (height, width) = ((height * factor / width).round_ties_even(), factor);
            }
            (height as usize, width as usize)
        }
    }
}

fn smart(
    (height, width): Size,
    multiple: usize,
    [min_pixels, max_pixels]: [usize; 2],
    frames: usize,
) -> Size {
    let (rows, columns, factor) = (height as f64, width as f64, multiple as f64);
    let near = |edge: f64| ((edge / factor).round_ties_even() * factor) as usize;
    let (mut to_rows, mut to_columns) = (near(rows), near(columns));
    let volume = to_rows.saturating_mul(to_columns).saturating_mul(frames);
    let area = frames as f64 * rows * columns;
    if volume > max_pixels {
        let beta = (area / max_pixels as f64).sqrt();
        let edge = |edge: f64| multiple.max(((edge / beta / factor).floor() * factor) as usize);
        (to_rows, to_columns) = (edge(rows), edge(columns));
    } else if volume < min_pixels {
        let beta = (min_pixels as f64 / area).sqrt();
        let edge = |edge: f64| ((edge * beta / factor).ceil() * factor) as usize;
        (to_rows, to_columns) = (edge(rows), edge(columns));
    }
    (to_rows, to_columns)
}

fn longest((height, width): Size, size: usize, least: usize, rounding: LongestRounding) -> Size {
    let (rows, columns, target) = (height as f64, width as f64, size as f64);
    let scale = target / rows.max(columns);
    let other = match rounding {
        LongestRounding::Even => {
            let edge = |edge: f64| ((edge * scale).round_ties_even() as usize).max(least);
            return (edge(rows), edge(columns));
        }
        LongestRounding::Down => rows.min(columns) * scale,
        LongestRounding::Ratio => target * (rows.min(columns) / rows.max(columns)),
    };
    // Of a square the height is the one that follows, and Aria's may then be a pixel less.
    let other = (other as usize).max(least);
    if width >= height {
        (other, size)
    } else {
        (size, other)
    }
}

fn glm_image((height, width): Size, multiple: usize, shortest: usize, longest: usize) -> Size {
    let (short, long) = (height.min(width) as f64, height.max(width) as f64);
    let (factor, limit) = (multiple as f64, longest as f64);
    let mut scale = 1.0;
    if short < shortest as f64 {
        scale = shortest as f64 / short;
    }
    if long * scale > limit {
        scale = limit / long;
    }
    let edge = |edge: usize| (((edge / 2) as f64 * scale / factor).round_ties_even() * factor).max(factor);
    let (mut rows, mut columns) = (edge(height), edge(width));
    if rows.max(columns) > limit {
        let beta = rows.max(columns) / limit;
        let edge = |edge: f64| ((edge / beta / factor).floor() * factor).max(factor);
        (rows, columns) = (edge(rows), edge(columns));
    }
    (rows as usize, columns as usize)
}

fn gemma4((height, width): Size, multiple: usize, blocks: usize) -> Size {
    let (rows, columns) = (height as f64, width as f64);
    let factor = ((blocks * multiple * multiple) as f64 / (rows * columns)).sqrt();
    let edge = |edge: f64| (factor * edge / multiple as f64).floor() as usize;
    let along = |long: f64, short: f64| ((long / short).floor() as usize).min(blocks);
    let (height, width) = match (edge(rows), edge(columns)) {
        (0, columns_of) if columns_of > 0 => (1, along(columns, rows)),
        (rows_of, 0) if rows_of > 0 => (along(rows, columns), 1),
        both => both,
    };
    (height * multiple, width * multiple)
}

/// How often the range of [`NAFLEX_SCALES`] is halved until it is below 1e-5.
pub const NAFLEX_HALVINGS: usize = 24;
/// The scales between which the one of NaFlex lies: 1e-5 / 10 and 100.
pub const NAFLEX_SCALES: [f64; 2] = [1e-5 / 10.0, 100.0];

fn naflex((height, width): Size, patch: usize, patches: usize) -> Size {
    let along = |edge: usize, scale: f64| (edge as f64 * scale / patch as f64).ceil().max(1.0);
    let [mut low, mut high] = NAFLEX_SCALES;
    for _ in 0..NAFLEX_HALVINGS {
        let scale = (low + high) / 2.0;
        if along(height, scale) * along(width, scale) <= patches as f64 {
            low = scale;
        } else {
            high = scale;
        }
    }
    let edge = |edge: usize| (along(edge, low) as usize).saturating_mul(patch);
    (edge(height), edge(width))
}

fn idefics3((height, width): Size, longest: usize) -> Size {
    let aspect = width as f64 / height as f64;
    let even = |edge: f64| (edge as usize).next_multiple_of(2).max(1);
    if width >= height {
        (even(longest as f64 / aspect), longest)
    } else {
        (longest, even(longest as f64 * aspect))
    }
}

fn idefics3_tiles((height, width): Size, multiple: usize) -> Size {
    let aspect = width as f64 / height as f64;
    if width >= height {
        let columns = up_to_multiple(width, multiple);
        (
            up_to_multiple((columns as f64 / aspect) as usize, multiple),
            columns,
        )
    } else {
        let rows = up_to_multiple(height, multiple);
        (rows, up_to_multiple((rows as f64 * aspect) as usize, multiple))
    }
}

fn ultravbert(image: Size, mut longest: usize, tile: usize, tiles: usize) -> Size {
    while longest > tile {
        let (rows, columns) = idefics3_tiles(idefics3(image, longest), tile);
        if (rows / tile) * (columns / tile) <= tiles {
            break;
        }
        longest -= tile;
    }
    idefics3(image, longest)
}

fn nemotron((height, width): Size, patch: usize, merge: usize, [least, most]: [usize; 2]) -> Size {
    let along = |edge: usize| (edge as f64 / patch as f64 + 0.5).round_ties_even();
    let (mut rows, mut columns) = (along(height), along(width));
    let factor = (most as f64 / (rows * columns)).sqrt().min(1.0);
    (rows, columns) = ((factor * rows).floor(), (factor * columns).floor());
    if rows < 1.0 || columns < 1.0 {
        return (0, 0);
    }
    if most > least && rows * columns < least as f64 {
        let factor = (least as f64 / (rows * columns)).sqrt();
        (rows, columns) = ((factor * rows).ceil(), (factor * columns).ceil());
    }
    let whole = |edge: usize, other: usize| match edge % merge {
        0 => edge,
        rest if (edge + merge - rest) * other <= most => edge + merge - rest,
        rest => merge.max(edge - rest),
    };
    let rows = whole(rows as usize, columns as usize);
    let columns = whole(columns as usize, rows);
    (rows * patch, columns * patch)
}

/// Steps of the search for the height of GLM-5: bits of the largest edge.
pub const GLM5_BITS: usize = 16;

fn glm5_next(
    (height, width): Size,
    multiple: usize,
    frames: usize,
    [least, most]: [usize; 2],
    inside: bool,
) -> Size {
    let (rows, columns) = (height as f64, width as f64);
    let block = (frames * multiple * multiple) as f64;
    let [least, most] = [least, most].map(|number| number as f64 * block);
    let up = |edge: f64| (edge / multiple as f64).ceil() * multiple as f64;
    let volume = |(rows, columns): (f64, f64)| frames as f64 * rows * columns;
    let mut to = (up(rows), up(columns));
    if volume(to) < least {
        let scale = (least / volume((rows, columns))).sqrt();
        to = (
            up((rows * scale).ceil().max(1.0)),
            up((columns * scale).ceil().max(1.0)),
        );
    }
    if volume(to) > most {
        let at = |height: f64| (up(height), up((columns * height / rows).floor().max(1.0)));
        // The largest height that fits: what fits does so at every smaller one, too.
        let mut best = 0.0;
        for bit in (0..GLM5_BITS).rev() {
            let tried = best + (1_u32 << bit) as f64;
            if tried <= rows && volume(at(tried)) <= most {
                best = tried;
            }
        }
        to = if best > 0.0 {
            at(best)
        } else {
            (multiple as f64, multiple as f64)
        };
    }
    if inside {
        let mut scale = (to.0 / rows).min(to.1 / columns);
        if volume((rows, columns)) >= least {
            scale = scale.min(1.0);
        }
        let edge = |edge: f64, to: f64| (edge * scale).floor().min(to).max(1.0);
        to = (edge(rows, to.0), edge(columns, to.1));
    }
    (to.0 as usize, to.1 as usize)
}
