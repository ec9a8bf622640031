//! Rules of edges: the shorter one, the longer one, a box to fit or to cover.

use super::Size;
use crate::size::{FitRounding, LongestRounding};

/// `size * by / of` in 128 bits, where no product of two sizes overflows.
pub(super) fn scaled(size: usize, by: usize, of: usize) -> usize {
    usize::try_from(size as u128 * by as u128 / of as u128).unwrap_or(usize::MAX)
}

/// The multiple of `of` that is not below `edge`.
pub(super) fn up_to_multiple(edge: usize, of: usize) -> usize {
    edge.div_ceil(of).saturating_mul(of)
}

pub(super) fn shortest_edge((height, width): Size, size: usize, max: Option<usize>) -> Size {
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

pub(super) fn cover((height, width): Size, target: Size) -> Size {
    let ratio = (height as f64 / target.0 as f64).min(width as f64 / target.1 as f64);
    let edge = |edge: usize| (edge as f64 / ratio).round_ties_even() as usize;
    (edge(height), edge(width))
}

/// `keeps`: an image whose shorter edge has its target stays as it is, whatever the longer one; YOLOS asks only of wide ones.
pub(super) fn detr((height, width): Size, shortest: usize, longest: usize, keeps: bool) -> Size {
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

pub(super) fn fit((height, width): Size, target: Size, rounding: FitRounding, enlarge: bool) -> Size {
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

pub(super) fn thumbnail((height, width): Size, target: Size) -> Size {
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

pub(super) fn longest((height, width): Size, size: usize, least: usize, rounding: LongestRounding) -> Size {
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
