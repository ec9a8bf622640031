//! The resize by ONNX `Resize`: near the exact one, and shorter.

use prep_onnx_pipeline::plan::v1;
use prep_onnx_pipeline::{CHANNELS, Error, ErrorKind, Filter, Result};

use super::graph::{Graph, Value, float, int, ints, string};
use super::num::{Condition, Extent, Num};
use super::resize::vertical_first;
use super::size::{Crop, Extents, Pair, sized};

/// The opset that brought antialiasing to `Resize`.
const MIN_OPSET: i64 = 18;

/// How far, in steps of uint8, a pixel lies from the exact one at the most: measured on ONNX
/// Runtime's CPU provider, 1 when shrinking and 2 when enlarging.
pub const MAX_DEVIATION: u8 = 2;

/// Checks that `Resize` has the filter and `opset` has antialiasing.
pub(super) fn check(step: &v1::Resize, opset: i64) -> Result<()> {
    let exact = "leave out --portable fast: the exact body has every filter at every opset from 11";
    match step.filter {
        Filter::Nearest | Filter::NearestExact => return Ok(()),
        Filter::Bilinear | Filter::Bicubic => {}
        Filter::Lanczos | Filter::Box | Filter::Hamming | Filter::Area => {
            return Err(Error::new("filter", "the ONNX op Resize has no such filter")
                .expected_got("bilinear or bicubic", step.filter)
                .fix(exact)
                .with_kind(ErrorKind::Unsupported));
        }
    }
    if opset >= MIN_OPSET {
        return Ok(());
    }
    Err(Error::new("opset", "the ONNX op Resize has no antialiasing yet")
        .expected_got(format_args!("{MIN_OPSET} or newer"), opset)
        .fix(exact)
        .with_kind(ErrorKind::Unsupported))
}

/// Resizes and crops `image`, uint8 [N, H, W, 3], to uint8 [N, 3, height, width] of `crop.count`.
pub(super) fn resize(
    graph: &mut Graph,
    step: &v1::Resize,
    image: &Value,
    extents: &Extents,
    to: &Pair,
    crop: &Crop,
) -> Value {
    let image = sized(graph, image, extents);
    let mut planes = graph.op_with("Transpose", &[&image], vec![ints("perm", &[0, 3, 1, 2])]);
    let vertical_first = vertical_first(graph, step.resampler, extents, to);
    if vertical_first != Condition::Known(false) {
        // Resize passes horizontally first. An axis that keeps its size is left as it is, so that
        // one Resize an axis gives either order.
        let rows = graph.select(&vertical_first, &to.rows, &extents.image.rows);
        let columns = graph.select(&vertical_first, &extents.image.columns, &to.columns);
        planes = resized(graph, step.filter, &planes, extents, &Pair { rows, columns });
    }
    let planes = resized(graph, step.filter, &planes, extents, to);
    super::slice(graph, &planes, crop, &[2, 3])
}

fn resized(graph: &mut Graph, filter: Filter, planes: &Value, extents: &Extents, to: &Pair) -> Value {
    let channels = Num::from(CHANNELS);
    let sizes = graph.shape(&[
        Extent::Num(&extents.images),
        Extent::Num(&channels),
        Extent::Num(&to.rows),
        Extent::Num(&to.columns),
    ]);
    let absent = Value::named("");
    let mode = if filter == Filter::Bicubic {
        "cubic"
    } else {
        "linear"
    };
    let attributes = vec![
        string("mode", mode),
        string("coordinate_transformation_mode", "half_pixel"),
        int("antialias", 1),
        // Without it border pixels are up to 11 steps off.
        int("exclude_outside", 1),
        float("cubic_coeff_a", -0.5),
    ];
    graph.op_with("Resize", &[planes, &absent, &absent, &sizes], attributes)
}
