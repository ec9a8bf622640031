//! The embedded part alone is a model that gives what the image input took.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::zoo;
use common::{insertion, on_disk};
use onnx_protobuf::{Message, ModelProto};
use prep_onnx_rewriter::{Model, insert, preprocessing};

#[test]
fn its_output_is_the_image_input_of_every_model() {
    for entry in &zoo::all() {
        let file = on_disk(&entry.bytes);
        for (name, content) in &entry.data {
            std::fs::write(file.folder.path().join(name), content).unwrap();
        }
        let model = Model::open(&file.path).unwrap();
        let insertion = insertion(&model, entry.image_input);
        insert(&model, entry.image_input, &insertion)
            .unwrap()
            .write(file.out())
            .unwrap();
        let part = preprocessing(&Model::open(file.out()).unwrap()).unwrap();
        let part = ModelProto::parse_from_bytes(&part).unwrap();
        assert_eq!(part.graph.node, insertion.nodes, "{}", entry.name);
        assert_eq!(part.graph.input, insertion.inputs, "{}", entry.name);
        assert_eq!(part.graph.output.len(), 1, "{}", entry.name);
        assert_eq!(part.graph.output[0].name, entry.image_input, "{}", entry.name);
        assert_eq!(part.functions, insertion.functions, "{}", entry.name);
        assert!(part.graph.initializer.is_empty(), "{}", entry.name);
    }
}
