//! The size that a rule gives, in a graph: the formulas of `prep_onnx_pipeline::SizeRule`, in their order of operations.

use prep_onnx_pipeline::{
    FitRounding, GLM5_BITS, Limit, LongestRounding, NAFLEX_HALVINGS, NAFLEX_SCALES, SizeRule, SmallImage,
};

use super::formula::{N, Sheet};
use super::grid::grid;
use super::num::Num;
use super::places::Pair;

/// Height and width on a sheet.
#[derive(Clone, Copy)]
pub(super) struct Size<'s> {
    pub(super) rows: N<'s>,
    pub(super) columns: N<'s>,
}

impl<'s> Size<'s> {
    pub(super) fn of(sheet: &'s Sheet, pair: &Pair) -> Self {
        Self::new(sheet, pair.rows.clone(), pair.columns.clone())
    }

    fn new(sheet: &'s Sheet, rows: impl Into<Num>, columns: impl Into<Num>) -> Self {
        Self {
            rows: sheet.number(rows),
            columns: sheet.number(columns),
        }
    }

    pub(super) fn pair(self) -> Pair {
        Pair {
            rows: self.rows.num(),
            columns: self.columns.num(),
        }
    }

    pub(super) fn both(self, of: impl Fn(N<'s>) -> N<'s>) -> Self {
        Self {
            rows: of(self.rows),
            columns: of(self.columns),
        }
    }

    /// The other way round.
    pub(super) fn turned(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
        }
    }

    /// `self` where `condition` holds, else `other`.
    pub(super) fn picked(self, condition: super::formula::Truth<'s>, other: Self) -> Self {
        Self {
            rows: condition.pick(self.rows, other.rows),
            columns: condition.pick(self.columns, other.columns),
        }
    }
}

/// The size that `image` is resized to. `source` is the size of the source image, `batch` that of the canvas of the batch.
pub(super) fn resized<'s>(
    sheet: &'s Sheet,
    rule: SizeRule,
    image: Size<'s>,
    source: Size<'s>,
    batch: Option<Size<'s>>,
) -> Size<'s> {
    let multiple_below = |multiple: usize| move |edge: N<'s>| (edge / multiple).floor() * multiple;
    let multiple_above =
        |multiple: usize| move |edge: N<'s>| ((edge + (multiple - 1)) / multiple).floor() * multiple;
    let exact = |height: usize, width: usize| Size::new(sheet, height, width);
    match rule {
        SizeRule::Exact { height, width } => exact(height, width),
        SizeRule::ShortestEdge { size, max } => shortest_edge(sheet, image, size, max),
        SizeRule::LongestEdge { size } => {
            let scale = sheet.number(size) / image.rows.max(image.columns);
            image.both(|edge| (edge * scale + 0.5).floor())
        }
        SizeRule::Cover { height, width } => cover(image, (height, width)),
        SizeRule::CropPct {
            height,
            width,
            fraction,
        } => {
            let [height, width] = [height, width].map(|edge| (edge as f64 / fraction) as usize);
            if height == width {
                shortest_edge(sheet, image, height, None)
            } else {
                cover(image, (height, width))
            }
        }
        SizeRule::Detr { shortest, longest } => detr(sheet, image, (shortest, longest), true),
        SizeRule::Yolos {
            shortest,
            longest,
            multiple,
        } => detr(sheet, image, (shortest, longest), false).both(multiple_below(multiple)),
        SizeRule::Fit {
            height,
            width,
            rounding,
            enlarge,
        } => fit(sheet, image, (height, width), rounding, enlarge),
        SizeRule::Dpt {
            height,
            width,
            multiple,
            keep_aspect_ratio,
        } => dpt(sheet, image, (height, width), multiple, keep_aspect_ratio),
        SizeRule::Textnet { shortest, multiple } => {
            shortest_edge(sheet, image, shortest, None).both(multiple_above(multiple))
        }
        SizeRule::Glpn { multiple } => image.both(multiple_below(multiple)),
        SizeRule::Vilt { shortest, multiple } => vilt(sheet, image, shortest, multiple),
        SizeRule::Thumbnail { height, width } => thumbnail(image, (height, width)),
        SizeRule::PaddleocrDet {
            limit,
            limit_type,
            most,
        } => {
            let limit = sheet.number(limit);
            let one = sheet.number(1.0);
            let ratio = match limit_type {
                Limit::Max => {
                    let long = image.rows.max(image.columns);
                    limit.below(long).pick(limit / long, one)
                }
                Limit::Min => {
                    let short = image.rows.min(image.columns);
                    short.below(limit).pick(limit / short, one)
                }
                Limit::ResizeLong => limit / image.rows.max(image.columns),
            };
            let mut limited = image.both(|edge| (edge * ratio).floor());
            if let Some(most) = most {
                let long = limited.rows.max(limited.columns);
                let again = sheet.number(most) / long;
                let over = sheet.number(most).below(long);
                limited = limited.both(|edge| (edge * again).floor()).picked(over, limited);
            }
            limited.both(|edge| ((edge / 32.0).round() * 32.0).max(32.0))
        }
        SizeRule::PaddleocrRec { height, width } => {
            let aspect = source.columns / source.rows;
            let widest = batch.map_or_else(
                || text_line_width(sheet, height, width, source),
                |batch| batch.columns,
            );
            Size {
                rows: sheet.number(height),
                columns: (sheet.number(height) * aspect).ceil().min(widest),
            }
        }
        SizeRule::PaddleocrCls { height, width } => Size {
            rows: sheet.number(height),
            columns: (sheet.number(height) * (image.columns / image.rows))
                .ceil()
                .min(width as f64),
        },
        SizeRule::Ddddocr { height } => Size {
            rows: sheet.number(height),
            columns: (image.columns * (sheet.number(height) / image.rows)).floor(),
        },
        SizeRule::Height { height } => Size {
            rows: sheet.number(height),
            columns: (image.columns * height / image.rows).floor().max(1.0),
        },
        SizeRule::Smart {
            multiple,
            min_pixels,
            max_pixels,
            frames,
            small,
        } => {
            let image = enlarged(sheet, image, multiple, small);
            smart(
                sheet,
                image,
                multiple,
                (min_pixels as f64, max_pixels as f64),
                frames,
            )
        }
        SizeRule::Maskformer {
            shortest,
            longest,
            multiple,
        } => detr(sheet, image, (shortest, longest), true).both(multiple_above(multiple)),
        SizeRule::Longest {
            size,
            least,
            rounding,
        } => longest(sheet, image, (size, least), rounding),
        SizeRule::Pixtral {
            height,
            width,
            multiple,
        } => {
            let ratio = (image.rows / height).max(image.columns / width);
            let over = sheet.number(1.0).below(ratio);
            image
                .both(|edge| (edge / ratio).floor())
                .picked(over, image)
                .both(multiple_above(multiple))
        }
        SizeRule::GlmImage {
            multiple,
            shortest,
            longest,
        } => glm_image(sheet, image, multiple, (shortest, longest)),
        SizeRule::Kimi { patch, patches, side } => {
            let count = image.both(|edge| (edge / patch).floor().max(1.0));
            let limit = |edge: N<'s>| sheet.number(side * patch) / edge;
            let scale = (sheet.number(patches) / (count.rows * count.columns))
                .sqrt()
                .min(1.0)
                .min(limit(image.rows))
                .min(limit(image.columns));
            image.both(|edge| (edge * scale).floor().max(1.0).min(side * patch))
        }
        SizeRule::Lcnet { shortest, multiple } => {
            let scale = sheet.number(shortest) / image.rows.min(image.columns);
            image.both(|edge| multiple_above(multiple)((edge * scale).round()))
        }
        SizeRule::Idefics2 { least, longest } => {
            let aspect = image.columns / image.rows;
            let long = sheet.number(longest);
            let tall = image.columns.below(image.rows);
            let limited = Size {
                rows: tall.pick(long, (long / aspect).floor()),
                columns: tall.pick((long * aspect).floor(), long),
            };
            let over = long.below(image.rows.max(image.columns));
            limited.picked(over, image).both(|edge| edge.max(least))
        }
        SizeRule::Idefics3 { longest } => idefics3(sheet, image, longest),
        SizeRule::Idefics3Tiles { multiple } => idefics3_tiles(image, multiple),
        SizeRule::Grid { .. } => grid(sheet, rule, image),
        SizeRule::Ultravbert { longest, tile, tiles } => {
            let mut edges: Vec<usize> = vec![longest];
            while let Some(edge) = edges.last().filter(|edge| **edge > tile) {
                edges.push(edge - tile);
            }
            let mut size = image;
            for (index, edge) in edges.iter().rev().enumerate() {
                let at = idefics3(sheet, image, *edge);
                if index == 0 {
                    // The last one is taken, whatever its tiles.
                    size = at;
                    continue;
                }
                let of = idefics3_tiles(at, tile);
                let many = sheet.number(tiles).below((of.rows / tile) * (of.columns / tile));
                size = size.picked(many, at);
            }
            size
        }
        SizeRule::Nemotron {
            patch,
            merge,
            least,
            most,
        } => nemotron(sheet, image, patch, merge, (least, most)),
        SizeRule::Glm5Next {
            multiple,
            frames,
            least,
            most,
            inside,
        } => {
            let block = frames * multiple * multiple;
            let bounds = [least, most].map(|number| number as f64 * block as f64);
            glm5_next(sheet, image, (multiple, frames), bounds, inside)
        }
        SizeRule::Gemma4 { multiple, blocks } => gemma4(sheet, image, multiple, blocks),
        SizeRule::Naflex { patch, patches } => naflex(sheet, image, patch, patches),
    }
}

/// The width of PaddleOCR's canvas for a text line of this source size, alone in its batch.
pub(super) fn text_line_width<'s>(sheet: &'s Sheet, height: usize, width: usize, source: Size<'s>) -> N<'s> {
    let least = width as f64 / height as f64;
    let aspect = source.columns / source.rows;
    (sheet.number(height) * aspect.max(least)).floor()
}

fn shortest_edge<'s>(sheet: &'s Sheet, image: Size<'s>, size: usize, max: Option<usize>) -> Size<'s> {
    let (short, long) = (image.rows.min(image.columns), image.rows.max(image.columns));
    let (mut new_short, mut new_long) = (sheet.number(size), (sheet.number(size) * long / short).floor());
    if let Some(max) = max {
        let max = sheet.number(max);
        let over = max.below(new_long);
        new_short = over.pick((max * new_short / new_long).floor(), new_short);
        new_long = over.pick(max, new_long);
    }
    let tall = image.columns.below(image.rows);
    Size {
        rows: tall.pick(new_long, new_short),
        columns: tall.pick(new_short, new_long),
    }
}

fn cover(image: Size<'_>, target: (usize, usize)) -> Size<'_> {
    let ratio = (image.rows / target.0).min(image.columns / target.1);
    image.both(|edge| (edge / ratio).round())
}

/// `keeps`: an image whose shorter edge has its target stays as it is, whatever the longer one.
fn detr<'s>(sheet: &'s Sheet, image: Size<'s>, (shortest, longest): (usize, usize), keeps: bool) -> Size<'s> {
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

fn fit<'s>(
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

fn dpt<'s>(
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

fn vilt<'s>(sheet: &'s Sheet, image: Size<'s>, shortest: usize, multiple: usize) -> Size<'s> {
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

fn thumbnail(image: Size<'_>, target: (usize, usize)) -> Size<'_> {
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

/// What is looked at in the place of an image with an edge below the multiple.
fn enlarged<'s>(sheet: &'s Sheet, image: Size<'s>, multiple: usize, small: SmallImage) -> Size<'s> {
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

fn smart<'s>(
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

fn longest<'s>(
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

fn glm_image<'s>(
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

fn gemma4<'s>(sheet: &'s Sheet, image: Size<'s>, multiple: usize, blocks: usize) -> Size<'s> {
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

fn naflex<'s>(sheet: &'s Sheet, image: Size<'s>, patch: usize, patches: usize) -> Size<'s> {
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

fn idefics3<'s>(sheet: &'s Sheet, image: Size<'s>, longest: usize) -> Size<'s> {
    let aspect = image.columns / image.rows;
    let long = sheet.number(longest);
    let tall = image.columns.below(image.rows);
    let even = |edge: N<'s>| ((edge.floor() / 2.0).ceil() * 2.0).max(1.0);
    Size {
        rows: tall.pick(long, even(long / aspect)),
        columns: tall.pick(even(long * aspect), long),
    }
}

fn idefics3_tiles<'s>(image: Size<'s>, multiple: usize) -> Size<'s> {
    let up = |edge: N<'s>| (edge + (multiple - 1)) / multiple;
    let aspect = image.columns / image.rows;
    let tall = image.columns.below(image.rows);
    let raised = image.both(|edge| up(edge).floor() * multiple);
    Size {
        rows: tall.pick(
            raised.rows,
            up((raised.columns / aspect).floor()).floor() * multiple,
        ),
        columns: tall.pick(
            up((raised.rows * aspect).floor()).floor() * multiple,
            raised.columns,
        ),
    }
}

fn nemotron<'s>(
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

fn glm5_next<'s>(
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
