//! What `inspect` says about plain and embedded models.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::build::*;
use common::{flat, insertion, on_disk};
use onnx_protobuf::Message;
use prep_onnx_rewriter::{Insertion, Lowering, Model, insert, inspect};
use serde_json::json;

#[test]
fn a_plain_model() {
    let mut model = cnn(8, 17, "x", FLOAT, &["b", "3", "?", "8"]);
    model.metadata_props = vec![entry("stride", "32")];
    model.opset_import.push(opset("com.microsoft", 1));
    let file = on_disk(&model.write_to_bytes().unwrap());
    let mut summary = serde_json::to_value(inspect(&Model::open(&file.path).unwrap())).unwrap();
    assert_eq!(summary["path"].take(), json!(file.path.display().to_string()));
    assert_eq!(
        summary["bytes"].take(),
        json!(std::fs::metadata(&file.path).unwrap().len())
    );
    let expected = json!({
        "path": null,
        "bytes": null,
        "ir_version": 8,
        "producer": "pytorch",
        "opsets": [{"domain": "", "version": 17}, {"domain": "com.microsoft", "version": 1}],
        "inputs": [{"name": "x", "kind": "tensor", "element": "float32", "shape": ["b", 3, null, 8]}],
        "outputs": [{"name": "logits", "kind": "tensor", "element": "float32", "shape": ["b", 4, 1, 1]}],
        "nodes": 2,
        "initializers": 1,
        "functions": [],
        "external_data": [],
        "metadata_keys": ["stride"],
        "embedded": null,
        "after": null,
        "after_problem": null,
        "image_input": {
            "name": "x",
            "dtype": "float32",
            "layout": "nchw",
            "layout_is_certain": true,
            "shape": ["b", 3, null, 8],
            "assumptions": [],
        },
        "image_input_problem": null,
    });
    assert_eq!(summary, expected);
}

#[test]
fn a_model_without_images_says_why() {
    let model = cnn(8, 17, "x", DOUBLE, &["b", "3", "8", "8"]);
    let file = on_disk(&model.write_to_bytes().unwrap());
    let summary = inspect(&Model::open(&file.path).unwrap());
    assert!(
        summary
            .image_input_problem
            .unwrap()
            .ends_with("expected float32, float16 or uint8, got float64")
    );
}

#[test]
fn embedded_forms() {
    let form = |make: &dyn Fn(&Model) -> Insertion| {
        let file = on_disk(
            &cnn(8, 17, "x", FLOAT, &["b", "3", "8", "8"])
                .write_to_bytes()
                .unwrap(),
        );
        let model = Model::open(&file.path).unwrap();
        insert(&model, "x", &make(&model))
            .unwrap()
            .write(file.out())
            .unwrap();
        inspect(&Model::open(file.out()).unwrap()).embedded.unwrap()
    };
    let one_file = form(&|model| insertion(model, "x"));
    assert_eq!(
        (one_file.lowering, one_file.function_nodes),
        (Lowering::OneFile, Some(2))
    );
    assert_eq!(one_file.op.unwrap(), "prep.onnx::ImageBatchToFloat32V1");
    assert_eq!(one_file.plan.unwrap(), json!({"version": 1}));
    assert_eq!(one_file.pipeline.unwrap(), json!({"steps": []}));
    assert_eq!(one_file.version.unwrap(), "0.1.0");
    assert!(one_file.can_strip && one_file.strip_problem.is_none());

    let fused = form(&|model| Insertion {
        functions: Vec::new(),
        ..insertion(model, "x")
    });
    assert_eq!((fused.lowering, fused.function_nodes), (Lowering::Fused, None));

    let standard = form(&|model| flat(model, "x"));
    assert_eq!(
        (standard.lowering, standard.function_nodes, standard.op),
        (Lowering::Standard, None, None)
    );
    assert!(standard.can_strip);
}

#[test]
fn a_file_that_was_changed_cannot_be_stripped() {
    let mut model = cnn(8, 17, "x", FLOAT, &["b", "3", "8", "8"]);
    model.functions.clear();
    let file = on_disk(&model.write_to_bytes().unwrap());
    let opened = Model::open(&file.path).unwrap();
    insert(&opened, "x", &insertion(&opened, "x"))
        .unwrap()
        .write(file.out())
        .unwrap();
    let mut changed = common::parse(&file.out());
    changed.producer_name.push('x');
    std::fs::write(file.out(), changed.write_to_bytes().unwrap()).unwrap();
    let embedded = inspect(&Model::open(file.out()).unwrap()).embedded.unwrap();
    assert!(!embedded.can_strip);
    assert!(
        embedded
            .strip_problem
            .unwrap()
            .contains("it was changed after embedding")
    );
}
