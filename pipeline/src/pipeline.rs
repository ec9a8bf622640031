//! A pipeline: preprocessing as data.

use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::{Answers, Extras};
use crate::plan::{Plan, SourceFormat};
use crate::scalar::{form, source};
use crate::schema::{Document, Notation, typed};
use crate::steps::{Context, Letterbox, Overview, OverviewOf, Pixels, PlanBuilder, Resize, Step};
use crate::{CHANNELS, Dtype, Error, ErrorKind, FusedPlan, Layout, Resampler, Result, Tensor};

/// The steps from an RGB uint8 image to a model's input, and the form of the result.
///
/// ```
/// use prep_onnx_pipeline::{Notation, Pipeline};
///
/// let pipeline = Pipeline::parse(
///     r#"
///     [[steps]]
///     step = "resize"
///     size = { shortest_edge = 256 }
///     filter = "bilinear"
///
///     [[steps]]
///     step = "center_crop"
///     size = [224, 224]
///
///     [[steps]]
///     step = "rescale"
///     divisor = 255
///     "#,
///     Notation::Toml,
/// )?;
/// assert_eq!(pipeline.steps.len(), 3);
/// # Ok::<(), prep_onnx_pipeline::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pipeline {
    /// One line on what it is for.
    pub description: Option<String>,
    /// What the host hands over.
    pub input: SourceFormat,
    /// The colour that a host lays transparent pixels over before it hands an image over, as `PIL.Image.alpha_composite`
    /// does; `None` drops alpha, as `convert("RGB")` does. Images have no alpha any more where the steps begin.
    pub background: Option<[u8; CHANNELS]>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The form of the result.
    pub output: Output,
}

/// The form of a pipeline's result; what is not given follows from the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Axis order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Element type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<Dtype>,
}

impl Output {
    /// Axis order and element type, with the usual ones (NCHW, float32) where none is given.
    pub fn or_usual(self) -> (Layout, Dtype) {
        (
            self.layout.unwrap_or(Layout::Nchw),
            self.dtype.unwrap_or(Dtype::Float32),
        )
    }
}

impl Pipeline {
    /// Reads a pipeline and checks it.
    ///
    /// # Errors
    /// Names the line and the key, and the expected and the actual value.
    pub fn parse(text: &str, notation: Notation) -> Result<Self> {
        let document = Document::parse(text, notation)?;
        Self::from_value(document.value.clone()).map_err(|error| document.with_line(error))
    }

    /// Reads a pipeline from parsed values and checks it.
    ///
    /// # Errors
    /// Names the key.
    pub fn from_value(value: Value) -> Result<Self> {
        Self::read(value).map_err(|error| error.or_kind(ErrorKind::Config))
    }

    fn read(value: Value) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys {
            #[serde(default)]
            description: Option<String>,
            #[serde(default)]
            input: Option<Input>,
            #[serde(default)]
            background: Option<[u8; CHANNELS]>,
            steps: Vec<serde_json::Map<String, Value>>,
            #[serde(default)]
            output: serde_json::Map<String, Value>,
        }
        let Keys {
            description,
            input,
            background,
            steps,
            output,
        } = typed(value)?;
        // Tables first: serde would take lists of values, too.
        let within = |key: &'static str| move |error: Error| error.within_key(key);
        let input = input.map(|input| typed(input.into()).map_err(within("input")));
        let output = typed(output.into()).map_err(within("output"))?;
        let steps = steps
            .into_iter()
            .enumerate()
            .map(|(index, keys)| {
                parse_step(keys).map_err(|error| error.within_key(format_args!("steps[{index}]")))
            })
            .collect::<Result<Vec<_>>>()?;
        let pipeline = Self {
            description,
            input: input.transpose()?.unwrap_or_default(),
            background,
            steps,
            output,
        };
        pipeline.check()?;
        Ok(pipeline)
    }

    /// The colour that a decoder lays transparent pixels over so that an RGB image becomes what this pipeline makes of the
    /// file; `None` where it drops alpha.
    pub fn decoded_over(&self) -> Option<[u8; CHANNELS]> {
        match self.input {
            SourceFormat::Rgba { over } => over.or(self.background),
            SourceFormat::Rgb
            | SourceFormat::Bgr
            | SourceFormat::Gray
            | SourceFormat::Nv12 { .. }
            | SourceFormat::I420 { .. } => self.background,
        }
    }

    /// Checks the parameters of every step, and that the steps fold into one plan.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<()> {
        for (index, step) in self.steps.iter().enumerate() {
            step.check().map_err(|error| {
                error
                    .within_key(format_args!("steps[{index}]"))
                    .or_kind(ErrorKind::Config)
            })?;
        }
        let (layout, dtype) = self.output.or_usual();
        self.compile(layout, dtype).map(drop)
    }

    /// Canonical JSON: sorted keys, no white space. Equal pipelines have equal texts.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// The pipeline as JSON values.
    pub fn to_value(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            let mut value = serde_json::to_value(step).unwrap_or_default();
            value["step"] = step.name().into();
            value
        });
        let mut value = serde_json::json!({ "steps": steps.collect::<Vec<_>>() });
        if let Some(description) = &self.description {
            value["description"] = description.clone().into();
        }
        if self.input != SourceFormat::default() {
            value["input"] = serde_json::to_value(self.input).unwrap_or_default();
        }
        if let Some(colour) = self.background {
            value["background"] = colour.into();
        }
        if self.output != Output::default() {
            value["output"] = serde_json::to_value(self.output).unwrap_or_default();
        }
        value
    }

    /// The same pipeline with every resize done by another resampler.
    pub fn with_resampler(mut self, resampler: Resampler) -> Self {
        for step in &mut self.steps {
            match step {
                Step::Resize(resize) => *resize = Resize { resampler, ..*resize },
                Step::Letterbox(letterbox) => {
                    *letterbox = Letterbox {
                        resampler,
                        ..*letterbox
                    }
                }
                Step::Overview(overview) => {
                    *overview = Overview {
                        resampler,
                        ..*overview
                    }
                }
                Step::CenterCrop(_)
                | Step::Crop(_)
                | Step::Pad(_)
                | Step::RotateTo(_)
                | Step::Grayscale(_)
                | Step::ChannelOrder(_)
                | Step::Rescale(_)
                | Step::Normalize(_)
                | Step::RescaleNormalize(_)
                | Step::Arithmetic(_)
                | Step::Blocks(_) => {}
            }
        }
        self
    }

    /// The plan that backends execute.
    ///
    /// # Errors
    /// Names the step that cannot be part of a plan, and says why.
    pub fn compile(&self, layout: Layout, dtype: Dtype) -> Result<Plan> {
        let mut builder = PlanBuilder::new(self.input);
        for (index, step) in self.steps.iter().enumerate() {
            step.fold(&mut builder).map_err(|error| {
                error
                    .within_key(format_args!("steps[{index}]"))
                    .or_kind(ErrorKind::Config)
            })?;
        }
        builder
            .finish(layout, dtype)
            .map_err(|error| error.or_kind(ErrorKind::Config))
    }

    /// The plan as version 1 of the op has it.
    ///
    /// # Errors
    /// Those of [`Pipeline::compile`] and [`Plan::to_v1`]; names the first step that version 1 has not.
    pub fn plan(&self, layout: Layout, dtype: Dtype) -> Result<FusedPlan> {
        self.compile(layout, dtype)?.to_v1().map_err(|error| {
            let first = (0..self.steps.len()).find(|index| !self.has_v1_start(*index + 1, layout, dtype));
            match first {
                Some(index) if self.has_v1_start(index, layout, dtype) => error
                    .of(self.steps[index].name())
                    .within_key(format_args!("steps[{index}]")),
                _ if self.input != SourceFormat::default() => error.of("input"),
                _ => error.of("steps"),
            }
        })
    }

    /// Whether version 1 has the first `count` steps.
    fn has_v1_start(&self, count: usize, layout: Layout, dtype: Dtype) -> bool {
        let start = Self {
            description: None,
            input: self.input,
            background: self.background,
            steps: self.steps[..count].to_vec(),
            output: self.output,
        };
        start
            .compile(layout, dtype)
            .is_ok_and(|plan| plan.to_v1().is_ok())
    }

    /// The scalar reference: applies step after step to one image, [height, width, 3] or as [`Pipeline::input`] has it.
    ///
    /// This is the meaning of a pipeline; every backend gives these bits.
    ///
    /// # Errors
    /// When the image has no pixels, has another number of channels, or would be resized to nothing.
    pub fn reference(&self, image: ArrayView3<'_, u8>, layout: Layout, dtype: Dtype) -> Result<Tensor> {
        let plan = self.compile(layout, dtype)?;
        self.tensor(&plan, image, None)
    }

    /// The scalar reference of a batch: the tensors, and the outputs `geometry`, `mask`, `sizes` and `grid` of each image.
    ///
    /// # Errors
    /// As for [`Pipeline::reference`]; names the image.
    pub fn reference_batch(
        &self,
        images: &[ArrayView3<'_, u8>],
        layout: Layout,
        dtype: Dtype,
    ) -> Result<Answers> {
        let plan = self.compile(layout, dtype)?;
        let batch = plan.batch_of(images)?;
        let mut answers = Answers::default();
        for (index, image) in images.iter().enumerate() {
            let within = |error: Error| error.within_key(format_args!("images[{index}]"));
            let tensor = self
                .tensor(&plan, image.view(), batch.map(|batch| batch.size))
                .map_err(within)?;
            let geometry = plan.geometry_of(image, batch).map_err(within)?;
            answers.tensors.push(tensor);
            answers.extras.push(Extras::of(&plan, &geometry));
        }
        Ok(answers)
    }

    /// The steps that make the tiles beside a picture of the whole.
    fn of_tiles(&self) -> Self {
        let mut tiles = self.clone();
        tiles.steps.retain(|step| !matches!(step, Step::Overview(_)));
        tiles
    }

    /// The steps that make the picture of the whole.
    fn of_the_whole(&self) -> Self {
        let is_overview = |step: &Step| matches!(step, Step::Overview(_));
        let at = self.steps.iter().position(is_overview).unwrap_or(0);
        let mut whole = self.clone();
        whole.steps.clear();
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Overview(overview) => whole.steps.push(Step::Resize(overview.resize())),
                Step::Resize(_) | Step::CenterCrop(_) | Step::Crop(_) | Step::Pad(_) | Step::Letterbox(_) => {
                    let here =
                        matches!(self.steps.get(at), Some(Step::Overview(o)) if o.of == OverviewOf::Here);
                    if index < at && here {
                        whole.steps.push(step.clone());
                    }
                }
                Step::RotateTo(_)
                | Step::Grayscale(_)
                | Step::ChannelOrder(_)
                | Step::Rescale(_)
                | Step::Normalize(_)
                | Step::RescaleNormalize(_)
                | Step::Arithmetic(_)
                | Step::Blocks(_) => whole.steps.push(step.clone()),
            }
        }
        whole
    }

    fn tensor(
        &self,
        plan: &Plan,
        image: ArrayView3<'_, u8>,
        batch: Option<(usize, usize)>,
    ) -> Result<Tensor> {
        if let Some(whole) = plan.overview_alone() {
            let tiles = Self::tensor(&self.of_tiles(), &plan.tiles_alone(), image.view(), batch)?;
            let whole = Self::tensor(&self.of_the_whole(), &whole, image, None)?;
            return Ok(plan.beside(tiles, whole));
        }
        let mut image = source::read(self.input, image)?;
        let gray_source = image.dim().2 == 1;
        if gray_source {
            image = image.select(ndarray::Axis(2), &[0; CHANNELS]);
        }
        let (height, width, _) = image.dim();
        let turned = plan.turn.is_some_and(|turn| turn.turns((height, width)));
        let context = Context {
            source: if turned { (width, height) } else { (height, width) },
            batch,
            gray_source,
        };
        let mut pixels = Pixels::Uint8(image);
        let mut steps = self.steps.iter().enumerate().peekable();
        while let Some((index, step)) = steps.next() {
            let canvas = steps.peek().and_then(|(_, next)| next.canvas());
            let applied = match (step, canvas) {
                // Of a thin image only the crop fits into memory.
                (Step::Resize(resize), Some(canvas)) => {
                    steps.next();
                    resize.apply_on(pixels, &canvas, &context)
                }
                _ => step.apply(pixels, &context),
            };
            pixels = applied.map_err(|error| error.within_key(format_args!("steps[{index}]")))?;
        }
        form::finish(pixels, plan.form)
    }
}

/// What `input` is written as: its format alone, or a table.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected the name of a format such as \"gray\", or a table such as { format = \"rgba\", over = [255, 255, 255] }"
)]
enum Input {
    Format(String),
    Table(serde_json::Map<String, Value>),
}

impl From<Input> for Value {
    fn from(input: Input) -> Self {
        match input {
            Input::Format(format) => serde_json::json!({ "format": format }),
            Input::Table(table) => table.into(),
        }
    }
}

fn parse_step(mut keys: serde_json::Map<String, Value>) -> Result<Step> {
    let name = match keys.remove("step") {
        Some(Value::String(name)) => name,
        got => {
            let names: Vec<_> = Step::ALL.iter().map(|step| step.name).collect();
            let got = got.map_or_else(|| "nothing".to_owned(), |got| got.to_string());
            return Err(Error::new("step", "does not name a step")
                .expected_got(format_args!("one of {}", names.join(", ")), got));
        }
    };
    Step::parse(&name, keys.into())
}
