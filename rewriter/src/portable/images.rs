//! The way of a batch of images of one size through a plan.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::plan::{Canvas, Fill, FloatStage};
use prep_onnx_pipeline::resample::Arithmetic;
use prep_onnx_pipeline::{Dtype, Error, Layout, Plan, Result};

use super::canvas::{Around, pad, place, surround};
use super::geometry::{ImageSizes, StageSizes, geometry};
use super::graph::{Graph, Value, int};
use super::gray::gray;
use super::num::Num;
use super::outputs::extras;
use super::picture::Picture;
use super::places::{Pair, Placed};
use super::quantise::quantise;
use super::resample::{resize, resize_floats};
use super::turn::turn;
use super::values::{Channels, looked_up, of_floats, of_pixels};
use super::{Portable, Values, form, source};

/// Which standard ops there are.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) portable: Portable,
    pub(super) values: Values,
}

/// The outputs of `image`, uint8 [N, rows, columns, values] of any size. Images without pixels fail the run; where there are
/// no images, they count as one pixel high and wide at least, unless their size stays as it is.
///
/// # Errors
/// Those of [`check_possible`].
pub(super) fn batch(graph: &mut Graph, plan: &Plan, style: Style, image: &Value) -> Result<Vec<Value>> {
    let shape = graph.op("Shape", &[image]);
    let shape = graph.cast(&shape, DataType::DOUBLE);
    let extent = |graph: &mut Graph, shape: &Value, axis: i64| {
        let axis = graph.ints(&[axis]);
        Num::Later(graph.op_with("Gather", &[shape, &axis], vec![int("axis", 0)]))
    };
    // At most 1 of each: the first one says whether there are images, the least one whether there is anything.
    let one = graph.doubles(&[], &[1.0]);
    let present = graph.op("Min", &[&shape, &one]);
    let some = extent(graph, &present, 0);
    let filled = Num::Later(graph.op("ReduceMin", &[&present]));
    // -1 where there are images but no pixels, else 0.
    let mut missing = graph.sub(&filled, &some);
    if plan.source.is_planar() {
        for (axis, of) in [(1, 3.0), (2, 2.0)] {
            let extent = extent(graph, &shape, axis);
            let parts = graph.div(&extent, &of.into());
            let parts = graph.floor(&parts);
            let parts = graph.mul(&parts, &of.into());
            let rest = graph.sub(&extent, &parts);
            let rest = graph.mul(&rest, &some);
            let sum = graph.sub(&missing, &rest);
            missing = graph.max(&sum, &(-1.0).into());
        }
    }
    let stays = plan.stages.is_empty() && plan.float.is_none() && plan.form.blocks.is_none();
    let least = match (plan.source.is_planar(), stays) {
        (true, _) => Some([3.0, 2.0]),
        (false, false) => Some([1.0, 1.0]),
        (false, true) => None,
    };
    // Only without images, or where the demand below fails the run, are there less.
    let shape = match least {
        Some([rows, columns]) => {
            let least = graph.doubles(&[4], &[0.0, rows, columns, 0.0]);
            graph.op("Max", &[&shape, &least])
        }
        None => shape,
    };
    let [rows, columns] = [1, 2].map(|axis| extent(graph, &shape, axis));
    let mut shape = graph.demand("each_image_has_pixels", &missing, &shape);
    let size = Pair {
        rows: if plan.source.is_planar() {
            let height = graph.mul(&rows, &2.0.into());
            graph.div(&height, &3.0.into())
        } else {
            rows
        },
        columns,
    };
    let sizes = geometry(graph, plan, &size, None);
    check_possible(&sizes)?;
    if sizes.wrong.known() != Some(0.0) {
        let wrong = graph.mul(&sizes.wrong, &some);
        shape = graph.demand_none("each_image_can_be_preprocessed", &wrong, &shape);
    }
    // Nothing is computed before the demands.
    let shape = graph.cast(&shape, DataType::INT64);
    let image = graph.pinned_reshape(image, &shape);
    let mut outputs = vec![tensor(graph, plan, style, &image, &size, &sizes)];
    let first = graph.ints(&[0]);
    let images = graph.op_with("Gather", &[&shape, &first], vec![int("axis", 0)]);
    outputs.extend(extras(graph, plan, &sizes, &images));
    Ok(outputs)
}

/// Checks that there are images that the plan takes.
///
/// # Errors
/// When sizes that do not depend on the image exclude all.
pub(super) fn check_possible(sizes: &ImageSizes) -> Result<()> {
    if sizes.wrong.known().is_none_or(|wrong| wrong == 0.0) {
        return Ok(());
    }
    Err(Error::new("pipeline", "takes no image, whatever its size")
        .why("its sizes leave nothing of an image, mirror more of it than there is, or are no multiples of its blocks")
        .fix("change the sizes of its resize, crop, pad or blocks"))
}

/// The outputs of `image`, whose size (height, width) is known: sizes, indices and weights are constants.
pub(super) fn fixed(
    graph: &mut Graph,
    plan: &Plan,
    style: Style,
    image: &Value,
    (height, width): (usize, usize),
) -> Vec<Value> {
    let size = Pair {
        rows: height.into(),
        columns: width.into(),
    };
    let sizes = geometry(graph, plan, &size, None);
    let mut outputs = vec![tensor(graph, plan, style, image, &size, &sizes)];
    if !plan.outputs.is_empty() {
        let shape = graph.op("Shape", &[image]);
        let first = graph.ints(&[0]);
        let images = graph.op_with("Gather", &[&shape, &first], vec![int("axis", 0)]);
        outputs.extend(extras(graph, plan, &sizes, &images));
    }
    outputs
}

/// The tensor of `image`, uint8 [N, rows, columns, values] of images of `size`.
pub(super) fn tensor(
    graph: &mut Graph,
    plan: &Plan,
    style: Style,
    image: &Value,
    size: &Pair,
    sizes: &ImageSizes,
) -> Value {
    if let Some(table) = plan.values.bytes() {
        let pixels = tensor(graph, &plan.pixels(), style, image, size, sizes);
        return quantise(graph, plan, style.values, &table, &pixels);
    }
    if let Some(whole) = plan.overview_alone() {
        let tiles = tensor(graph, &plan.tiles_alone(), style, image, size, sizes);
        let sizes_of_whole = geometry(graph, &whole, size, None);
        let whole = tensor(graph, &whole, style, image, size, &sizes_of_whole);
        return form::beside(graph, plan, &tiles, whole, &sizes.output);
    }
    let picture = source::read(graph, plan.source, image.clone(), size);
    let mut picture = turn(graph, picture, &sizes.turned, &sizes.source);
    if let Some(rule) = plan.gray {
        picture = gray(graph, picture, rule);
    }
    // What is filled after the last stage: floats are wider, but they are there anyway.
    let mut left: Option<(Fill, Placed)> = None;
    for (index, (stage, numbers)) in plan.stages.iter().zip(&sizes.stages).enumerate() {
        if let (Some(canvas), Some(placed)) = (&stage.before, &numbers.before) {
            picture = place(graph, picture, placed, canvas.fill);
        }
        let after = stage.after.as_ref().zip(numbers.after.as_ref());
        let is_last = index + 1 == plan.stages.len() && plan.float.is_none();
        let later = after.filter(|(canvas, placed)| is_last && is_filled_later(plan, canvas, placed));
        picture = self::stage(
            graph,
            style,
            picture,
            stage.resample.map(|resample| resample.sampling),
            numbers,
            after,
            later.is_some(),
        );
        left = later.map(|(canvas, placed)| (canvas.fill, placed.clone()));
    }
    if let Some(rule) = plan.values.gray {
        picture = gray(graph, picture, rule);
    }
    match &plan.float {
        None => finished(graph, plan, style.values, picture, left, sizes),
        Some(stage) => floats(graph, plan, stage, style.values, picture, sizes),
    }
}

/// Whether a last canvas is filled in among the floats.
fn is_filled_later(plan: &Plan, canvas: &Canvas, placed: &Placed) -> bool {
    match canvas.fill {
        Fill::Value { .. } => true,
        Fill::Mirror { .. } => false,
        Fill::Color { .. } => {
            let empty = placed.rows.may_be_empty || placed.columns.may_be_empty;
            plan.values.gray.is_none() && plan.form.dtype != Dtype::Uint8 && !empty
        }
    }
}

/// The resize of a stage and the canvas after it, without its fill where that comes `later`.
fn stage(
    graph: &mut Graph,
    style: Style,
    picture: Picture,
    sampling: Option<Arithmetic>,
    numbers: &StageSizes,
    after: Option<(&Canvas, &Placed)>,
    later: bool,
) -> Picture {
    let resized = sampling.zip(numbers.resized.as_ref());
    let Some((sampling, (_, to))) = resized else {
        return match after {
            None => picture,
            Some((_, placed)) if later => picture.cut(graph, placed),
            Some((canvas, placed)) => place(graph, picture, placed, canvas.fill),
        };
    };
    let whole = Placed::whole(to);
    match after {
        None => resize(graph, style.portable, &picture, sampling, to, &whole),
        // What is mirrored may be outside the canvas.
        Some((
            Canvas {
                fill: fill @ Fill::Mirror { .. },
                ..
            },
            placed,
        )) => {
            let picture = resize(graph, style.portable, &picture, sampling, to, &whole);
            place(graph, picture, placed, *fill)
        }
        Some((canvas, placed)) => {
            let visible = resize(graph, style.portable, &picture, sampling, to, placed);
            if later {
                visible
            } else {
                surround(graph, visible, placed, canvas.fill)
            }
        }
    }
}

/// The tensor of the pixels of the last stage, of whose canvas `left` is still to be filled.
fn finished(
    graph: &mut Graph,
    plan: &Plan,
    values: Values,
    picture: Picture,
    left: Option<(Fill, Placed)>,
    sizes: &ImageSizes,
) -> Value {
    let layout = form::layout(&plan.form);
    let picture = arranged(graph, picture, &plan.values.channels, layout);
    let channels = Channels {
        layout,
        count: plan.channels(),
    };
    let operations = &plan.values.operations;
    let left = left.filter(|(_, placed)| !placed.is_inside());
    let mut value = picture.value;
    if plan.form.dtype != Dtype::Uint8 {
        let colour = match &left {
            Some((Fill::Color { color }, placed)) => Some((color, placed)),
            Some((Fill::Value { .. } | Fill::Mirror { .. }, _)) | None => None,
        };
        if colour.is_some() || !looked_up(operations, values) {
            value = graph.cast(&value, DataType::FLOAT);
        }
        if let Some((color, placed)) = colour {
            let color: Vec<f32> = plan
                .values
                .channels
                .iter()
                .map(|channel| f32::from(color[*channel]))
                .collect();
            value = pad(graph, &value, layout, placed, &Around::Floats(&color));
        }
        value = of_pixels(graph, operations, channels, &value, values);
    }
    if let Some((Fill::Value { value: around }, placed)) = &left {
        let around = around.map(|value| value as f32);
        value = pad(
            graph,
            &value,
            layout,
            placed,
            &Around::Floats(&around[..channels.count]),
        );
    }
    form::finish(graph, &plan.form, value, channels.count, &sizes.output)
}

/// The tensor of a plan that resizes floats.
fn floats(
    graph: &mut Graph,
    plan: &Plan,
    stage: &FloatStage,
    values: Values,
    picture: Picture,
    sizes: &ImageSizes,
) -> Value {
    let layout = picture.layout;
    let picture = arranged(graph, picture, &plan.values.channels, layout);
    let channels = |layout: Layout| Channels {
        layout,
        count: plan.channels(),
    };
    let mut value = picture.value.clone();
    if !looked_up(&stage.operations, values) {
        value = graph.cast(&value, DataType::FLOAT);
    }
    value = of_pixels(graph, &stage.operations, channels(layout), &value, values);
    let mut picture = Picture { value, ..picture };
    let numbers = sizes.stages.last();
    if let (Arithmetic::Torch { filter, antialias }, Some((_, to))) = (
        stage.resample.sampling,
        numbers.and_then(|numbers| numbers.resized.as_ref()),
    ) {
        picture = resize_floats(graph, &picture, (filter, antialias), to);
    }
    picture.value = of_floats(
        graph,
        &plan.values.operations,
        channels(picture.layout),
        &picture.value,
    );
    if let (
        Some(Canvas {
            fill: Fill::Value { value },
            ..
        }),
        Some(placed),
    ) = (&stage.after, numbers.and_then(|numbers| numbers.after.as_ref()))
    {
        picture = picture.cut(graph, placed);
        if !placed.is_inside() {
            let around = value.map(|value| value as f32);
            let around = Around::Floats(&around[..picture.channels]);
            let value = pad(graph, &picture.value, picture.layout, placed, &around);
            picture = picture.with(value, placed.size());
        }
    }
    let picture = picture.laid(graph, form::layout(&plan.form));
    form::finish(graph, &plan.form, picture.value, plan.channels(), &sizes.output)
}

/// The channels in their order and axes in theirs. Planes are reordered faster than pixels.
fn arranged(graph: &mut Graph, picture: Picture, channels: &[usize], layout: Layout) -> Picture {
    match picture.layout {
        Layout::Nchw => picture.ordered(graph, channels).laid(graph, layout),
        Layout::Nhwc => picture.laid(graph, layout).ordered(graph, channels),
    }
}
