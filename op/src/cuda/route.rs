//! The way of an image through the kernels: the one list of what plans of version 2 have kernels for.

use prep_onnx_pipeline::plan::{
    Canvas, Fill, GrayRule, ImageGeometry, Mirror, Placement, Stage, StageGeometry,
};
use prep_onnx_pipeline::resample::{Arithmetic, OpencvFilter};
use prep_onnx_pipeline::{Plan, SourceFormat};

use super::engine::Resize;
use super::rule::Rule;
use crate::staged::visible;

/// What a plan has that no kernel computes; `None` where kernels compute all of it.
///
/// Such a plan is computed on the CPU, by the CPU's op, with copies from the GPU and back.
pub fn without_kernel(plan: &Plan) -> Option<&'static str> {
    if plan.float.is_some() {
        return Some("a resize of floats");
    }
    if plan.values.quantize.is_some() {
        return Some("the bytes of a quantised model");
    }
    let overview = plan.overview.iter().flat_map(|overview| &overview.stages);
    plan.stages
        .iter()
        .chain(overview)
        .filter_map(|stage| stage.resample)
        .find_map(|resample| match resample.sampling {
            Arithmetic::Torch { .. } => Some("a resize in torch's floats"),
            Arithmetic::Opencv { filter } => match filter {
                OpencvFilter::Area => Some("OpenCV's resize by area"),
                OpencvFilter::Cubic => Some("OpenCV's cubic resize"),
                OpencvFilter::Nearest | OpencvFilter::Linear => None,
            },
            Arithmetic::Passes { .. } => None,
        })
}

/// What one launch does with an image.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Place(Placing),
    Resize(Resizing),
}

/// A pixel format, a turn, a gray rule and a canvas: bytes to bytes of three channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placing {
    pub(super) format: SourceFormat,
    pub(super) turned: bool,
    pub(super) gray: Option<GrayRule>,
    /// (height, width) of the image before it is turned.
    pub(super) image: (usize, usize),
    /// The first row and column of the image on the canvas; negative where the fill comes first.
    pub(super) offset: (i64, i64),
    /// (height, width) of the canvas.
    pub(super) size: (usize, usize),
    pub(super) around: [u8; 3],
    pub(super) mirror: Option<Mirror>,
}

/// A resize and its canvas, to bytes or, at the end, to the tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resizing {
    pub(super) resize: Resize,
    /// What lies around.
    pub(super) fill: Option<Fill>,
}

impl Step {
    /// (height, width) of what it leaves.
    pub(super) fn size(&self) -> (usize, usize) {
        match self {
            Self::Place(placing) => placing.size,
            Self::Resize(resizing) => resizing.resize.canvas,
        }
    }
}

/// Whether the order of blue, green and red can be that of the values alone.
pub(super) fn swaps_channels(plan: &Plan) -> bool {
    let mirrored = |canvas: Option<Canvas>| canvas.is_some_and(|canvas| mirror(canvas.fill).is_some());
    let alone = match plan.stages.as_slice() {
        [] => true,
        [stage] => stage.before.is_none() && !mirrored(stage.after),
        _ => false,
    };
    plan.source == SourceFormat::Bgr
        && alone
        && plan.turn.is_none()
        && plan.gray.is_none()
        && plan.values.gray.is_none()
}

fn mirror(fill: Fill) -> Option<Mirror> {
    match fill {
        Fill::Mirror { mode } => Some(mode),
        Fill::Color { .. } | Fill::Value { .. } => None,
    }
}

/// The steps of an image of `plan`, which has kernels. Those of other images of the plan are the same but for their numbers; the
/// last one is a resize, which writes the tensor.
pub(super) fn steps(plan: &Plan, geometry: &ImageGeometry) -> Vec<Step> {
    let mut walk = Walk::new(plan, geometry);
    for (index, (stage, numbers)) in plan.stages.iter().zip(&geometry.stages).enumerate() {
        let last = index + 1 == plan.stages.len() && plan.values.gray.is_none();
        walk.stage(stage, numbers, last);
    }
    walk.read();
    if let Some(rule) = plan.values.gray {
        walk.steps.push(Step::Place(Placing {
            gray: Some(rule),
            ..walk.as_it_is()
        }));
    }
    if !matches!(walk.steps.last(), Some(Step::Resize(_))) {
        walk.copy(plan, geometry);
    }
    walk.steps
}

struct Walk {
    steps: Vec<Step>,
    /// What the source needs before anything else, until something takes it along.
    reading: Option<Placing>,
    /// (height, width) of the image here.
    size: (usize, usize),
    gray: bool,
}

impl Walk {
    fn new(plan: &Plan, geometry: &ImageGeometry) -> Self {
        let (height, width) = geometry.image;
        let size = if geometry.turned {
            (width, height)
        } else {
            (height, width)
        };
        let plain = plan.source == SourceFormat::Rgb || swaps_channels(plan);
        let needed = !plain || plan.turn.is_some() || plan.gray.is_some();
        Self {
            steps: Vec::new(),
            reading: needed.then_some(Placing {
                format: plan.source,
                turned: geometry.turned,
                gray: plan.gray,
                image: geometry.image,
                offset: (0, 0),
                size,
                around: [0; 3],
                mirror: None,
            }),
            size,
            gray: plan.image_channels() == 1,
        }
    }

    /// The image, placed as it is.
    fn as_it_is(&self) -> Placing {
        Placing {
            format: SourceFormat::Rgb,
            turned: false,
            gray: None,
            image: self.size,
            offset: (0, 0),
            size: self.size,
            around: [0; 3],
            mirror: None,
        }
    }

    fn place(&mut self, fill: Fill, placement: &Placement) {
        let around = match fill {
            // Of a gray image the first value counts, and here it has three equal channels.
            Fill::Color { color } if self.gray => [color[0]; 3],
            Fill::Color { color } => color,
            // Of the first, what lies around is written after the arithmetic.
            Fill::Value { .. } | Fill::Mirror { .. } => [0; 3],
        };
        let placing = Placing {
            offset: placement.offset,
            size: placement.size,
            around,
            mirror: mirror(fill),
            ..self.reading.take().unwrap_or_else(|| self.as_it_is())
        };
        self.steps.push(Step::Place(placing));
        self.size = placement.size;
    }

    /// Does what the source needs, where nothing has taken it along.
    fn read(&mut self) {
        self.steps.extend(self.reading.take().map(Step::Place));
    }

    fn stage(&mut self, stage: &Stage, numbers: &StageGeometry, last: bool) {
        if let (Some(canvas), Some(placement)) = (&stage.before, &numbers.before) {
            self.place(canvas.fill, placement);
        }
        let after = stage.after.zip(numbers.after);
        let mirrored = after.filter(|(canvas, _)| mirror(canvas.fill).is_some());
        let rule = stage.resample.and_then(|resample| Rule::of(resample.sampling));
        match (rule, numbers.resized, after) {
            (Some(rule), Some(resized), _) => {
                self.read();
                let rule = rule.between(resized.from, resized.to);
                self.resize(
                    rule,
                    (resized.to, resized.vertical_first),
                    after.filter(|_| mirrored.is_none()),
                );
                if let Some((canvas, placement)) = mirrored {
                    self.place(canvas.fill, &placement);
                }
            }
            (_, _, Some((canvas, placement))) if mirrored.is_some() || !last => {
                self.place(canvas.fill, &placement);
            }
            (_, _, Some(after)) => {
                self.read();
                self.resize(Rule::COPY, (self.size, false), Some(after));
            }
            (_, _, None) => {}
        }
    }

    /// The image resized to `to`, and its canvas.
    fn resize(
        &mut self,
        rule: Rule,
        (to, vertical_first): ((usize, usize), bool),
        canvas: Option<(Canvas, Placement)>,
    ) {
        let (rows, columns, size, at) = match &canvas {
            None => (0..to.0, 0..to.1, to, (0, 0)),
            Some((_, placement)) => {
                let (rows, columns) = visible(placement);
                let [top, left, ..] = placement.inner();
                (rows, columns, placement.size, (top, left))
            }
        };
        self.steps.push(Step::Resize(Resizing {
            resize: Resize {
                rule,
                image: self.size,
                resized: to,
                vertical_first,
                offset: (rows.start as i64, columns.start as i64),
                part: (rows.len(), columns.len()),
                canvas: size,
                at,
            },
            fill: canvas.map(|(canvas, _)| canvas.fill),
        }));
        self.size = size;
    }

    /// The finished pixels, of which a canvas may lie around that is filled after the arithmetic.
    fn copy(&mut self, plan: &Plan, geometry: &ImageGeometry) {
        let valued = (plan.last_canvas()).filter(|canvas| matches!(canvas.fill, Fill::Value { .. }));
        let [top, left, height, width] = match valued {
            Some(_) => geometry.inner(),
            None => [0, 0, self.size.0, self.size.1],
        };
        self.steps.push(Step::Resize(Resizing {
            resize: Resize {
                rule: Rule::COPY,
                image: self.size,
                resized: self.size,
                vertical_first: false,
                offset: (top as i64, left as i64),
                part: (height, width),
                canvas: self.size,
                at: (top, left),
            },
            fill: valued.map(|canvas| canvas.fill),
        }));
    }
}
