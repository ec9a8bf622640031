//! Embedding changes what it says and nothing else; stripping gives the same bytes back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::zoo::{self, Entry};
use common::{OnDisk, flat, insertion, on_disk, parse, parse_bytes};
use onnx_protobuf::{Message, ModelProto};
use prep_onnx_rewriter::{ImageInput, Insertion, Model, insert, strip};

fn put_on_disk(entry: &Entry) -> OnDisk {
    let file = on_disk(&entry.bytes);
    for (name, content) in &entry.data {
        std::fs::write(file.folder.path().join(name), content).unwrap();
    }
    file
}

/// Takes out of `embedded` what `insertion` put in, checking it, and gives what is left.
fn without(
    mut embedded: ModelProto,
    original: &ModelProto,
    insertion: &Insertion,
    image_input: &str,
) -> ModelProto {
    let nodes = insertion.nodes.len();
    let graph = embedded.graph.as_mut().unwrap();
    assert_eq!(graph.node[..nodes], insertion.nodes);
    graph.node.drain(..nodes);

    let new = &insertion.inputs[0].name;
    let at = graph.input.iter().position(|input| input.name == *new).unwrap();
    assert_eq!(graph.input[at..at + insertion.inputs.len()], insertion.inputs);
    let original_input = zoo::input(original, image_input).clone();
    graph
        .input
        .splice(at..at + insertion.inputs.len(), [original_input.clone()]);

    if !original
        .graph
        .value_info
        .iter()
        .any(|info| info.name == image_input)
    {
        let at = graph
            .value_info
            .iter()
            .position(|info| info.name == image_input)
            .unwrap();
        assert_eq!(graph.value_info.remove(at), original_input);
    }
    if original.ir_version < 4 && !insertion.functions.is_empty() {
        for (index, input) in original.graph.input.iter().enumerate() {
            if original
                .graph
                .initializer
                .iter()
                .any(|tensor| tensor.name == input.name)
            {
                let at = graph
                    .value_info
                    .iter()
                    .position(|info| info.name == input.name)
                    .unwrap();
                graph.input.insert(index, graph.value_info.remove(at));
            }
        }
    }
    let functions = embedded.functions.len() - insertion.functions.len();
    assert_eq!(embedded.functions.split_off(functions), insertion.functions);
    for (domain, version) in &insertion.opset_imports {
        let opset = embedded.opset_import.pop().unwrap();
        assert_eq!((&opset.domain, &opset.version), (domain, version));
    }
    assert_eq!(embedded.metadata_props.pop().unwrap().key, "prep_onnx.strip");
    for (key, value) in insertion.metadata.iter().rev() {
        let entry = embedded.metadata_props.pop().unwrap();
        assert_eq!((&entry.key, &entry.value), (key, value));
    }
    let raised = !insertion.functions.is_empty();
    let expected = if raised {
        original.ir_version.max(8)
    } else {
        original.ir_version
    };
    assert_eq!(embedded.ir_version, expected);
    embedded.ir_version = original.ir_version;
    embedded
}

fn check(entry: &Entry, make: impl Fn(&Model, &str) -> Insertion) {
    let file = put_on_disk(entry);
    let model = Model::open(&file.path).unwrap();
    let found = ImageInput::find(&model, None).unwrap();
    assert_eq!(found.name, entry.image_input, "{}", entry.name);
    let insertion = make(&model, &found.name);

    let edit = insert(&model, &found.name, &insertion).unwrap();
    let written = edit.write(file.out()).unwrap();
    assert_eq!(
        written.bytes,
        std::fs::metadata(file.out()).unwrap().len(),
        "{}",
        entry.name
    );
    let original = parse_bytes(&entry.bytes);
    let left = without(parse(&file.out()), &original, &insertion, entry.image_input);
    assert_eq!(left, original, "{}", entry.name);

    let back = file.folder.path().join("back.onnx");
    strip(&Model::open(file.out()).unwrap())
        .unwrap()
        .write(&back)
        .unwrap();
    assert!(
        std::fs::read(back).unwrap() == entry.bytes,
        "{}: the stripped file differs",
        entry.name
    );
    assert!(
        std::fs::read(&file.path).unwrap() == entry.bytes,
        "{}: the model was touched",
        entry.name
    );
}

#[test]
fn every_model_keeps_everything_and_comes_back_identical() {
    let zoo = zoo::all();
    assert!(zoo.len() >= 40, "{} models", zoo.len());
    for entry in &zoo {
        check(entry, insertion);
    }
}

#[test]
fn the_same_with_standard_ops_in_the_graph() {
    for entry in &zoo::all() {
        check(entry, flat);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for entry in &zoo::all() {
        let file = put_on_disk(entry);
        let bytes = [(); 2].map(|()| {
            let model = Model::open(&file.path).unwrap();
            insert(&model, entry.image_input, &insertion(&model, entry.image_input))
                .unwrap()
                .write(file.out())
                .unwrap();
            std::fs::read(file.out()).unwrap()
        });
        assert!(bytes[0] == bytes[1], "{}", entry.name);
    }
}

/// Weights around the size of the pieces that are copied, and of several of them, that lie anywhere in both files.
#[test]
fn large_weights_are_copied_to_every_byte() {
    use common::build::{FLOAT, UINT8, cnn, zeros};

    let mut model = cnn(8, 17, "pixel_values", FLOAT, &["1", "3", "224", "224"]);
    let mut state = 1_u32;
    for size in [262_143, 1, 262_144, 77, 262_145, 900_001, 4096] {
        let mut tensor = zeros(&format!("weight.{size}"), UINT8, &[size]);
        for byte in &mut tensor.raw_data {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        model.graph.as_mut().unwrap().initializer.push(tensor);
    }
    let file = on_disk(&model.write_to_bytes().unwrap());
    let opened = Model::open(&file.path).unwrap();
    insert(&opened, "pixel_values", &insertion(&opened, "pixel_values"))
        .unwrap()
        .write(file.out())
        .unwrap();
    let back = file.folder.path().join("back.onnx");
    strip(&Model::open(file.out()).unwrap())
        .unwrap()
        .write(&back)
        .unwrap();
    assert!(std::fs::read(&back).unwrap() == std::fs::read(&file.path).unwrap());
    assert_eq!(parse(&file.out()).graph.initializer, model.graph.initializer);
}

#[test]
fn taken_names_are_avoided() {
    let new_name = |name: &str| {
        let zoo = zoo::all();
        let entry = zoo.iter().find(|entry| entry.name == name).unwrap();
        let file = put_on_disk(entry);
        let model = Model::open(&file.path).unwrap();
        (model.free_name("image"), model.free_prefix("prep_onnx"))
    };
    let free = |image: &str, prefix: &str| (image.to_owned(), prefix.to_owned());
    assert_eq!(new_name("torch static"), free("image", "prep_onnx/"));
    assert_eq!(
        new_name("a value is called `image`"),
        free("image_2", "prep_onnx/")
    );
    assert_eq!(
        new_name("a node is called `image`"),
        free("image_1", "prep_onnx/")
    );
    assert_eq!(
        new_name("if: the name `image` is taken in a branch"),
        free("image_1", "prep_onnx_1/")
    );
    assert_eq!(new_name("a sparse initializer"), free("image_1", "prep_onnx/"));
    assert_eq!(new_name("training info"), free("image_1", "prep_onnx/"));
    // The names in a function body are its own.
    assert_eq!(new_name("local functions"), free("image", "prep_onnx/"));
}

#[test]
fn several_inputs_take_the_place_of_one() {
    let zoo = zoo::all();
    let entry = zoo.iter().find(|entry| entry.name.starts_with("clip")).unwrap();
    check(entry, |model, image_input| {
        let mut insertion = insertion(model, image_input);
        insertion.nodes[0].input = vec!["pixels".into(), "shapes".into()];
        insertion.inputs = vec![
            common::build::tensor_info("pixels", common::build::UINT8, &["total"]),
            common::build::tensor_info("shapes", common::build::INT64, &["N", "3"]),
        ];
        insertion
    });
    let file = put_on_disk(entry);
    let model = Model::open(&file.path).unwrap();
    insert(&model, "pixel_values", &insertion(&model, "pixel_values"))
        .unwrap()
        .write(file.out())
        .unwrap();
    let names: Vec<_> = parse(&file.out())
        .graph
        .input
        .iter()
        .map(|input| input.name.clone())
        .collect();
    assert_eq!(names, ["input_ids", "image", "attention_mask"]);
}
