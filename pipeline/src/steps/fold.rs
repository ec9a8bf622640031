//! Folds steps into a plan, or refuses with a reason.

use super::{CenterCrop, Resize, Step, StepKind};
use crate::plan::{
    Blocks, Canvas, Fill, FloatStage, Form, GrayRule, Overview, OverviewPlace, Plan, Resample, SourceFormat,
    Stage, Turn, Values,
};
use crate::resample::Arithmetic;
use crate::{CHANNELS, Dtype, Error, Layout, Operation, Result};

/// A plan that grows step by step.
pub(crate) struct PlanBuilder {
    source: SourceFormat,
    turn: Option<Turn>,
    gray: Option<GrayRule>,
    stages: Vec<Stage>,
    float: Option<FloatStage>,
    values: Values,
    blocks: Option<Blocks>,
    overview: Option<Overview>,
    /// Whether a step grayscale was there.
    is_gray: bool,
}

impl PlanBuilder {
    pub(crate) fn new(source: SourceFormat) -> Self {
        let channels = match source.channels() {
            // As `convert("RGB")` makes of a gray image.
            1 => vec![0; CHANNELS],
            _ => (0..CHANNELS).collect(),
        };
        Self {
            source,
            turn: None,
            gray: None,
            stages: Vec::new(),
            float: None,
            values: Values {
                channels,
                ..Values::default()
            },
            blocks: None,
            overview: None,
            is_gray: false,
        }
    }

    pub(crate) fn turn(&mut self, step: &str, turn: Turn) -> Result<()> {
        if self.turn.is_some() || !self.stages.is_empty() || self.has_arithmetic() || self.blocks.is_some() {
            return Err(Error::new(step, "comes after another step that moves pixels")
                .why("an image is turned as it is read")
                .fix(format_args!("put {step} first")));
        }
        self.turn = Some(turn);
        Ok(())
    }

    /// Joins the current stage, or opens the next one.
    pub(crate) fn canvas(&mut self, step: &str, mut canvas: Canvas) -> Result<()> {
        self.geometry_may_follow(step)?;
        let overview = self.overview.as_ref();
        if overview.is_some_and(|overview| overview.after > 0 && overview.after == self.stages.len()) {
            return Err(
                Error::new(step, "comes after an overview of what a resize made").fix(format_args!(
                    "put {step} before the overview, or a resize between them"
                )),
            );
        }
        let color_first = match canvas.fill {
            Fill::Color { color } if self.has_arithmetic() => {
                // Zeros around a crop are zeros in any domain; a colour is one of pixels.
                if color != [0; CHANNELS] {
                    return Err(
                        Error::new(step, "has a colour and comes after rescale or normalize")
                            .why("colours are those of 8-bit pixels")
                            .fix(format_args!(
                                "put {step} before them, or give a value instead of a color"
                            )),
                    );
                }
                canvas.fill = Fill::Value { value: [0.0; 3] };
                false
            }
            Fill::Color { .. } => true,
            Fill::Value { .. } | Fill::Mirror { .. } => false,
        };
        if let Fill::Color { color: [a, b, c] } = canvas.fill
            && (self.is_gray || self.source.channels() == 1)
            && (a != b || b != c)
        {
            return Err(Error::new(step, "has a colour, and the image is gray")
                .expected_got("three equal values", format_args!("{:?}", [a, b, c])));
        }
        if color_first {
            canvas.fill = self.in_image_order(canvas.fill);
        }
        if let Some(float) = &mut self.float {
            if float.after.is_some() {
                return Err(
                    Error::new(step, "comes after another crop or pad of floats").fix("keep one of them")
                );
            }
            if matches!(canvas.fill, Fill::Mirror { .. }) {
                return Err(Error::new(step, "mirrors floats that were resized").fix("pad with a value"));
            }
            float.after = Some(canvas);
            return Ok(());
        }
        match self.stages.last_mut() {
            Some(stage) if stage.resample.is_some() && stage.after.is_none() => stage.after = Some(canvas),
            _ => self.open(Stage {
                before: Some(canvas),
                ..Stage::default()
            }),
        }
        Ok(())
    }

    pub(crate) fn resize(&mut self, resample: Resample) -> Result<()> {
        let step = Resize::NAME;
        self.geometry_may_follow(step)?;
        if self.has_arithmetic() {
            if let (Arithmetic::Torch { .. }, None) = (resample.sampling, &self.float) {
                self.float = Some(FloatStage {
                    operations: std::mem::take(&mut self.values.operations),
                    resample,
                    after: None,
                });
                return Ok(());
            }
            return Err(Error::new(step, "comes after rescale or normalize")
                .why("libraries resize 8-bit pixels, and torch alone floats, once; elsewhere the result is another")
                .fix(format_args!("put {step} before them, or choose resampler torch")));
        }
        match self.stages.last_mut() {
            Some(stage) if stage.resample.is_none() && stage.after.is_none() => {
                stage.resample = Some(resample)
            }
            _ => self.open(Stage {
                resample: Some(resample),
                ..Stage::default()
            }),
        }
        Ok(())
    }

    pub(crate) fn grayscale(&mut self, step: &str, rule: GrayRule, outputs: usize) -> Result<()> {
        if self.is_gray {
            return Err(Error::new(step, "comes after another grayscale").fix("keep one of them"));
        }
        if self.has_arithmetic() {
            return Err(Error::new(step, "comes after rescale or normalize")
                .why("the integers of gray are those of 8-bit pixels")
                .fix(format_args!("put {step} before them")));
        }
        self.is_gray = true;
        if self.source.channels() == CHANNELS {
            if self.values.channels != [0, 1, 2] {
                return Err(Error::new(step, "comes after channel_order")
                    .fix(format_args!("put {step} before channel_order")));
            }
            if self.stages.is_empty() {
                self.gray = Some(rule);
            } else {
                self.values.gray = Some(rule);
            }
        }
        self.values.channels = vec![0; outputs];
        Ok(())
    }

    pub(crate) fn reorder(&mut self, order: [usize; CHANNELS]) {
        if self.values.channels.len() != CHANNELS {
            return;
        }
        let permute = |operations: &mut Vec<Operation>| {
            for operation in operations {
                operation.operands = order.map(|channel| operation.operands[channel]);
            }
        };
        self.values.channels = order.map(|channel| self.values.channels[channel]).to_vec();
        permute(&mut self.values.operations);
        if let Some(float) = &mut self.float {
            permute(&mut float.operations);
        }
        self.change_value(|value| order.map(|channel| value[channel]));
    }

    pub(crate) fn operate(&mut self, operations: impl IntoIterator<Item = Operation>) {
        let operations: Vec<_> = operations.into_iter().collect();
        self.change_value(|value| {
            [0, 1, 2].map(|channel| f64::from(Operation::chain(&operations, value[channel] as f32, channel)))
        });
        self.values.operations.extend(operations);
    }

    /// A picture of the whole: of the image as it is read, or of what there is so far.
    pub(crate) fn overview(
        &mut self,
        step: &str,
        resample: Resample,
        of_source: bool,
        (place, always): (OverviewPlace, bool),
    ) -> Result<()> {
        if self.overview.is_some() {
            return Err(Error::new(step, "comes after another overview").fix("keep one of them"));
        }
        if self.has_arithmetic() {
            return Err(Error::new(step, "comes after rescale or normalize")
                .why("it is resized from 8-bit pixels")
                .fix(format_args!("put {step} before them")));
        }
        let resized = |stage: &Stage| stage.resample.is_some();
        if !of_source && self.stages.last().is_some_and(|stage| !resized(stage)) {
            return Err(Error::new(step, "is of a crop or a pad that no resize follows")
                .fix(format_args!("put {step} after a resize, or give of = \"source\"")));
        }
        self.overview = Some(Overview {
            after: if of_source { 0 } else { self.stages.len() },
            stages: vec![Stage {
                resample: Some(resample),
                ..Stage::default()
            }],
            place,
            always,
        });
        Ok(())
    }

    pub(crate) fn blocks(&mut self, step: &str, blocks: Blocks) -> Result<()> {
        if self.blocks.is_some() {
            return Err(Error::new(step, "comes after another blocks").fix("keep one of them"));
        }
        self.blocks = Some(blocks);
        Ok(())
    }

    pub(crate) fn finish(self, layout: Layout, dtype: Dtype) -> Result<Plan> {
        let mut plan = Plan {
            source: self.source,
            turn: self.turn,
            gray: self.gray,
            stages: self.stages,
            float: self.float,
            overview: self.overview,
            values: self.values,
            form: Form {
                layout,
                dtype,
                blocks: self.blocks,
            },
            outputs: Vec::new(),
        };
        if let Some(stage) = plan.stages.last_mut() {
            close(stage);
        }
        plan.check()?;
        Ok(plan)
    }

    /// Whether values are no longer those of pixels.
    pub(crate) fn has_arithmetic(&self) -> bool {
        !self.values.operations.is_empty() || self.float.is_some()
    }

    fn open(&mut self, stage: Stage) {
        if let Some(last) = self.stages.last_mut() {
            close(last);
        }
        self.stages.push(stage);
    }

    /// Refuses geometry after what must come last.
    fn geometry_may_follow(&self, step: &str) -> Result<()> {
        let refuse = |after: &str, fix: &str| {
            Err(Error::new(step, format_args!("comes after {after}")).fix(format_args!("put {step} {fix}")))
        };
        if self.blocks.is_some() {
            return refuse("blocks", "before blocks");
        }
        if self.values.gray.is_some() {
            return refuse(
                "a grayscale that follows other geometry",
                "before the grayscale, or the grayscale first",
            );
        }
        let last = match &self.float {
            Some(float) => float.after,
            None => self.stages.last().and_then(|stage| stage.after.or(stage.before)),
        };
        match last {
            Some(canvas) if canvas.is_of_batch() => {
                refuse("a pad to the largest of the batch", "before that pad")
            }
            Some(Canvas {
                fill: Fill::Value { .. },
                ..
            }) if self.float.is_none() => {
                refuse("a pad or crop after the arithmetic", "before the arithmetic")
            }
            _ => Ok(()),
        }
    }

    /// A colour given in the order of the channels now, in that of the image.
    fn in_image_order(&self, fill: Fill) -> Fill {
        let Fill::Color { color } = fill else { return fill };
        let mut ordered = color;
        if self.values.channels.len() == CHANNELS && !self.is_gray && self.source.channels() == CHANNELS {
            for (now, image) in self.values.channels.iter().enumerate() {
                ordered[*image] = color[now];
            }
        }
        Fill::Color { color: ordered }
    }

    /// Changes the fill that comes after the arithmetic.
    fn change_value(&mut self, change: impl Fn([f64; 3]) -> [f64; 3]) {
        let canvases = self
            .stages
            .iter_mut()
            .flat_map(|stage| [stage.before.as_mut(), stage.after.as_mut()])
            .chain([self.float.as_mut().and_then(|float| float.after.as_mut())]);
        for canvas in canvases.flatten() {
            if let Fill::Value { value } = &mut canvas.fill {
                *value = change(*value);
            }
        }
    }
}

/// A canvas without a resize stands after it.
fn close(stage: &mut Stage) {
    if stage.resample.is_none() && stage.after.is_none() {
        stage.after = stage.before.take();
    }
}

impl Step {
    /// The canvas of a step that is one.
    pub(crate) fn canvas(&self) -> Option<Canvas> {
        match self {
            Self::CenterCrop(step) => Some(step.canvas()),
            Self::Crop(step) => Some(step.canvas()),
            Self::Pad(step) => Some(step.canvas()),
            Self::Resize(_)
            | Self::Letterbox(_)
            | Self::RotateTo(_)
            | Self::Grayscale(_)
            | Self::ChannelOrder(_)
            | Self::Rescale(_)
            | Self::Normalize(_)
            | Self::RescaleNormalize(_)
            | Self::Arithmetic(_)
            | Self::Overview(_)
            | Self::Blocks(_) => None,
        }
    }
}

impl CenterCrop {
    /// Its canvas.
    pub(super) fn canvas(&self) -> Canvas {
        Canvas::fixed(
            self.size[0],
            self.size[1],
            crate::plan::Anchor::Center { rule: self.offset },
        )
    }
}
