//! What flows from the model's outputs through the steps.

use super::Role;
use crate::model::{Dimension, ElementType};
use crate::portable::graph::Value;

/// A tensor between steps.
#[derive(Clone)]
pub(super) struct Tensor {
    pub(super) value: Value,
    /// What the step before calls it: the model's output, or that of a step.
    pub(super) name: String,
    pub(super) element: ElementType,
    /// `None` where not even the rank is known.
    pub(super) shape: Option<Vec<Dimension>>,
    /// What it is as an output of the new file; none of an output of the model.
    pub(super) role: Option<Role>,
}

impl Tensor {
    /// What `role` made of it, of the same element type and shape.
    pub(super) fn made(&self, role: Role, value: Value) -> Self {
        Self {
            value,
            name: role.name().to_owned(),
            role: Some(role),
            ..self.clone()
        }
    }

    /// An extent, where it is known.
    pub(super) fn fixed(&self, axis: usize) -> Option<i64> {
        self.shape.as_ref()?.get(axis)?.fixed()
    }

    pub(super) fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }

    /// Element type and shape in words.
    pub(super) fn form(&self) -> String {
        let element = self.element;
        match &self.shape {
            None => format!("{element} of unknown rank"),
            Some(shape) => {
                let extents: Vec<_> = shape.iter().map(ToString::to_string).collect();
                format!("{element} [{}]", extents.join(", "))
            }
        }
    }
}

/// Whose coordinates boxes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Pixels of the tensor that the model takes.
    Input,
    /// The same, of models whose library goes back from a letterbox by its ratio alone, as if no edge had been rounded: YOLOv5
    /// and YOLOX.
    Ratio,
    /// Parts of the width and height of the image.
    Relative,
    /// Pixels of the image.
    Image,
}

/// What a detection has besides its box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// float32 [..., points, 2 or 3]: x, y and how sure it is.
    Keypoints { points: i64, numbers: i64 },
    /// float32 [..., 5]: centre, width, height and angle in radians.
    Rotated,
    /// float32 [..., count]: how much of each prototype a mask has.
    MaskWeights { count: i64 },
}

/// How many of the candidates of a family remain, where nobody says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usual {
    pub(super) score: f64,
    /// `None` where the model leaves no duplicates.
    pub(super) iou: Option<f64>,
    pub(super) max: usize,
    pub(super) agnostic: bool,
    /// Whose numbers these are.
    pub(super) whose: &'static str,
}

/// The boxes of every place.
#[derive(Clone)]
pub(super) enum Boxes {
    /// float32 [N, A, 4]: x1 y1 x2 y2.
    Corners(Value),
    /// float32 [N, A, channels], of which the first four are centre, width and height.
    Centred { rows: Value, channels: i64 },
}

impl Boxes {
    /// [N, A, ...]
    pub(super) fn rows(&self) -> &Value {
        match self {
            Self::Corners(rows) | Self::Centred { rows, .. } => rows,
        }
    }
}

/// The classes of every place.
#[derive(Clone)]
pub(super) enum Labels {
    /// int64 [N, A]
    Each(Value),
    /// The best of the channels `from..to` of float32 [N, A, channels], each of them times the channel `times`. Most places
    /// are left out by their score, and their best class is never looked for.
    Best {
        rows: Value,
        channels: i64,
        from: i64,
        to: i64,
        times: Option<i64>,
    },
}

/// What a detector says of every place, before anything is left out.
#[derive(Clone)]
pub(super) struct Candidates {
    pub(super) family: &'static str,
    pub(super) frame: Frame,
    pub(super) boxes: Boxes,
    /// float32 [N, A], or [N, classes, A] where a box can have several.
    pub(super) scores: Value,
    /// None where a box can have several.
    pub(super) labels: Option<Labels>,
    /// [N, A, ...]
    pub(super) parts: Vec<(Part, Value)>,
    /// float32 [N, prototypes, h, w]
    pub(super) prototypes: Option<Tensor>,
    pub(super) usual: Usual,
    /// Added to width and height where overlaps are measured: of libraries that count the last pixel.
    pub(super) edge: f32,
    /// The class of the first score.
    pub(super) first_class: i64,
}

/// The detections that remain.
#[derive(Clone)]
pub(super) struct Selected {
    pub(super) frame: Frame,
    /// float32 [M, 4]
    pub(super) boxes: Value,
    /// float32 [M]
    pub(super) scores: Value,
    /// int64 [M]
    pub(super) labels: Value,
    /// int64 [M]: which image of the batch.
    pub(super) image: Value,
    /// [M, ...]
    pub(super) parts: Vec<(Part, Value)>,
    pub(super) prototypes: Option<Tensor>,
    /// uint8 [M, rows, columns]
    pub(super) masks: Option<Value>,
}

/// Where the steps are.
#[derive(Clone)]
pub(super) enum Flow {
    /// No output was taken yet.
    Outputs,
    /// One tensor.
    Tensor(Tensor),
    /// What a detector says.
    Candidates(Box<Candidates>),
    /// What remains of that.
    Selected(Box<Selected>),
    /// Finished results, which nothing follows.
    Done,
}

impl Flow {
    /// What it is, for refusals.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Outputs => "the outputs of the model".to_owned(),
            Self::Tensor(tensor) => format!("`{}`: {}", tensor.name, tensor.form()),
            Self::Candidates(candidates) => format!("the candidates of {}", candidates.family),
            Self::Selected(_) => "detections that are selected already".to_owned(),
            Self::Done => "finished results".to_owned(),
        }
    }
}
