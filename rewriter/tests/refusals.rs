//! What embedding and stripping refuse, and that nothing is left behind then.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::path::Path;

use common::build::*;
use common::{OnDisk, flat, insertion, on_disk, parse};
use onnx_protobuf::{Message, ModelProto, tensor_proto};
use prep_onnx_rewriter::{Model, insert, preprocessing, strip};

fn usual() -> ModelProto {
    cnn(8, 17, "x", FLOAT, &["1", "3", "8", "8"])
}

fn write(model: &ModelProto) -> OnDisk {
    on_disk(&model.write_to_bytes().unwrap())
}

fn embedded(model: &ModelProto) -> OnDisk {
    let file = write(model);
    let opened = Model::open(&file.path).unwrap();
    insert(&opened, "x", &insertion(&opened, "x"))
        .unwrap()
        .write(file.out())
        .unwrap();
    file
}

fn refusal(model: &ModelProto) -> String {
    let file = write(model);
    let opened = Model::open(&file.path).unwrap();
    insert(&opened, "x", &insertion(&opened, "x"))
        .unwrap_err()
        .to_string()
}

fn assert_ends(text: &str, end: &str) {
    assert!(text.ends_with(end) && !text.contains('\n'), "{text}");
}

#[test]
fn a_pipeline_is_embedded_once() {
    let file = embedded(&usual());
    let again = Model::open(file.out()).unwrap();
    let error = insert(&again, "image", &flat(&again, "image")).unwrap_err();
    assert_ends(
        &error.to_string(),
        "out.onnx: a pipeline is already embedded: expected a model without one, got the metadata key `prep_onnx.pipeline`",
    );
    assert!(error.help().unwrap().contains("strip first"));

    let mut ours = usual();
    ours.graph.mut_or_insert_default().node[0].domain = "prep.onnx".into();
    assert_ends(
        &refusal(&ours),
        "expected a model without one, got a node of the domain `prep.onnx`",
    );
}

/// ONNX Runtime writes every domain that it knows into a model that it optimises and saves.
#[test]
fn an_import_of_our_domain_alone_is_no_pipeline() {
    for version in [1, 1000] {
        let mut imports = usual();
        imports.opset_import.push(opset("prep.onnx", version));
        let file = embedded(&imports);
        let model = parse(&file.out());
        let ours = model
            .opset_import
            .iter()
            .filter(|import| import.domain == "prep.onnx");
        assert_eq!(ours.count(), 1);
        let back = file.folder.path().join("back.onnx");
        let model = Model::open(file.out()).unwrap();
        strip(&model).unwrap().write(&back).unwrap();
        assert!(std::fs::read(&file.path).unwrap() == std::fs::read(&back).unwrap());
        let part = preprocessing(&model).unwrap();
        let part = ModelProto::parse_from_bytes(&part).unwrap();
        let ours = part
            .opset_import
            .iter()
            .filter(|import| import.domain == "prep.onnx");
        assert_eq!(ours.count(), 1);
    }
}

#[test]
fn old_or_missing_versions() {
    let mut old = usual();
    old.opset_import[0].version = 10;
    assert_ends(
        &refusal(&old),
        "model.onnx: opset: the standard operator set is too old: expected at least 11, got 10",
    );
    let mut none = usual();
    none.opset_import[0].domain = "com.microsoft".into();
    assert_ends(&refusal(&none), "expected at least 11, got none");
    let mut no_ir = usual();
    no_ir.ir_version = 0;
    assert_ends(
        &refusal(&no_ir),
        "ir_version: is missing or invalid: expected at least 1, got none",
    );
}

#[test]
fn a_taken_name() {
    let mut model = usual();
    model.graph.mut_or_insert_default().node[0].output[0] = "photo".into();
    let file = write(&model);
    let opened = Model::open(&file.path).unwrap();
    let mut clash = insertion(&opened, "x");
    clash.inputs[0].name = "photo".into();
    let error = insert(&opened, "x", &clash).unwrap_err();
    assert_ends(
        &error.to_string(),
        "input `photo`: the name is taken in the model: expected a name that no value or node has, got `photo`",
    );
    assert_eq!(error.help().unwrap(), "use another name, for example `photo_1`");
    let error = insert(&opened, "y", &insertion(&opened, "y")).unwrap_err();
    assert_ends(
        &error.to_string(),
        "input `y`: is not one of the model's inputs, or is listed twice",
    );
}

fn with_external_data() -> ModelProto {
    let mut model = usual();
    let weight = &mut model.graph.mut_or_insert_default().initializer[0];
    weight.raw_data.clear();
    weight.data_location = tensor_proto::DataLocation::EXTERNAL.into();
    weight.external_data = vec![entry("location", "w.bin"), entry("length", "432")];
    model
}

#[test]
fn external_data_that_is_missing_or_short() {
    let file = write(&with_external_data());
    let model = Model::open(&file.path).unwrap();
    let attempt = || insert(&model, "x", &insertion(&model, "x")).map(drop);
    assert_ends(
        &attempt().unwrap_err().to_string(),
        "w.bin: the external data file is missing: expected a file with the data of tensor `conv.weight`, got no file",
    );
    std::fs::write(file.folder.path().join("w.bin"), [0; 100]).unwrap();
    assert_ends(
        &attempt().unwrap_err().to_string(),
        "w.bin: the external data of tensor `conv.weight` is cut short: expected at least 432 bytes, got 100",
    );
    std::fs::write(file.folder.path().join("w.bin"), [0; 432]).unwrap();
    attempt().unwrap();
}

#[test]
fn external_data_is_found_from_the_output_or_the_output_is_refused() {
    let file = write(&with_external_data());
    let data = file.folder.path().join("w.bin");
    std::fs::write(&data, [0; 432]).unwrap();
    let model = Model::open(&file.path).unwrap();
    let edit = insert(&model, "x", &insertion(&model, "x")).unwrap();
    let other = tempfile::tempdir().unwrap();
    let out = other.path().join("out.onnx");
    let error = edit.write(&out).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the external data `w.bin` is not found from this folder: expected the model's folder")
    );
    assert!(!out.exists());
    // Other data of the same length is not the model's.
    let elsewhere = other.path().join("w.bin");
    std::fs::write(&elsewhere, [1; 432]).unwrap();
    edit.write(&out).unwrap_err();
    std::fs::remove_file(&elsewhere).unwrap();
    std::fs::hard_link(&data, &elsewhere).unwrap();
    edit.write(&out).unwrap();
    // As the error says: a copy.
    assert!(error.help().unwrap().contains("cp -L"), "{error:?}");
    std::fs::remove_file(&elsewhere).unwrap();
    std::fs::copy(&data, &elsewhere).unwrap();
    edit.write(&out).unwrap();
}

#[test]
fn the_output_is_never_the_model() {
    let file = write(&usual());
    let before = std::fs::read(&file.path).unwrap();
    let model = Model::open(&file.path).unwrap();
    let edit = insert(&model, "x", &insertion(&model, "x")).unwrap();
    let link = file.folder.path().join("hard.onnx");
    std::fs::hard_link(&file.path, &link).unwrap();
    #[cfg_attr(not(unix), expect(unused_mut, reason = "links are made on Unix only"))]
    let mut outputs = vec![
        file.path.clone(),
        file.folder.path().join(".").join("model.onnx"),
        link,
    ];
    #[cfg(unix)]
    {
        let link = file.folder.path().join("soft.onnx");
        std::os::unix::fs::symlink(&file.path, &link).unwrap();
        outputs.push(link);
    }
    for out in outputs {
        assert!(
            edit.write(&out)
                .unwrap_err()
                .to_string()
                .contains("the output is the model itself"),
            "{}",
            out.display()
        );
    }
    assert!(std::fs::read(&file.path).unwrap() == before);
}

#[test]
fn an_output_that_cannot_be_written_leaves_nothing() {
    let file = write(&usual());
    let model = Model::open(&file.path).unwrap();
    let edit = insert(&model, "x", &insertion(&model, "x")).unwrap();
    let in_folder = |name: &str| file.folder.path().join(name);
    assert_ends(
        &edit.write(file.folder.path()).unwrap_err().to_string(),
        "cannot be written: expected a file, got a folder",
    );
    assert!(
        edit.write(in_folder("missing/out.onnx"))
            .unwrap_err()
            .to_string()
            .contains("cannot be written: ")
    );
    assert!(
        edit.write(in_folder("model.onnx/out.onnx"))
            .unwrap_err()
            .to_string()
            .contains("cannot be written: ")
    );
    #[cfg(unix)]
    assert_ends(
        &edit.write("/dev/null").unwrap_err().to_string(),
        "cannot be written: expected a file, got a device or pipe",
    );
    let left: Vec<_> = std::fs::read_dir(file.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["model.onnx"]);
    std::fs::write(file.out(), "before").unwrap();
    edit.write(file.out()).unwrap();
    assert_eq!(std::fs::metadata(file.out()).unwrap().len(), edit.bytes());
}

#[test]
fn strip_needs_an_embedded_model() {
    let file = write(&usual());
    let error = strip(&Model::open(&file.path).unwrap()).unwrap_err();
    assert_ends(
        &error.to_string(),
        "model.onnx: cannot be stripped: expected a model with an embedded pipeline, got a model without one",
    );
}

fn strip_error(path: &Path) -> String {
    let error = strip(&Model::open(path).unwrap()).unwrap_err();
    assert!(error.help().unwrap().contains("use the original model"));
    error.to_string()
}

#[test]
fn strip_refuses_a_file_that_was_changed() {
    let model = usual();
    let file = embedded(&model);
    let message = "cannot be stripped: it was changed after embedding";

    let mut changed = parse(&file.out());
    changed.metadata_props.push(entry("a", "b"));
    std::fs::write(file.out(), changed.write_to_bytes().unwrap()).unwrap();
    assert!(strip_error(&file.out()).contains(message));

    let mut renamed = parse(&file.out());
    renamed.metadata_props.pop();
    renamed.producer_name.push('x');
    std::fs::write(file.out(), renamed.write_to_bytes().unwrap()).unwrap();
    assert!(strip_error(&file.out()).contains(message));

    let file = embedded(&model);
    let mut appended = std::fs::read(file.out()).unwrap();
    appended.extend(common::raw::encode(&[common::raw::bytes(6, "doc")], 0));
    std::fs::write(file.out(), &appended).unwrap();
    assert!(strip_error(&file.out()).contains(message));

    let file = embedded(&model);
    let mut renamed = std::fs::read(file.out()).unwrap();
    let at = renamed.windows(8).position(|bytes| bytes == b"features").unwrap();
    renamed[at] = b'F';
    std::fs::write(file.out(), &renamed).unwrap();
    assert!(strip_error(&file.out()).contains("expected a digest of"));
}

#[test]
fn weights_that_changed_in_place_are_kept() {
    let file = embedded(&usual());
    let mut bytes = std::fs::read(file.out()).unwrap();
    let zeros = bytes
        .windows(432)
        .position(|bytes| bytes.iter().all(|byte| *byte == 0))
        .unwrap();
    bytes[zeros + 7] = 42;
    std::fs::write(file.out(), &bytes).unwrap();
    let back = file.folder.path().join("back.onnx");
    strip(&Model::open(file.out()).unwrap())
        .unwrap()
        .write(&back)
        .unwrap();
    let mut expected = usual();
    expected.graph.mut_or_insert_default().initializer[0].raw_data[7] = 42;
    assert_eq!(parse(&back), expected);
}
