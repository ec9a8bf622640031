//! A pipeline: preprocessing as data.

use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::Elements;
use crate::plan::PlanBuilder;
use crate::schema::{Document, Notation, typed};
use crate::steps::{Pixels, Resize, Step};
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
            steps: Vec<serde_json::Map<String, Value>>,
            #[serde(default)]
            output: Output,
        }
        let Keys {
            description,
            steps,
            output,
        } = typed(value)?;
        let steps = steps
            .into_iter()
            .enumerate()
            .map(|(index, keys)| {
                parse_step(keys).map_err(|error| error.within_key(format_args!("steps[{index}]")))
            })
            .collect::<Result<Vec<_>>>()?;
        let pipeline = Self {
            description,
            steps,
            output,
        };
        pipeline.check()?;
        Ok(pipeline)
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
        self.plan(layout, dtype).map(drop)
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
        if self.output != Output::default() {
            value["output"] = serde_json::to_value(self.output).unwrap_or_default();
        }
        value
    }

    /// The same pipeline with every resize done by another resampler.
    pub fn with_resampler(mut self, resampler: Resampler) -> Self {
        for step in &mut self.steps {
            if let Step::Resize(resize) = step {
                *resize = Resize { resampler, ..*resize };
            }
        }
        self
    }

    /// The plan that backends execute.
    ///
    /// # Errors
    /// Names the step that cannot be part of one pass over the image, and says why.
    pub fn plan(&self, layout: Layout, dtype: Dtype) -> Result<FusedPlan> {
        let mut builder = PlanBuilder::default();
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

    /// The scalar reference: applies step after step to one RGB image, [height, width, 3].
    ///
    /// This is the meaning of a pipeline; every backend gives these bits.
    ///
    /// # Errors
    /// When the image has no pixels, has other than three channels, or would be resized to nothing.
    pub fn reference(&self, image: ArrayView3<'_, u8>, layout: Layout, dtype: Dtype) -> Result<Tensor> {
        let (height, width, channels) = image.dim();
        if height == 0 || width == 0 || channels != CHANNELS {
            return Err(Error::new("image", "is not an RGB image")
                .expected_got(
                    "a shape of [height, width, 3]",
                    format_args!("[{height}, {width}, {channels}]"),
                )
                .with_kind(ErrorKind::Image));
        }
        let mut pixels = Pixels::Uint8(image.to_owned());
        let mut steps = self.steps.iter().enumerate().peekable();
        while let Some((index, step)) = steps.next() {
            let applied = match (step, steps.peek()) {
                // Of a thin image only the crop fits into memory.
                (Step::Resize(resize), Some((_, Step::CenterCrop(crop)))) => {
                    steps.next();
                    resize.apply_cropped(pixels, crop)
                }
                _ => step.apply(pixels),
            };
            pixels = applied.map_err(|error| error.within_key(format_args!("steps[{index}]")))?;
        }
        finish(pixels, layout, dtype)
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

fn finish(pixels: Pixels, layout: Layout, dtype: Dtype) -> Result<Tensor> {
    let order = |dim: (usize, usize, usize)| match layout {
        Layout::Nchw => ([2, 0, 1], [1, dim.2, dim.0, dim.1]),
        Layout::Nhwc => ([0, 1, 2], [1, dim.0, dim.1, dim.2]),
    };
    let (shape, elements) = match (pixels, dtype) {
        (Pixels::Uint8(image), Dtype::Uint8) => {
            let (axes, shape) = order(image.dim());
            (
                shape,
                Elements::Uint8(image.permuted_axes(axes).iter().copied().collect()),
            )
        }
        (Pixels::Float32(_), Dtype::Uint8) => {
            return Err(Error::new(
                "dtype",
                "uint8 cannot hold the result of rescale or normalize",
            ));
        }
        (pixels, Dtype::Float32 | Dtype::Float16) => {
            let image = crate::steps::to_float(pixels);
            let (axes, shape) = order(image.dim());
            let image = image.permuted_axes(axes);
            let elements = match dtype {
                Dtype::Float16 => {
                    Elements::Float16(image.iter().map(|value| half::f16::from_f32(*value)).collect())
                }
                Dtype::Float32 | Dtype::Uint8 => Elements::Float32(image.iter().copied().collect()),
            };
            (shape, elements)
        }
    };
    Ok(Tensor { shape, elements })
}
