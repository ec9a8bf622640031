//! From the pixel format of the host to RGB or gray, in a graph: the integers of `prep_onnx_pipeline::plan::SourceFormat`.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::Layout;
use prep_onnx_pipeline::plan::{Coefficients, SourceFormat};

use super::graph::{Graph, Value, int, ints};
use super::num::{Extent, Num};
use super::picture::Picture;
use super::places::Pair;

/// The images in `tensor`, [N, rows, columns, values] in the format `format`, of the size `size`.
pub(super) fn read(graph: &mut Graph, format: SourceFormat, tensor: Value, size: &Pair) -> Picture {
    let picture = |value: Value, layout: Layout, channels: usize, order: &[usize]| Picture {
        value,
        layout,
        size: size.clone(),
        channels,
        order: order.to_vec(),
    };
    match format {
        SourceFormat::Rgb => picture(tensor, Layout::Nhwc, 3, &[0, 1, 2]),
        SourceFormat::Bgr => picture(tensor, Layout::Nhwc, 3, &[2, 1, 0]),
        SourceFormat::Gray => picture(tensor, Layout::Nhwc, 1, &[0]),
        SourceFormat::Rgba { over: None } => picture(tensor, Layout::Nhwc, 4, &[0, 1, 2]),
        SourceFormat::Rgba { over: Some(over) } => {
            let value = composite(graph, &tensor, size, over);
            picture(value, Layout::Nchw, 3, &[0, 1, 2])
        }
        SourceFormat::Nv12 { matrix, range } => {
            let value = ycbcr(graph, &tensor, size, Coefficients::of(matrix, range), true);
            picture(value, Layout::Nchw, 3, &[0, 1, 2])
        }
        SourceFormat::I420 { matrix, range } => {
            let value = ycbcr(graph, &tensor, size, Coefficients::of(matrix, range), false);
            picture(value, Layout::Nchw, 3, &[0, 1, 2])
        }
    }
}

/// RGBA over a colour: uint8 [N, 3, rows, columns].
fn composite(graph: &mut Graph, tensor: &Value, size: &Pair, over: [u8; 3]) -> Value {
    let rgba = Picture {
        value: tensor.clone(),
        layout: Layout::Nhwc,
        size: size.clone(),
        channels: 4,
        order: vec![0, 1, 2],
    };
    let (planes, _) = rgba.planes(graph);
    let planes = graph.cast(&planes, DataType::FLOAT);
    let mut part = |from: i64, to: i64| {
        let (from, to, axes) = (graph.ints(&[from]), graph.ints(&[to]), graph.ints(&[0]));
        graph.op("Slice", &[&planes, &from, &to, &axes])
    };
    let (colours, alpha) = (part(0, 3), part(3, 4));
    // Whole numbers below 2^24, which float32 has: (value - over) * alpha * 128 + over * 255 * 128 + 2^14.
    let below: Vec<f32> = over.iter().map(|value| f32::from(*value)).collect();
    let base: Vec<f32> = below.iter().map(|value| value * 32_640.0 + 16_384.0).collect();
    let (below, base) = (graph.floats(&[3, 1], &below), graph.floats(&[3, 1], &base));
    let [unit, shift, last] = [128.0, 1.0 / 256.0, 1.0 / 32_768.0].map(|value| graph.floats(&[], &[value]));
    let distance = graph.op("Sub", &[&colours, &below]);
    let weight = graph.op("Mul", &[&alpha, &unit]);
    let weighted = graph.op("Mul", &[&distance, &weight]);
    let sum = graph.op("Add", &[&weighted, &base]);
    let high = graph.op("Mul", &[&sum, &shift]);
    let high = graph.op("Floor", &[&high]);
    let sum = graph.op("Add", &[&sum, &high]);
    // Cast cuts the fraction off.
    let value = graph.op("Mul", &[&sum, &last]);
    let value = graph.cast(&value, DataType::UINT8);
    let (area, three) = (graph.mul(&size.rows, &size.columns), Num::from(3_usize));
    let shape = graph.shape(&[Extent::Num(&three), Extent::Rest, Extent::Num(&area)]);
    let value = graph.op("Reshape", &[&value, &shape]);
    let value = graph.op_with("Transpose", &[&value], vec![ints("perm", &[1, 0, 2])]);
    let shape = graph.shape(&[
        Extent::Rest,
        Extent::Num(&three),
        Extent::Num(&size.rows),
        Extent::Num(&size.columns),
    ]);
    graph.op("Reshape", &[&value, &shape])
}

/// Luma, then chroma at half the resolution, to RGB: uint8 [N, 3, rows, columns].
fn ycbcr(
    graph: &mut Graph,
    tensor: &Value,
    size: &Pair,
    coefficients: Coefficients,
    interleaved: bool,
) -> Value {
    const HALF: i32 = 1 << 19;
    let Coefficients {
        offset,
        luma: of_luma,
        blue_cb,
        green_cb,
        green_cr,
        red_cr,
    } = coefficients;
    let one = Num::from(1_usize);
    let plane = [
        Extent::Rest,
        Extent::Num(&one),
        Extent::Num(&size.rows),
        Extent::Num(&size.columns),
    ];
    let mut rows = |from: &Num, to: Option<&Num>| {
        let from = graph.int64(from);
        let to = match to {
            Some(to) => graph.int64(to),
            None => graph.ints(&[i64::from(i32::MAX)]),
        };
        let axes = graph.ints(&[1]);
        graph.op("Slice", &[tensor, &from, &to, &axes])
    };
    let (luma, chroma) = (rows(&0.0.into(), Some(&size.rows)), rows(&size.rows, None));
    let shape = graph.shape(&plane);
    let luma = graph.op("Reshape", &[&luma, &shape]);
    let luma = graph.cast(&luma, DataType::FLOAT);
    let offset = graph.floats(&[], &[offset as f32]);
    let luma = graph.op("Sub", &[&luma, &offset]);
    let luma = graph.op("Relu", &[&luma]);
    let luma = graph.cast(&luma, DataType::INT32);
    let scale = graph.int32s(&[], &[of_luma]);
    let luma = graph.op("Mul", &[&luma, &scale]);

    let [half_rows, half_columns] = [&size.rows, &size.columns].map(|edge| graph.mul(edge, &0.5.into()));
    let two = Num::from(2_usize);
    let shape = if interleaved {
        [
            Extent::Rest,
            Extent::Num(&half_rows),
            Extent::Num(&half_columns),
            Extent::Num(&two),
        ]
    } else {
        [
            Extent::Rest,
            Extent::Num(&two),
            Extent::Num(&half_rows),
            Extent::Num(&half_columns),
        ]
    };
    let shape = graph.shape(&shape);
    let chroma = graph.op("Reshape", &[&chroma, &shape]);
    let [cb, cr] = [0, 1].map(|which| {
        let which = graph.ints(&[which]);
        let axis = int("axis", if interleaved { 3 } else { 1 });
        let half = graph.op_with("Gather", &[&chroma, &which], vec![axis]);
        // Each value twice, then each row twice.
        let shape = graph.shape(&[
            Extent::Rest,
            Extent::Num(&half_rows),
            Extent::Num(&half_columns),
            Extent::Num(&one),
        ]);
        let half = graph.op("Reshape", &[&half, &shape]);
        let wide = graph.op_with("Concat", &[&half, &half], vec![int("axis", 3)]);
        let shape = graph.shape(&[
            Extent::Rest,
            Extent::Num(&half_rows),
            Extent::Num(&one),
            Extent::Num(&size.columns),
        ]);
        let wide = graph.op("Reshape", &[&wide, &shape]);
        let full = graph.op_with("Concat", &[&wide, &wide], vec![int("axis", 2)]);
        let shape = graph.shape(&plane);
        let full = graph.op("Reshape", &[&full, &shape]);
        graph.cast(&full, DataType::INT32)
    });
    // The offset of 128 is part of the constant.
    let channel = |graph: &mut Graph, of_cb: i32, of_cr: i32| {
        let mut sum = luma.clone();
        for (chroma, factor) in [(&cb, of_cb), (&cr, of_cr)] {
            if factor != 0 {
                let factor = graph.int32s(&[], &[factor]);
                let product = graph.op("Mul", &[chroma, &factor]);
                sum = graph.op("Add", &[&sum, &product]);
            }
        }
        let constant = graph.int32s(&[], &[HALF - 128 * (of_cb + of_cr)]);
        let sum = graph.op("Add", &[&sum, &constant]);
        // Division of whole numbers cuts: what is below 0 becomes 0 all the same.
        let unit = graph.int32s(&[], &[1 << 20]);
        let value = graph.op("Div", &[&sum, &unit]);
        graph.cast(&value, DataType::FLOAT)
    };
    let red = channel(graph, 0, red_cr);
    let green = channel(graph, green_cb, green_cr);
    let blue = channel(graph, blue_cb, 0);
    let value = graph.op_with("Concat", &[&red, &green, &blue], vec![int("axis", 1)]);
    let (least, most) = (graph.floats(&[], &[0.0]), graph.floats(&[], &[255.0]));
    let value = graph.op("Clip", &[&value, &least, &most]);
    graph.cast(&value, DataType::UINT8)
}
