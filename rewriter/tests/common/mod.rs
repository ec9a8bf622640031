//! Models made by code, and what is put into them.
#![allow(dead_code, reason = "every test binary uses a part of this")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

pub(crate) mod build;
pub(crate) mod raw;
pub(crate) mod zoo;

use std::path::{Path, PathBuf};

use onnx_protobuf::{
    AttributeProto, FunctionProto, Message, ModelProto, NodeProto, attribute_proto::AttributeType,
};
use prep_onnx_rewriter::{Insertion, Model};
use tempfile::TempDir;

/// A model file in a folder of its own.
pub(crate) struct OnDisk {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn on_disk(bytes: &[u8]) -> OnDisk {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    OnDisk { folder, path }
}

impl OnDisk {
    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out.onnx")
    }
}

pub(crate) fn parse(path: &Path) -> ModelProto {
    parse_bytes(&std::fs::read(path).unwrap())
}

/// Merges several graph fields as the C++ library does; the Rust one keeps the last.
pub(crate) fn parse_bytes(bytes: &[u8]) -> ModelProto {
    let (graphs, mut fields): (Vec<_>, Vec<_>) = raw::decode(bytes)
        .into_iter()
        .partition(|field| field.number == 7);
    fields.push(raw::bytes(
        7,
        graphs
            .into_iter()
            .flat_map(|graph| graph.value)
            .collect::<Vec<_>>(),
    ));
    ModelProto::parse_from_bytes(&raw::encode(&fields, 0)).unwrap()
}

pub(crate) const OP: &str = "ImageBatchToFloat32V1";

/// The custom node and a function of its name that makes NCHW float32 from NHWC uint8.
pub(crate) fn insertion(model: &Model, image_input: &str) -> Insertion {
    let name = model.free_name("image");
    let mut plan = AttributeProto::new();
    plan.name = "plan".into();
    plan.s = b"{\"version\":1}".to_vec();
    plan.type_ = AttributeType::STRING.into();
    let mut node = build::node(OP, &[&name], &[image_input]);
    node.domain = "prep.onnx".into();
    node.name = model.free_name("prep_onnx");
    node.attribute = vec![plan];
    Insertion {
        nodes: vec![node],
        functions: vec![function(model.standard_opset().unwrap_or(11))],
        fed: Vec::new(),
        inputs: vec![build::tensor_info(&name, 2, &["N", "H", "W", "3"])],
        outputs: Vec::new(),
        opset_imports: vec![("prep.onnx".into(), 1)],
        metadata: vec![
            ("prep_onnx.pipeline".into(), "{\"steps\":[]}".into()),
            ("prep_onnx.version".into(), "0.1.0".into()),
        ],
        folded: None,
        single_file: false,
        forgets_type: false,
    }
}

fn function(opset: i64) -> FunctionProto {
    let mut function = FunctionProto::new();
    function.domain = "prep.onnx".into();
    function.name = OP.into();
    function.input = vec!["image".into()];
    function.output = vec!["tensor".into()];
    function.attribute = vec!["plan".into()];
    let mut cast = build::node("Cast", &["image"], &["float"]);
    cast.attribute.push(build::int("to", 1));
    let mut transpose = build::node("Transpose", &["float"], &["tensor"]);
    transpose.attribute.push(build::ints("perm", &[0, 3, 1, 2]));
    function.node = vec![cast, transpose];
    function.opset_import = vec![build::opset("", opset)];
    function
}

/// The nodes of a flat lowering: no function, every name with a free prefix.
pub(crate) fn flat(model: &Model, image_input: &str) -> Insertion {
    let prefix = model.free_prefix("prep_onnx");
    let name = model.free_name("image");
    let float = format!("{prefix}float");
    let named = |mut node: NodeProto, name: &str| {
        node.name = format!("{prefix}{name}");
        node
    };
    let mut cast = named(build::node("Cast", &[&name], &[&float]), "cast");
    cast.attribute.push(build::int("to", 1));
    let mut transpose = named(build::node("Transpose", &[&float], &[image_input]), "transpose");
    transpose.attribute.push(build::ints("perm", &[0, 3, 1, 2]));
    Insertion {
        nodes: vec![cast, transpose],
        inputs: vec![build::tensor_info(&name, 2, &["N", "H", "W", "3"])],
        metadata: vec![("prep_onnx.pipeline".into(), "{\"steps\":[]}".into())],
        ..Insertion::default()
    }
}
