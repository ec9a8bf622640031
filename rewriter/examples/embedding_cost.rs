//! What embedding costs: time against `cp` and peak anonymous memory, for a model of 500 MB and for a
//! small one with 2 GB of external data. Linux only: it reads `/proc` and runs `cp`.
//!
//! `cargo run --release -p prep-onnx-rewriter --example embedding_cost [FOLDER]`
#![allow(clippy::unwrap_used, reason = "an example stops at the first error")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onnx_protobuf::tensor_shape_proto::{Dimension, dimension};
use onnx_protobuf::{
    GraphProto, Message, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, tensor_proto, type_proto,
};
use prep_onnx_pipeline::{Notation, Pipeline};
use prep_onnx_rewriter::{EmbedOptions, Model, embed, strip};
use protobuf::MessageField;

const MB: u64 = 1_000_000;
const TENSORS: u64 = 200;
const ROUNDS: usize = 7;
const PIPELINE: &str =
    r#"{"steps": [{"step": "resize", "size": {"exact": [224, 224]}, "filter": "bilinear"}]}"#;

fn main() {
    let folder = match std::env::args().nth(1) {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let one = folder.path().join("one.onnx");
    write_large(&one, 500 * MB);
    compare(&one, &[&one]);

    let small = folder.path().join("external.onnx");
    let data = folder.path().join("external.data");
    File::create(&data).unwrap().set_len(2000 * MB).unwrap();
    let mut model = skeleton();
    for index in 0..TENSORS {
        let size = 2000 * MB / TENSORS;
        let mut tensor = tensor(index, size);
        tensor.data_location = tensor_proto::DataLocation::EXTERNAL.into();
        let values = [
            ("location", "external.data".to_owned()),
            ("offset", (index * size).to_string()),
            ("length", size.to_string()),
        ];
        tensor.external_data = values.into_iter().map(|(key, value)| entry(key, value)).collect();
        model.graph.as_mut().unwrap().initializer.push(tensor);
    }
    std::fs::write(&small, model.write_to_bytes().unwrap()).unwrap();
    compare(&small, &[&small, &data]);
}

/// Prints the fastest of some rounds of `cp` of `files`, of embedding into `model` and of stripping.
fn compare(model: &Path, files: &[&Path]) {
    let bytes: u64 = files
        .iter()
        .map(|file| std::fs::metadata(file).unwrap().len())
        .sum();
    println!("{} ({} MB)", model.file_name().unwrap().display(), bytes / MB);
    let pipeline = Pipeline::parse(PIPELINE, Notation::Json).unwrap();
    let out = model.with_extension("prep.onnx");
    let back = model.with_extension("back.onnx");
    let (mut copy, mut put, mut take) = (Duration::MAX, Duration::MAX, Duration::MAX);
    let mut peak = 0;
    for _ in 0..ROUNDS {
        let copied: Vec<_> = (0..files.len())
            .map(|index| model.with_extension(format!("copy{index}")))
            .collect();
        copy = copy.min(timed(|| {
            for (from, to) in files.iter().zip(&copied) {
                assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
            }
        }));
        copied.iter().for_each(|file| std::fs::remove_file(file).unwrap());
        let memory = peak_anonymous(|| {
            put = put.min(timed(|| {
                let model = Model::open(model).unwrap();
                embed(&model, &pipeline, &EmbedOptions::default())
                    .unwrap()
                    .edit
                    .write(&out)
                    .unwrap();
            }));
            take = take.min(timed(|| {
                strip(&Model::open(&out).unwrap()).unwrap().write(&back).unwrap();
            }));
        });
        peak = peak.max(memory);
        assert!(
            Command::new("cmp")
                .arg(model)
                .arg(&back)
                .status()
                .unwrap()
                .success()
        );
        std::fs::remove_file(&out).unwrap();
        std::fs::remove_file(&back).unwrap();
    }
    println!(
        "  cp {copy:.3?}  embed {put:.3?} ({:.2} x cp)  strip {take:.3?}",
        put.as_secs_f64() / copy.as_secs_f64()
    );
    println!("  peak anonymous memory {} kB", peak);
}

fn timed(action: impl FnOnce()) -> Duration {
    let start = Instant::now();
    action();
    start.elapsed()
}

/// The largest `RssAnon` of this process while `action` runs, in kB, looked at every millisecond.
fn peak_anonymous(action: impl FnOnce()) -> u64 {
    let (peak, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let status = std::fs::read_to_string("/proc/self/status").unwrap();
                let line = status
                    .lines()
                    .find_map(|line| line.strip_prefix("RssAnon:"))
                    .unwrap();
                peak.fetch_max(
                    line.trim().trim_end_matches(" kB").parse().unwrap(),
                    Ordering::Relaxed,
                );
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        action();
        done.store(true, Ordering::Relaxed);
    });
    peak.into_inner()
}

fn skeleton() -> ModelProto {
    let shape = TensorShapeProto {
        dim: [1, 3, 224, 224]
            .map(|size| Dimension {
                value: Some(dimension::Value::DimValue(size)),
                ..Dimension::default()
            })
            .to_vec(),
        ..TensorShapeProto::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: 1,
        shape: MessageField::some(shape),
        ..type_proto::Tensor::default()
    };
    let image = ValueInfoProto {
        name: "pixel_values".into(),
        type_: MessageField::some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    };
    let graph = GraphProto {
        name: "main".into(),
        output: vec![image.clone()],
        input: vec![image],
        ..GraphProto::default()
    };
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto {
            version: 17,
            ..OperatorSetIdProto::default()
        }],
        graph: MessageField::some(graph),
        ..ModelProto::default()
    }
}

fn tensor(index: u64, bytes: u64) -> TensorProto {
    TensorProto {
        name: format!("layers.{index}.weight"),
        data_type: 2,
        dims: vec![bytes as i64],
        ..TensorProto::default()
    }
}

fn entry(key: &str, value: String) -> StringStringEntryProto {
    StringStringEntryProto {
        key: key.into(),
        value,
        ..StringStringEntryProto::default()
    }
}

/// A model with initializers of `total` bytes together, no two pages of them alike.
fn write_large(path: &Path, total: u64) {
    let mut model = skeleton();
    let mut state = 1_u64;
    for index in 0..TENSORS {
        let mut tensor = tensor(index, total / TENSORS);
        tensor.raw_data = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take((total / TENSORS) as usize)
        .collect();
        model.graph.as_mut().unwrap().initializer.push(tensor);
    }
    let mut file = BufWriter::new(File::create(path).unwrap());
    model.write_to_writer(&mut file).unwrap();
    file.flush().unwrap();
}
