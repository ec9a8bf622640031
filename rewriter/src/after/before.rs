//! What is before the model of a file that `embed` wrote, for steps that come after it later.

use std::collections::HashSet;

use onnx_protobuf::{GraphProto, NodeProto};
use prep_onnx_pipeline::{
    Accept, DOMAIN, Error, ErrorKind, InputElement, OutputKind, PLAN_ATTRIBUTE, Pipeline, Plan, Result,
};
use serde_json::Value as Json;

use super::Then;
use super::builder::Before;
use super::recorded::check_none;
use crate::inspect::accept_of;
use crate::metadata::{IMAGE_INPUT_KEY, PIPELINE_KEY};
use crate::model::{ElementType, Model, Skeleton, Use, Value, ValueType, read, string_attribute};
use crate::nodes::raw;
use crate::portable::{self, Form};
use crate::quantised::Quantised;
use crate::strip::strip;

/// The largest node of ours that is read.
const MAX_NODE: u64 = 1 << 20;

/// What the preprocessing of `model`, a file that [`embed`](crate::embed()) wrote, is to `steps` that come after the model:
/// read from its record. Where the steps need the geometry of the images and nothing in the file makes it, standard ops
/// work it out of the sizes that the file takes.
///
/// # Errors
/// A file without a pipeline, or with steps after the model already; one that another tool changed; encoded images, of which
/// nothing in the file says how they lie in the tensor.
pub fn before(model: &Model, steps: &[Then]) -> Result<Before> {
    let within = |error: Error| error.within(model.path().display()).or_kind(ErrorKind::Model);
    check_none(model).map_err(within)?;
    // Its errors name the file themselves.
    let original = read(strip(model)?.reader()).map_err(within)?;
    of(model, &original, steps).map_err(within)
}

fn of(model: &Model, original: &Skeleton, steps: &[Then]) -> Result<Before> {
    let pipeline = pipeline(model)?;
    let (layout, dtype) = pipeline.output.or_usual();
    let floats = pipeline.compile(layout, dtype)?;
    let quantised = Quantised::of(model);
    let plan = match &quantised {
        Some(quantised) => quantised.plan(floats)?,
        None => floats,
    };
    let inputs: Vec<&Value> = model
        .inputs()
        .filter(|input| !original.inputs.iter().any(|old| old.value.name == input.name))
        .collect();
    let accept = accept(model, &inputs)?;
    let image_size = match (accept, inputs.first()) {
        (Accept::Batch, Some(image)) => image_size(image, &plan),
        (Accept::Batch | Accept::Ragged | Accept::Encoded, _) => None,
    };
    let tensor = match &quantised {
        Some(quantised) => (quantised.value.clone(), quantised.layout),
        None => (replaced(model, original)?, layout),
    };
    let is_ours = |output: &&Value| !original.outputs.iter().any(|old| old.name == output.name);
    let mut before = Before {
        tensor: Some(tensor),
        outputs: model
            .outputs()
            .iter()
            .filter(is_ours)
            .map(|output| output.name.clone())
            .collect(),
        one_size: accept == Accept::Batch,
        image_size,
        ..Before::default()
    };
    if steps.iter().any(Then::needs_geometry) {
        before.geometry = made_geometry(model)?;
        if before.geometry.is_none() {
            let names: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
            let (name, nodes) = geometry(model, &plan, (accept, image_size), &names)?;
            (before.geometry, before.nodes) = (Some(name), nodes);
        }
    }
    before.plan = Some(plan);
    Ok(before)
}

fn pipeline(model: &Model) -> Result<Pipeline> {
    let text = model.metadata_value(PIPELINE_KEY).ok_or_else(|| {
        Error::new("", "does not describe its pipeline")
            .expected_got(format_args!("the metadata key `{PIPELINE_KEY}`"), "none")
            .fix("strip it and embed the pipeline again, with the steps")
    })?;
    let value: Json = serde_json::from_str(text).map_err(|error| Error::new(PIPELINE_KEY, error))?;
    Pipeline::from_value(value).map_err(|error| error.within(PIPELINE_KEY))
}

/// What the file takes: by its op, or of flat standard ops by its new inputs.
fn accept(model: &Model, inputs: &[&Value]) -> Result<Accept> {
    let by_op = model
        .skeleton
        .own_nodes
        .first()
        .and_then(|node| accept_of(&node.op_type));
    let fits = |accept: &&Accept| {
        let tensors = accept.form().inputs;
        tensors.len() == inputs.len()
            && tensors.iter().zip(inputs).all(|(tensor, input)| {
                let element = match tensor.element {
                    InputElement::Uint8 => ElementType::UINT8,
                    InputElement::Int64 => ElementType::INT64,
                };
                matches!(&input.value_type, ValueType::Tensor { element: got, shape: Some(shape) }
                    if *got == element && shape.len() == tensor.extents.len())
            })
    };
    let accept = by_op.or_else(|| Accept::ALL.iter().find(fits).copied());
    accept.ok_or_else(|| {
        let got: Vec<_> = inputs.iter().map(ToString::to_string).collect();
        Error::new("inputs", "are none that embed makes for images")
            .expected_got("image, pixels and shapes, or bytes and lengths", got.join("; "))
    })
}

/// Height and width of every image, where the file takes no others.
fn image_size(image: &Value, plan: &Plan) -> Option<(usize, usize)> {
    let ValueType::Tensor {
        shape: Some(shape), ..
    } = &image.value_type
    else {
        return None;
    };
    let [_, rows, columns, ..] = shape.as_slice() else {
        return None;
    };
    let [rows, columns] =
        [rows, columns].map(|extent| extent.fixed().and_then(|extent| usize::try_from(extent).ok()));
    plan.source.image_size(rows?, columns?).ok()
}

/// The input of the original whose place the new ones took.
fn replaced(model: &Model, original: &Skeleton) -> Result<String> {
    if let Some(name) = model.metadata_value(IMAGE_INPUT_KEY) {
        return Ok(name.to_owned());
    }
    let is_gone = |name: &str| !model.inputs().any(|input| input.name == name);
    let mut inputs = original.inputs.iter().map(|input| &input.value.name);
    let gone = inputs.find(|name| !original.names.is(name, Use::Initializer) && is_gone(name));
    let gone = gone.cloned();
    gone.ok_or_else(|| Error::new("inputs", "are those of the original: no image input was replaced"))
}

/// The value that the op of the file gives as the geometry, where it does.
fn made_geometry(model: &Model) -> Result<Option<String>> {
    let Some(node) = model.skeleton.own_nodes.first() else {
        return Ok(None);
    };
    let bytes = model.range(node.field.payload, node.field.end, MAX_NODE)?;
    let Some(text) = string_attribute(&bytes, PLAN_ATTRIBUTE)? else {
        return Ok(None);
    };
    let text = String::from_utf8(text).map_err(|error| Error::new(PLAN_ATTRIBUTE, error))?;
    let plan = Plan::from_json(&text)?;
    let Some(place) = plan.outputs.iter().position(|kind| *kind == OutputKind::Geometry) else {
        return Ok(None);
    };
    let (graph, _) = raw::read(model)?;
    let node = graph.nodes.iter().find(|node| node.domain == DOMAIN);
    // Those of the plan are the last ones: a status comes before them.
    let name = node.and_then(|node| {
        let first = node.outputs.len().checked_sub(plan.outputs.len())?;
        node.outputs.get(first + place)
    });
    Ok(name.filter(|name| !name.is_empty()).cloned())
}

/// Standard ops that make the geometry of the sizes of the images, and its name.
fn geometry(
    model: &Model,
    plan: &Plan,
    (accept, image_size): (Accept, Option<(usize, usize)>),
    inputs: &[String],
) -> Result<(String, Vec<NodeProto>)> {
    if accept.form().decodes {
        return Err(Error::new(
            "geometry",
            "nothing in the file says how the images lie in the tensor of the model: it takes encoded images, whose sizes its op alone knows",
        )
        .expected_got("a file that was embedded with the steps, or with --outputs geometry", "one without")
        .fix(
            "strip it and embed the pipeline and the steps together: prep-onnx strip MODEL -o OUT, then \
             prep-onnx embed OUT with --accept encoded and the steps",
        )
        .with_kind(ErrorKind::Unsupported));
    }
    let plan = plan.clone().with_outputs(&[OutputKind::Geometry])?;
    let opset = model.standard_opset().unwrap_or_default();
    let form = Form {
        image_size,
        ..Form::any_size(accept, opset)
    };
    let prefix = model.free_prefix("prep_onnx_geometry");
    let [tensor, geometry] = ["tensor", "geometry"].map(|name| format!("{prefix}{name}"));
    let nodes = portable::lower(&plan, form, &prefix, inputs, &[tensor, geometry.clone()])?;
    Ok((geometry.clone(), needed(nodes, &geometry)))
}

/// Those of `nodes`, which follow each other, that `value` needs.
fn needed(nodes: Vec<NodeProto>, value: &str) -> Vec<NodeProto> {
    let mut wanted: HashSet<String> = HashSet::from([value.to_owned()]);
    let mut kept = Vec::new();
    for node in nodes.into_iter().rev() {
        if node.output.iter().any(|output| wanted.contains(output)) {
            reads(&node, &mut wanted);
            kept.push(node);
        }
    }
    kept.reverse();
    kept
}

/// The names that a node reads, in its subgraphs too.
fn reads(node: &NodeProto, names: &mut HashSet<String>) {
    names.extend(node.input.iter().filter(|name| !name.is_empty()).cloned());
    let graphs = node
        .attribute
        .iter()
        .flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
    for graph in graphs {
        let GraphProto { node, output, .. } = graph;
        node.iter().for_each(|inner| reads(inner, names));
        names.extend(output.iter().map(|output| output.name.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(inputs: &[&str], output: &str) -> NodeProto {
        let mut node = NodeProto::new();
        node.input = inputs.iter().map(|name| (*name).to_owned()).collect();
        node.output = vec![output.to_owned()];
        node
    }

    #[test]
    fn what_a_value_needs_is_kept_in_its_order() {
        let mut holder = node(&["c"], "e");
        let mut attribute = onnx_protobuf::AttributeProto::new();
        let mut graph = GraphProto::new();
        graph.node = vec![node(&["b"], "inner")];
        attribute.g = protobuf::MessageField::some(graph);
        holder.attribute = vec![attribute];
        let nodes = vec![
            node(&["x"], "a"),
            node(&["x"], "b"),
            node(&["a"], "unused"),
            node(&["", "a"], "c"),
            holder,
            node(&["e"], "behind"),
        ];
        let kept = needed(nodes, "e");
        let outputs: Vec<_> = kept.iter().map(|node| node.output[0].as_str()).collect();
        assert_eq!(outputs, ["a", "b", "c", "e"]);
    }
}
