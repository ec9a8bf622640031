//! Models in the styles that exporters write.

use onnx_protobuf::{
    FunctionProto, GraphProto, Message, ModelProto, SparseTensorProto, TensorAnnotation, TrainingInfoProto,
    ValueInfoProto, tensor_proto,
};
use protobuf::MessageField;

use super::build::*;
use super::raw::{self, RawField};

/// A model, its name and the name of its image input.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) image_input: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// External data files: name and content.
    pub(crate) data: Vec<(&'static str, Vec<u8>)>,
}

const STATIC: [&str; 4] = ["1", "3", "224", "224"];
const DYNAMIC: [&str; 4] = ["batch_size", "3", "224", "224"];

/// Every model of the zoo.
pub(crate) fn all() -> Vec<Entry> {
    let mut zoo = Zoo(Vec::new());
    plain(&mut zoo);
    more_inputs(&mut zoo);
    graph_features(&mut zoo);
    subgraphs(&mut zoo);
    names(&mut zoo);
    wire_forms(&mut zoo);
    zoo.0
}

struct Zoo(Vec<Entry>);

impl Zoo {
    fn add(&mut self, name: &'static str, image_input: &'static str, model: &ModelProto) {
        self.add_bytes(name, image_input, model.write_to_bytes().unwrap());
    }

    fn add_bytes(&mut self, name: &'static str, image_input: &'static str, bytes: Vec<u8>) {
        self.0.push(Entry {
            name,
            image_input,
            bytes,
            data: Vec::new(),
        });
    }

    /// A float32 NCHW model with a change.
    fn changed(&mut self, name: &'static str, change: impl FnOnce(&mut ModelProto)) {
        let mut model = cnn(8, 17, "pixel_values", FLOAT, &DYNAMIC);
        change(&mut model);
        self.add(name, "pixel_values", &model);
    }
}

fn plain(zoo: &mut Zoo) {
    for (name, ir, opset, element, input, shape) in [
        ("torch static", 8, 17, FLOAT, "input", STATIC),
        ("torch dynamic batch", 7, 13, FLOAT, "input", DYNAMIC),
        ("torch dynamo", 10, 20, FLOAT, "x", DYNAMIC),
        ("opset 21", 10, 21, FLOAT, "x", DYNAMIC),
        (
            "optimum opset 18",
            9,
            18,
            FLOAT,
            "pixel_values",
            ["batch_size", "num_channels", "height", "width"],
        ),
        ("opset 11, IR 4", 4, 11, FLOAT, "data", STATIC),
        ("opset 11, IR 6", 6, 11, FLOAT, "data", DYNAMIC),
        ("opset 12, IR 5", 5, 12, FLOAT, "images", STATIC),
        ("paddle", 7, 11, FLOAT, "x", ["-1", "3", "-1", "-1"]),
        (
            "tf2onnx NHWC",
            8,
            15,
            FLOAT,
            "input_1:0",
            ["unk__1", "224", "224", "3"],
        ),
        (
            "static NHWC",
            8,
            17,
            FLOAT,
            "image_tensor",
            ["1", "299", "299", "3"],
        ),
        ("fp16", 8, 17, FLOAT16, "pixel_values", DYNAMIC),
        (
            "fp16 static NCHW",
            8,
            14,
            FLOAT16,
            "images",
            ["1", "3", "640", "640"],
        ),
        ("uint8 NHWC", 8, 16, UINT8, "input", ["1", "320", "320", "3"]),
        ("uint8 NCHW", 8, 16, UINT8, "input", DYNAMIC),
        ("all symbolic", 8, 17, FLOAT, "x", ["N", "C", "H", "W"]),
        ("unknown dimensions", 8, 17, FLOAT, "x", ["?", "3", "?", "?"]),
        ("fixed batch of 16", 8, 17, FLOAT, "x", ["16", "3", "224", "224"]),
    ] {
        zoo.add(name, input, &cnn(ir, opset, input, element, &shape));
    }
}

fn more_inputs(zoo: &mut Zoo) {
    zoo.changed("clip: text before the image", |model| {
        let graph = model.graph.mut_or_insert_default();
        graph
            .input
            .insert(0, tensor_info("input_ids", INT64, &["text_batch", "sequence"]));
        graph
            .input
            .push(tensor_info("attention_mask", INT64, &["text_batch", "sequence"]));
        graph
            .node
            .push(node("Add", &["input_ids", "attention_mask"], &["text"]));
        graph
            .output
            .push(tensor_info("text", INT64, &["text_batch", "sequence"]));
    });
    zoo.changed("detr: a pixel mask", |model| {
        let graph = model.graph.mut_or_insert_default();
        graph.input.push(tensor_info(
            "pixel_mask",
            INT64,
            &["batch_size", "height", "width"],
        ));
    });
    zoo.changed("a sequence as another input", |model| {
        let graph = model.graph.mut_or_insert_default();
        graph
            .input
            .push(info("boxes", sequence_type(tensor_type(FLOAT, &["n", "4"]))));
    });
    zoo.changed("initializers among the inputs", |model| {
        model.ir_version = 3;
        let graph = model.graph.mut_or_insert_default();
        graph
            .input
            .insert(0, tensor_info("conv.weight", FLOAT, &["4", "3", "3", "3"]));
    });
    zoo.changed("output equals input", |model| {
        let graph = model.graph.mut_or_insert_default();
        graph.output.push(graph.input[0].clone());
    });
    zoo.changed("no nodes at all", |model| {
        let graph = model.graph.mut_or_insert_default();
        graph.node.clear();
        graph.initializer.clear();
        graph.output = graph.input.clone();
    });
}

fn graph_features(zoo: &mut Zoo) {
    zoo.changed("ultralytics metadata", |model| {
        model.metadata_props = vec![
            entry("names", "{0: 'person', 1: 'bicycle'}"),
            entry("stride", "32"),
            entry("imgsz", "[640, 640]"),
        ];
    });
    zoo.changed("metadata on nodes and values", |model| {
        let graph = model.graph.mut_or_insert_default();
        graph.metadata_props.push(entry("pkg.torch.export", "graph"));
        graph.node[0]
            .metadata_props
            .push(entry("namespace", "model/conv"));
        graph.input[0].metadata_props.push(entry("source", "user"));
        graph.input[0].doc_string = "pixels".into();
    });
    zoo.changed("value_info of values and of the input itself", |model| {
        let graph = model.graph.mut_or_insert_default();
        graph
            .value_info
            .push(tensor_info("features", FLOAT, &["batch_size", "4", "222", "222"]));
        graph.value_info.push(graph.input[0].clone());
    });
    zoo.changed("local functions", |model| {
        let mut function = FunctionProto::new();
        function.name = "Scale".into();
        function.domain = "pkg.torch".into();
        function.input = vec!["image".into()];
        function.output = vec!["y".into()];
        function.node = vec![node("Relu", &["image"], &["y"])];
        function.opset_import = vec![opset("", 17)];
        model.functions.push(function);
        model.opset_import.push(opset("pkg.torch", 1));
    });
    zoo.changed("several domains", |model| {
        model.opset_import.insert(0, opset("com.microsoft", 1));
        model.opset_import.push(opset("ai.onnx.ml", 3));
    });
    zoo.changed("the standard domain by its long name", |model| {
        model.opset_import[0].domain = "ai.onnx".into()
    });
    zoo.changed("quantised", |model| {
        let graph = model.graph.mut_or_insert_default();
        let mut annotation = TensorAnnotation::new();
        annotation.tensor_name = "pixel_values".into();
        annotation.quant_parameter_tensor_names =
            vec![entry("SCALE_TENSOR", "scale"), entry("ZERO_POINT_TENSOR", "zero")];
        graph.quantization_annotation.push(annotation);
        graph.initializer.push(zeros("scale", FLOAT, &[]));
        graph.initializer.push(zeros("zero", UINT8, &[]));
        graph.node.insert(
            0,
            node(
                "QuantizeLinear",
                &["pixel_values", "scale", "zero"],
                &["quantised"],
            ),
        );
        graph.node.insert(
            1,
            node(
                "DequantizeLinear",
                &["quantised", "scale", "zero"],
                &["dequantised"],
            ),
        );
        graph.node[2].input[0] = "dequantised".into();
    });
    zoo.changed("a sparse initializer", |model| {
        let mut sparse = SparseTensorProto::new();
        sparse.values = MessageField::some(zeros("image", FLOAT, &[2]));
        let mut indices = zeros("", INT64, &[2]);
        indices.raw_data[8] = 1;
        sparse.indices = MessageField::some(indices);
        sparse.dims = vec![8];
        model
            .graph
            .mut_or_insert_default()
            .sparse_initializer
            .push(sparse);
    });
    zoo.changed("a large constant node", |model| {
        let mut constant = node("Constant", &[], &["table"]);
        constant
            .attribute
            .push(tensor_attribute("value", zeros("", FLOAT, &[100_000])));
        model.graph.mut_or_insert_default().node.push(constant);
    });
    zoo.changed("training info", |model| {
        let mut training = TrainingInfoProto::new();
        let mut algorithm = GraphProto::new();
        algorithm.node.push(node("Relu", &["pixel_values"], &["image"]));
        training.algorithm = MessageField::some(algorithm);
        training.update_binding = vec![entry("conv.weight", "image")];
        model.training_info.push(training);
    });
    zoo.changed("doc strings and an empty graph name", |model| {
        model.doc_string = "a model".into();
        model.domain = "org.example".into();
        model.model_version = 7;
        let graph = model.graph.mut_or_insert_default();
        graph.name.clear();
        graph.doc_string = "the graph".into();
        graph.node[0].doc_string = "a stack trace".into();
    });
    external(zoo);
}

fn external(zoo: &mut Zoo) {
    zoo.changed("external data", |model| {
        let weight = &mut model.graph.mut_or_insert_default().initializer[0];
        weight.raw_data.clear();
        weight.data_location = tensor_proto::DataLocation::EXTERNAL.into();
        weight.external_data = vec![
            entry("location", "weights.bin"),
            entry("offset", "4096"),
            entry("length", "432"),
        ];
    });
    if let Some(last) = zoo.0.last_mut() {
        last.data = vec![("weights.bin", vec![0; 4096 + 432])];
    }
}

fn subgraphs(zoo: &mut Zoo) {
    let branch = |name: &str, op: &str| {
        let mut graph = GraphProto::new();
        graph.name = name.into();
        // Reads a value of the graph around it.
        graph.node.push(node(op, &["logits"], &[name]));
        graph.output.push(tensor_info(name, FLOAT, &["?", "4", "1", "1"]));
        graph
    };
    zoo.changed("if: the name `image` is taken in a branch", |model| {
        let graph = model.graph.mut_or_insert_default();
        let mut condition = node("Constant", &[], &["condition"]);
        condition
            .attribute
            .push(tensor_attribute("value", zeros("", BOOL, &[])));
        let mut choice = node("If", &["condition"], &["chosen"]);
        choice
            .attribute
            .push(graph_attribute("then_branch", branch("image", "Relu")));
        choice
            .attribute
            .push(graph_attribute("else_branch", branch("prep_onnx/x", "Neg")));
        graph.node.extend([condition, choice]);
        graph
            .output
            .push(tensor_info("chosen", FLOAT, &["?", "4", "1", "1"]));
    });
    zoo.changed("loop: a body that reads the image input", |model| {
        let graph = model.graph.mut_or_insert_default();
        let mut body = GraphProto::new();
        body.name = "body".into();
        body.input = vec![
            tensor_info("i", INT64, &[]),
            tensor_info("go", BOOL, &[]),
            tensor_info("carried", FLOAT, &DYNAMIC),
        ];
        body.node = vec![
            node("Identity", &["go"], &["go_on"]),
            node("Add", &["carried", "pixel_values"], &["sum"]),
        ];
        body.output = vec![
            tensor_info("go_on", BOOL, &[]),
            tensor_info("sum", FLOAT, &DYNAMIC),
        ];
        let mut trips = zeros("trips", INT64, &[]);
        trips.raw_data[0] = 2;
        graph.initializer.push(trips);
        let mut repeat = node("Loop", &["trips", "", "pixel_values"], &["total"]);
        repeat.attribute.push(graph_attribute("body", body));
        graph.node.insert(0, repeat);
        graph.output.push(tensor_info("total", FLOAT, &DYNAMIC));
    });
}

fn names(zoo: &mut Zoo) {
    zoo.add(
        "the image input is called `image`",
        "image",
        &cnn(8, 17, "image", FLOAT, &DYNAMIC),
    );
    zoo.changed("a value is called `image`", |model| {
        let graph = model.graph.mut_or_insert_default();
        graph.node[0].output[0] = "image".into();
        graph.node[1].input[0] = "image".into();
        graph.output.push(tensor_info("image_1", INT64, &["4"]));
        graph.node.push(node("Shape", &["image"], &["image_1"]));
    });
    zoo.changed("a node is called `image`", |model| {
        model.graph.mut_or_insert_default().node[0].name = "image".into()
    });
    zoo.changed("nodes without names", |model| {
        model
            .graph
            .mut_or_insert_default()
            .node
            .iter_mut()
            .for_each(|node| node.name.clear());
    });
    zoo.add(
        "names beyond ASCII",
        "画像 🖼",
        &cnn(8, 17, "画像 🖼", FLOAT, &DYNAMIC),
    );
}

fn wire_forms(zoo: &mut Zoo) {
    let model = || {
        raw::decode(
            &cnn(8, 17, "pixel_values", FLOAT, &DYNAMIC)
                .write_to_bytes()
                .unwrap(),
        )
    };
    let with_graph = |change: &dyn Fn(Vec<RawField>) -> Vec<u8>| {
        let mut fields = model();
        for field in fields.iter_mut().filter(|field| field.number == 7) {
            field.value = change(raw::decode(&field.value));
        }
        fields
    };
    let mut add = |name, fields: &[RawField], padding| {
        zoo.add_bytes(name, "pixel_values", raw::encode(fields, padding))
    };

    add(
        "unknown fields everywhere",
        &{
            let unknown = raw::bytes(999, "from the future");
            let mut fields = with_graph(&|mut fields| {
                for field in fields
                    .iter_mut()
                    .filter(|field| [1, 5, 11].contains(&field.number))
                {
                    field.value.extend(raw::encode(&[raw::bytes(777, "inner")], 0));
                }
                fields.insert(1, raw::bytes(999, "in the graph"));
                raw::encode(&fields, 0)
            });
            fields.insert(0, unknown.clone());
            fields.push(unknown);
            fields
        },
        0,
    );
    add(
        "fields in reverse order",
        &{
            let mut fields = with_graph(&|mut fields| {
                // Nodes stay in topological order.
                fields.sort_by_key(|field| std::cmp::Reverse(field.number));
                raw::encode(&fields, 0)
            });
            fields.reverse();
            fields
        },
        0,
    );
    add(
        "padded integers",
        &with_graph(&|fields| raw::encode(&fields, 2)),
        3,
    );
    add(
        "explicit defaults",
        &{
            let mut fields = model();
            fields.extend([
                raw::integer(5, 0),
                raw::bytes(6, ""),
                raw::bytes(4, ""),
                raw::integer(1, 3),
                raw::integer(1, 7),
            ]);
            fields
        },
        0,
    );
    add(
        "the graph in two fields",
        &{
            let mut fields = model();
            let graph = fields.iter_mut().find(|field| field.number == 7).unwrap();
            let parts = raw::decode(&graph.value);
            let (first, second) = parts.split_at(2);
            graph.value = raw::encode(first, 0);
            fields.push(raw::bytes(7, raw::encode(second, 0)));
            fields.push(raw::bytes(6, "after the graph"));
            fields
        },
        0,
    );
}

/// The input of `model` with this name.
pub(crate) fn input<'a>(model: &'a ModelProto, name: &str) -> &'a ValueInfoProto {
    model.graph.input.iter().find(|input| input.name == name).unwrap()
}
