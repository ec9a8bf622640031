//! Whether the size of an output may depend on what is in the images.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use common::build::*;
use common::on_disk;
use onnx_protobuf::{GraphProto, Message, ModelProto, NodeProto};
use prep_onnx_rewriter::{Model, output_size_depends_on_values};
use protobuf::MessageField;

/// Of `y`, with the images in `x` and a number in `n`.
fn depends(nodes: Vec<NodeProto>) -> bool {
    let mut graph = GraphProto::new();
    graph.name = "g".into();
    graph.node = nodes;
    graph.input = vec![tensor_info("x", FLOAT, &["b", "3", "8", "8"])];
    graph.output = vec![tensor_info("y", FLOAT, &["?"])];
    graph.initializer = vec![zeros("n", INT64, &[1])];
    let mut model = ModelProto::new();
    model.ir_version = 8;
    model.opset_import = vec![opset("", 17), opset("my.domain", 1)];
    model.graph = MessageField::some(graph);
    let file = on_disk(&model.write_to_bytes().unwrap());
    output_size_depends_on_values(&Model::open(&file.path).unwrap(), "y").unwrap()
}

fn of_other(mut node: NodeProto, domain: &str) -> NodeProto {
    node.domain = domain.into();
    node
}

fn with_branch(op: &str, condition: &str, inside: Vec<NodeProto>) -> NodeProto {
    let mut branch = GraphProto::new();
    branch.name = "branch".into();
    branch.node = inside;
    let mut node = node(op, &[condition], &["y"]);
    node.attribute = vec![graph_attribute("then_branch", branch)];
    node
}

#[test]
fn sizes_that_follow_from_shapes_alone_are_known() {
    for nodes in [
        vec![node("Relu", &["x"], &["y"])],
        vec![node("Reshape", &["x", "n"], &["y"])],
        // As an exporter flattens.
        vec![
            node("Shape", &["x"], &["s"]),
            node("Gather", &["s", "n"], &["b"]),
            node("Concat", &["b", "n"], &["to"]),
            node("Reshape", &["x", "to"], &["y"]),
        ],
        // Its elements follow from the image, its shape does not.
        vec![
            node("ArgMax", &["x"], &["a"]),
            node("Gather", &["x", "a"], &["y"]),
        ],
        vec![
            node("NonZero", &["n"], &["found"]),
            node("Slice", &["x", "found"], &["y"]),
        ],
        vec![with_branch("If", "n", vec![node("Relu", &["x"], &["inside"])])],
        vec![of_other(node("Anything", &["n"], &["y"]), "my.domain")],
        // Another output may depend.
        vec![node("NonZero", &["x"], &["found"]), node("Relu", &["x"], &["y"])],
    ] {
        assert!(!depends(nodes.clone()), "{nodes:?}");
    }
}

#[test]
fn sizes_that_may_follow_from_pixels_are_not() {
    let behind = |node: NodeProto| vec![node, common::build::node("Relu", &["found"], &["y"])];
    for nodes in [
        behind(node("NonZero", &["x"], &["found"])),
        behind(node("Unique", &["x"], &["found"])),
        behind(node("Compress", &["n", "x"], &["found"])),
        behind(node("NonMaxSuppression", &["n", "x"], &["found"])),
        behind(node("SequenceAt", &["x", "n"], &["found"])),
        behind(of_other(node("Anything", &["x"], &["found"]), "my.domain")),
        // A number made of pixels sizes what comes behind it.
        vec![
            node("ReduceSum", &["x"], &["k"]),
            node("TopK", &["x", "k"], &["y"]),
        ],
        vec![
            node("ArgMax", &["x"], &["k"]),
            node("Range", &["n", "k", "n"], &["y"]),
        ],
        vec![
            node("Cast", &["x"], &["k"]),
            node("ConstantOfShape", &["k"], &["y"]),
        ],
        vec![
            node("Cast", &["x"], &["k"]),
            node("Slice", &["x", "n", "k"], &["y"]),
        ],
        // The shape of what was found is a number, too.
        vec![
            node("NonZero", &["x"], &["found"]),
            node("Shape", &["found"], &["s"]),
            node("Expand", &["n", "s"], &["y"]),
        ],
        vec![with_branch("If", "n", vec![node("NonZero", &["x"], &["inside"])])],
        vec![
            node("ReduceMax", &["x"], &["k"]),
            with_branch("If", "k", vec![node("Relu", &["n"], &["inside"])]),
        ],
        vec![with_branch("Loop", "n", vec![node("Relu", &["x"], &["inside"])])],
    ] {
        assert!(depends(nodes.clone()), "{nodes:?}");
    }
}
