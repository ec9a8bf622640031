//! Rules whose edges are multiples of a patch, under a limit of pixels or patches.

use super::Size;
use crate::size::SmallImage;

pub(super) fn dpt((height, width): Size, target: Size, multiple: usize, keep_aspect_ratio: bool) -> Size {
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

pub(super) fn vilt((height, width): Size, shortest: usize, multiple: usize) -> Size {
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

/// What is looked at in the place of an image with an edge below the multiple.
pub(super) fn enlarged((height, width): Size, multiple: usize, small: SmallImage) -> Size {
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

pub(super) fn smart(
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

pub(super) fn glm_image((height, width): Size, multiple: usize, shortest: usize, longest: usize) -> Size {
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

pub(super) fn gemma4((height, width): Size, multiple: usize, blocks: usize) -> Size {
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

pub(super) fn naflex((height, width): Size, patch: usize, patches: usize) -> Size {
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

pub(super) fn nemotron((height, width): Size, patch: usize, merge: usize, [least, most]: [usize; 2]) -> Size {
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

pub(super) fn glm5_next(
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
