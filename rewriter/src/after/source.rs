//! Back to the source image.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::Result;

use super::builder::Builder;
use super::flow::{Frame, Part, Selected, Tensor};
use super::rotated::upright;
use super::steps::Interpolation;
use crate::portable::graph::{Graph, Value, float, string};

/// The columns of `geometry`.
mod column {
    pub(super) const HEIGHT: i64 = 0;
    pub(super) const WIDTH: i64 = 1;
    pub(super) const SCALE_Y: i64 = 2;
    pub(super) const SCALE_X: i64 = 3;
    pub(super) const TOP: i64 = 4;
    pub(super) const LEFT: i64 = 5;
}
use column::{HEIGHT, LEFT, SCALE_X, SCALE_Y, TOP, WIDTH};

/// `selected` in pixels of the source image.
///
/// # Errors
/// Without the geometry of the images.
pub(super) fn unmap(builder: &mut Builder<'_>, selected: Selected) -> Result<Selected> {
    let mut geometry = builder.geometry("unmap")?;
    if selected.frame == Frame::Ratio {
        geometry = by_ratio(builder, geometry);
    }
    let graph = &mut builder.graph;
    let rows = graph.take(&geometry, 0, &selected.image);
    let mut unmapped = selected.clone();
    unmapped.frame = Frame::Image;
    match selected.frame {
        Frame::Image => return Ok(selected),
        Frame::Relative => {
            let size = graph.pick(&rows, 1, &[WIDTH, HEIGHT, WIDTH, HEIGHT]);
            unmapped.boxes = graph.op("Mul", &[&selected.boxes, &size]);
            return Ok(unmapped);
        }
        Frame::Input | Frame::Ratio => {}
    }
    unmapped.boxes = points(graph, &rows, &selected.boxes, &[4]);
    for (part, value) in &mut unmapped.parts {
        match part {
            Part::MaskWeights { .. } => {}
            Part::Keypoints { numbers, .. } => {
                let xy = graph.part(value, 2, 0, 2);
                let places = points(graph, &rows, &xy, &[1, 2]);
                *value = if *numbers == 2 {
                    places
                } else {
                    let rest = graph.part(value, 2, 2, i64::MAX);
                    graph.joined(&[&places, &rest], 2)
                };
            }
            Part::Rotated => {
                let offset = graph.pick(&rows, 1, &[LEFT, TOP]);
                let scale = graph.pick(&rows, 1, &[SCALE_X, SCALE_Y]);
                let [centre, size] = [(0, 2), (2, 4)].map(|(from, to)| graph.part(value, 1, from, to));
                let centre = graph.op("Sub", &[&centre, &offset]);
                let centre = graph.op("Div", &[&centre, &scale]);
                let size = graph.op("Div", &[&size, &scale]);
                let angle = graph.part(value, 1, 4, 5);
                *value = graph.joined(&[&centre, &size, &angle], 1);
                unmapped.boxes = upright(graph, value);
            }
        }
    }
    Ok(unmapped)
}

/// `geometry` of a letterbox as scale_boxes of YOLOv5 and the demo of YOLOX take it: one ratio for both axes, half of what is left
/// before a centred image. Of other preprocessing as it is.
fn by_ratio(builder: &mut Builder<'_>, geometry: Value) -> Value {
    let Some((half, input)) = builder.letterbox() else {
        return geometry;
    };
    let graph = &mut builder.graph;
    let sizes = graph.pick(&geometry, 1, &[HEIGHT, WIDTH]);
    let ratios = graph.op("Div", &[&input, &sizes]);
    let [down, across] = [0, 1].map(|axis| graph.part(&ratios, 1, axis, axis + 1));
    let ratio = graph.op("Min", &[&down, &across]);
    let resized = graph.op("Mul", &[&sizes, &ratio]);
    let rest = graph.op("Sub", &[&input, &resized]);
    let offsets = graph.with_float("Mul", &rest, half);
    graph.joined(&[&sizes, &ratio, &ratio, &offsets], 1)
}

/// x, y, x, y, … on the last axis, moved into the image; `axes` is how `rows` meet them: [4], or [1, 2] for points.
fn points(graph: &mut Graph, rows: &Value, places: &Value, axes: &[i64]) -> Value {
    let pairs = axes.last().copied().unwrap_or(2) / 2;
    let mut of = |x: i64, y: i64| {
        let columns: Vec<i64> = (0..pairs).flat_map(|_| [x, y]).collect();
        let row = graph.pick(rows, 1, &columns);
        if axes.len() == 1 {
            return row;
        }
        let shape: Vec<i64> = std::iter::once(-1).chain(axes.iter().copied()).collect();
        graph.shaped(&row, &shape)
    };
    let (offset, scale, size) = (of(LEFT, TOP), of(SCALE_X, SCALE_Y), of(WIDTH, HEIGHT));
    let places = graph.op("Sub", &[places, &offset]);
    let places = graph.op("Div", &[&places, &scale]);
    let places = graph.with_float("Max", &places, 0.0);
    graph.op("Min", &[&places, &size])
}

/// What `pixels` of the source are in the frame of the model for the lower right corner of boxes of `image` [M]: float32 [M, 4].
pub(super) fn pixel_of_image(graph: &mut Graph, geometry: &Value, image: &Value, pixels: f32) -> Value {
    let rows = graph.take(geometry, 0, image);
    // Of a whole number of rows and columns the smaller scale is rounded, and the larger one is the ratio.
    let [x, y] = [SCALE_X, SCALE_Y].map(|column| graph.part(&rows, 1, column, column + 1));
    let ratio = graph.op("Max", &[&x, &y]);
    let corner = graph.floats(&[4], &[0.0, 0.0, pixels, pixels]);
    graph.op("Mul", &[&ratio, &corner])
}

/// Height and width of every source image: float32 [N, 1] each.
pub(super) fn sizes(graph: &mut Graph, geometry: &Value) -> [Value; 2] {
    [HEIGHT, WIDTH].map(|column| graph.part(geometry, 1, column, column + 1))
}

/// `tensor`, [N, channels, h, w] or [N, h, w], in the size of the first source image.
pub(super) fn resized(
    graph: &mut Graph,
    geometry: &Value,
    tensor: &Tensor,
    interpolation: Interpolation,
) -> Value {
    let first = graph.part(geometry, 0, 0, 1);
    let size = graph.pick(&first, 1, &[HEIGHT, WIDTH]);
    let size = graph.shaped(&size, &[-1]);
    let size = graph.cast(&size, DataType::INT64);
    let shape = graph.op("Shape", &[&tensor.value]);
    let is_flat = tensor.rank() == Some(3);
    // Only images of four axes are resized by every runtime's bicubic.
    let (value, outer) = if is_flat {
        let (images, map) = (graph.part(&shape, 0, 0, 1), graph.part(&shape, 0, 1, 3));
        let one = graph.ints(&[1]);
        let four = graph.joined(&[&images, &one, &map], 0);
        let outer = graph.joined(&[&images, &one], 0);
        (graph.op("Reshape", &[&tensor.value, &four]), outer)
    } else {
        let outer = graph.part(&shape, 0, 0, 2);
        (tensor.value.clone(), outer)
    };
    let sizes = graph.joined(&[&outer, &size], 0);
    // ONNX takes sizes of which it does not know how many there are for none.
    let sizes = graph.shaped(&sizes, &[4]);
    let mut attributes = match interpolation {
        Interpolation::Bilinear => vec![string("mode", "linear")],
        Interpolation::Bicubic => vec![string("mode", "cubic"), float("cubic_coeff_a", -0.75)],
        Interpolation::Nearest => vec![string("mode", "nearest"), string("nearest_mode", "floor")],
    };
    let transformation = match interpolation {
        Interpolation::Bilinear | Interpolation::Bicubic => "half_pixel",
        Interpolation::Nearest => "asymmetric",
    };
    attributes.push(string("coordinate_transformation_mode", transformation));
    // Operator set 11 wants both inputs, and both empty.
    let none = graph.floats(&[0], &[]);
    let value = graph.op_with("Resize", &[&value, &none, &none, &sizes], attributes);
    if !is_flat {
        return value;
    }
    let images = graph.part(&outer, 0, 0, 1);
    let flat = graph.joined(&[&images, &size], 0);
    graph.op("Reshape", &[&value, &flat])
}
