//! A model of a repository of the Triton Inference Server: which tensors it has, `config.pbtxt`, and its files.
//!
//! With batching, the server puts the first axes of requests together, so that `dims` leave it out: an input without another one is
//! said with `reshape`. An input of a ragged batch is a row of any length for each request; the server hands the rows over one after
//! another as one axis, which is what `pixels` and `bytes` are. Its `batch_input` could count them, in int32 alone: shapes and lengths
//! are int64 and come from the client.

mod config;
mod tensors;
mod write;

use std::path::PathBuf;

use prep_onnx_pipeline::{Accept, Error, ErrorKind, Result};
use prep_onnx_rewriter::{Dimension, Value, ValueType};

use crate::embedded::EmbeddedModel;
use config::WARMUP;
pub(crate) use tensors::Tensor;
pub(crate) use write::write;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) max_batch_size: u32,
    pub(crate) delay_us: u32,
    pub(crate) instances: u32,
    /// The folder of the repository as the server sees it.
    pub(crate) container: String,
    pub(crate) library: Option<PathBuf>,
}

/// The model as the server is told.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) accept: Accept,
    /// 0 where requests are left alone.
    pub(crate) max_batch_size: u32,
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) outputs: Vec<Tensor>,
    /// Rows, columns and channels of an image to warm up with.
    pub(crate) image: [usize; 3],
    pub(crate) notes: Vec<String>,
}

/// The entry of a model.
///
/// # Errors
/// A tensor that the server has no type for, or of unknown rank.
pub(crate) fn entry(embedded: &EmbeddedModel, settings: &Settings) -> Result<Entry> {
    let path = embedded.model.path().display();
    let within = |error: Error| error.within(&path).or_kind(ErrorKind::Model);
    let accept = embedded.accept;
    let images = embedded.image_inputs();
    let counted = images.get(accept.form().counts_images).ok_or_else(|| {
        within(
            Error::new("inputs", "are not those of the embedded pipeline")
                .expected_got(
                    format_args!("{} of them, side by side", accept.form().inputs.len()),
                    embedded.model.inputs().count(),
                )
                .fix("give the file that embed wrote"),
        )
    })?;
    let counted = shape(counted).and_then(|shape| shape.first().cloned());
    let source = embedded.plan()?.source;
    let mut notes = Vec::new();
    let mut max_batch_size = settings.max_batch_size;
    if max_batch_size > 0
        && let Some(why) = alone(embedded, counted.as_ref())
    {
        notes.push(format!("requests are left alone (max_batch_size 0): {why}"));
        max_batch_size = 0;
    }
    let batched = max_batch_size > 0;
    let input = |value: &Value| {
        let ragged =
            accept.form().mixes_sizes && images.first().map(|first| &first.name) == Some(&value.name);
        Tensor::of(value, batched, ragged)
    };
    let inputs = embedded.model.inputs().map(input).collect::<Result<_>>();
    let output = |value: &Value| Tensor::of(value, batched, false);
    let outputs = embedded.model.outputs().iter().map(output).collect::<Result<_>>();
    Ok(Entry {
        accept,
        max_batch_size,
        inputs: inputs.map_err(within)?,
        outputs: outputs.map_err(within)?,
        image: [source.rows(WARMUP.0), WARMUP.1, source.source_channels()],
        notes,
    })
}

/// Why images of several requests cannot be put together; `None` where they can.
fn alone(embedded: &EmbeddedModel, counted: Option<&Dimension>) -> Option<String> {
    let images = match counted {
        Some(Dimension::Fixed(count)) => return Some(format!("the model takes {count} images, always")),
        Some(Dimension::Symbolic(name)) => name,
        Some(Dimension::Unknown) | None => {
            return Some(
                "the model gives its number of images no name, which outputs could share".to_owned(),
            );
        }
    };
    let is_row = |value: &&Value| match shape(value).as_deref() {
        Some([Dimension::Symbolic(name), ..]) => images == name,
        Some([Dimension::Fixed(_) | Dimension::Unknown, ..] | []) | None => false,
    };
    let of_images: Vec<_> = embedded
        .image_inputs()
        .into_iter()
        .map(|input| &input.name)
        .collect();
    let mut others = embedded
        .model
        .inputs()
        .filter(|input| !of_images.contains(&&input.name))
        .chain(embedded.model.outputs());
    let odd = others.find(|value| !is_row(value))?;
    Some(format!(
        "`{}` has no axis `{images}` of images by its declaration",
        odd.name
    ))
}

/// The shape, where the rank is known.
fn shape(value: &Value) -> Option<Vec<Dimension>> {
    match &value.value_type {
        ValueType::Tensor { shape, .. } => shape.clone(),
        ValueType::Other { .. } => None,
    }
}
