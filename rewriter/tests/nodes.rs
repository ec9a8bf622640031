//! Nodes with the types of their inputs, in functions and subgraphs too.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::build::*;
use common::on_disk;
use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::{AttributeProto, FunctionProto, GraphProto, Message, ModelProto, NodeProto};
use prep_onnx_rewriter::{ElementType, Model, Node, nodes};

fn call(
    domain: &str,
    op: &str,
    inputs: &[&str],
    outputs: &[&str],
    attribute: Vec<AttributeProto>,
) -> NodeProto {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    NodeProto {
        domain: domain.to_owned(),
        op_type: op.to_owned(),
        input: names(inputs),
        output: names(outputs),
        attribute,
        ..NodeProto::default()
    }
}

fn attribute(name: &str, type_: AttributeType) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        type_: type_.into(),
        ..AttributeProto::default()
    }
}

fn function(name: &str, node: Vec<NodeProto>) -> FunctionProto {
    FunctionProto {
        domain: "my.domain".to_owned(),
        name: name.to_owned(),
        input: vec!["a".to_owned()],
        output: vec!["b".to_owned()],
        node,
        ..FunctionProto::default()
    }
}

fn read(model: &ModelProto) -> prep_onnx_pipeline::Result<Vec<Node>> {
    let file = on_disk(&model.write_to_bytes().unwrap());
    nodes(&Model::open(&file.path).unwrap())
}

#[test]
fn types_go_through_functions_and_subgraphs() {
    let mut model = cnn(8, 17, "x", UINT8, &["b", "3", "8", "8"]);
    let coefficient = AttributeProto {
        f: -0.5,
        ..attribute("cubic_coeff_a", AttributeType::FLOAT)
    };
    let mode = AttributeProto {
        s: b"cubic".to_vec(),
        ..attribute("mode", AttributeType::STRING)
    };
    let resize = call(
        "",
        "Resize",
        &["f", "", "", "sizes"],
        &["r"],
        vec![coefficient, mode, ints("axes", &[2, -1])],
    );
    let branch = graph_attribute(
        "then_branch",
        GraphProto {
            node: vec![resize],
            ..GraphProto::default()
        },
    );
    model.functions = vec![
        function(
            "Inner",
            vec![call("", "Cast", &["a"], &["b"], vec![int("to", 1)])],
        ),
        function("Outer", vec![call("my.domain", "Inner", &["a"], &["b"], vec![])]),
    ];
    model.graph.mut_or_insert_default().node = vec![
        call("my.domain", "Outer", &["x"], &["f"], vec![]),
        call("", "Shape", &["f"], &["sizes"], vec![]),
        call("", "If", &["flag"], &["logits"], vec![branch]),
    ];
    let found = read(&model).unwrap();
    let titles: Vec<_> = found
        .iter()
        .map(|node| format!("{}{}", node.place, node.title()))
        .collect();
    assert_eq!(
        titles,
        [
            "my.domain::Outer/my.domain::Inner/Cast",
            "my.domain::Outer/my.domain::Inner",
            "my.domain::Outer",
            "Shape",
            "If/Resize",
            "If",
        ]
    );
    let [cast, _, _, _, resize, _] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(cast.element(0), Some(ElementType::UINT8));
    assert_eq!(cast.opset, 17);
    assert!(resize.is("Resize"));
    assert_eq!(resize.element(0), Some(ElementType::FLOAT32));
    assert_eq!(resize.element(3), Some(ElementType::INT64));
    assert_eq!(resize.inputs[3].made_by.as_deref(), Some("Shape"));
    assert_eq!(resize.float("cubic_coeff_a"), Some(-0.5));
    assert_eq!(resize.text("mode"), Some("cubic"));
    assert_eq!(resize.ints("axes"), Some([2, -1].as_slice()));
}

#[test]
fn functions_that_call_themselves_or_each_other_without_end_are_refused() {
    let mut model = cnn(8, 17, "x", UINT8, &["b", "3", "8", "8"]);
    model.functions = vec![function(
        "Again",
        vec![call("my.domain", "Again", &["a"], &["b"], vec![])],
    )];
    model.graph.mut_or_insert_default().node = vec![call("my.domain", "Again", &["x"], &["logits"], vec![])];
    let error = read(&model).unwrap_err().to_string();
    assert!(error.contains("my.domain::Again: is called too deep"), "{error}");

    // 2^30 nodes in a file of a few hundred bytes.
    let level = |index: usize| {
        let next = format!("F{}", index + 1);
        let twice =
            [("a", "c"), ("c", "b")].map(|(from, to)| call("my.domain", &next, &[from], &[to], vec![]));
        function(&format!("F{index}"), twice.to_vec())
    };
    model.functions = (0..30).map(level).collect();
    model.graph.mut_or_insert_default().node = vec![call("my.domain", "F0", &["x"], &["logits"], vec![])];
    let error = read(&model).unwrap_err().to_string();
    assert!(error.contains("there are too many, functions entered"), "{error}");
}
