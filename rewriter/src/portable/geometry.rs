//! The numbers of one image in a graph, or of all images of a batch at once, through all stages of a plan.
//!
//! Everything here is elementwise: numbers of shape `[1]` are those of one size, numbers of shape `[N]` those of N sizes.

use prep_onnx_pipeline::plan::{Blocks, Canvas, CanvasSize, Fill, Mirror, Resample, Turn};
use prep_onnx_pipeline::{FitRounding, Plan, SizeRule};

use super::formula::{N, Sheet, Truth};
use super::graph::Graph;
use super::num::{Condition, Num};
use super::places::{Bounds, Pair, Placed, alone, place};
use super::sizes::{Size, resized};

/// The numbers of one stage.
pub(crate) struct StageSizes {
    /// The canvas before the resize.
    pub(crate) before: Option<Placed>,
    /// (height, width) before and after the resize.
    pub(crate) resized: Option<(Pair, Pair)>,
    /// The canvas after it.
    pub(crate) after: Option<Placed>,
}

/// The numbers of an image, through all stages.
pub(crate) struct ImageSizes {
    /// (height, width) of the source image, turned where it is.
    pub(crate) source: Pair,
    /// Whether it is turned.
    pub(crate) turned: Condition,
    /// One for each stage of the plan, then the float stage, where there is one.
    pub(crate) stages: Vec<StageSizes>,
    /// (height, width) of the output.
    pub(crate) output: Pair,
    /// 0 where the image can be preprocessed, else above.
    pub(crate) wrong: Num,
}

/// Of images of the size `image`, on the canvas of their batch, where that is known.
pub(crate) fn geometry(graph: &mut Graph, plan: &Plan, image: &Pair, batch: Option<&Pair>) -> ImageSizes {
    Sheet::with(graph, |sheet| {
        let raw = Size::of(sheet, image);
        let turned = plan.turn.map(|turn| match turn {
            Turn::Portrait => raw.rows.below(raw.columns),
            Turn::Landscape => raw.columns.below(raw.rows),
        });
        let source = turned.map_or(raw, |turned| raw.turned().picked(turned, raw));
        let mut walk = Walk {
            sheet,
            source,
            at: source,
            bounds: Bounds::default(),
            batch: batch.map(|batch| Size::of(sheet, batch)),
            wrong: sheet.number(0.0),
        };
        let mut stages = Vec::new();
        for stage in &plan.stages {
            stages.push(walk.stage(
                stage.before.as_ref(),
                stage.resample.as_ref(),
                stage.after.as_ref(),
            ));
        }
        if let Some(float) = &plan.float {
            stages.push(walk.stage(None, Some(&float.resample), float.after.as_ref()));
        }
        if let Some((rows, columns)) = plan.form.blocks.map(Blocks::unit) {
            for (edge, unit) in [(walk.at.rows, rows), (walk.at.columns, columns)] {
                walk.wrong = walk.wrong + (edge - (edge / unit).floor() * unit);
            }
        }
        if let Some((blocks, rows)) = plan.form.blocks.and_then(|blocks| Some((blocks, blocks.rows()?))) {
            let (height, width) = match blocks {
                Blocks::Tiles { height, width, .. } => (height, width),
                Blocks::Patches { size, .. } => (size, size),
                Blocks::Frame { .. } => (1, 1),
            };
            let count = (walk.at.rows / height) * (walk.at.columns / width);
            walk.wrong = walk.wrong + (count - rows).max(0.0);
        }
        ImageSizes {
            source: source.pair(),
            turned: turned.map_or(Condition::Known(false), Truth::condition),
            stages,
            output: walk.at.pair(),
            wrong: walk.wrong.num(),
        }
    })
}

/// Where the walk through the stages is.
struct Walk<'s> {
    sheet: &'s Sheet,
    source: Size<'s>,
    at: Size<'s>,
    bounds: Bounds,
    batch: Option<Size<'s>>,
    wrong: N<'s>,
}

impl<'s> Walk<'s> {
    fn stage(
        &mut self,
        before: Option<&Canvas>,
        resample: Option<&Resample>,
        after: Option<&Canvas>,
    ) -> StageSizes {
        StageSizes {
            before: before.map(|canvas| self.place(canvas)),
            resized: resample.map(|resample| self.resize(resample.size)),
            after: after.map(|canvas| self.place(canvas)),
        }
    }

    fn resize(&mut self, rule: SizeRule) -> (Pair, Pair) {
        let from = self.at.pair();
        self.at = resized(self.sheet, rule, self.at, self.source, self.batch);
        self.bounds = Bounds::of(rule);
        if may_vanish(rule) {
            self.not_empty();
        }
        (from, self.at.pair())
    }

    fn place(&mut self, canvas: &Canvas) -> Placed {
        let size = match self.batch {
            Some(batch) if canvas.is_of_batch() => batch,
            _ => alone(self.sheet, canvas.size, self.at, self.source),
        };
        let placed = place(self.sheet, canvas, (self.at, self.bounds), size);
        if let Fill::Mirror { mode } = canvas.fill {
            for along in [&placed.rows, &placed.columns] {
                let [from, offset, size] =
                    [&along.from, &along.offset, &along.size].map(|number| self.sheet.number(number.clone()));
                let reach = match mode {
                    Mirror::Reflect => from - 1.0,
                    Mirror::Symmetric => from,
                    Mirror::Edge => continue,
                };
                let before = self.sheet.number(0.0) - offset;
                let missing = before.max(offset + size - from) - reach;
                self.wrong = self.wrong + missing.max(0.0);
            }
        }
        self.at = size;
        self.bounds = Bounds::of_canvas(canvas.size);
        if let CanvasSize::OfShorterEdge { .. } = canvas.size {
            self.not_empty();
            return place(
                self.sheet,
                canvas,
                {
                    let [rows, columns] = [&placed.rows.from, &placed.columns.from]
                        .map(|number| self.sheet.number(number.clone()));
                    (Size { rows, columns }, Bounds::default())
                },
                self.at,
            );
        }
        placed
    }

    /// Demands that both edges are at least 1, and goes on as if they were.
    fn not_empty(&mut self) {
        let one = self.sheet.number(1.0);
        for edge in [self.at.rows, self.at.columns] {
            self.wrong = self.wrong + (one - edge).max(0.0);
        }
        self.at = self.at.both(|edge| edge.max(1.0));
    }
}

/// Whether a rule can give an edge of 0 to an image that has pixels.
fn may_vanish(rule: SizeRule) -> bool {
    match rule {
        SizeRule::Exact { .. }
        | SizeRule::ShortestEdge { max: None, .. }
        | SizeRule::Cover { .. }
        | SizeRule::CropPct { .. }
        | SizeRule::Fit {
            rounding: FitRounding::Even,
            ..
        }
        | SizeRule::Textnet { .. }
        | SizeRule::PaddleocrDet { .. }
        | SizeRule::PaddleocrRec { .. }
        | SizeRule::PaddleocrCls { .. }
        | SizeRule::Height { .. }
        | SizeRule::Lcnet { .. }
        | SizeRule::Kimi { .. }
        | SizeRule::Naflex { .. }
        | SizeRule::GlmImage { .. }
        | SizeRule::Idefics2 { .. }
        | SizeRule::Grid { .. }
        | SizeRule::Glm5Next { .. }
        | SizeRule::Ultravbert { .. }
        | SizeRule::Idefics3 { .. } => false,
        SizeRule::ShortestEdge { max: Some(_), .. }
        | SizeRule::LongestEdge { .. }
        | SizeRule::Detr { .. }
        | SizeRule::Yolos { .. }
        | SizeRule::Fit { .. }
        | SizeRule::Dpt { .. }
        | SizeRule::Glpn { .. }
        | SizeRule::Vilt { .. }
        | SizeRule::Thumbnail { .. }
        | SizeRule::Ddddocr { .. }
        | SizeRule::Smart { .. }
        | SizeRule::Maskformer { .. }
        | SizeRule::Longest { .. }
        | SizeRule::Pixtral { .. }
        | SizeRule::Gemma4 { .. }
        | SizeRule::Nemotron { .. }
        | SizeRule::Idefics3Tiles { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use prep_onnx_pipeline::random::{self, Random};

    use super::*;

    #[test]
    fn rules_of_which_something_is_always_left_leave_something() {
        let mut random = Random::new(0);
        let mut tried = 0;
        for seed in 0..4000 {
            let (pipeline, layout, dtype) = random::pipeline(seed);
            let plan = pipeline.compile(layout, dtype).unwrap();
            let sizes = plan
                .stages
                .iter()
                .filter_map(|stage| Some(stage.resample.as_ref()?.size));
            for rule in sizes.filter(|rule| !may_vanish(*rule)) {
                for _ in 0..40 {
                    let [height, width] = [(); 2].map(|()| {
                        let most = random.pick(&[5, 300, 3000]);
                        random.range(1, most)
                    });
                    tried += 1;
                    if let Err(error) = rule.output_size(height, width) {
                        // What is too large is refused elsewhere.
                        assert!(error.to_string().contains("pixels"), "{rule:?}: {error}");
                    }
                }
            }
        }
        assert!(tried > 20_000, "{tried}");
    }
}
