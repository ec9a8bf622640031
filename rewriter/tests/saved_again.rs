//! Files that a protobuf library read and wrote again after embedding: the same fields, sorted by number.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::raw::{self, RawField};
use common::zoo;
use common::{flat, insertion, on_disk};
use prep_onnx_rewriter::{ImageInput, Model, insert, inspect, strip};

const GRAPH: u32 = 7;

/// As a library writes it; `None` where the file has several graphs, of which it would make one.
fn sorted(bytes: &[u8]) -> Option<Vec<u8>> {
    let in_order = |bytes: &[u8]| {
        let mut fields = raw::decode(bytes);
        fields.sort_by_key(|field| field.number);
        fields
    };
    let mut fields = in_order(bytes);
    let is_graph = |field: &&mut RawField| field.number == GRAPH;
    let mut graphs: Vec<_> = fields.iter_mut().filter(is_graph).collect();
    let [graph] = graphs.as_mut_slice() else {
        return None;
    };
    graph.value = raw::encode(&in_order(&graph.value), 0);
    Some(raw::encode(&fields, 0))
}

#[test]
fn what_a_library_wrote_comes_back_identical_after_it_is_written_again() {
    let mut moved = 0;
    for entry in zoo::all() {
        let Some(original) = sorted(&entry.bytes) else {
            continue;
        };
        for make in [insertion, flat] {
            let file = on_disk(&original);
            for (name, content) in &entry.data {
                std::fs::write(file.folder.path().join(name), content).unwrap();
            }
            let model = Model::open(&file.path).unwrap();
            let input = ImageInput::find(&model, None).unwrap().name;
            insert(&model, &input, &make(&model, &input))
                .unwrap()
                .write(file.out())
                .unwrap();
            let embedded = std::fs::read(file.out()).unwrap();
            let again = sorted(&embedded).unwrap();
            moved += usize::from(again != embedded);
            std::fs::write(file.out(), again).unwrap();

            let model = Model::open(file.out()).unwrap();
            let embedded = inspect(&model).embedded.unwrap();
            assert!(embedded.can_strip, "{}: {:?}", entry.name, embedded.strip_problem);
            let back = file.folder.path().join("back.onnx");
            strip(&model).unwrap().write(&back).unwrap();
            assert!(std::fs::read(&back).unwrap() == original, "{}", entry.name);
        }
    }
    assert!(moved >= 40, "{moved} files moved");
}

/// What is no order of these fields is an error of its own kind, and no panic.
#[test]
fn an_order_that_is_none() {
    let entry = &zoo::all()[0];
    let file = on_disk(&sorted(&entry.bytes).unwrap());
    let model = Model::open(&file.path).unwrap();
    let input = ImageInput::find(&model, None).unwrap().name;
    insert(&model, &input, &insertion(&model, &input))
        .unwrap()
        .write(file.out())
        .unwrap();
    let fields = raw::decode(&std::fs::read(file.out()).unwrap());
    let (record, rest) = fields.split_last().unwrap();
    let record = raw::decode(&record.value);
    let json: serde_json::Value = serde_json::from_slice(&record[1].value).unwrap();
    let refused = |order: serde_json::Value| {
        let mut json = json.clone();
        json["order"] = order;
        let entry = raw::encode(&[record[0].clone(), raw::bytes(2, json.to_string())], 0);
        let bytes = raw::encode(&[&[raw::bytes(14, entry)], rest].concat(), 0);
        std::fs::write(file.out(), bytes).unwrap();
        strip(&Model::open(file.out()).unwrap()).unwrap_err().to_string()
    };
    for order in [
        serde_json::json!(null),
        serde_json::json!({"model": [], "graph": []}),
        serde_json::json!({"model": [[7, u64::MAX]], "graph": [[1, 1], [1, u64::MAX]]}),
        serde_json::json!({"model": [[14, 1]], "graph": json["order"]["graph"]}),
    ] {
        let error = refused(order);
        assert!(error.contains("changed after embedding"), "{error}");
    }
    for order in [
        serde_json::json!(3),
        serde_json::json!({"model": [[-1, 2]], "graph": []}),
    ] {
        assert!(refused(order).contains("is not what embed writes"));
    }
}
