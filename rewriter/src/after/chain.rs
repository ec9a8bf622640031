//! A chain of steps, and what follows from it where nobody says it.

use onnx_protobuf::NodeProto;
use prep_onnx_pipeline::{Error, Result};

use super::Role;
use super::builder::{Before, Builder, Out, Threshold};
use super::flow::{Flow, Frame, Part, Selected};
use super::steps::{Masks, Nms, Then, Threshold as ThresholdStep, Unmap};
use crate::model::{Dimension, ElementType, Model};

/// Nodes, and what they take and give.
pub(super) struct Built {
    pub(super) steps: Vec<Then>,
    pub(super) added: usize,
    pub(super) nodes: Vec<NodeProto>,
    pub(super) thresholds: Vec<Threshold>,
    pub(super) results: Vec<(Out, String)>,
    pub(super) taken: Vec<String>,
    /// How many classes the model tells apart, where its outputs say it.
    pub(super) classes: Option<i64>,
    pub(super) notes: Vec<String>,
}

/// The nodes of `steps` behind `model`.
///
/// # Errors
/// Of steps that do not go together or with the model's outputs.
pub(super) fn build(model: &Model, steps: &[Then], before: &Before) -> Result<Built> {
    let mut builder = Builder::new(model, before);
    if steps.is_empty() {
        return Err(Error::new("then", "there are no steps").expected_got("one or more", "none"));
    }
    let mut said = Vec::new();
    for step in steps {
        if let Flow::Done = builder.flow {
            return Err(
                Error::new(step.name(), "comes after a step that nothing follows").expected_got(
                    "it before that step",
                    said.last().map_or(String::new(), Then::to_string),
                ),
            );
        }
        step.check()?;
        said.push(step.apply(&mut builder)?);
    }
    let named = said.len();
    while let Some(step) = next(&builder) {
        said.push(step.apply(&mut builder)?);
    }
    let added = said.len() - named;
    give_flow(&mut builder)?;
    finish(builder, said, added)
}

/// The step that follows from where the chain is; none at its end.
fn next(builder: &Builder<'_>) -> Option<Then> {
    match &builder.flow {
        Flow::Candidates(candidates) => Some(match candidates.usual.iou {
            Some(_) => Then::Nms(Nms::default()),
            None => Then::Threshold(ThresholdStep::default()),
        }),
        Flow::Selected(selected) if selected.frame != Frame::Image => Some(Then::Unmap(Unmap {})),
        Flow::Selected(selected) if selected.prototypes.is_some() && selected.masks.is_none() => {
            Some(Then::Masks(Masks {}))
        }
        Flow::Outputs | Flow::Tensor(_) | Flow::Selected(_) | Flow::Done => None,
    }
}

/// The outputs of what the chain ends with.
fn give_flow(builder: &mut Builder<'_>) -> Result<()> {
    match builder.flow.clone() {
        Flow::Tensor(tensor) => {
            // A step has made it, and said what it is.
            let role = tensor.role.unwrap_or(Role::Probabilities);
            let shape = tensor.shape.unwrap_or_default();
            builder.give(role, tensor.value, tensor.element, shape);
        }
        Flow::Selected(selected) => give_detections(builder, &selected),
        Flow::Done => {}
        Flow::Outputs | Flow::Candidates(_) => {
            return Err(Error::new("then", "the steps make no output")
                .expected_got("an output", builder.flow.in_words()));
        }
    }
    Ok(())
}

fn give_detections(builder: &mut Builder<'_>, selected: &Selected) {
    let count = builder.detections();
    let number = |number: i64| Dimension::Fixed(number);
    let list = || vec![count.clone()];
    let (float, int) = (ElementType::FLOAT32, ElementType::INT64);
    let boxes = vec![count.clone(), number(4)];
    builder.give(Role::Boxes, selected.boxes.clone(), float, boxes);
    builder.give(Role::Scores, selected.scores.clone(), float, list());
    builder.give(Role::Labels, selected.labels.clone(), int, list());
    builder.give(Role::Image, selected.image.clone(), int, list());
    for (part, value) in &selected.parts {
        let (role, shape) = match part {
            Part::Keypoints { points, numbers } => (
                Role::Keypoints,
                vec![count.clone(), number(*points), number(*numbers)],
            ),
            Part::Rotated => (Role::Rotated, vec![count.clone(), number(5)]),
            // They are in the masks.
            Part::MaskWeights { .. } => continue,
        };
        builder.give(role, value.clone(), float, shape);
    }
    if let Some(masks) = &selected.masks {
        let size = builder
            .source_size()
            .map(|edge| edge.map_or(Dimension::Unknown, Dimension::Fixed));
        let [rows, columns] = size;
        builder.give(
            Role::Masks,
            masks.clone(),
            ElementType::UINT8,
            vec![count, rows, columns],
        );
    }
}

/// Names the outputs and finishes the nodes.
fn finish(builder: Builder<'_>, steps: Vec<Then>, added: usize) -> Result<Built> {
    let Builder {
        graph,
        model,
        before,
        taken,
        thresholds,
        results,
        classes,
        mut notes,
        ..
    } = builder;
    let mut names: Vec<String> = Vec::with_capacity(results.len());
    for out in &results {
        let mut wanted = out.role.name();
        // An input for images of one size has this name.
        if out.role == Role::Image && model.has_name(wanted) {
            wanted = "image_index";
        }
        let mut name = model.free_name(wanted);
        while names.contains(&name) || thresholds.iter().any(|threshold| threshold.name == name) {
            name.push('_');
        }
        if name != wanted {
            notes.push(format!(
                "the name `{wanted}` is taken in the model: the new output is called `{name}`"
            ));
        }
        names.push(name);
    }
    let ends: Vec<_> = results
        .iter()
        .zip(&names)
        .map(|(out, name)| (out.value.clone(), name.clone()))
        .collect();
    let mut nodes = before.nodes.clone();
    nodes.extend(graph.finish(&ends));
    Ok(Built {
        steps,
        added,
        nodes,
        thresholds,
        results: results.into_iter().zip(names).collect(),
        taken,
        classes,
        notes,
    })
}
