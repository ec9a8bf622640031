//! The grid of tiles that is chosen for an image, in a graph: `prep_onnx_pipeline::SizeRule::Grid`.
//!
//! Candidates lie on an axis before that of images, [candidates, 1]; what is worked out of them and of sizes is
//! [candidates, images], and the choice takes the first axis away.

use prep_onnx_pipeline::{GridChoice, GridFit, SizeRule};

use super::formula::{N, Sheet, Truth};
use super::sizes::Size;

/// Larger than any number of pixels or scale.
const NONE: f64 = 1e300;

/// What an image is resized to by a rule of grids.
pub(super) fn grid<'s>(sheet: &'s Sheet, rule: SizeRule, image: Size<'s>) -> Size<'s> {
    let SizeRule::Grid {
        height,
        width,
        grids,
        choice,
        fit,
    } = rule
    else {
        return image;
    };
    if let (Some(rows), Some(columns)) = (image.rows.num().known(), image.columns.num().known())
        && let Ok((height, width)) = rule.output_size(rows as usize, columns as usize)
    {
        return Size {
            rows: sheet.number(height),
            columns: sheet.number(width),
        };
    }
    let candidates = Candidates::new(sheet, &grids.candidates(choice), (height, width), image);
    // Whether no candidate is chosen, but one tile.
    let mut alone = None;
    let index = match choice {
        GridChoice::Effective => candidates.effective(),
        GridChoice::Aspect => candidates.aspect(),
        GridChoice::Scale => candidates.scale(),
        GridChoice::Holding => {
            let (index, none) = candidates.holding();
            alone = Some(none);
            index
        }
    };
    let edge = |edges: &[f64], tile: usize| match &alone {
        None => index.entry(edges),
        Some(alone) => alone.pick(sheet.number(tile), index.entry(edges)),
    };
    let to = Size {
        rows: edge(&candidates.heights, height),
        columns: edge(&candidates.widths, width),
    };
    fitted(image, (height, width), to, fit)
}

fn fitted<'s>(image: Size<'s>, tile: (usize, usize), to: Size<'s>, fit: GridFit) -> Size<'s> {
    let (down, across);
    let to = match fit {
        GridFit::Filled => return to,
        GridFit::Inside => to,
        GridFit::Clipped => Size {
            rows: image.rows.max(tile.0).min(to.rows),
            columns: image.columns.max(tile.1).min(to.columns),
        },
    };
    (down, across) = (to.rows / image.rows, to.columns / image.columns);
    let edge = |edge: N<'s>, limit: N<'s>| match fit {
        GridFit::Filled | GridFit::Inside => edge.ceil().min(limit),
        GridFit::Clipped => edge.floor().max(1.0).min(limit),
    };
    let wide = across.below(down);
    Size {
        rows: wide.pick(edge(image.rows * across, to.rows), to.rows),
        columns: wide.pick(to.columns, edge(image.columns * down, to.columns)),
    }
}

struct Candidates<'s> {
    sheet: &'s Sheet,
    image: Size<'s>,
    /// Heights and widths in pixels.
    heights: Vec<f64>,
    widths: Vec<f64>,
    /// Columns by rows.
    proportions: Vec<f64>,
    /// The area, in pixels.
    areas: Vec<f64>,
    index: N<'s>,
}

impl<'s> Candidates<'s> {
    fn new(sheet: &'s Sheet, grids: &[(usize, usize)], tile: (usize, usize), image: Size<'s>) -> Self {
        let of = |of: &dyn Fn(&(usize, usize)) -> f64| grids.iter().map(of).collect::<Vec<f64>>();
        let places: Vec<f64> = (0..grids.len()).map(|place| place as f64).collect();
        Self {
            sheet,
            image,
            heights: of(&|grid| (grid.0 * tile.0) as f64),
            widths: of(&|grid| (grid.1 * tile.1) as f64),
            proportions: of(&|grid| grid.1 as f64 / grid.0 as f64),
            areas: of(&|grid| (grid.0 * tile.0 * grid.1 * tile.1) as f64),
            index: sheet.candidates(&places),
        }
    }

    /// The least scale of both edges.
    fn scales(&self) -> N<'s> {
        let down = self.sheet.candidates(&self.heights) / self.image.rows;
        let across = self.sheet.candidates(&self.widths) / self.image.columns;
        across.min(down)
    }

    fn number(&self, number: f64) -> N<'s> {
        self.sheet.number(number)
    }

    /// The least of the candidates.
    fn least(&self, numbers: N<'s>) -> N<'s> {
        self.number(0.0) - (self.number(0.0) - numbers).largest()
    }

    fn effective(&self) -> N<'s> {
        let scales = self.scales();
        let inside = self.image.both(|edge| (edge * scales).floor());
        let pixels = (inside.rows * inside.columns).min(self.image.rows * self.image.columns);
        let fewer = pixels.below(pixels.largest());
        let area = fewer.pick(self.number(NONE), self.sheet.candidates(&self.areas));
        let least = self.least(area);
        self.least(least.below(area).pick(self.number(NONE), self.index))
    }

    fn aspect(&self) -> N<'s> {
        let aspect = self.image.columns / self.image.rows;
        let apart = (aspect - self.sheet.candidates(&self.proportions)).abs();
        let farther = self.least(apart).below(apart);
        let first = self.least(farther.pick(self.number(NONE), self.index));
        let halves: Vec<f64> = self.areas.iter().map(|area| 0.5 * area).collect();
        let half = self.sheet.candidates(&halves);
        let none = self.number(-1.0);
        let small = half
            .below(self.image.rows * self.image.columns)
            .pick(self.index, none);
        first.max(farther.pick(none, small).largest())
    }

    fn scale(&self) -> N<'s> {
        let scales = self.scales();
        let up = self.least(scales.below(1.0).pick(self.number(NONE), scales));
        let wanted = up.below(NONE).pick(up, scales.largest());
        let other = scales.below(wanted).or(wanted.below(scales));
        self.least(other.pick(self.number(NONE), self.index))
    }

    /// The candidate, and whether there is none: nothing holds the image, and all proportions are on the other side of its own.
    fn holding(&self) -> (N<'s>, Truth<'s>) {
        let (rows, columns) = (self.image.rows, self.image.columns);
        let aspect = columns / rows;
        let none = self.number(-1.0);
        let scales = self.scales();
        let wide = ((scales * columns) / aspect).floor();
        let tall = ((scales * rows) * aspect).floor();
        let one = self.number(1.0);
        let even = aspect.below(1.0).pick(tall, scales * rows);
        let shorter = one.below(aspect).pick(wide, even);
        let low = self.sheet.candidates(&self.heights).below(rows);
        let narrow = self.sheet.candidates(&self.widths).below(columns);
        let shorter = low.or(narrow).pick(none, shorter);
        let longest = shorter.largest();
        // Of those that are worse nothing, of the others the last.
        let last = |worse: Truth<'s>| worse.pick(none, self.index).largest();
        let held = last(shorter.below(longest));

        let proportion = self.sheet.candidates(&self.proportions);
        let below = aspect.below(proportion).pick(none, proportion).largest();
        let above = self.least(aspect.below(proportion).pick(proportion, self.number(NONE)));
        let nearest = aspect.below(1.0).pick(above, below);
        let other = proportion.below(nearest).or(nearest.below(proportion));
        let area = other.pick(none, self.sheet.candidates(&self.areas));
        let near = last(area.below(area.largest()));
        let holds = self.number(-0.5).below(longest);
        let is_far = nearest.below(0.0).or(self.number(0.5 * NONE).below(nearest));
        let alone = holds.pick(self.number(0.0), is_far.pick(one, self.number(0.0)));
        (holds.pick(held, near), self.number(0.5).below(alone))
    }
}
