//! Inputs of models that the preprocessing feeds, by the names that exporters give them.

use prep_onnx_pipeline::{OutputKind, Pipeline, Plan, Result};
use prep_onnx_rewriter::{EmbedOptions, Embedding, Feed, Model, embed};

/// An input that the preprocessing can feed.
struct Known {
    /// The name that transformers' processors, and so exporters, give it.
    input: &'static str,
    kind: OutputKind,
    /// Whether a pipeline makes it: another one leaves the input to the caller.
    made_by: fn(&Plan) -> bool,
}

const KNOWN: &[Known] = &[
    Known {
        input: "pixel_mask",
        kind: OutputKind::Mask,
        made_by: Plan::is_of_batch,
    },
    Known {
        input: "image_sizes",
        kind: OutputKind::Sizes,
        made_by: Plan::is_of_batch,
    },
    Known {
        input: "image_grid_thw",
        kind: OutputKind::Grid,
        made_by: |plan| plan.form.blocks.is_some(),
    },
];

/// The feeds of a model that has such inputs, where its pipeline makes what they take.
fn feeds(model: &Model, pipeline: &Pipeline) -> Result<Vec<Feed>> {
    let (layout, dtype) = pipeline.output.or_usual();
    let plan = pipeline.compile(layout, dtype)?;
    let has = |known: &&Known| model.inputs().any(|input| input.name == known.input);
    Ok(KNOWN
        .iter()
        .filter(|known| (known.made_by)(&plan))
        .filter(has)
        .map(|known| Feed {
            kind: known.kind,
            input: known.input.to_owned(),
        })
        .collect())
}

/// Embeds with what is fed by name; an input that does not take it is left to the caller, and a note says so.
///
/// # Errors
/// Those of [`embed`].
pub(crate) fn embed_fed(
    model: &Model,
    pipeline: &Pipeline,
    options: &EmbedOptions,
    notes: &mut Vec<String>,
) -> Result<(Embedding, EmbedOptions)> {
    let mut options = options.clone();
    options.feeds = feeds(model, pipeline)?;
    let Some(first) = options.feeds.first().map(|feed| feed.input.clone()) else {
        return Ok((embed(model, pipeline, &options)?, options));
    };
    match embed(model, pipeline, &options) {
        Ok(embedding) => Ok((embedding, options)),
        Err(error) => {
            options.feeds.clear();
            let embedding = embed(model, pipeline, &options)?;
            notes.push(format!("nothing of the preprocessing feeds `{first}`: {error}"));
            Ok((embedding, options))
        }
    }
}
