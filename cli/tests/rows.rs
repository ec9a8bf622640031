//! Each image gets its own output, whatever the model declares, however many images run together.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::path::Path;

use common::build::{FLOAT, INT64, int, ints, node, opset, tensor_info};
use common::{Printed, has_runtime, picture, run};
use onnx_protobuf::{GraphProto, Message, ModelProto, NodeProto, type_proto};
use protobuf::MessageField;
use serde_json::{Value, json};

/// Which channels of an image are white, by its name: each is one detection.
const IMAGES: [(&str, [u8; 3]); 5] = [
    ("a", [1, 1, 1]),
    ("b", [1, 0, 0]),
    ("c", [0, 0, 1]),
    ("d", [0, 0, 0]),
    ("e", [0, 1, 0]),
];

/// A model that looks at the means of the channels.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Head {
    /// The means of each image: [images, 3].
    Means,
    /// Those of all images: [3].
    OverImages,
    /// The means, turned: [3, images].
    Turned,
    /// Image and channel of each white channel: [detections, 2].
    Detections,
    /// The same, turned: [2, detections].
    DetectionsTurned,
    /// One number: [].
    Number,
}

impl Head {
    fn nodes(self) -> Vec<NodeProto> {
        let mut means = node("ReduceMean", &["x"], &["means"]);
        means.attribute = vec![ints("axes", &[2, 3]), int("keepdims", 0)];
        let over = |axes: Vec<_>| {
            let mut node = node("ReduceMean", &["means"], &["y"]);
            node.attribute = axes;
            node
        };
        let turn = |from: &str| {
            let mut node = node("Transpose", &[from], &["y"]);
            node.attribute = vec![ints("perm", &[1, 0])];
            node
        };
        let rest = match self {
            Self::Means => vec![node("Identity", &["means"], &["y"])],
            Self::OverImages => vec![over(vec![ints("axes", &[0]), int("keepdims", 0)])],
            Self::Turned => vec![turn("means")],
            Self::Detections => vec![node("NonZero", &["means"], &["found"]), turn("found")],
            Self::DetectionsTurned => vec![node("NonZero", &["means"], &["y"])],
            Self::Number => {
                let mut sum = node("ReduceSum", &["means"], &["y"]);
                sum.attribute = vec![int("keepdims", 0)];
                vec![sum]
            }
        };
        std::iter::once(means).chain(rest).collect()
    }

    fn element(self) -> i32 {
        match self {
            Self::Detections | Self::DetectionsTurned => INT64,
            _ => FLOAT,
        }
    }

    /// The output for one image alone.
    fn of(self, channels: [u8; 3]) -> Value {
        let means = channels.map(f64::from);
        let found: Vec<usize> = (0..3).filter(|channel| channels[*channel] == 1).collect();
        match self {
            Self::Means | Self::OverImages => json!(means),
            Self::Turned => json!(means.map(|mean| [mean])),
            Self::Detections => found.iter().map(|channel| json!([0, channel])).collect(),
            Self::DetectionsTurned => json!([vec![0; found.len()], found]),
            Self::Number => json!(means.iter().sum::<f64>()),
        }
    }

    fn model(self, batch: &str, declared: Option<&[&str]>) -> ModelProto {
        let mut output = tensor_info("y", self.element(), declared.unwrap_or_default());
        let value = &mut output.type_.mut_or_insert_default().value;
        if let (None, Some(type_proto::Value::TensorType(tensor))) = (declared, value) {
            tensor.shape = MessageField::none();
        }
        let mut graph = GraphProto::new();
        graph.name = "means".into();
        graph.node = self.nodes();
        graph.input = vec![tensor_info("x", FLOAT, &[batch, "3", "8", "8"])];
        graph.output = vec![output];
        let mut model = ModelProto::new();
        model.ir_version = 8;
        model.opset_import = vec![opset("", 13)];
        model.graph = MessageField::some(graph);
        model
    }
}

fn prepare(folder: &Path) {
    std::fs::create_dir(folder.join("images")).unwrap();
    for (index, (name, channels)) in IMAGES.iter().enumerate() {
        // Two sizes, so that batches of one size are not all of them.
        let size = if index % 2 == 0 { (8, 8) } else { (12, 10) };
        picture(
            &folder.join(format!("images/{name}.png")),
            size,
            channels.map(|channel| channel * 255),
        );
    }
    std::fs::write(
        folder.join("p.toml"),
        "[[steps]]\nstep = \"resize\"\nsize = { exact = [8, 8] }\nfilter = \"nearest\"\n\
         [[steps]]\nstep = \"rescale\"\ndivisor = 255\n",
    )
    .unwrap();
}

fn embed(folder: &Path, model: &ModelProto, accept: &str) {
    std::fs::write(folder.join("m.onnx"), model.write_to_bytes().unwrap()).unwrap();
    let embedded = run(
        folder,
        [
            "embed",
            "m.onnx",
            "-o",
            "e.onnx",
            "--pipeline",
            "p.toml",
            "--accept",
            accept,
        ],
    );
    assert_eq!(embedded.code, Some(0), "{}", embedded.err);
}

fn outputs(printed: &Printed) -> Vec<Value> {
    printed
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["output"].clone())
        .collect()
}

/// What a combination has to give.
enum Right {
    /// A row of each image, or its whole output.
    Own,
    /// As the row of a batch axis that always has one extent.
    Refused,
}

#[test]
fn every_image_has_its_own_output() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let unnamed: &[&str] = &["?", "?"];
    // Truthful declarations, silent ones, and wrong ones.
    let cases: [(Head, &[Option<&[&str]>]); 6] = [
        (
            Head::Means,
            &[Some(&["n", "3"]), Some(&["other", "3"]), Some(unnamed), None],
        ),
        (
            Head::OverImages,
            &[Some(&["3"]), Some(&["k"]), Some(&["?"]), Some(&["n"]), None],
        ),
        (
            Head::Turned,
            &[Some(&["3", "n"]), Some(&["n", "k"]), Some(unnamed)],
        ),
        (
            Head::Detections,
            &[Some(&["found", "2"]), Some(&["n", "2"]), Some(&["?", "2"]), None],
        ),
        (Head::DetectionsTurned, &[Some(&["2", "k"]), Some(unnamed), None]),
        (Head::Number, &[Some(&[]), None]),
    ];
    for (head, declarations) in cases {
        for declared in declarations {
            for batch in ["n", "?", "1", "3"] {
                let fixed = batch == "3";
                // A model of three images at once whose output is no image's cannot be told apart.
                let right = if fixed && head != Head::Means {
                    Right::Refused
                } else {
                    Right::Own
                };
                let declared = declared.map(|shape| {
                    let first = |extent: &&str| match (*extent, batch) {
                        ("n", "1" | "3") => batch.to_owned(),
                        (extent, _) => extent.to_owned(),
                    };
                    shape.iter().map(first).collect::<Vec<_>>()
                });
                let declared: Option<Vec<&str>> = declared
                    .as_ref()
                    .map(|shape| shape.iter().map(String::as_str).collect());
                check(folder, head, batch, declared.as_deref(), "batch", &right);
            }
        }
    }
    for (head, declared) in [
        (Head::Means, &["n", "3"][..]),
        (Head::Means, &["other", "3"]),
        (Head::OverImages, &["k"]),
        (Head::Detections, &["found", "2"]),
        (Head::Detections, &["n", "2"]),
    ] {
        for accept in ["ragged", "encoded"] {
            check(folder, head, "n", Some(declared), accept, &Right::Own);
        }
    }
}

fn check(folder: &Path, head: Head, batch: &str, declared: Option<&[&str]>, accept: &str, right: &Right) {
    let case = format!("{head:?} of {batch} images, declared {declared:?}, {accept}");
    embed(folder, &head.model(batch, declared), accept);
    let batches: &[&str] = if accept == "batch" && batch == "n" {
        &["1", "2", "3", "8"]
    } else {
        &["2", "8"]
    };
    for size in batches {
        // As many images as would make the numbers agree, too.
        for count in [5, 3] {
            let names: Vec<String> = IMAGES[..count]
                .iter()
                .map(|(name, _)| format!("images/{name}.png"))
                .collect();
            let fixed = ["run", "e.onnx", "-o", "-", "-q", "--batch", size];
            let printed = run(
                folder,
                fixed.iter().copied().chain(names.iter().map(String::as_str)),
            );
            match right {
                Right::Refused => {
                    assert_eq!(printed.code, Some(1), "{case}: {}", printed.out);
                    assert!(
                        printed.err.contains("cannot be told apart image by image"),
                        "{case}: {}",
                        printed.err
                    );
                    assert!(
                        outputs(&printed).iter().all(Value::is_null),
                        "{case}: {}",
                        printed.out
                    );
                }
                Right::Own => {
                    assert_eq!(printed.code, Some(0), "{case}: {}", printed.err);
                    let means = matches!(head, Head::Means);
                    let whole_of_one =
                        means && batch == "1" && declared.is_none_or(|shape| shape.first() != Some(&"1"));
                    for (got, (name, channels)) in outputs(&printed).iter().zip(IMAGES) {
                        let own = head.of(channels);
                        // Undeclared, the axis of the only image is kept: nothing is dropped by chance.
                        let kept = json!([own]);
                        assert!(
                            *got == own || (whole_of_one && *got == kept),
                            "{case}, --batch {size}, {name}: {got}, not {own}"
                        );
                    }
                    assert_eq!(outputs(&printed).len(), count, "{case}");
                }
            }
        }
    }
}

#[test]
fn outputs_without_rows_go_into_every_format_or_are_refused() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    embed(
        folder,
        &Head::Detections.model("n", Some(&["found", "2"])),
        "batch",
    );
    for out in ["out.npy", "out.parquet"] {
        let printed = run(folder, ["run", "e.onnx", "images", "-o", out, "--batch", "4"]);
        assert!(
            printed.err.contains("differ in shape from image to image"),
            "{}",
            printed.err
        );
        assert_eq!(printed.code, Some(1));
    }
    let printed = run(folder, ["run", "e.onnx", "images", "--json"]);
    let answer: Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(answer["rows"], "whole");
    assert!(answer["rows_why"].as_str().unwrap().contains("found"), "{answer}");
    let results = answer["results"].as_array().unwrap();
    assert_eq!(
        results[1]["output"],
        json!([[0, 0]]),
        "one detection keeps both axes"
    );

    embed(folder, &Head::OverImages.model("n", Some(&["3"])), "batch");
    let printed = run(
        folder,
        ["run", "e.onnx", "images", "-o", "means.npy", "--batch", "3"],
    );
    assert_eq!(printed.code, Some(0), "{}", printed.err);
    assert!(
        printed.out.contains("one image at a time, each output whole"),
        "{}",
        printed.out
    );
    let npy = std::fs::read(folder.join("means.npy")).unwrap();
    let header = String::from_utf8_lossy(&npy[..npy.len() - 5 * 3 * 4]).into_owned();
    assert!(header.contains("(5, 3)"), "{header}");
    let values: Vec<f32> = npy[npy.len() - 5 * 3 * 4..]
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let expected: Vec<f32> = IMAGES
        .iter()
        .flat_map(|(_, channels)| channels.map(f32::from))
        .collect();
    assert_eq!(values, expected);
}

#[test]
fn what_is_said_overrules_what_is_declared() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    embed(folder, &Head::Means.model("n", Some(&["n", "3"])), "batch");
    let whole = run(
        folder,
        ["run", "e.onnx", "images", "-o", "-", "-q", "--rows", "whole"],
    );
    assert_eq!(outputs(&whole)[1], json!([[1.0, 0.0, 0.0]]));
    embed(
        folder,
        &Head::Detections.model("n", Some(&["found", "2"])),
        "batch",
    );
    let each = run(
        folder,
        ["run", "e.onnx", "images", "--rows", "each", "--batch", "8"],
    );
    assert_eq!(each.code, Some(1));
    assert!(each.err.contains("has no row for each image"), "{}", each.err);
    assert!(
        each.err
            .contains("fix: run one image at a time and keep its output whole: --rows whole"),
        "{}",
        each.err
    );
}
