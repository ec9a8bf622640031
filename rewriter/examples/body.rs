//! Writes a model that preprocesses and does nothing else: `body PIPELINE.json MODEL OUT [standard|fused|one-file] [HxW]`.
#![allow(clippy::expect_used, reason = "an example fails by panicking")]

use prep_onnx_pipeline::{Notation, Pipeline};
use prep_onnx_rewriter::{EmbedOptions, Lowering, Model, embed};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = std::fs::read_to_string(&arguments[0]).expect("a pipeline");
    let pipeline = Pipeline::parse(&text, Notation::Json).expect("a pipeline");
    let image_size = arguments.get(4).map(|size| {
        let (height, width) = size.split_once('x').expect("HxW");
        (height.parse().expect("a height"), width.parse().expect("a width"))
    });
    let options = EmbedOptions {
        lowering: arguments
            .get(3)
            .map_or(Lowering::OneFile, |name| name.parse().expect("a lowering")),
        image_size,
        ..EmbedOptions::default()
    };
    let model = Model::open(&arguments[1]).expect("a model");
    let embedding = embed(&model, &pipeline, &options).expect("an embeddable pipeline");
    embedding
        .edit
        .write(std::path::Path::new(&arguments[2]))
        .expect("a writable folder");
    println!("{} nodes", embedding.report.portable_nodes);
}
