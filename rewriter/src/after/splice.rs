//! The nodes into the file, and their outputs in the places of those that they take.

use std::collections::BTreeMap;

use onnx_protobuf::TensorProto;
use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{Error, Result};

use super::chain::Built;
use super::recorded::entries;
use super::{After, AfterOptions, AfterReport, Optional, Output};
use crate::edit::Replacement;
use crate::embed::proto;
use crate::metadata::AFTER_STRIP_KEY;
use crate::model::{Dimension, ElementType, Model, Use, Value, ValueType};
use crate::splice::{Splice, encode, metadata_entry};
use crate::wire::{MAX_MESSAGE, bytes_field, varint};

/// From this IR version on, an initializer that is listed as an input can be fed.
const OPTIONAL_INPUTS_IR_VERSION: i64 = 4;

mod field {
    pub(super) const GRAPH_NODE: u32 = 1;
    pub(super) const GRAPH_INITIALIZER: u32 = 5;
    pub(super) const GRAPH_INPUT: u32 = 11;
    pub(super) const GRAPH_OUTPUT: u32 = 12;
    pub(super) const GRAPH_VALUE_INFO: u32 = 13;
}

/// `model` with what was `built` behind it.
pub(super) fn splice(model: &Model, built: Built, options: &AfterOptions) -> Result<After> {
    let mut splice = Splice {
        inner: vec![
            behind_the_last_node(model, &built)?,
            behind_the_last_input(model, &built)?,
        ],
        ..Splice::new(AFTER_STRIP_KEY)
    };
    let mut outputs = Vec::new();
    for (out, name) in &built.results {
        bytes_field(
            &mut outputs,
            field::GRAPH_OUTPUT,
            &encode(&proto(name, out.element, &out.shape))?,
        );
    }
    splice.inner.extend(outputs_in_place(
        model,
        &built.taken,
        outputs,
        options.keep_outputs,
    )?);
    let roles: BTreeMap<_, _> = built
        .results
        .iter()
        .map(|(out, name)| (out.role, name.clone()))
        .collect();
    for (key, value) in entries(&built.steps, roles, options.evidence.clone(), &options.labels)? {
        metadata_entry(&mut splice.appended, key, &value);
    }
    let edit = splice.edit(model)?;
    if edit.bytes() > MAX_MESSAGE {
        return Err(Error::new("", "the result would be larger than protobuf allows")
            .expected_got(format!("at most {MAX_MESSAGE} bytes"), edit.bytes())
            .fix("save the model with external data first"));
    }
    let mut notes = built.notes;
    if !built.thresholds.is_empty()
        && model
            .ir_version()
            .is_some_and(|version| version < OPTIONAL_INPUTS_IR_VERSION)
    {
        notes.push(format!(
            "the model has IR version {}, in which thresholds are constants: they cannot be fed",
            model.ir_version().unwrap_or_default()
        ));
    }
    let output = |(out, name): (super::builder::Out, String)| Output {
        role: out.role,
        value: Value {
            name,
            value_type: ValueType::Tensor {
                element: out.element,
                shape: Some(out.shape),
            },
        },
    };
    let optional = |threshold: super::builder::Threshold| Optional {
        name: threshold.name,
        default: threshold.default,
    };
    Ok(After {
        edit,
        report: AfterReport {
            steps: built.steps,
            added: built.added,
            takes: built.taken,
            nodes: built.nodes.len(),
            outputs: built.results.into_iter().map(output).collect(),
            thresholds: built.thresholds.into_iter().map(optional).collect(),
            notes,
        },
    })
}

/// Nodes, and the defaults of inputs, behind the last node of the model.
fn behind_the_last_node(model: &Model, built: &Built) -> Result<Replacement> {
    let mut inserted = Vec::new();
    for node in &built.nodes {
        bytes_field(&mut inserted, field::GRAPH_NODE, &encode(node)?);
    }
    for threshold in &built.thresholds {
        let mut tensor = TensorProto::new();
        tensor.name.clone_from(&threshold.name);
        tensor.dims = vec![1];
        tensor.data_type = DataType::FLOAT as i32;
        tensor.raw_data = threshold.default.to_le_bytes().to_vec();
        bytes_field(&mut inserted, field::GRAPH_INITIALIZER, &encode(&tensor)?);
    }
    let last = model.skeleton.last_node.map(|node| node.end);
    Ok(Replacement::new(place_behind(model, last)?, 0, inserted))
}

/// Inputs that have a default, behind the last input of the model.
fn behind_the_last_input(model: &Model, built: &Built) -> Result<Replacement> {
    let mut inserted = Vec::new();
    for threshold in &built.thresholds {
        let input = proto(&threshold.name, ElementType::FLOAT32, &[Dimension::Fixed(1)]);
        bytes_field(&mut inserted, field::GRAPH_INPUT, &encode(&input)?);
    }
    let last = model.skeleton.inputs.last().map(|input| input.field.end);
    Ok(Replacement::new(place_behind(model, last)?, 0, inserted))
}

/// A place in the graph: the end of a field of it, or its start.
fn place_behind(model: &Model, field_end: Option<u64>) -> Result<u64> {
    field_end
        .or_else(|| model.skeleton.graphs.first().map(|graph| graph.payload))
        .ok_or_else(|| Error::new("graph", "the model has none"))
}

/// The new outputs in the place of the first that is taken, the others of which become values; or behind all.
fn outputs_in_place(model: &Model, taken: &[String], new: Vec<u8>, keep: bool) -> Result<Vec<Replacement>> {
    let skeleton = &model.skeleton;
    let mut new = Some(new);
    let mut changes = Vec::new();
    if !keep {
        let all = skeleton.outputs.iter().zip(&skeleton.output_fields);
        for (output, place) in all.filter(|(output, _)| taken.contains(&output.name)) {
            let mut inserted = new.take().unwrap_or_default();
            let names = &skeleton.names;
            let is_declared = names.is(&output.name, Use::ValueInfo)
                || names.is(&output.name, Use::Initializer)
                || skeleton
                    .inputs
                    .iter()
                    .any(|input| input.value.name == output.name);
            let end = if is_declared {
                place.end
            } else {
                varint(&mut inserted, u64::from(field::GRAPH_VALUE_INFO) << 3 | 2);
                place.after_tag
            };
            changes.push(Replacement::new(place.start, end - place.start, inserted));
        }
    }
    if let Some(new) = new {
        let last = skeleton
            .output_fields
            .last()
            .ok_or_else(|| Error::new("outputs", "the model has none"))?;
        changes.push(Replacement::new(last.end, 0, new));
    }
    Ok(changes)
}
