//! The outputs of the preprocessing: the tensor, and what goes to outputs and other inputs of the model.

use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{AttributeProto, NodeProto, ValueInfoProto};
use prep_onnx_pipeline::plan::{OutputElement, OutputExtent};
use prep_onnx_pipeline::{Accept, Error, ErrorKind, OnBadImage, OutputKind, Plan, Result};

use super::inputs::proto;
use super::options::{EmbedOptions, Feed};
use crate::model::{Dimension, ElementType, Model, Value, ValueType};

/// The kinds that are asked for, as outputs or as inputs of the model.
///
/// # Errors
/// Of a kind that is none of [`OutputKind::EXTRA`], and of a status without a decoder.
pub(super) fn kinds(options: &EmbedOptions) -> Result<Vec<OutputKind>> {
    let fed = options.feeds.iter().map(|feed| feed.kind);
    let inner = options.inner.iter().copied();
    let mut kinds: Vec<OutputKind> = options.outputs.iter().copied().chain(fed).collect();
    kinds.extend(inner);
    match kinds.iter().find(|kind| !OutputKind::EXTRA.contains(kind)) {
        None => {}
        Some(kind) => {
            let names: Vec<_> = OutputKind::EXTRA.iter().map(|kind| kind.name()).collect();
            return Err(
                Error::new("outputs", "there is no such output besides the tensor")
                    .expected_got(names.join(", "), kind)
                    .with_kind(ErrorKind::Usage),
            );
        }
    }
    if options.on_bad_image == OnBadImage::Fail || options.accept == Accept::Encoded {
        return Ok(kinds);
    }
    Err(Error::new(
        prep_onnx_pipeline::ON_BAD_IMAGE_ATTRIBUTE,
        "only a model that decodes images can meet one that it cannot read",
    )
    .expected_got(
        format_args!("accept {}", Accept::Encoded),
        format_args!("accept {}", options.accept),
    )
    .fix("use --accept encoded, or leave --on-bad-image out"))
}

/// An output of the node, after the tensor.
struct Extra {
    kind: OutputKind,
    /// The name of the value.
    name: String,
    /// What it is as an output of the model.
    exposed: Option<(Value, ValueInfoProto)>,
}

/// All outputs of the node but the tensor, and where they go.
#[derive(Default)]
pub(super) struct Extras {
    extras: Vec<Extra>,
    /// Nodes that convert for other inputs.
    pub(super) casts: Vec<NodeProto>,
    /// The inputs of the model that are no longer fed.
    pub(super) fed: Vec<String>,
}

impl Extras {
    /// Those of `plan`, and the status where images may be bad.
    ///
    /// # Errors
    /// Of an input that does not take what is fed to it; names it.
    pub(super) fn of(
        model: &Model,
        options: &EmbedOptions,
        plan: &Plan,
        (image_input, batch): (&str, &Dimension),
        assumptions: &mut Vec<String>,
    ) -> Result<Self> {
        let shows_status = options.on_bad_image != OnBadImage::Fail;
        // The op for files has a place for it, which what follows may not take.
        let has_place = options.accept.form().decodes && !plan.outputs.is_empty();
        let status = (shows_status || has_place).then_some(OutputKind::Status);
        let prefix = model.free_prefix("prep_onnx");
        let mut all = Self::default();
        for kind in status.into_iter().chain(plan.outputs.iter().copied()) {
            let shape = shape(kind, plan, options, batch);
            let exposed = match kind {
                OutputKind::Status => shows_status,
                OutputKind::Tensor
                | OutputKind::Geometry
                | OutputKind::Mask
                | OutputKind::Sizes
                | OutputKind::Grid => options.outputs.contains(&kind),
            };
            let feeds: Vec<&Feed> = options.feeds.iter().filter(|feed| feed.kind == kind).collect();
            let mut name = format!("{prefix}{kind}");
            let mut output = None;
            if exposed {
                name = model.free_name(kind.name());
                if name != kind.name() {
                    assumptions.push(format!(
                        "the name `{kind}` is taken in the model: the new output is called `{name}`"
                    ));
                }
                let element = element(kind);
                let value = Value {
                    name: name.clone(),
                    value_type: ValueType::Tensor {
                        element,
                        shape: Some(shape.clone()),
                    },
                };
                output = Some((value, proto(&name, element, &shape)));
            }
            for feed in feeds {
                let to = fed_element(model, feed, image_input, shape.len())?;
                if all.fed.contains(&feed.input) {
                    return Err(Error::new(format_args!("input `{}`", feed.input), "is fed twice")
                        .with_kind(ErrorKind::Usage));
                }
                if to == element(kind) && !exposed && name.starts_with(&prefix) {
                    name.clone_from(&feed.input);
                } else {
                    all.casts.push(cast(&prefix, &name, &feed.input, to));
                }
                all.fed.push(feed.input.clone());
            }
            all.extras.push(Extra {
                kind,
                name,
                exposed: output,
            });
        }
        Ok(all)
    }

    /// The names of the values, in the order of the node's outputs.
    pub(super) fn names(&self) -> Vec<String> {
        self.extras.iter().map(|extra| extra.name.clone()).collect()
    }

    /// Which value holds what.
    pub(super) fn kinds(&self) -> Vec<(OutputKind, String)> {
        let kinds = self.extras.iter();
        kinds.map(|extra| (extra.kind, extra.name.clone())).collect()
    }

    /// The new outputs of the model.
    pub(super) fn values(&self) -> Vec<Value> {
        let exposed = self.extras.iter().filter_map(|extra| extra.exposed.as_ref());
        exposed.map(|(value, _)| value.clone()).collect()
    }

    /// The same as messages.
    pub(super) fn protos(&self) -> Vec<ValueInfoProto> {
        let exposed = self.extras.iter().filter_map(|extra| extra.exposed.as_ref());
        exposed.map(|(_, proto)| proto.clone()).collect()
    }
}

fn element(kind: OutputKind) -> ElementType {
    match kind.element() {
        OutputElement::Int64 => ElementType::INT64,
        // The tensor is never one of these.
        OutputElement::Float32 | OutputElement::OfPlan => ElementType::FLOAT32,
    }
}

fn shape(kind: OutputKind, plan: &Plan, options: &EmbedOptions, batch: &Dimension) -> Vec<Dimension> {
    let size = plan.fixed_output().or_else(|| {
        let (height, width) = options.image_size?;
        plan.geometry(height, width).ok().map(|geometry| geometry.output)
    });
    let edge = |edge: Option<usize>| edge.map_or(Dimension::Unknown, |edge| Dimension::Fixed(edge as i64));
    let extents = kind.extents().unwrap_or_default();
    let extent = |extent: &OutputExtent| match extent {
        OutputExtent::Images => batch.clone(),
        OutputExtent::Height => edge(size.map(|size| size.0)),
        OutputExtent::Width => edge(size.map(|size| size.1)),
        OutputExtent::Fixed(extent) => edge(Some(*extent)),
    };
    extents.iter().map(extent).collect()
}

/// The element type of the input that an output of `rank` axes takes the place of.
fn fed_element(model: &Model, feed: &Feed, image_input: &str, rank: usize) -> Result<ElementType> {
    let subject = format!("input `{}`", feed.input);
    let input = model.inputs().find(|value| value.name == feed.input);
    let Some(input) = input.filter(|input| input.name != image_input) else {
        let others: Vec<_> = model.inputs().filter(|input| input.name != image_input).collect();
        let names: Vec<_> = others.iter().map(|input| input.to_string()).collect();
        let names = if names.is_empty() {
            "an input besides the image, of which the model has none".to_owned()
        } else {
            format!("one of {}", names.join("; "))
        };
        return Err(Error::new(&subject, "cannot be fed by the preprocessing")
            .expected_got(names, format_args!("`{}`", feed.input))
            .with_kind(ErrorKind::Usage));
    };
    let takes = [
        DataType::INT64,
        DataType::INT32,
        DataType::BOOL,
        DataType::FLOAT,
        DataType::FLOAT16,
    ];
    if let ValueType::Tensor { element, shape } = &input.value_type
        && takes.iter().any(|data_type| *data_type as i32 == element.0)
        && shape.as_ref().is_none_or(|shape| shape.len() == rank)
    {
        return Ok(*element);
    }
    Err(Error::new(
        &subject,
        format_args!("does not take the {} of the images", feed.kind),
    )
    .expected_got(
        format_args!("int64, int32, bool, float32 or float16 of {rank} axes"),
        &input.value_type,
    )
    .with_kind(ErrorKind::Usage))
}

fn cast(prefix: &str, from: &str, to: &str, element: ElementType) -> NodeProto {
    let mut attribute = AttributeProto::new();
    "to".clone_into(&mut attribute.name);
    attribute.i = i64::from(element.0);
    attribute.type_ = AttributeType::INT.into();
    let mut node = NodeProto::new();
    node.name = format!("{prefix}{to}");
    "Cast".clone_into(&mut node.op_type);
    node.input = vec![from.to_owned()];
    node.output = vec![to.to_owned()];
    node.attribute = vec![attribute];
    node
}
