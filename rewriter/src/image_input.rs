//! Which input of a model takes the image, and in what form.

use prep_onnx_pipeline::plan::Blocks;
use prep_onnx_pipeline::{CHANNELS, Dtype, Error, ErrorKind, Layout, Plan, Result};
use serde::Serialize;

use crate::model::{Dimension, ElementType, Model, Value, ValueType};

/// How many inputs an error lists.
const MAX_LISTED: usize = 20;

/// The input of a model that takes the preprocessed image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageInput {
    /// Its name.
    pub name: String,
    /// Its element type.
    #[serde(serialize_with = "crate::text::as_text")]
    pub dtype: Dtype,
    /// Its axis order.
    #[serde(serialize_with = "crate::text::as_text")]
    pub layout: Layout,
    /// Whether the shape itself tells the axis order; otherwise `assumptions` says what was assumed.
    pub layout_is_certain: bool,
    /// Its shape: four dimensions, or as many as blocks give it.
    pub shape: Vec<Dimension>,
    /// What the file left open and how it was understood, one line each.
    pub assumptions: Vec<String>,
}

/// What a pipeline makes: which inputs can take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageKind {
    /// Channels of the images: 3, or 1 for gray.
    pub channels: usize,
    /// A cut into blocks, which lie on axes of their own.
    pub blocks: Option<Blocks>,
}

impl ImageKind {
    /// RGB images of rank 4.
    pub const RGB: Self = Self {
        channels: CHANNELS,
        blocks: None,
    };

    /// What `plan` makes.
    pub fn of(plan: &Plan) -> Self {
        Self {
            channels: plan.channels(),
            blocks: plan.form.blocks,
        }
    }

    /// The number of axes.
    fn rank(self) -> usize {
        match self.blocks {
            None => 4,
            Some(Blocks::Tiles { joined, sample, .. }) => 5 - usize::from(joined) + usize::from(sample),
            Some(Blocks::Frame { .. }) => 5,
            Some(Blocks::Patches { joined, .. }) => 3 - usize::from(joined),
        }
    }

    /// The axes of the channels, first or last of an image.
    fn channel_axes(self) -> Option<[usize; 2]> {
        match self.blocks {
            // Before the frames, which stand before rows and columns.
            Some(Blocks::Frame { after_channels: true }) => Some([1, 4]),
            None | Some(Blocks::Tiles { .. } | Blocks::Frame { .. }) => {
                Some([self.rank() - 3, self.rank() - 1])
            }
            Some(Blocks::Patches { .. }) => None,
        }
    }

    fn name(self) -> &'static str {
        if self.channels == 1 {
            "1 (gray images)"
        } else {
            "3 (RGB images)"
        }
    }
}

impl ImageInput {
    /// Finds the image input of `model` that takes RGB images: see [`ImageInput::find_for`].
    ///
    /// # Errors
    /// Those of [`ImageInput::find_for`].
    pub fn find(model: &Model, name: Option<&str>) -> Result<Self> {
        Self::find_for(model, name, ImageKind::RGB)
    }

    /// Finds the image input of `model`: the only input of the rank of `kind` (4 without blocks) with elements of type
    /// float32, float16 or uint8 that is no initializer, or the one that `name` names.
    ///
    /// # Errors
    /// No such input, or several; an input of another rank, element type or number of channels.
    pub fn find_for(model: &Model, name: Option<&str>, kind: ImageKind) -> Result<Self> {
        let found = match name {
            Some(name) => named(model, name)
                .and_then(|value| Self::of_any_rank(value, kind).map_or_else(|| Self::read(value, kind), Ok)),
            None => only_candidate(model, kind).and_then(|value| Self::read(value, kind)),
        };
        found.map_err(|error| error.within(model.path().display()).or_kind(ErrorKind::Model))
    }

    /// The batch size: the first dimension.
    pub fn batch(&self) -> &Dimension {
        self.dimension(0)
    }

    /// (height, width); unknown of blocks.
    pub fn size(&self) -> (&Dimension, &Dimension) {
        match (self.shape.len(), self.layout) {
            (4, Layout::Nchw) => (self.dimension(2), self.dimension(3)),
            (4, Layout::Nhwc) => (self.dimension(1), self.dimension(2)),
            _ => (&Dimension::Unknown, &Dimension::Unknown),
        }
    }

    fn dimension(&self, axis: usize) -> &Dimension {
        self.shape.get(axis).unwrap_or(&Dimension::Unknown)
    }

    /// The same input with the axis order that a pipeline asks for, where the shape leaves it open.
    #[must_use]
    pub fn with_layout(mut self, layout: Layout) -> Self {
        if !self.layout_is_certain && layout != self.layout {
            self.layout = layout;
            self.assumptions = vec![format!(
                "input `{}`: the axis order is {layout}, as the pipeline says",
                self.name
            )];
        }
        self
    }

    /// An input of which the file does not even say the rank, once somebody has named it; `None` for another one.
    fn of_any_rank(value: &Value, kind: ImageKind) -> Option<Self> {
        let ValueType::Tensor { element, shape: None } = &value.value_type else {
            return None;
        };
        let layout = Layout::Nchw;
        Some(Self {
            name: value.name.clone(),
            dtype: dtype(*element)?,
            layout,
            layout_is_certain: false,
            shape: vec![Dimension::Unknown; kind.rank()],
            assumptions: vec![format!(
                "input `{}` has no rank in the file: it is taken as {layout} images of any size",
                value.name
            )],
        })
    }

    fn read(value: &Value, kind: ImageKind) -> Result<Self> {
        let (dtype, shape) = tensor(value, kind)?;
        let (layout, assumption) = match kind.channel_axes() {
            None => (Layout::Nchw, None),
            Some(axes) => read_layout(value, kind, axes.map(|axis| &shape[axis]))?,
        };
        Ok(Self {
            name: value.name.clone(),
            dtype,
            layout,
            layout_is_certain: assumption.is_none(),
            shape: shape.to_vec(),
            assumptions: assumption.into_iter().collect(),
        })
    }
}

/// The axis order by the two dimensions that can be the channels, and what to say about it.
fn read_layout(value: &Value, kind: ImageKind, ends: [&Dimension; 2]) -> Result<(Layout, Option<String>)> {
    let channels = Some(kind.channels as i64);
    let [first, last] = ends.map(Dimension::fixed);
    let is = |end: Option<i64>| end.is_some() && end == channels;
    Ok(match (first, last) {
        _ if is(first) && is(last) => usual_layout(
            value,
            &format!(
                "two dimensions are {}, and this is the usual order",
                kind.channels
            ),
        ),
        _ if is(first) => (Layout::Nchw, None),
        _ if is(last) => (Layout::Nhwc, None),
        (None, None) => open_layout(value, ends),
        // An open dimension can hold the channels where the other one is too large for them.
        (None, Some(width)) if width > 4 => {
            usual_layout(value, "its last dimension is no number of channels")
        }
        (Some(height), None) if height > 4 => (Layout::Nhwc, None),
        (first, last) => return Err(wrong_channels(value, kind, first, last)),
    })
}

/// Element type and shape of a value that can be an image.
fn tensor(value: &Value, kind: ImageKind) -> Result<(Dtype, &[Dimension])> {
    let subject = format!("input `{}`", value.name);
    let ValueType::Tensor { element, shape } = &value.value_type else {
        return Err(Error::new(subject, "is no tensor").expected_got(
            format_args!("a tensor of rank {}", kind.rank()),
            &value.value_type,
        ));
    };
    let rank = shape.as_ref().map_or_else(
        || "an unknown rank".to_owned(),
        |shape| format!("rank {}", shape.len()),
    );
    let Some(shape) = shape.as_deref().filter(|shape| shape.len() == kind.rank()) else {
        let expected = match kind.blocks {
            None => "rank 4 (N, C, H, W or N, H, W, C)".to_owned(),
            Some(_) => format!("rank {}, which the blocks of the pipeline have", kind.rank()),
        };
        let wrong = Error::new(subject, "has the wrong rank for an image")
            .expected_got(expected, format!("{rank}: {}", value.value_type));
        return Err(match shape {
            None => wrong
                .why("the file does not say how many axes the input has")
                .fix(format!(
                    "if it takes images, say so: --input {}, with the --pipeline that makes their size",
                    value.name
                )),
            Some(_) if kind.blocks.is_some() => wrong
                .why("this preprocessing gives tiles, patches or frames an axis of their own")
                .fix("take the config of the processor that this model was made with, or export the model with that axis"),
            Some(_) => wrong
                .fix("name the image input with --input, or export the model for single images of rank 4"),
        });
    };
    let dtype = dtype(*element).ok_or_else(|| {
        Error::new(subject, "unsupported element type")
            .expected_got("float32, float16 or uint8", element)
            .fix("name another input with --input, or export the model with float32 inputs")
            .with_kind(ErrorKind::Unsupported)
    })?;
    Ok((dtype, shape))
}

fn dtype(element: ElementType) -> Option<Dtype> {
    match element {
        ElementType::FLOAT32 => Some(Dtype::Float32),
        ElementType::FLOAT16 => Some(Dtype::Float16),
        ElementType::UINT8 => Some(Dtype::Uint8),
        _ => None,
    }
}

fn named<'a>(model: &'a Model, name: &str) -> Result<&'a Value> {
    if let Some(value) = model.inputs().find(|value| value.name == name) {
        return Ok(value);
    }
    let what = if model.skeleton.inputs.iter().any(|input| input.value.name == name) {
        "is an initializer, not an image"
    } else {
        "there is no such input"
    };
    Err(Error::new(format!("input `{name}`"), what)
        .expected_got(format!("one of {}", list(model.inputs())), format!("`{name}`"))
        .fix("give the name of the image input to --input"))
}

fn only_candidate(model: &Model, kind: ImageKind) -> Result<&Value> {
    let candidates: Vec<_> = model
        .inputs()
        .filter(|value| tensor(value, kind).is_ok())
        .collect();
    let images: Vec<_> = candidates
        .iter()
        .copied()
        .filter(|value| ImageInput::read(value, kind).is_ok())
        .collect();
    match (images.as_slice(), candidates.as_slice()) {
        ([image], _) => Ok(image),
        // One input of rank 4 with another number of channels: its own error says it best.
        ([], [candidate]) => Ok(candidate),
        ([], []) => {
            let inputs: Vec<_> = model.inputs().collect();
            let rank_4 = |value: &&Value| matches!(&value.value_type, ValueType::Tensor { shape: Some(shape), .. } if shape.len() == kind.rank());
            match (inputs.as_slice(), inputs.iter().copied().find(rank_4)) {
                ([only], _) => Ok(only),
                (_, Some(other_type)) => Ok(other_type),
                _ => Err(Error::new("inputs", "none of them takes images")
                    .expected_got(
                        format_args!("a float32, float16 or uint8 tensor of rank {}", kind.rank()),
                        list(inputs),
                    )
                    .fix("name the image input with --input, or export the model with shapes")),
            }
        }
        ([], _) => {
            let what = if kind.channels == 1 { "gray" } else { "RGB" };
            Err(
                Error::new("inputs", format_args!("none of them takes {what} images")).expected_got(
                    format_args!(
                        "{} channel{}",
                        kind.channels,
                        if kind.channels == 1 { "" } else { "s" }
                    ),
                    list(candidates),
                ),
            )
        }
        _ => Err(Error::new("inputs", "several of them can take images")
            .expected_got("one", list(images))
            .fix("name the image input with --input")),
    }
}

/// The axis order where the number of channels is open, and what to say about it.
fn open_layout(value: &Value, [first, last]: [&Dimension; 2]) -> (Layout, Option<String>) {
    if names_channels(first) {
        (Layout::Nchw, None)
    } else if names_channels(last) || value.name.to_ascii_lowercase().contains("nhwc") {
        (Layout::Nhwc, None)
    } else {
        usual_layout(
            value,
            "the number of channels is open, and this is the usual order",
        )
    }
}

fn usual_layout(value: &Value, reason: &str) -> (Layout, Option<String>) {
    let layout = Layout::Nchw;
    let line = format!(
        "input `{}` {}: the axis order is taken as {layout}: {reason}",
        value.name, value.value_type
    );
    (layout, Some(line))
}

fn names_channels(dimension: &Dimension) -> bool {
    let Dimension::Symbolic(name) = dimension else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    name == "c" || name.contains("channel")
}

fn wrong_channels(value: &Value, kind: ImageKind, first: Option<i64>, last: Option<i64>) -> Error {
    let counts: Vec<_> = [first, last]
        .into_iter()
        .flatten()
        .map(|count| count.to_string())
        .collect();
    let got = format!("{} in {}", counts.join(" or "), value.value_type);
    Error::new(
        format!("input `{}`", value.name),
        "has an unsupported number of channels",
    )
    .expected_got(kind.name(), got)
    .fix("name another input with --input, or use a pipeline that makes as many channels: 3, or 1 after a step grayscale")
    .with_kind(ErrorKind::Unsupported)
}

/// Names and types for an error line, which stays readable where there are very many.
fn list<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    let mut texts: Vec<_> = values
        .into_iter()
        .map(|value| format!("`{}` {}", value.name, value.value_type))
        .collect();
    let more = texts.len().saturating_sub(MAX_LISTED);
    texts.truncate(MAX_LISTED);
    match (texts.is_empty(), more) {
        (true, _) => "no inputs".to_owned(),
        (_, 0) => texts.join("; "),
        _ => format!("{}; and {more} more", texts.join("; ")),
    }
}
