//! Small models whose outputs follow from the image by operations that every host does with the same bits.

use std::path::Path;

use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{AttributeProto, GraphProto, Message, NodeProto, TensorProto};
use prep_onnx_tests::protos::{self, info, node};

pub(crate) const INPUT: &str = "images";
const EDGE: i64 = 64;
/// An edge of the map of the brightest values.
const CELLS: i64 = 8;
const FOUND: i64 = 20;

/// Numbers of no pattern, the same ones every time.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// 0 to 1.
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// The lowest and the highest number of a channel.
type Range = fn(usize) -> (f32, f32);

/// How an output follows from the image. Numbers of no pattern are multiplied by the brightest value of the image.
pub(crate) enum Made {
    /// [N, rows, channels]
    Rows { rows: i64, channels: i64, range: Range },
    /// [N, channels, columns]
    Columns {
        channels: i64,
        columns: i64,
        range: Range,
    },
    /// [N, count, 16, 16] for an image of 64 x 64.
    Prototypes { count: i64 },
    /// [M, numbers] or `[M]`, of one image.
    Finished { numbers: Option<i64> },
    /// int64 `[M]`
    Labels,
    /// The brightest values of 8 x 8 pixels each: [N, 3, 8, 8].
    Map,
    /// Those of the first channel: [N, 8, 8].
    Depth,
    /// All of them: [N, 192].
    Flat,
    /// How far each image goes with each text of [`TEXTS`], as CLIP has it: [N, texts].
    WithTexts,
}

/// Another input of the model, int64 [texts, 4].
pub(crate) const TEXTS: &str = "input_ids";

pub(crate) struct SmallModel {
    pub(crate) outputs: Vec<(&'static str, Made)>,
    /// The zero point of the bytes that the image becomes: uint8, or int8 where it is negative.
    pub(crate) quantised: Option<i32>,
}

impl SmallModel {
    pub(crate) fn of(outputs: Vec<(&'static str, Made)>) -> Self {
        Self {
            outputs,
            quantised: None,
        }
    }
}

pub(crate) fn write(path: &Path, model: &SmallModel, opset: i64) {
    let mut graph = GraphProto {
        name: "small".to_owned(),
        input: vec![info(INPUT, DataType::FLOAT, &[-1, 3, EDGE, EDGE])],
        ..GraphProto::default()
    };
    let mut image = INPUT;
    if let Some(zero) = model.quantised {
        let element = if zero < 0 { DataType::INT8 } else { DataType::UINT8 };
        constant(
            &mut graph,
            "scale",
            DataType::FLOAT,
            &[],
            (1.0_f32 / 300.0).to_le_bytes().to_vec(),
        );
        constant(&mut graph, "zero", element, &[], vec![zero as u8]);
        let inputs = [image, "scale", "zero"];
        graph.node.push(node("QuantizeLinear", &inputs, "bytes"));
        graph
            .node
            .push(node("DequantizeLinear", &["bytes", "scale", "zero"], "floats"));
        image = "floats";
    }
    let mut map = node("MaxPool", &[image], "brightest");
    map.attribute = vec![
        ints("kernel_shape", &[EDGE / CELLS; 2]),
        ints("strides", &[EDGE / CELLS; 2]),
    ];
    graph.node.push(map);
    graph.node.push(node("GlobalMaxPool", &["brightest"], "peaks"));
    numbers(&mut graph, "first", &[0], &[]);
    graph.node.push(gather("peaks", "first", "peak"));
    let mut seed = Numbers(7);
    for (name, made) in &model.outputs {
        add(&mut graph, &mut seed, opset, (name, made));
    }
    let model = protos::model(graph, 8, opset);
    let bytes = model.write_to_bytes().expect("a small message");
    std::fs::write(path, bytes).expect("a writable folder");
}

fn add(graph: &mut GraphProto, seed: &mut Numbers, opset: i64, (name, made): (&str, &Made)) {
    let (extents, base) = match made {
        Made::Rows {
            rows,
            channels,
            range,
        } => {
            let base = |seed: &mut Numbers, index: usize| within(seed, range(index % *channels as usize));
            (vec![-1, *rows, *channels], drawn(seed, rows * channels, base))
        }
        Made::Columns {
            channels,
            columns,
            range,
        } => {
            let base = |seed: &mut Numbers, index: usize| within(seed, range(index / *columns as usize));
            (
                vec![-1, *channels, *columns],
                drawn(seed, channels * columns, base),
            )
        }
        Made::Prototypes { count } => {
            let edge = EDGE / 4;
            let base = |seed: &mut Numbers, _: usize| within(seed, (-2.0, 2.0));
            (
                vec![-1, *count, edge, edge],
                drawn(seed, count * edge * edge, base),
            )
        }
        Made::Finished { numbers } => {
            let base = |seed: &mut Numbers, index: usize| match (numbers, index % 4) {
                (None, _) => within(seed, (0.0, 1.0)),
                (Some(_), 0 | 1) => within(seed, (0.0, 30.0)),
                (Some(_), _) => within(seed, (34.0, 64.0)),
            };
            let count = FOUND * numbers.unwrap_or(1);
            let extents = std::iter::once(FOUND).chain(*numbers).collect();
            (extents, drawn(seed, count, base))
        }
        Made::Labels => {
            let labels: Vec<i64> = (0..FOUND).map(|place| place % 5).collect();
            numbers(graph, "found", &labels, &[FOUND]);
            graph.node.push(node("Identity", &["found"], name));
            graph.output.push(info(name, DataType::INT64, &[-1]));
            return;
        }
        Made::Map => {
            graph.node.push(node("Identity", &["brightest"], name));
            graph
                .output
                .push(info(name, DataType::FLOAT, &[-1, 3, CELLS, CELLS]));
            return;
        }
        Made::Depth => {
            graph.node.push(gather("brightest", "first_map", name));
            numbers(graph, "first_map", &[0], &[]);
            graph
                .output
                .push(info(name, DataType::FLOAT, &[-1, CELLS, CELLS]));
            return;
        }
        Made::WithTexts => {
            const WORDS: i64 = 16;
            let table = drawn(seed, WORDS * 3, |seed, _| within(seed, (-4.0, 4.0)));
            let bytes = table.iter().flat_map(|number| number.to_le_bytes()).collect();
            constant(graph, "words", DataType::FLOAT, &[WORDS, 3], bytes);
            graph.input.push(info(TEXTS, DataType::INT64, &[-1, 4]));
            let mut strongest = node("ReduceMax", &["chosen"], "text_of_channels");
            let axes = ints("axes", &[1]);
            if opset < 18 {
                strongest.attribute.push(axes);
            } else {
                numbers(graph, "axis_of_words", &[1], &[1]);
                strongest.input.push("axis_of_words".to_owned());
            }
            strongest.attribute.push(AttributeProto {
                name: "keepdims".to_owned(),
                i: 0,
                type_: AttributeType::INT.into(),
                ..AttributeProto::default()
            });
            graph.node.extend([
                node("Gather", &["words", TEXTS], "chosen"),
                strongest,
                node("Transpose", &["text_of_channels"], "texts"),
                node("Flatten", &["peaks"], "image_of_channels"),
                node("MatMul", &["image_of_channels", "texts"], name),
            ]);
            graph.output.push(info(name, DataType::FLOAT, &[-1, -1]));
            return;
        }
        Made::Flat => {
            graph.node.push(node("Flatten", &["brightest"], name));
            graph
                .output
                .push(info(name, DataType::FLOAT, &[-1, 3 * CELLS * CELLS]));
            return;
        }
    };
    let (base_name, shape, peak) = (
        format!("{name}_base"),
        format!("{name}_rank"),
        format!("{name}_peak"),
    );
    let inner: Vec<i64> = extents.iter().copied().filter(|extent| *extent >= 0).collect();
    let bytes = base.iter().flat_map(|number| number.to_le_bytes()).collect();
    constant(graph, &base_name, DataType::FLOAT, &inner, bytes);
    let mut ones = vec![1; extents.len()];
    ones[0] = -1;
    numbers(graph, &shape, &ones, &[ones.len() as i64]);
    graph.node.push(node("Reshape", &["peak", &shape], &peak));
    graph.node.push(node("Mul", &[&base_name, &peak], name));
    // What torchvision finds is as many as there are.
    let shown: Vec<i64> = std::iter::once(-1).chain(extents[1..].iter().copied()).collect();
    graph.output.push(info(name, DataType::FLOAT, &shown));
}

fn within(seed: &mut Numbers, (low, high): (f32, f32)) -> f32 {
    low + (high - low) * seed.next()
}

fn drawn(seed: &mut Numbers, count: i64, draw: impl Fn(&mut Numbers, usize) -> f32) -> Vec<f32> {
    (0..count as usize).map(|index| draw(seed, index)).collect()
}

fn gather(from: &str, index: &str, output: &str) -> NodeProto {
    let mut gather = node("Gather", &[from, index], output);
    gather.attribute = vec![AttributeProto {
        name: "axis".to_owned(),
        i: 1,
        type_: AttributeType::INT.into(),
        ..AttributeProto::default()
    }];
    gather
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints: ints.to_vec(),
        type_: AttributeType::INTS.into(),
        ..AttributeProto::default()
    }
}

fn numbers(graph: &mut GraphProto, name: &str, numbers: &[i64], dims: &[i64]) {
    let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    constant(graph, name, DataType::INT64, dims, bytes);
}

fn constant(graph: &mut GraphProto, name: &str, element: DataType, dims: &[i64], raw: Vec<u8>) {
    graph.initializer.push(TensorProto {
        name: name.to_owned(),
        data_type: element as i32,
        dims: dims.to_vec(),
        raw_data: raw,
        ..TensorProto::default()
    });
}
