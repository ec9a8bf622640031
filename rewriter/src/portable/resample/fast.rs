//! The resize by ONNX `Resize`: near the exact one, and shorter.

use prep_onnx_pipeline::resample::Arithmetic;
use prep_onnx_pipeline::{Error, ErrorKind, Filter, Layout, Result, Windows};

use super::vertical_first;
use crate::portable::graph::{Graph, Value, float, int, string};
use crate::portable::num::{Condition, Extent, Num};
use crate::portable::picture::Picture;
use crate::portable::places::{Pair, Placed};

/// The opset that brought antialiasing to `Resize`.
const MIN_OPSET: i64 = 18;

/// How far, in steps of uint8, a pixel lies from the exact one at the most: measured on ONNX
/// Runtime's CPU provider, 1 when shrinking and 2 when enlarging.
pub const MAX_DEVIATION: u8 = 2;

/// Checks that `Resize` has the filter and `opset` has antialiasing. What `Resize` has no near form of stays exact.
pub(super) fn check(sampling: Arithmetic, opset: i64) -> Result<()> {
    let filter = match sampling {
        Arithmetic::Passes {
            filter,
            antialias: true,
            ..
        } => filter,
        Arithmetic::Passes { antialias: false, .. }
        | Arithmetic::Opencv { .. }
        | Arithmetic::Torch { .. } => {
            return Ok(());
        }
    };
    let exact = "leave out --portable fast: the exact body has every filter at every opset from 11";
    match filter {
        Filter::Nearest | Filter::NearestExact => return Ok(()),
        Filter::Bilinear | Filter::Bicubic => {}
        Filter::Lanczos | Filter::Box | Filter::Hamming | Filter::Area => {
            return Err(Error::new("filter", "the ONNX op Resize has no such filter")
                .expected_got("bilinear or bicubic", filter)
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

/// Resizes `picture` to `to` and keeps what `placed` shows.
pub(super) fn resize(
    graph: &mut Graph,
    (windows, filter): (Windows, Filter),
    picture: &Picture,
    to: &Pair,
    placed: &Placed,
) -> Picture {
    let mut planes = picture.clone().laid(graph, Layout::Nchw);
    let vertical_first = vertical_first(graph, windows, &picture.size, to);
    if vertical_first != Condition::Known(false) {
        // Resize passes horizontally first. An axis that keeps its size is left as it is, so that
        // one Resize an axis gives either order.
        let rows = graph.select(&vertical_first, &to.rows, &picture.size.rows);
        let columns = graph.select(&vertical_first, &picture.size.columns, &to.columns);
        planes = resized(graph, filter, planes, Pair { rows, columns });
    }
    resized(graph, filter, planes, to.clone()).cut(graph, placed)
}

fn resized(graph: &mut Graph, filter: Filter, planes: Picture, to: Pair) -> Picture {
    let channels = Num::from(planes.channels);
    // Images are as many as before, whatever the number.
    let shape = graph.op("Shape", &[&planes.value]);
    let first = graph.ints(&[0]);
    let images = graph.op_with("Gather", &[&shape, &first], vec![int("axis", 0)]);
    let size = graph.shape(&[
        Extent::Num(&channels),
        Extent::Num(&to.rows),
        Extent::Num(&to.columns),
    ]);
    let sizes = graph.op_with("Concat", &[&images, &size], vec![int("axis", 0)]);
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
    let value = graph.op_with("Resize", &[&planes.value, &absent, &absent, &sizes], attributes);
    planes.with(value, to)
}
