//! Gray of red, green and blue, in a graph: the numbers of `prep_onnx_pipeline::plan::GrayRule`.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::plan::GrayRule;

use super::graph::{Graph, int};
use super::picture::Picture;

/// One channel of three.
pub(super) fn gray(graph: &mut Graph, picture: Picture, rule: GrayRule) -> Picture {
    // Weights as the library has them, the constant that rounds, and the last factor. Whole numbers stay below 2^24.
    let (weights, more, unit): ([f32; 3], f32, f32) = match rule {
        GrayRule::Pillow => ([19_595.0, 38_470.0, 7_471.0], 32_768.0, 1.0 / 65_536.0),
        GrayRule::Opencv => ([9_798.0, 19_235.0, 3_735.0], 16_384.0, 1.0 / 32_768.0),
        GrayRule::Torchvision => ([0.2989, 0.587, 0.114], 0.0, 1.0),
    };
    let (planes, axis) = picture.planes(graph);
    let mut sum = None;
    for (channel, weight) in picture.order.iter().zip(weights) {
        let channel = graph.ints(&[*channel as i64]);
        let plane = graph.op_with("Gather", &[&planes, &channel], vec![int("axis", axis)]);
        let plane = graph.cast(&plane, DataType::FLOAT);
        let weight = graph.floats(&[], &[weight]);
        let product = graph.op("Mul", &[&plane, &weight]);
        sum = Some(match sum {
            None => product,
            Some(sum) => graph.op("Add", &[&sum, &product]),
        });
    }
    let Some(mut sum) = sum else { return picture };
    if more != 0.0 {
        let more = graph.floats(&[], &[more]);
        sum = graph.op("Add", &[&sum, &more]);
        let unit = graph.floats(&[], &[unit]);
        sum = graph.op("Mul", &[&sum, &unit]);
    }
    // Cuts the fraction off.
    let value = graph.cast(&sum, DataType::UINT8);
    let gray = Picture {
        channels: 1,
        order: vec![0],
        ..picture
    };
    let value = gray.shaped(graph, &value, &gray.size);
    Picture { value, ..gray }
}
