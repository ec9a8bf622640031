//! What is to be embedded: which input, which plan, which inputs and outputs.

use prep_onnx_pipeline::plan::Blocks;
use prep_onnx_pipeline::{
    Accept, Dtype, Error, ErrorKind, Layout, MAX_PIXELS, OnBadImage, Output, Pipeline, Plan, Result,
};

use super::inputs::NewInputs;
use super::options::EmbedOptions;
use super::outputs::{Extras, kinds};
use crate::image_input::{ImageInput, ImageKind};
use crate::model::{Dimension, Model};
use crate::portable;
use crate::quantised::{self, Found};

/// Everything that is decided before anything is written.
pub(super) struct Decision {
    pub(super) image_input: ImageInput,
    /// The pipeline, its output as the model takes it.
    pub(super) pipeline: Pipeline,
    /// What is executed.
    pub(super) plan: Plan,
    /// The same with floats in the place of the bytes of a quantised model.
    pub(super) floats: Plan,
    /// What a quantised model does with the image.
    pub(super) found: Found,
    pub(super) inputs: NewInputs,
    pub(super) extras: Extras,
    pub(super) assumptions: Vec<String>,
}

/// Decides for `model`.
///
/// # Errors
/// Where the model and the pipeline do not go together, or the options with either; names what.
pub(super) fn decide(model: &Model, pipeline: &Pipeline, options: &EmbedOptions) -> Result<Decision> {
    let within = |error: Error| error.within(model.path().display()).or_kind(ErrorKind::Model);
    let kinds = kinds(options).map_err(within)?;
    let layout = pipeline.output.layout.unwrap_or(Layout::Nchw);
    let kind = pipeline.compile(layout, Dtype::Float32).map_err(within)?;
    let mut image_input = ImageInput::find_for(model, options.input.as_deref(), ImageKind::of(&kind))?;
    if let Some(layout) = pipeline.output.layout {
        if let Some(Blocks::Patches { .. }) = kind.form.blocks {
            // Patches have the order of their rule: the axes of the input say nothing of it.
            image_input.layout = layout;
        } else {
            image_input = image_input.with_layout(layout);
        }
    }
    check_output(pipeline.output, &image_input).map_err(within)?;
    let (layout, dtype) = (image_input.layout, image_input.dtype);
    let plan = pipeline
        .compile(layout, dtype)
        .and_then(|plan| plan.with_outputs(&kinds))
        .map_err(within)?;
    if let Some(size) = options.image_size {
        check_image_size(&plan, size, options.accept).map_err(within)?;
    }
    check_size(&plan, &image_input, options).map_err(within)?;
    check_accept(&plan, options).map_err(within)?;

    let mut found = if options.keep_floats {
        Found::Floats
    } else {
        quantised::find(model, &image_input, &plan, options.fold_int8)?
    };
    if let (Found::Bytes(_), OnBadImage::Zero) = (&found, options.on_bad_image) {
        found = Found::Kept("images that cannot be read become zeros, of floats".to_owned());
    }
    let floats = plan;
    let plan = match &found {
        Found::Bytes(bytes) => bytes.quantised.plan(floats.clone()).map_err(within)?,
        Found::Floats | Found::Kept(_) => floats.clone(),
    };
    let mut assumptions = image_input.assumptions.clone();
    let batch = if is_joined(&plan) {
        // Blocks of all images on one axis say nothing of the number of images.
        Dimension::Unknown
    } else {
        image_input.batch().clone()
    };
    let inputs = NewInputs::of(model, options, plan.source, &batch, &mut assumptions).map_err(within)?;
    let of_model = (image_input.name.as_str(), &batch);
    let extras = Extras::of(model, options, &plan, of_model, &mut assumptions).map_err(within)?;
    let pipeline = Pipeline {
        output: Output {
            layout: Some(layout),
            dtype: Some(dtype),
        },
        ..pipeline.clone()
    };
    Ok(Decision {
        image_input,
        pipeline,
        plan,
        floats,
        found,
        inputs,
        extras,
        assumptions,
    })
}

fn check_output(output: Output, input: &ImageInput) -> Result<()> {
    let subject = |key: &str| format!("output.{key}");
    let differs = |key: &str| {
        Error::new(
            subject(key),
            format!("differs from that of the model's input `{}`", input.name),
        )
    };
    if let Some(layout) = output.layout.filter(|layout| *layout != input.layout) {
        return Err(differs("layout")
            .expected_got(input.layout, layout)
            .fix("leave output.layout out: it follows from the model"));
    }
    if let Some(dtype) = output.dtype.filter(|dtype| *dtype != input.dtype) {
        return Err(differs("dtype")
            .expected_got(input.dtype, dtype)
            .fix("leave output.dtype out: it follows from the model"));
    }
    Ok(())
}

/// Checks that the model takes the size of image that the plan makes.
fn check_size(plan: &Plan, input: &ImageInput, options: &EmbedOptions) -> Result<()> {
    let made = plan.fixed_output().or_else(|| {
        let (height, width) = options.image_size?;
        plan.geometry(height, width).ok().map(|geometry| geometry.output)
    });
    if plan.form.blocks.is_some() {
        return check_blocks(plan, input, made);
    }
    let (height, width) = input.size();
    let fits = |dimension: &Dimension, made: Option<usize>| match (dimension.fixed(), made) {
        (Some(taken), Some(made)) => i64::try_from(made) == Ok(taken),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let rows = made.map(|size| size.0).or_else(|| plan.fixed_height());
    if fits(height, rows) && fits(width, made.map(|size| size.1)) {
        return Ok(());
    }
    let got = match (made, rows) {
        (Some((height, width)), _) => format!("{height} x {width}"),
        (None, Some(height)) => format!("{height} x a width that depends on the image"),
        (None, None) if plan.is_of_batch() => "a size that depends on the images of a batch".to_owned(),
        (None, None) => "a size that depends on the image".to_owned(),
    };
    let error = Error::new(
        format!("input `{}`", input.name),
        "the pipeline makes images of another size (height x width)",
    );
    Err(error
        .expected_got(format!("{height} x {width}"), got)
        .fix("give the pipeline an exact resize or a centre crop of the model's size, or use the pipeline that this model was trained with"))
}

/// Checks that the model takes the blocks that the plan makes: of the axes behind the first one, all that are fixed.
fn check_blocks(plan: &Plan, input: &ImageInput, made: Option<(usize, usize)>) -> Result<()> {
    let (rows, columns) = plan.form.blocks.map_or((1, 1), |blocks| blocks.unit());
    let [one, other] = match made {
        Some(size) => [size, size],
        None => [(rows, columns), (2 * rows, 2 * columns)],
    }
    .map(|size| plan.output_shape(1, size));
    // What follows from the size is open without one, and so is the first axis.
    let extents = one.iter().zip(&other).enumerate();
    let shape: Vec<Option<usize>> = extents
        .map(|(axis, (one, other))| (axis > 0 && one == other).then_some(*one))
        .collect();
    let fits = input.shape.iter().zip(&shape).skip(1).all(|(taken, made)| {
        let Some(taken) = taken.fixed() else { return true };
        made.is_some_and(|made| taken == made as i64)
    });
    if fits {
        return Ok(());
    }
    let shown: Vec<_> = shape
        .iter()
        .map(|extent| extent.map_or_else(|| "?".to_owned(), |extent| extent.to_string()))
        .collect();
    let taken: Vec<_> = input.shape.iter().map(ToString::to_string).collect();
    Err(Error::new(
        format_args!("input `{}`", input.name),
        "the pipeline makes blocks of another shape",
    )
    .expected_got(
        format_args!("[{}]", taken.join(", ")),
        format_args!("[{}]", shown.join(", ")),
    )
    .fix("give the pipeline the sizes of blocks and images that the model was trained with"))
}

fn is_joined(plan: &Plan) -> bool {
    plan.form.blocks.is_some_and(Blocks::is_joined)
}

/// Images of mixed sizes are one batch only where all get one size; the decoder gives RGB.
fn check_accept(plan: &Plan, options: &EmbedOptions) -> Result<()> {
    if options.accept == Accept::Batch {
        return Ok(());
    }
    if !options.accept.takes(plan.source) {
        return Err(Error::new(
            "input.format",
            format_args!("does not go with --accept {}", options.accept),
        )
        .expected_got("rgb, which decoders give", plan.source.name())
        .fix("leave input.format out, or use --accept batch or ragged")
        .with_kind(ErrorKind::Usage));
    }
    portable::check_mixed_sizes(plan)
}

/// Checks that images of the size that all are said to have can be preprocessed.
fn check_image_size(plan: &Plan, (height, width): (usize, usize), accept: Accept) -> Result<()> {
    let subject = "image size";
    if accept != Accept::Batch {
        return Err(Error::new(subject, format!("does not go with --accept {accept}"))
            .with_kind(ErrorKind::Usage)
            .expected_got("--accept batch", format!("--accept {accept}"))
            .why("only images of one size can be of a known size")
            .fix("leave --image-size or --accept out"));
    }
    if height.checked_mul(width).is_none_or(|pixels| pixels > MAX_PIXELS) {
        return Err(Error::new(subject, "has too many pixels")
            .expected_got(format!("at most {MAX_PIXELS}"), format!("{height} x {width}")));
    }
    plan.source
        .image_size(plan.source.rows(height), width)
        .and_then(|_| plan.geometry(height, width))
        .map(drop)
        .map_err(|error| error.within(subject))
}
