//! `torch.nn.functional.interpolate` of float32.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::Filter;

use super::axis::Axis;
use super::float_sums::FloatSums;
use super::float_taps;
use super::opencv::passes;
use super::taps::rounded_bytes;
use crate::portable::graph::Graph;
use crate::portable::picture::Picture;

/// The needed rows and columns of uint8 images, rounded once, at the end.
pub(super) fn resize_bytes(
    graph: &mut Graph,
    picture: &Picture,
    axes: [&Axis; 2],
    filter: (Filter, bool),
) -> Picture {
    let floats = Picture {
        value: graph.cast(&picture.value, DataType::FLOAT),
        ..picture.clone()
    };
    let resized = resize(graph, &floats, axes, filter);
    let value = rounded_bytes(graph, &resized.value);
    Picture { value, ..resized }
}

/// The needed rows and columns of float32 images: horizontal first.
pub(super) fn resize(
    graph: &mut Graph,
    picture: &Picture,
    [rows, columns]: [&Axis; 2],
    filter: (Filter, bool),
) -> Picture {
    let [down, across] = [rows, columns].map(|axis| sums(graph, axis, filter));
    let single = picture.channels == 1;
    passes(graph, picture, [rows, columns], |graph, at, lines| {
        [&across, &down][at].apply(graph, lines, single)
    })
}

fn sums(graph: &mut Graph, axis: &Axis, (filter, antialias): (Filter, bool)) -> FloatSums {
    match axis.known() {
        Some(axis) => FloatSums::known(graph, axis, filter, antialias),
        None => float_taps::later(graph, axis, filter, antialias),
    }
}
