//! The size that a rule gives, in a graph: the formulas of `prep_onnx_pipeline::SizeRule`, in their order of operations.

mod edges;
mod multiples;
mod tiles;

use prep_onnx_pipeline::{Limit, SizeRule};

use self::edges::{cover, detr, fit, longest, shortest_edge, thumbnail};
use self::multiples::{dpt, enlarged, gemma4, glm_image, glm5_next, naflex, nemotron, smart, vilt};
use self::tiles::{idefics3, idefics3_tiles};
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
