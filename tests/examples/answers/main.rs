//! Writes small models with steps after them, what they are fed and what they give, for the host checks in `tests/hosts`.
//!
//! `cargo run --release -p prep-onnx-tests --example answers -- FOLDER`
#![allow(
    clippy::expect_used,
    reason = "a tool of the tests: what it cannot do ends it"
)]

mod cases;
mod models;

use std::path::Path;

use ndarray::{Array1, Array2, Array4, ArrayD, IxDyn};
use prep_onnx::host::{Array, Feed, Session, SessionOptions};
use prep_onnx::runtime::Loaded;
use prep_onnx_pipeline::Accept;
use prep_onnx_rewriter::{EmbedOptions, Lowering};
use prep_onnx_tests::fed::with_steps;
use prep_onnx_tests::runtime;
use serde_json::{Value, json};

use cases::{Case, cases};

/// The lowest, the newest of ONNX Runtime 1.17, that of 1.23, and the newest that is released.
const OPSETS: [i64; 6] = [11, 13, 18, 20, 23, 26];
/// Images of one batch, and the brightest value of each, which is in the answers: of the darkest little is found.
const MIXED: [(usize, usize, u8); 3] = [(48, 70, 255), (64, 64, 190), (90, 33, 120)];
const EQUAL: [(usize, usize, u8); 2] = [(50, 70, 255), (50, 70, 200)];

fn main() {
    let folder = std::env::args().nth(1).expect("usage: answers FOLDER");
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).expect("a writable folder");
    let loaded = runtime().expect("ONNX Runtime");
    let mut models = Vec::new();
    for case in cases() {
        for opset in OPSETS {
            models.push(write(loaded, folder, &case, opset));
        }
    }
    let manifest = serde_json::to_string_pretty(&json!({ "models": models })).expect("JSON");
    std::fs::write(folder.join("answers.json"), manifest).expect("a writable folder");
}

/// Writes a case's model at one operator set, what it is fed and what it gives.
fn write(loaded: &Loaded, folder: &Path, case: &Case, opset: i64) -> Value {
    let stem = format!("{}-opset{opset}", case.name);
    eprintln!("{stem}");
    let plain = folder.join("plain.onnx");
    models::write(&plain, &case.model, opset);
    let file = format!("{stem}.onnx");
    let options = EmbedOptions {
        accept: case.accept,
        lowering: Lowering::OneFile,
        input: Some(models::INPUT.to_owned()),
        ..EmbedOptions::default()
    };
    with_steps(
        &plain,
        &folder.join(&file),
        case.pipeline,
        options,
        case.steps,
        &[],
    );
    std::fs::remove_file(&plain).expect("a writable folder");
    let fed = Fed::new(case);
    let mut session =
        Session::open(loaded, &folder.join(&file), SessionOptions::default()).expect("a session");
    let outputs: Vec<usize> = (0..session.outputs().len()).collect();
    let arrays = session.run(&fed.feeds(case.accept), &outputs).expect("answers");
    let outputs: Vec<Value> = session
        .outputs()
        .iter()
        .zip(&arrays)
        .map(|(port, array)| {
            let mut entry = tensor(folder, &format!("{stem}.{}", port.name), &port.name, array);
            entry["within"] = case.within(&port.name, array.dtype()).into();
            entry
        })
        .collect();
    json!({ "model": file, "opset": opset, "quantised": case.model.quantised.is_some(), "inputs": fed.write(folder, case), "outputs": outputs })
}

fn tensor(folder: &Path, file: &str, name: &str, array: &Array) -> Value {
    let mut bytes = Vec::new();
    array.write_le(&mut bytes).expect("memory");
    std::fs::write(folder.join(file), bytes).expect("a writable folder");
    json!({ "name": name, "dtype": array.dtype(), "shape": array.shape(), "file": file })
}

/// The images of a case.
struct Fed {
    pixels: Array1<u8>,
    shapes: Array2<i64>,
    images: Array4<u8>,
    texts: Option<Array>,
}

impl Fed {
    fn new(case: &Case) -> Self {
        let sizes: &[_] = match (case.accept, case.one_image) {
            (Accept::Batch, true) => &EQUAL[..1],
            (Accept::Batch, false) => &EQUAL,
            (Accept::Ragged | Accept::Encoded, true) => &MIXED[..1],
            (Accept::Ragged | Accept::Encoded, false) => &MIXED,
        };
        let mut numbers = models::Numbers(11);
        let mut pixels = Vec::new();
        for (height, width, brightest) in sizes {
            let darker = |number: f32| (number * f32::from(*brightest)) as u8;
            pixels.extend((0..height * width * 3).map(|_| darker(numbers.next())));
            // The brightest value, wide enough to survive a resize.
            let from = pixels.len() - width * 3 * 8;
            pixels[from..].fill(*brightest);
        }
        let shapes = Array2::from_shape_fn((sizes.len(), 3), |(image, axis)| {
            [sizes[image].0, sizes[image].1, 3][axis] as i64
        });
        let (height, width, _) = sizes[0];
        let images = if case.accept == Accept::Batch {
            Array4::from_shape_vec((sizes.len(), height, width, 3), pixels.clone())
                .expect("images of one size")
        } else {
            Array4::zeros((0, 1, 1, 3))
        };
        Self {
            pixels: pixels.into(),
            shapes,
            images,
            texts: case.has_texts().then(|| {
                let ids = (0..12).map(|index| index * 5 % 16).collect();
                Array::Int64(ArrayD::from_shape_vec(IxDyn(&[3, 4]), ids).expect("three texts"))
            }),
        }
    }

    fn feeds(&self, accept: Accept) -> Vec<(&str, Feed<'_>)> {
        if accept == Accept::Batch {
            return vec![("image", Feed::Images(self.images.view()))];
        }
        let mut feeds = vec![
            ("pixels", Feed::Pixels(self.pixels.view())),
            ("shapes", Feed::Shapes(self.shapes.view())),
        ];
        feeds.extend(self.texts.iter().map(|texts| (models::TEXTS, Feed::Array(texts))));
        feeds
    }

    fn write(&self, folder: &Path, case: &Case) -> Vec<Value> {
        let write = |name: &str, array: Array| tensor(folder, &format!("{}.{name}", case.name), name, &array);
        if case.accept == Accept::Batch {
            return vec![write("image", Array::Uint8(self.images.clone().into_dyn()))];
        }
        let mut entries = vec![
            write("pixels", Array::Uint8(self.pixels.clone().into_dyn())),
            write("shapes", Array::Int64(self.shapes.clone().into_dyn())),
        ];
        entries.extend(self.texts.iter().map(|texts| write(models::TEXTS, texts.clone())));
        entries
    }
}
