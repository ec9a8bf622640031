//! The nodes after the model under construction, and what is around them.

use onnx_protobuf::NodeProto;
use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::plan::Anchor;
use prep_onnx_pipeline::{Error, ErrorKind, Layout, Plan, Result, SizeRule};

use super::Role;
use super::flow::{Flow, Tensor};
use crate::model::{Dimension, ElementType, Model, Value as ModelValue, ValueType};
use crate::portable::graph::{Graph, Value};

/// What is before the model.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// The value that the model takes as its image, and its axis order.
    pub tensor: Option<(String, Layout)>,
    /// The plan of the preprocessing.
    pub plan: Option<Plan>,
    /// The value that holds the output `geometry` of the preprocessing.
    pub geometry: Option<String>,
    /// Outputs of the file that are the preprocessing's.
    pub outputs: Vec<String>,
    /// Whether all images of a batch have one size.
    pub one_size: bool,
    /// Height and width of every source image, where they are known.
    pub image_size: Option<(usize, usize)>,
    /// Nodes that make the geometry, where nothing in the model does: they come before the steps.
    pub nodes: Vec<NodeProto>,
}

/// An input that may be fed, and what it is where it is not.
pub(super) struct Threshold {
    pub(super) name: String,
    pub(super) default: f32,
}

/// An output of the new file.
pub(super) struct Out {
    pub(super) role: Role,
    pub(super) value: Value,
    pub(super) element: ElementType,
    pub(super) shape: Vec<Dimension>,
}

/// What an output of the model has to be for a step.
pub(super) struct Want {
    pub(super) step: &'static str,
    /// The key of the step that names the output, where it has one.
    pub(super) key: Option<&'static str>,
    /// In words: `[N, classes]`.
    pub(super) shape: &'static str,
    pub(super) fits: fn(&[Dimension]) -> bool,
}

pub(super) struct Builder<'a> {
    pub(super) graph: Graph,
    pub(super) model: &'a Model,
    pub(super) before: &'a Before,
    pub(super) flow: Flow,
    /// The outputs of the model that were taken.
    pub(super) taken: Vec<String>,
    pub(super) thresholds: Vec<Threshold>,
    pub(super) results: Vec<Out>,
    /// How many classes the model tells apart, where its outputs say it.
    pub(super) classes: Option<i64>,
    pub(super) notes: Vec<String>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(model: &'a Model, before: &'a Before) -> Self {
        let prefix = model.free_prefix("prep_onnx_after");
        Self {
            graph: Graph::new(&prefix, model.standard_opset().unwrap_or_default()),
            model,
            before,
            flow: Flow::Outputs,
            taken: Vec::new(),
            thresholds: Vec::new(),
            results: Vec::new(),
            classes: None,
            notes: Vec::new(),
        }
    }

    /// Notes the number of classes, of which a step later in the chain may have less to say.
    pub(super) fn tells_apart(&mut self, classes: Option<i64>) {
        self.classes = self.classes.or(classes.filter(|classes| *classes > 0));
    }

    /// The outputs of the model itself.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &'a ModelValue> {
        let ours = &self.before.outputs;
        self.model
            .outputs()
            .iter()
            .filter(move |output| !ours.contains(&output.name))
    }

    /// The outputs of the model, with their forms.
    pub(super) fn listed(&self) -> String {
        let listed: Vec<_> = self
            .outputs()
            .map(|output| format!("`{}` {}", output.name, output.value_type))
            .collect();
        listed.join("; ")
    }

    /// The tensor that a step works on: what the step before gave, or else the output of the model that `name` names,
    /// or the only one that fits.
    ///
    /// # Errors
    /// What does not fit, with what was seen.
    pub(super) fn tensor(&mut self, want: &Want, name: Option<&str>) -> Result<Tensor> {
        match &self.flow {
            Flow::Tensor(tensor) if name.is_none() => {
                let tensor = tensor.clone();
                check_fit(want, &tensor).map_err(|error| advised(error, tensor.shape.as_deref()))?;
                Ok(tensor)
            }
            Flow::Outputs => self.output(want, name).map_err(|error| {
                let mut outputs = self.outputs();
                match outputs.next().map(|output| &output.value_type) {
                    Some(ValueType::Tensor { element, shape })
                        if is_float(*element) && outputs.next().is_none() =>
                    {
                        advised(error, shape.as_deref())
                    }
                    _ => error,
                }
            }),
            other => Err(
                Error::new(want.step, "has nothing to work on that it can take").expected_got(
                    format_args!("an output of the model, {}", want.shape),
                    other.in_words(),
                ),
            ),
        }
    }

    /// An output of the model, as float32 where it is a float.
    ///
    /// # Errors
    /// As [`Builder::tensor`].
    pub(super) fn output(&mut self, want: &Want, name: Option<&str>) -> Result<Tensor> {
        let untaken = || self.outputs().filter(|output| !self.taken.contains(&output.name));
        let found = match name {
            Some(name) => {
                let output = self.outputs().find(|output| output.name == name);
                let output = output.ok_or_else(|| {
                    Error::new(format_args!("output `{name}`"), "the model has no such output")
                        .expected_got(self.listed(), format_args!("`{name}`"))
                })?;
                let tensor = float_tensor(output, want)?;
                check_fit(want, &tensor)?;
                tensor
            }
            None => {
                let all: Vec<_> = untaken().collect();
                let fitting: Vec<Tensor> = all
                    .iter()
                    .filter_map(|output| float_tensor(output, want).ok())
                    .filter(|tensor| check_fit(want, tensor).is_ok())
                    .collect();
                match (fitting.as_slice(), all.as_slice()) {
                    ([only], _) => only.clone(),
                    // Its own error says it best.
                    ([], [only]) => {
                        let tensor = float_tensor(only, want)?;
                        check_fit(want, &tensor)?;
                        tensor
                    }
                    ([], _) => {
                        return Err(Error::new(want.step, "the model has no output that fits")
                            .expected_got(format_args!("one output, {}", want.shape), self.listed()));
                    }
                    _ => {
                        let names: Vec<_> = fitting
                            .iter()
                            .map(|tensor| format!("`{}` {}", tensor.name, tensor.form()))
                            .collect();
                        let error = Error::new(want.step, "several outputs of the model can be meant")
                            .expected_got("one", names.join("; "));
                        return Err(match (want.key, fitting.first()) {
                            (Some(key), Some(first)) => error.fix(format_args!(
                                "name one: --then {}={key}={}",
                                want.step, first.name
                            )),
                            _ => error.fix("export the model with one such output"),
                        });
                    }
                }
            }
        };
        self.taken.push(found.name.clone());
        let mut found = found;
        if found.element != ElementType::FLOAT32 && is_float(found.element) {
            found.value = self.graph.float(&found.value);
            found.element = ElementType::FLOAT32;
        }
        Ok(found)
    }

    /// An input of the new file that has a default: float32 `[1]`.
    pub(super) fn threshold(&mut self, name: &str, default: f32) -> Value {
        let taken =
            |name: &String| self.model.has_name(name) || self.thresholds.iter().any(|t| t.name == *name);
        let mut free = name.to_owned();
        let mut number = 0;
        while taken(&free) {
            number += 1;
            free = format!("{name}_{number}");
        }
        self.thresholds.push(Threshold {
            name: free.clone(),
            default,
        });
        Value::named(free)
    }

    /// The value `geometry` of the preprocessing: float32 [N, 6].
    ///
    /// # Errors
    /// Without one.
    pub(super) fn geometry(&self, step: &str) -> Result<Value> {
        let geometry = self.before.geometry.as_ref();
        geometry.map(Value::named).ok_or_else(|| {
            Error::new(
                step,
                "needs the geometry of the images, which nothing in the model makes",
            )
            .why("how an image lies in the tensor of the model is known to the preprocessing alone")
            .fix("embed the preprocessing in the same step")
        })
    }

    /// Of a letterbox that enlarges: which part of what is left comes before the image, and height and width of the tensor, float32 [2].
    pub(super) fn letterbox(&mut self) -> Option<(f32, Value)> {
        let stage = self.before.plan.as_ref()?.stages.last()?;
        let SizeRule::Fit { enlarge: true, .. } = stage.resample.as_ref()?.size else {
            return None;
        };
        let part = match stage.after.as_ref()?.anchor {
            Anchor::TopLeft => 0.0,
            Anchor::Center { .. } => 0.5,
            Anchor::BottomRight | Anchor::Position { .. } => return None,
        };
        let (name, layout) = self.before.tensor.clone()?;
        let shape = self.graph.op("Shape", &[&Value::named(name)]);
        let edges = match layout {
            Layout::Nchw => [2, 3],
            Layout::Nhwc => [1, 2],
        };
        let edges = self.graph.pick(&shape, 0, &edges);
        Some((part, self.graph.cast(&edges, DataType::FLOAT)))
    }

    /// Height and width of every source image, where they are known.
    pub(super) fn source_size(&self) -> [Option<i64>; 2] {
        match self.before.image_size {
            Some((height, width)) => [Some(height as i64), Some(width as i64)],
            None => [None, None],
        }
    }

    /// A symbol for the number of detections.
    pub(super) fn detections(&self) -> Dimension {
        let values = self.model.inputs().chain(self.model.outputs());
        let used: Vec<&Dimension> = values
            .filter_map(|value| match &value.value_type {
                ValueType::Tensor { shape, .. } => shape.as_ref(),
                ValueType::Other { .. } => None,
            })
            .flatten()
            .collect();
        let mut name = "detections".to_owned();
        while used.contains(&&Dimension::Symbolic(name.clone())) {
            name.push('_');
        }
        Dimension::Symbolic(name)
    }

    pub(super) fn give(&mut self, role: Role, value: Value, element: ElementType, shape: Vec<Dimension>) {
        self.results.push(Out {
            role,
            value,
            element,
            shape,
        });
    }
}

fn is_float(element: ElementType) -> bool {
    [
        DataType::FLOAT,
        DataType::FLOAT16,
        DataType::DOUBLE,
        DataType::BFLOAT16,
    ]
    .iter()
    .any(|float| *float as i32 == element.0)
}

fn float_tensor(output: &ModelValue, want: &Want) -> Result<Tensor> {
    let wrong = || {
        Error::new(
            want.step,
            format_args!("does not take the output `{}`", output.name),
        )
        .expected_got(
            format_args!("float32 or float16 {}", want.shape),
            &output.value_type,
        )
        .with_kind(ErrorKind::Model)
    };
    let ValueType::Tensor { element, shape } = &output.value_type else {
        return Err(wrong());
    };
    if !is_float(*element) {
        return Err(wrong());
    }
    Ok(Tensor {
        value: Value::named(&output.name),
        name: output.name.clone(),
        element: *element,
        shape: shape.clone(),
        role: None,
    })
}

fn check_fit(want: &Want, tensor: &Tensor) -> Result<()> {
    let wrong = || {
        Error::new(
            want.step,
            format_args!("does not take the output `{}`", tensor.name),
        )
        .expected_got(want.shape, tensor.form())
        .with_kind(ErrorKind::Model)
    };
    let Some(shape) = &tensor.shape else {
        return Err(wrong()
            .why("the file does not say how many axes the output has")
            .fix("export the model with shapes, or infer them with onnx.shape_inference"));
    };
    if (want.fits)(shape) { Ok(()) } else { Err(wrong()) }
}

/// With the steps that take an output of such a shape, where nothing better is said.
fn advised(error: Error, shape: Option<&[Dimension]>) -> Error {
    if error.help().is_some() {
        return error;
    }
    error.fix(match shape.map(<[Dimension]>::len) {
        Some(2) => {
            "scores of classes are for --then softmax, sigmoid, top_k or argmax, an embedding for --then l2_normalize"
        }
        Some(3) => {
            "candidates of a detector are for --then detections=FAMILY, depth [N, rows, columns] for --then resize_to_image"
        }
        Some(4) => "maps of classes or of depth are for --then resize_to_image and --then argmax",
        _ => "prep-onnx steps lists what each step takes",
    })
}
