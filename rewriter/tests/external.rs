//! External data: where it may lie, and taking it in.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::build::*;
use common::{OnDisk, insertion, on_disk, parse};
use onnx_protobuf::{GraphProto, Message, ModelProto, TensorProto, tensor_proto};
use prep_onnx_rewriter::{Insertion, Model, insert, inspect, strip};

fn external(name: &str, dims: &[i64], location: &str, offset: u64, length: Option<u64>) -> TensorProto {
    let mut tensor = TensorProto::new();
    tensor.name = name.into();
    tensor.dims = dims.to_vec();
    tensor.data_type = FLOAT;
    tensor.data_location = tensor_proto::DataLocation::EXTERNAL.into();
    tensor.external_data = vec![entry("location", location), entry("offset", &offset.to_string())];
    if let Some(length) = length {
        tensor.external_data.push(entry("length", &length.to_string()));
    }
    tensor
}

fn usual(location: &str) -> ModelProto {
    let mut model = cnn(8, 17, "x", FLOAT, &["1", "3", "8", "8"]);
    let weight = &mut model.graph.mut_or_insert_default().initializer[0];
    let dims = weight.dims.clone();
    *weight = external("conv.weight", &dims, location, 0, Some(432));
    model
}

fn write(model: &ModelProto) -> OnDisk {
    on_disk(&model.write_to_bytes().unwrap())
}

fn single(model: &Model) -> Insertion {
    Insertion {
        single_file: true,
        ..insertion(model, "x")
    }
}

#[test]
fn locations_outside_of_the_folder_are_refused_unseen() {
    let file = write(&usual("w.bin"));
    let outside = file.folder.path().with_extension("outside");
    std::fs::write(&outside, [0; 432]).unwrap();
    let name = outside.file_name().unwrap().to_str().unwrap();
    for location in [
        "../../etc/passwd",
        "/etc/passwd",
        &format!("../{name}"),
        &format!("sub/../../{name}"),
        outside.to_str().unwrap(),
        "..",
        ".",
        "",
    ] {
        for single_file in [false, true] {
            let file = write(&usual(location));
            let model = Model::open(&file.path).unwrap();
            let insertion = Insertion {
                single_file,
                ..insertion(&model, "x")
            };
            let error = insert(&model, "x", &insertion).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("tensor `conv.weight`: the location of its external data lies outside of the model's folder"),
                "{location}: {error}"
            );
            // Neither error tells whether the file is there.
            assert!(!error.to_string().contains("missing"), "{error}");
            let summary = inspect(&model);
            assert!(summary.external_data[0].problem.is_some());
        }
    }
    std::fs::remove_file(outside).unwrap();
}

#[test]
fn folders_below_the_model_are_fine() {
    let file = write(&usual("weights/./w.bin"));
    std::fs::create_dir(file.folder.path().join("weights")).unwrap();
    std::fs::write(file.folder.path().join("weights/w.bin"), [0; 432]).unwrap();
    let model = Model::open(&file.path).unwrap();
    let edit = insert(&model, "x", &insertion(&model, "x")).unwrap();
    edit.write(file.out()).unwrap();
    assert_eq!(edit.external_files()[0].location, "weights/./w.bin");
}

/// The Hugging Face cache: model and data are links into another folder.
#[cfg(unix)]
#[test]
fn links_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let file = write(&usual("model.onnx_data"));
    let snapshot = file.folder.path().join("snapshot");
    std::fs::create_dir(&snapshot).unwrap();
    std::fs::write(file.folder.path().join("blob"), [3; 432]).unwrap();
    symlink("../model.onnx", snapshot.join("model.onnx")).unwrap();
    symlink("../blob", snapshot.join("model.onnx_data")).unwrap();
    let model = Model::open(snapshot.join("model.onnx")).unwrap();
    model.check_external_files().unwrap();

    // Beside the links a plain file would not load.
    let out = snapshot.join("out.onnx");
    let edit = insert(&model, "x", &insertion(&model, "x")).unwrap();
    let error = edit.write(&out).unwrap_err();
    assert!(
        error.to_string().contains("ONNX Runtime would not load it"),
        "{error}"
    );
    assert!(!out.exists());
    let help = error.help().unwrap();
    assert!(help.contains("--single-file") && help.contains("cp -L"), "{help}");

    // As the error says: one file, or a copy in another folder.
    let edit = insert(&model, "x", &single(&model)).unwrap();
    edit.write(&out).unwrap();
    assert!(edit.external_files().is_empty());
    assert_eq!(parse(&out).graph.initializer[0].raw_data, [3; 432]);
    let other = file.folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(snapshot.join("model.onnx_data"), other.join("model.onnx_data")).unwrap();
    let edit = insert(&model, "x", &insertion(&model, "x")).unwrap();
    edit.write(other.join("out.onnx")).unwrap();
}

#[test]
fn a_pointer_of_git_lfs_in_the_place_of_the_data() {
    let file = write(&usual("w.bin"));
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 432\n";
    std::fs::write(file.folder.path().join("w.bin"), pointer).unwrap();
    let error = Model::open(&file.path)
        .unwrap()
        .check_external_files()
        .unwrap_err();
    assert!(error.help().unwrap().contains("git lfs pull"), "{error:?}");
}

/// Data in initializers, in attributes, in subgraphs and in functions; lengths of one, two and three bytes.
#[test]
fn all_data_goes_into_one_file_and_out_again() {
    let mut model = usual("w.bin");
    let graph = model.graph.mut_or_insert_default();
    let mut inner = GraphProto::new();
    inner.name = "inner".into();
    inner.initializer = vec![external("deep", &[5], "more.bin", 4, None)];
    inner.node = vec![node("Identity", &["deep"], &["deep_out"])];
    let mut holder = node("If", &["condition"], &["chosen"]);
    holder.attribute = vec![graph_attribute("then_branch", inner)];
    let mut constant = node("Constant", &[], &["constant"]);
    constant.attribute = vec![tensor_attribute(
        "value",
        external("", &[50, 100], "big.bin", 0, Some(20_000)),
    )];
    graph.node.extend([holder, constant]);
    graph
        .initializer
        .push(external("empty", &[0], "w.bin", 0, Some(0)));
    let file = write(&model);
    let folder = file.folder.path();
    let pattern = |length: usize| {
        (0..length)
            .map(|index| (index * 7 % 251) as u8)
            .collect::<Vec<_>>()
    };
    for (name, length) in [("w.bin", 432), ("more.bin", 24), ("big.bin", 20_000)] {
        std::fs::write(folder.join(name), pattern(length)).unwrap();
    }

    let opened = Model::open(&file.path).unwrap();
    let edit = insert(&opened, "x", &single(&opened)).unwrap();
    edit.write(file.out()).unwrap();
    let written = parse(&file.out());
    let graph = &written.graph;
    let raw = |tensor: &TensorProto| {
        assert!(
            tensor.external_data.is_empty()
                && tensor.data_location == tensor_proto::DataLocation::DEFAULT.into()
        );
        tensor.raw_data.clone()
    };
    assert_eq!(raw(&graph.initializer[0]), pattern(432));
    assert!(raw(graph.initializer.last().unwrap()).is_empty());
    let of = |op: &str| graph.node.iter().find(|node| node.op_type == op).unwrap();
    assert_eq!(raw(&of("Constant").attribute[0].t), pattern(20_000));
    assert_eq!(raw(&of("If").attribute[0].g.initializer[0]), pattern(24)[4..]);

    // The data is not needed any more; the original refers to it again.
    for name in ["w.bin", "more.bin", "big.bin"] {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    let embedded = Model::open(file.out()).unwrap();
    assert!(embedded.external_files().is_empty());
    let restored = strip(&embedded).unwrap();
    let names: Vec<_> = restored
        .external_files()
        .iter()
        .map(|file| file.location.as_str())
        .collect();
    assert_eq!(names, ["more.bin", "big.bin", "w.bin"]);
    let back = folder.join("back.onnx");
    restored.write(&back).unwrap();
    assert!(std::fs::read(&file.path).unwrap() == std::fs::read(back).unwrap());
}

#[test]
fn what_is_too_large_for_one_file_says_so() {
    let mut model = usual("w.bin");
    let weight = &mut model.graph.mut_or_insert_default().initializer[0];
    *weight = external("conv.weight", &[1 << 20, 1 << 10], "w.bin", 0, Some(1 << 32));
    let file = write(&model);
    // A file with a hole: it takes no space.
    let data = std::fs::File::create(file.folder.path().join("w.bin")).unwrap();
    data.set_len(1 << 32).unwrap();
    let model = Model::open(&file.path).unwrap();
    let error = insert(&model, "x", &single(&model)).unwrap_err();
    assert!(error.to_string().contains("is too large for one file"), "{error}");
    assert!(error.help().unwrap().contains("leave --single-file out"));
    insert(&model, "x", &insertion(&model, "x")).unwrap();
}

#[test]
fn a_model_that_changes_while_it_is_read_is_not_mixed() {
    let model = cnn(8, 17, "x", FLOAT, &["1", "3", "8", "8"]);
    let file = write(&model);
    let opened = Model::open(&file.path).unwrap();
    let edit = insert(&opened, "x", &insertion(&opened, "x")).unwrap();
    let mut bytes = std::fs::read(&file.path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(&file.path, &bytes).unwrap();
    let error = edit.write(file.out()).unwrap_err();
    assert!(error.to_string().contains("changed while it was read"), "{error}");
    assert!(!file.out().exists());
}

#[test]
fn a_check_that_fails_leaves_nothing() {
    let file = write(&cnn(8, 17, "x", FLOAT, &["1", "3", "8", "8"]));
    let model = Model::open(&file.path).unwrap();
    let edit = insert(&model, "x", &insertion(&model, "x")).unwrap();
    let refuse = |path: &std::path::Path| {
        assert_eq!(path.parent(), Some(file.folder.path()));
        assert_eq!(std::fs::metadata(path).unwrap().len(), edit.bytes());
        Err(prep_onnx_pipeline::Error::new("", "no"))
    };
    edit.write_checked(file.out(), refuse).unwrap_err();
    let left: Vec<_> = std::fs::read_dir(file.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["model.onnx"]);
}
