//! What the model gives of one image: a row of numbers, or answers by what they are.

use ndarray::{ArrayViewD, Axis};
use ort::session::SessionOutputs;
use ort::value::TensorElementType;
use prep_onnx_pipeline::{Error, Result};
use prep_onnx_rewriter::after::{Recorded, Role};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Of one image.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Output {
    /// The image's row of the model's first output.
    Row {
        /// The row.
        output: Vec<f32>,
    },
    /// What steps after the model say, in pixels of the image.
    Answers(Map<String, Value>),
}

/// What the steps after a model say of each of `images` images.
///
/// # Errors
/// An output that is missing, or not what the file says.
pub(crate) fn answers(after: &Recorded, outputs: &SessionOutputs<'_>, images: usize) -> Result<Vec<Output>> {
    let mut all = vec![Map::new(); images];
    if after.outputs.contains_key(&Role::Boxes) {
        detections(after, outputs, &mut all)?;
    } else {
        for (role, name) in &after.outputs {
            for (index, answers) in all.iter_mut().enumerate() {
                of_image(after, *role, &Tensor::of(outputs, name)?.row(index)?, answers);
            }
        }
        all.iter_mut().for_each(|answers| join_classes(after, answers));
    }
    Ok(all.into_iter().map(Output::Answers).collect())
}

/// A tensor as numbers.
struct Tensor<'a> {
    name: &'a str,
    shape: Vec<usize>,
    values: Vec<f64>,
    /// Whether they are whole.
    whole: bool,
}

impl<'a> Tensor<'a> {
    fn of(outputs: &'a SessionOutputs<'_>, name: &'a str) -> Result<Self> {
        let value = outputs
            .get(name)
            .ok_or_else(|| Error::new("model", format_args!("gave no output `{name}`")))?;
        let failed = |error: ort::Error| Error::new(name, format_args!("cannot be read: {error}"));
        let whole = |type_: TensorElementType| type_ != TensorElementType::Float32;
        let numbers = |shape: &[i64], values: Vec<f64>| Self {
            name,
            shape: shape
                .iter()
                .map(|extent| usize::try_from(*extent).unwrap_or_default())
                .collect(),
            values,
            whole: value.dtype().tensor_type().is_some_and(whole),
        };
        Ok(match value.dtype().tensor_type() {
            Some(TensorElementType::Int64) => {
                let (shape, values) = value.try_extract_tensor::<i64>().map_err(failed)?;
                numbers(shape, values.iter().map(|value| *value as f64).collect())
            }
            Some(TensorElementType::Uint8) => {
                let (shape, values) = value.try_extract_tensor::<u8>().map_err(failed)?;
                numbers(shape, values.iter().map(|value| f64::from(*value)).collect())
            }
            _ => {
                let (shape, values) = value.try_extract_tensor::<f32>().map_err(failed)?;
                numbers(shape, values.iter().map(|value| f64::from(*value)).collect())
            }
        })
    }

    /// What is at `index` of the first axis.
    fn row(&self, index: usize) -> Result<Self> {
        let lacking = || {
            Error::new("model", format_args!("gave no row {index} of `{}`", self.name)).expected_got(
                format_args!("more than {index}"),
                format_args!("{:?}", self.shape),
            )
        };
        let view = ArrayViewD::from_shape(self.shape.as_slice(), &self.values).map_err(|_| lacking())?;
        if view.ndim() == 0 || index >= view.shape()[0] {
            return Err(lacking());
        }
        let row = view.index_axis(Axis(0), index);
        Ok(Self {
            name: self.name,
            shape: row.shape().to_vec(),
            values: row.iter().copied().collect(),
            whole: self.whole,
        })
    }

    fn number(&self, value: f64) -> Value {
        if self.whole {
            json!(value as i64)
        } else {
            json!(value as f32)
        }
    }

    /// Lists of lists, as deep as there are axes.
    fn json(&self) -> Value {
        fn nested(tensor: &Tensor<'_>, shape: &[usize], values: &[f64]) -> Value {
            match shape {
                [] => values.first().map_or(Value::Null, |value| tensor.number(*value)),
                [_] => values.iter().map(|value| tensor.number(*value)).collect(),
                [_, rest @ ..] => {
                    let size = rest.iter().product::<usize>().max(1);
                    values
                        .chunks(size)
                        .map(|values| nested(tensor, rest, values))
                        .collect()
                }
            }
        }
        nested(self, &self.shape, &self.values)
    }

    /// A picture as runs of equal numbers, row after row: [number, length, …].
    fn runs(&self) -> Value {
        let mut runs: Vec<Value> = Vec::new();
        for run in self.values.chunk_by(|one, other| one == other) {
            runs.extend([self.number(run[0]), json!(run.len())]);
        }
        let rows: Vec<usize> = self.shape.iter().rev().take(2).rev().copied().collect();
        json!({ "size": rows, "runs": runs })
    }
}

/// A list `detections` for each image.
fn detections(after: &Recorded, outputs: &SessionOutputs<'_>, all: &mut [Map<String, Value>]) -> Result<()> {
    let tensors: Vec<(Role, Tensor<'_>)> = (after.outputs.iter())
        .map(|(role, name)| Ok((*role, Tensor::of(outputs, name)?)))
        .collect::<Result<_>>()?;
    let image = tensors
        .iter()
        .find(|(role, _)| *role == Role::Image)
        .map(|(_, tensor)| tensor);
    let image = image.ok_or_else(|| Error::new("model", "does not say which image a detection is of"))?;
    let mut lists = vec![Vec::new(); all.len()];
    for (index, place) in image.values.iter().enumerate() {
        let mut found = Map::new();
        for (role, tensor) in &tensors {
            let row = tensor.row(index)?;
            match role {
                Role::Image => {}
                Role::Boxes => {
                    found.insert("box".to_owned(), row.json());
                }
                Role::Labels => {
                    found.insert("label".to_owned(), row.json());
                    named(after, &row, &mut found);
                }
                Role::Scores => {
                    found.insert("score".to_owned(), row.json());
                }
                Role::Masks => {
                    found.insert("mask".to_owned(), row.runs());
                }
                Role::Rotated
                | Role::Keypoints
                | Role::Probabilities
                | Role::Embeddings
                | Role::Indices
                | Role::Classes
                | Role::Above
                | Role::Resized => {
                    found.insert(role.name().to_owned(), row.json());
                }
            }
        }
        if let Some(list) = lists.get_mut(*place as usize) {
            list.push(Value::Object(found));
        }
    }
    for (answers, list) in all.iter_mut().zip(lists) {
        answers.insert("detections".to_owned(), Value::Array(list));
    }
    Ok(())
}

/// The name of the class, where there are names.
fn named(after: &Recorded, label: &Tensor<'_>, into: &mut Map<String, Value>) {
    let class = label.values.first().copied().unwrap_or(-1.0);
    if let (true, Some(name)) = (class >= 0.0, after.labels.get(class as usize)) {
        into.insert("name".to_owned(), name.as_str().into());
    }
}

/// What one output says of one image.
fn of_image(after: &Recorded, role: Role, row: &Tensor<'_>, into: &mut Map<String, Value>) {
    match role {
        Role::Labels => {
            into.insert("label".to_owned(), row.json());
            named(after, row, into);
        }
        // Maps of the size of the image: most of their neighbours are equal.
        Role::Classes | Role::Masks | Role::Above => {
            into.insert(role.name().to_owned(), row.runs());
        }
        Role::Boxes
        | Role::Scores
        | Role::Image
        | Role::Rotated
        | Role::Keypoints
        | Role::Probabilities
        | Role::Embeddings
        | Role::Indices
        | Role::Resized => {
            into.insert(role.name().to_owned(), row.json());
        }
    }
}

/// Scores and indices of the highest classes as one list.
fn join_classes(after: &Recorded, answers: &mut Map<String, Value>) {
    if !after.outputs.contains_key(&Role::Indices) {
        return;
    }
    let (Some(Value::Array(scores)), Some(Value::Array(indices))) = (
        answers.remove(Role::Scores.name()),
        answers.remove(Role::Indices.name()),
    ) else {
        return;
    };
    let classes = scores.into_iter().zip(indices).map(|(score, label)| {
        let name = label.as_u64().and_then(|label| after.labels.get(label as usize));
        let mut entry = json!({ "label": label, "score": score });
        if let Some(name) = name {
            entry["name"] = name.as_str().into();
        }
        entry
    });
    answers.insert("classes".to_owned(), classes.collect());
}
