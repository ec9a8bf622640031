//! Canvases in a graph: how large they are, and where the image lies on them.

use prep_onnx_pipeline::plan::{Anchor, Canvas, CanvasSize};
use prep_onnx_pipeline::{CropRule, SizeRule};

use super::formula::{N, Sheet};
use super::num::Num;
use super::sizes::{Size, resized, text_line_width};

/// Height and width, or top and left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) rows: Num,
    pub(crate) columns: Num,
}

/// One axis of an image on a canvas.
#[derive(Clone, Debug)]
pub(crate) struct Along {
    /// The extent of the image.
    pub(crate) from: Num,
    /// The position of the image at which the canvas begins; negative where the fill comes first.
    pub(crate) offset: Num,
    /// The extent of the canvas.
    pub(crate) size: Num,
    /// First position of the image that is on the canvas.
    pub(crate) start: Num,
    /// How many of them.
    pub(crate) count: Num,
    /// Positions of the canvas before them.
    pub(crate) before: Num,
    /// Positions of the canvas after them.
    pub(crate) after: Num,
    /// Whether there may be none of the image.
    pub(crate) may_be_empty: bool,
}

impl Along {
    /// An image as it is.
    pub(crate) fn whole(of: &Num) -> Self {
        Self {
            from: of.clone(),
            offset: 0.0.into(),
            size: of.clone(),
            start: 0.0.into(),
            count: of.clone(),
            before: 0.0.into(),
            after: 0.0.into(),
            may_be_empty: false,
        }
    }

    /// Whether nothing of the image is cut off.
    pub(crate) fn is_whole(&self) -> bool {
        self.start.known() == Some(0.0) && self.count == self.from
    }

    /// Whether there is never any fill.
    pub(crate) fn is_inside(&self) -> bool {
        self.before.known() == Some(0.0) && self.after.known() == Some(0.0)
    }
}

/// An image on a canvas.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) rows: Along,
    pub(crate) columns: Along,
}

impl Placed {
    /// An image as it is.
    pub(crate) fn whole(size: &Pair) -> Self {
        Self {
            rows: Along::whole(&size.rows),
            columns: Along::whole(&size.columns),
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.rows.is_whole() && self.columns.is_whole()
    }

    pub(crate) fn is_inside(&self) -> bool {
        self.rows.is_inside() && self.columns.is_inside()
    }

    pub(crate) fn size(&self) -> Pair {
        Pair {
            rows: self.rows.size.clone(),
            columns: self.columns.size.clone(),
        }
    }
}

/// What is known of an extent without an image: its least and its largest value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    pub(super) least: [Option<usize>; 2],
    pub(super) most: [Option<usize>; 2],
}

impl Bounds {
    fn exact(height: usize, width: usize) -> Self {
        let both = [Some(height), Some(width)];
        Self {
            least: both,
            most: both,
        }
    }

    /// What a resize by `rule` gives.
    pub(super) fn of(rule: SizeRule) -> Self {
        let least = |height: usize, width: usize| Self {
            least: [Some(height), Some(width)],
            ..Self::default()
        };
        let most = |height: usize, width: usize| Self {
            most: [Some(height), Some(width)],
            ..Self::default()
        };
        match rule {
            SizeRule::Exact { height, width } => Self::exact(height, width),
            SizeRule::ShortestEdge { size, max: None } => least(size, size),
            SizeRule::Cover { height, width } => least(height, width),
            SizeRule::CropPct {
                height,
                width,
                fraction,
            } => {
                let [height, width] = [height, width].map(|edge| (edge as f64 / fraction) as usize);
                least(height, width)
            }
            SizeRule::LongestEdge { size } | SizeRule::Longest { size, .. } => most(size, size),
            SizeRule::Fit { height, width, .. } => most(height, width),
            // The longer edge alone is held to its own limit: the other one may pass its.
            SizeRule::Thumbnail { height, width } => most(height.max(width), height.max(width)),
            SizeRule::ShortestEdge { max: Some(_), .. }
            | SizeRule::Detr { .. }
            | SizeRule::Yolos { .. }
            | SizeRule::Dpt { .. }
            | SizeRule::Textnet { .. }
            | SizeRule::Glpn { .. }
            | SizeRule::Vilt { .. }
            | SizeRule::PaddleocrDet { .. }
            | SizeRule::PaddleocrRec { .. }
            | SizeRule::PaddleocrCls { .. }
            | SizeRule::Ddddocr { .. }
            | SizeRule::Height { .. }
            | SizeRule::Smart { .. }
            | SizeRule::Maskformer { .. }
            | SizeRule::Pixtral { .. }
            | SizeRule::GlmImage { .. }
            | SizeRule::Kimi { .. }
            | SizeRule::Lcnet { .. }
            | SizeRule::Idefics2 { .. }
            | SizeRule::Idefics3 { .. }
            | SizeRule::Idefics3Tiles { .. }
            | SizeRule::Grid { .. }
            | SizeRule::Ultravbert { .. }
            | SizeRule::Nemotron { .. }
            | SizeRule::Glm5Next { .. }
            | SizeRule::Gemma4 { .. }
            | SizeRule::Naflex { .. } => Self::default(),
        }
    }

    /// What a canvas of `size` has.
    pub(super) fn of_canvas(size: CanvasSize) -> Self {
        match size {
            CanvasSize::Fixed { height, width } => Self::exact(height, width),
            CanvasSize::Square
            | CanvasSize::Multiple { .. }
            | CanvasSize::MultipleAbove { .. }
            | CanvasSize::Stride { .. }
            | CanvasSize::BatchLargest { .. }
            | CanvasSize::TextLine { .. }
            | CanvasSize::OfSource { .. }
            | CanvasSize::OfShorterEdge { .. } => Self::default(),
        }
    }
}

/// Which of the two is known to be at least as large as the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Larger {
    Image,
    Canvas,
    Unknown,
}

fn larger(canvas: CanvasSize, image: Bounds, axis: usize) -> Larger {
    match canvas {
        CanvasSize::Fixed { height, width } => {
            let edge = [height, width][axis];
            if image.least[axis].is_some_and(|least| least >= edge) {
                Larger::Image
            } else if image.most[axis].is_some_and(|most| most <= edge) {
                Larger::Canvas
            } else {
                Larger::Unknown
            }
        }
        CanvasSize::Square
        | CanvasSize::Multiple { .. }
        | CanvasSize::MultipleAbove { .. }
        | CanvasSize::Stride { .. }
        | CanvasSize::BatchLargest { .. } => Larger::Canvas,
        CanvasSize::TextLine { .. } | CanvasSize::OfSource { .. } | CanvasSize::OfShorterEdge { .. } => {
            Larger::Unknown
        }
    }
}

/// The size of `canvas` for an image of `image`, alone in its batch.
pub(super) fn alone<'s>(sheet: &'s Sheet, canvas: CanvasSize, image: Size<'s>, source: Size<'s>) -> Size<'s> {
    let up = |of: usize| move |edge: N<'s>| ((edge + (of - 1)) / of).floor() * of;
    match canvas {
        CanvasSize::Fixed { height, width } => Size {
            rows: sheet.number(height),
            columns: sheet.number(width),
        },
        CanvasSize::Square => {
            let edge = image.rows.max(image.columns);
            Size {
                rows: edge,
                columns: edge,
            }
        }
        CanvasSize::Multiple { of } | CanvasSize::BatchLargest { multiple: of } => image.both(up(of)),
        CanvasSize::MultipleAbove { of } => image.both(|edge| ((edge / of).floor() + 1.0) * of),
        CanvasSize::Stride {
            height,
            width,
            stride,
        } => {
            let grown = |edge: N<'s>, target: usize| {
                let lack = sheet.number(target) - edge;
                edge + (lack - (lack / stride).floor() * stride)
            };
            Size {
                rows: grown(image.rows, height),
                columns: grown(image.columns, width),
            }
        }
        CanvasSize::TextLine { height, width } => Size {
            rows: sheet.number(height),
            columns: text_line_width(sheet, height, width, source),
        },
        CanvasSize::OfSource { size } => resized(sheet, size, source, source, None),
        CanvasSize::OfShorterEdge { height, width } => {
            let shorter = image.rows.min(image.columns);
            Size {
                rows: (sheet.number(height) * shorter).floor(),
                columns: (sheet.number(width) * shorter).floor(),
            }
        }
    }
}

/// `image` on `canvas`, which has the size `size`.
pub(super) fn place<'s>(
    sheet: &'s Sheet,
    canvas: &Canvas,
    image: (Size<'s>, Bounds),
    size: Size<'s>,
) -> Placed {
    let axis = |axis: usize, from: N<'s>, size: N<'s>| {
        along(
            sheet,
            (canvas.anchor, axis),
            from,
            size,
            larger(canvas.size, image.1, axis),
        )
    };
    Placed {
        rows: axis(0, image.0.rows, size.rows),
        columns: axis(1, image.0.columns, size.columns),
    }
}

fn along<'s>(
    sheet: &'s Sheet,
    (anchor, axis): (Anchor, usize),
    from: N<'s>,
    size: N<'s>,
    larger: Larger,
) -> Along {
    let zero = sheet.number(0.0);
    let offset = match anchor {
        Anchor::TopLeft => zero,
        Anchor::BottomRight => from - size,
        Anchor::Center { rule } => centred(rule, from, size, larger),
        Anchor::Position { top, left } => sheet.number([top, left][axis]),
    };
    let position = matches!(anchor, Anchor::Position { .. });
    let (start, count, before) = match larger {
        Larger::Image if !position => (offset, size, zero),
        Larger::Canvas if !position => (zero, from, zero - offset),
        Larger::Image | Larger::Canvas | Larger::Unknown => {
            let start = offset.max(0.0);
            let start = if position { start.min(from) } else { start };
            let count = from.min(offset + size) - start;
            (start, count, (zero - offset).max(0.0))
        }
    };
    let after = match larger {
        Larger::Image if !position => zero,
        Larger::Image | Larger::Canvas | Larger::Unknown => size - before - count,
    };
    Along {
        from: from.num(),
        offset: offset.num(),
        size: size.num(),
        start: start.num(),
        count: count.num(),
        before: before.num(),
        after: after.num(),
        may_be_empty: position && count.num().known().is_none_or(|count| count < 1.0),
    }
}

/// Where a centre crop begins.
fn centred<'s>(rule: CropRule, from: N<'s>, size: N<'s>, larger: Larger) -> N<'s> {
    type Rounding<'s> = fn(N<'s>) -> N<'s>;
    let half = (from - size) * 0.5;
    let (inside, around): (Rounding<'s>, Rounding<'s>) = match rule {
        CropRule::Torchvision => (N::round, N::ceil),
        CropRule::HuggingFace => (N::floor, N::ceil),
        CropRule::HuggingFacePil => return half.floor(),
    };
    match larger {
        Larger::Image => inside(half),
        Larger::Canvas => around(half),
        Larger::Unknown => from.below(size).pick(around(half), inside(half)),
    }
}

#[cfg(test)]
mod tests {
    use prep_onnx_pipeline::random::{self, Random};

    use super::*;

    #[test]
    fn sizes_lie_within_the_bounds_of_their_rules() {
        let mut rules = vec![
            // The shorter edge passes its own limit.
            SizeRule::Thumbnail {
                height: 14,
                width: 198,
            },
            SizeRule::Thumbnail {
                height: 198,
                width: 4,
            },
        ];
        for seed in 0..4000 {
            let (pipeline, layout, dtype) = random::pipeline(seed);
            let plan = pipeline.compile(layout, dtype).unwrap();
            rules.extend(
                plan.stages
                    .iter()
                    .filter_map(|stage| Some(stage.resample.as_ref()?.size)),
            );
        }
        let mut random = Random::new(0);
        let mut bounded = 0;
        for rule in rules {
            let bounds = Bounds::of(rule);
            if bounds.least.iter().chain(&bounds.most).all(Option::is_none) {
                continue;
            }
            for _ in 0..40 {
                let most = random.pick(&[5, 300, 3000]);
                let [height, width] = [(); 2].map(|()| random.range(1, most));
                let Ok((rows, columns)) = rule.output_size(height, width) else {
                    continue;
                };
                bounded += 1;
                for (axis, edge) in [rows, columns].into_iter().enumerate() {
                    let within = bounds.least[axis].is_none_or(|least| edge >= least)
                        && bounds.most[axis].is_none_or(|most| edge <= most);
                    assert!(
                        within,
                        "{rule:?} of {height} x {width}: {rows} x {columns}, {bounds:?}"
                    );
                }
            }
        }
        assert!(bounded > 20_000, "{bounded}");
    }
}
