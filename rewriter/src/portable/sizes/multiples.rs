//! Rules whose edges are multiples of a patch, under a limit of pixels or patches.

use prep_onnx_pipeline::{GLM5_BITS, NAFLEX_HALVINGS, NAFLEX_SCALES, SmallImage};

use super::Size;
use crate::portable::formula::{N, Sheet};

pub(super) fn dpt<'s>(
    sheet: &'s Sheet,
    image: Size<'s>,
    target: (usize, usize),
    multiple: usize,
    keep_aspect_ratio: bool,
) -> Size<'s> {
    let mut rows = sheet.number(target.0) / image.rows;
    let mut columns = sheet.number(target.1) / image.columns;
    if keep_aspect_ratio {
        let one = sheet.number(1.0);
        let nearer = (one - columns).abs().below((one - rows).abs());
        rows = nearer.pick(columns, rows);
        columns = rows;
    }
    let edge = |scale: N<'s>, edge: N<'s>| (scale * edge / multiple).round() * multiple;
    Size {
        rows: edge(rows, image.rows),
        columns: edge(columns, image.columns),
    }
}

pub(super) fn vilt<'s>(sheet: &'s Sheet, image: Size<'s>, shortest: usize, multiple: usize) -> Size<'s> {
    let longest = (1333.0 / 800.0 * shortest as f64) as usize;
    let shorter = sheet.number(shortest);
    let wide = image.rows.below(image.columns);
    let scaled = Size {
        rows: wide.pick(shorter, image.rows * (shorter / image.columns)),
        columns: wide.pick(image.columns * (shorter / image.rows), shorter),
    };
    let long = scaled.rows.max(scaled.columns);
    let over = sheet.number(longest).below(long);
    let scale = sheet.number(longest) / long;
    scaled
        .both(|edge| edge * scale)
        .picked(over, scaled)
        .both(|edge| ((edge + 0.5).floor() / multiple).floor() * multiple)
}

/// What is looked at in the place of an image with an edge below the multiple.
pub(super) fn enlarged<'s>(
    sheet: &'s Sheet,
    image: Size<'s>,
    multiple: usize,
    small: SmallImage,
) -> Size<'s> {
    let factor = sheet.number(multiple);
    match small {
        SmallImage::Kept => image,
        SmallImage::Scaled => {
            let scale = (factor / image.rows).max(factor / image.columns);
            let lacks = image.rows.min(image.columns).below(factor);
            image.both(|edge| (edge * scale).floor()).picked(lacks, image)
        }
        SmallImage::Stepwise => {
            let low = image.rows.below(factor);
            let rows = low.pick(factor, image.rows);
            let columns = low.pick((image.columns * multiple / image.rows).round(), image.columns);
            let narrow = columns.below(factor);
            Size {
                rows: narrow.pick((rows * multiple / columns).round(), rows),
                columns: narrow.pick(factor, columns),
            }
        }
    }
}

pub(super) fn smart<'s>(
    sheet: &'s Sheet,
    image: Size<'s>,
    multiple: usize,
    (min_pixels, max_pixels): (f64, f64),
    frames: usize,
) -> Size<'s> {
    let of_all = |area: N<'s>| if frames == 1 { area } else { area * frames };
    let near = image.both(|edge| (edge / multiple).round() * multiple);
    let pixels = of_all(near.rows * near.columns);
    let area = of_all(image.rows * image.columns);
    let shrinks = (area / max_pixels).sqrt();
    let smaller = image.both(|edge| ((edge / shrinks / multiple).floor() * multiple).max(multiple));
    let grows = (sheet.number(min_pixels) / area).sqrt();
    let larger = image.both(|edge| (edge * grows / multiple).ceil() * multiple);
    let over = sheet.number(max_pixels).below(pixels);
    smaller.picked(over, larger.picked(pixels.below(min_pixels), near))
}

pub(super) fn glm_image<'s>(
    sheet: &'s Sheet,
    image: Size<'s>,
    multiple: usize,
    (shortest, longest): (usize, usize),
) -> Size<'s> {
    let (short, long) = (image.rows.min(image.columns), image.rows.max(image.columns));
    let limit = sheet.number(longest);
    let scale = short
        .below(shortest)
        .pick(sheet.number(shortest) / short, sheet.number(1.0));
    let scale = limit.below(long * scale).pick(limit / long, scale);
    let near =
        image.both(|edge| (((edge * 0.5).floor() * scale / multiple).round() * multiple).max(multiple));
    let long = near.rows.max(near.columns);
    let beta = long / limit;
    near.both(|edge| ((edge / beta / multiple).floor() * multiple).max(multiple))
        .picked(limit.below(long), near)
}

pub(super) fn gemma4<'s>(sheet: &'s Sheet, image: Size<'s>, multiple: usize, blocks: usize) -> Size<'s> {
    let (rows, columns) = (image.rows, image.columns);
    let factor = (sheet.number(blocks * multiple * multiple) / (rows * columns)).sqrt();
    let count = image.both(|edge| (factor * edge / multiple).floor());
    let [low, narrow] = [count.rows, count.columns].map(|count| count.below(1.0));
    // Of both 0 both stay.
    let one = sheet.number(1.0);
    let along = |long: N<'s>, short: N<'s>| (long / short).floor().min(blocks);
    let thin = low.or(narrow);
    let strip = Size {
        rows: low.pick(count.columns.min(1.0), along(rows, columns)),
        columns: low.pick(narrow.pick(count.columns, along(columns, rows)), one),
    };
    strip.picked(thin, count).both(|edge| edge * multiple)
}

pub(super) fn naflex<'s>(sheet: &'s Sheet, image: Size<'s>, patch: usize, patches: usize) -> Size<'s> {
    let along = |scale: N<'s>| image.both(|edge| (edge * scale / patch).ceil().max(1.0));
    let [mut low, mut high] = NAFLEX_SCALES.map(|scale| sheet.number(scale));
    for _ in 0..NAFLEX_HALVINGS {
        let scale = (low + high) / 2.0;
        let count = along(scale);
        let over = sheet.number(patches).below(count.rows * count.columns);
        (low, high) = (over.pick(low, scale), over.pick(scale, high));
    }
    along(low).both(|edge| edge * patch)
}

pub(super) fn nemotron<'s>(
    sheet: &'s Sheet,
    image: Size<'s>,
    patch: usize,
    merge: usize,
    (least, most): (usize, usize),
) -> Size<'s> {
    let along = image.both(|edge| (edge / patch + 0.5).round());
    let factor = (sheet.number(most) / (along.rows * along.columns))
        .sqrt()
        .min(1.0);
    let near = along.both(|edge| (factor * edge).floor());
    let gone = near.rows.min(near.columns).below(1.0);
    let mut at = near;
    if most > least {
        let count = near.rows * near.columns;
        let factor = (sheet.number(least) / count).sqrt();
        at = near
            .both(|edge| (factor * edge).ceil())
            .picked(count.below(least), near);
    }
    let whole = |edge: N<'s>, other: N<'s>| {
        let rest = edge - (edge / merge).floor() * merge;
        let up = edge + merge - rest;
        let over = sheet.number(most).below(up * other);
        let cut = over.pick((edge - rest).max(merge), up);
        rest.below(1.0).pick(edge, cut)
    };
    let rows = whole(at.rows, at.columns);
    let columns = whole(at.columns, rows);
    let zero = sheet.number(0.0);
    Size { rows, columns }.both(|edge| gone.pick(zero, edge * patch))
}

pub(super) fn glm5_next<'s>(
    sheet: &'s Sheet,
    image: Size<'s>,
    (multiple, frames): (usize, usize),
    [least, most]: [f64; 2],
    inside: bool,
) -> Size<'s> {
    let up = |edge: N<'s>| (edge / multiple).ceil() * multiple;
    let volume = |size: Size<'s>| size.rows * frames * size.columns;
    let near = image.both(up);
    let scale = (sheet.number(least) / volume(image)).sqrt();
    let larger = image.both(|edge| up((edge * scale).ceil().max(1.0)));
    let near = larger.picked(volume(near).below(least), near);
    let limit = sheet.number(most);
    let at = |rows: N<'s>| Size {
        rows: up(rows),
        columns: up((image.columns * rows / image.rows).floor().max(1.0)),
    };
    let mut best = sheet.number(0.0);
    for bit in (0..GLM5_BITS).rev() {
        let tried = best + (1_usize << bit);
        let over = image.rows.below(tried).or(limit.below(volume(at(tried))));
        best = over.pick(best, tried);
    }
    let one = sheet.number(multiple);
    let smallest = Size {
        rows: one,
        columns: one,
    };
    let cut = smallest.picked(best.below(1.0), at(best));
    let to = cut.picked(limit.below(volume(near)), near);
    if !inside {
        return to;
    }
    let scale = (to.rows / image.rows).min(to.columns / image.columns);
    let scale = volume(image).below(least).pick(scale, scale.min(1.0));
    Size {
        rows: (image.rows * scale).floor().min(to.rows).max(1.0),
        columns: (image.columns * scale).floor().min(to.columns).max(1.0),
    }
}
