//! A model whose outputs are fed: what the steps after it make of them, in ONNX Runtime.

use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{GraphProto, Message};
use prep_onnx::host::{Array, Session, SessionOptions};
use prep_onnx_pipeline::{Accept, Notation, OutputKind, Pipeline};
use prep_onnx_rewriter::after::{AfterOptions, Before, Then, after};
use prep_onnx_rewriter::{EmbedOptions, Lowering, Model, embed};

use crate::protos::{self, info, node};
use crate::runtime;

/// A pipeline in our own words.
pub fn parsed(pipeline: &str) -> Pipeline {
    Pipeline::parse(pipeline, Notation::Toml).expect("a model that can be made")
}

/// A model of images of 64 x 64 whose outputs are fed: each of `outputs` is called like its input without `given_`.
pub fn model(path: &Path, opset: i64, outputs: &[(&str, &[i64])]) {
    let mut graph = GraphProto {
        name: "fed".to_owned(),
        input: vec![info("images", DataType::FLOAT, &[-1, 3, 64, 64])],
        ..GraphProto::default()
    };
    // Something that no step takes for an output of a detector.
    graph.node.push(node("Shape", &["images"], "seen"));
    graph.output.push(info("seen", DataType::INT64, &[4]));
    for (name, shape) in outputs {
        let given = format!("given_{name}");
        graph.input.push(info(&given, DataType::FLOAT, shape));
        graph.output.push(info(name, DataType::FLOAT, shape));
        graph.node.push(node("Identity", &[&given], name));
    }
    let model = protos::model(graph, 6, opset);
    std::fs::write(path, model.write_to_bytes().expect("a model that can be made"))
        .expect("a model that can be made");
}

/// A letterbox of the size of the model.
pub const LETTERBOX: &str =
    "[[steps]]\nstep = \"letterbox\"\nsize = 64\n[[steps]]\nstep = \"rescale\"\ndivisor = 255";

/// A session of a model of images of 64 x 64 with steps after it.
pub struct Fed {
    _folder: tempfile::TempDir,
    /// What runs.
    pub session: Session,
}

impl Fed {
    /// The model whose outputs, called like their inputs without `given_`, have these shapes; `None` without a runtime.
    pub fn new(
        opset: i64,
        outputs: &[(&str, &[i64])],
        steps: &[&str],
        accept: Accept,
        pipeline: &str,
    ) -> Option<Self> {
        let loaded = runtime()?;
        let folder = tempfile::tempdir().expect("a model that can be made");
        let path = folder.path().join("model.onnx");
        model(&path, opset, outputs);
        let out = folder.path().join("out.onnx");
        let options = EmbedOptions {
            accept,
            lowering: Lowering::OneFile,
            input: Some("images".to_owned()),
            ..EmbedOptions::default()
        };
        with_steps(&path, &out, pipeline, options, steps, &[]);
        let options = SessionOptions {
            threads: 1,
            ..SessionOptions::default()
        };
        let session = Session::open(loaded, &out, options).expect("a model that can be made");
        Some(Self {
            _folder: folder,
            session,
        })
    }

    /// The place of an output.
    pub fn output(&self, name: &str) -> usize {
        self.session
            .output_index(Some(name))
            .expect("a model that can be made")
    }
}

/// Writes the model at `path` to `out` with a pipeline before it and steps after it, of which each may need the geometry.
pub fn with_steps(
    path: &Path,
    out: &Path,
    pipeline: &str,
    options: EmbedOptions,
    steps: &[&str],
    labels: &[&str],
) {
    let model = Model::open(path).expect("a model that can be made");
    let pipeline = parsed(pipeline);
    let options = EmbedOptions {
        inner: vec![OutputKind::Geometry],
        ..options
    };
    let embedding = embed(&model, &pipeline, &options).expect("a model that can be made");
    let report = &embedding.report;
    let options = AfterOptions {
        before: Before {
            tensor: Some((report.image_input.name.clone(), report.image_input.layout)),
            plan: Some(report.plan.clone()),
            geometry: report.values.first().map(|(_, name)| name.clone()),
            outputs: Vec::new(),
            one_size: options.accept == Accept::Batch,
            ..Before::default()
        },
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..AfterOptions::default()
    };
    let steps: Vec<Then> = steps
        .iter()
        .map(|step| step.parse().expect("a model that can be made"))
        .collect();
    let embedded = model.edited(&embedding.edit).expect("a model that can be made");
    after(&embedded, &steps, &options)
        .expect("a model that can be made")
        .edit
        .write(out)
        .expect("a model that can be made");
}

/// An array of these floats.
pub fn floats(shape: &[usize], values: Vec<f32>) -> Array {
    Array::Float32(ArrayD::from_shape_vec(IxDyn(shape), values).expect("a model that can be made"))
}
