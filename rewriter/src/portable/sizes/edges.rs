//! Rules of edges: the shorter one, the longer one, a box to fit or to cover.

use prep_onnx_pipeline::{FitRounding, LongestRounding};

use super::Size;
use crate::portable::formula::Sheet;

pub(super) fn shortest_edge<'s>(
    sheet: &'s Sheet,
    image: Size<'s>,
    size: usize,
    max: Option<usize>,
) -> Size<'s> {
    let short = image.rows.min(image.columns);
    let Some(max) = max else {
        // Of the shorter edge no bit is lost: it becomes the size.
        return image.both(|edge| (sheet.number(size) * edge / short).floor());
    };
    let long = image.rows.max(image.columns);
    let (new_short, new_long) = (sheet.number(size), (sheet.number(size) * long / short).floor());
    let max = sheet.number(max);
    let over = max.below(new_long);
    let new_short = over.pick((max * new_short / new_long).floor(), new_short);
    let new_long = over.pick(max, new_long);
    let tall = image.columns.below(image.rows);
    Size {
        rows: tall.pick(new_long, new_short),
        columns: tall.pick(new_short, new_long),
    }
}

pub(super) fn cover(image: Size<'_>, target: (usize, usize)) -> Size<'_> {
    let ratio = (image.rows / target.0).min(image.columns / target.1);
    image.both(|edge| (edge / ratio).round())
}

/// `keeps`: an image whose shorter edge has its target stays as it is, whatever the longer one.
pub(super) fn detr<'s>(
    sheet: &'s Sheet,
    image: Size<'s>,
    (shortest, longest): (usize, usize),
    keeps: bool,
) -> Size<'s> {
    let (rows, columns) = (image.rows, image.columns);
    let (short, long) = (rows.min(columns), rows.max(columns));
    let target = sheet.number(shortest);
    let over = sheet.number(longest).below(long / short * shortest);
    let limited = sheet.number(longest) * short / long;
    let raw = over.pick(limited, target);
    let size = over.pick(limited.round(), target);
    let other = (raw * long / short).floor();
    let tall = columns.below(rows);
    let scaled = Size {
        rows: tall.pick(other, size),
        columns: tall.pick(size, other),
    };
    // Neither is below the other one.
    let (one, zero) = (sheet.number(1.0), sheet.number(0.0));
    let differs = short.below(size).or(size.below(short)).pick(one, zero);
    let same = if keeps {
        differs.below(1.0)
    } else {
        differs.below(1.0).and(rows.below(columns + 1.0))
    };
    image.picked(same, scaled)
}

pub(super) fn fit<'s>(
    sheet: &'s Sheet,
    image: Size<'s>,
    target: (usize, usize),
    rounding: FitRounding,
    enlarge: bool,
) -> Size<'s> {
    let (rows, columns) = (image.rows, image.columns);
    let scale = || {
        let scale = (sheet.number(target.0) / rows).min(sheet.number(target.1) / columns);
        if enlarge { scale } else { scale.min(1.0) }
    };
    match rounding {
        FitRounding::Even => {
            let scale = scale();
            image.both(|edge| (edge * scale).round().max(1.0))
        }
        FitRounding::Down => {
            let scale = scale();
            image.both(|edge| (edge * scale).floor())
        }
        FitRounding::Up => {
            let scale = scale();
            Size {
                rows: (rows * scale).ceil().min(target.0),
                columns: (columns * scale).ceil().min(target.1),
            }
        }
        FitRounding::Timm => {
            let mut ratio = (rows / target.0).max(columns / target.1);
            if !enlarge {
                ratio = ratio.max(1.0);
            }
            image.both(|edge| (edge / ratio).round())
        }
        FitRounding::Insightface => {
            let aspect = rows / columns;
            let model = target.0 as f64 / target.1 as f64;
            let tall = sheet.number(model).below(aspect);
            let [height, width] = [target.0, target.1].map(|edge| sheet.number(edge));
            let scaled = Size {
                rows: tall.pick(height, (width * aspect).floor()),
                columns: tall.pick((height / aspect).floor(), width),
            };
            if enlarge {
                return scaled;
            }
            let fits = rows
                .below(target.0 as f64 + 1.0)
                .and(columns.below(target.1 as f64 + 1.0));
            image.picked(fits, scaled)
        }
    }
}

pub(super) fn thumbnail(image: Size<'_>, target: (usize, usize)) -> Size<'_> {
    let box_ = Size {
        rows: image.rows.min(target.0),
        columns: image.columns.min(target.1),
    };
    let (tall, wide) = (image.columns.below(image.rows), image.rows.below(image.columns));
    let scaled = Size {
        rows: wide.pick((image.rows * box_.columns / image.columns).floor(), box_.rows),
        columns: tall.pick((image.columns * box_.rows / image.rows).floor(), box_.columns),
    };
    let shrinks = box_.rows.below(image.rows).or(box_.columns.below(image.columns));
    scaled.picked(shrinks, image)
}

pub(super) fn longest<'s>(
    sheet: &'s Sheet,
    image: Size<'s>,
    (size, least): (usize, usize),
    rounding: LongestRounding,
) -> Size<'s> {
    let (short, long) = (image.rows.min(image.columns), image.rows.max(image.columns));
    let target = sheet.number(size);
    let scale = target / long;
    let other = match rounding {
        LongestRounding::Even => return image.both(|edge| (edge * scale).round().max(least)),
        LongestRounding::Down => short * scale,
        LongestRounding::Ratio => target * (short / long),
    };
    let other = other.floor().max(least);
    let tall = image.columns.below(image.rows);
    Size {
        rows: tall.pick(target, other),
        columns: tall.pick(other, target),
    }
}
