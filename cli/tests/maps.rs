//! Masks and maps of images: drawn, and told of in rows.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::path::Path;

use common::build::{FLOAT, entry, node, opset, tensor_info};
use common::{has_runtime, picture};
use onnx_protobuf::{GraphProto, Message, ModelProto, NodeProto, TensorProto};
use protobuf::MessageField;
use serde_json::{Value, json};

const PIPELINE: &str = "[[steps]]\nstep = \"resize\"\nsize = [64, 64]\nfilter = \"bilinear\"\n[[steps]]\nstep = \"rescale\"\ndivisor = 255\n";

fn constant(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let mut constant = TensorProto::new();
    constant.name = name.to_owned();
    constant.data_type = FLOAT;
    constant.dims = dims.to_vec();
    constant.raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    constant
}

fn model(nodes: Vec<NodeProto>, constants: Vec<TensorProto>, outputs: &[(&str, &[&str])]) -> ModelProto {
    let mut graph = GraphProto::new();
    graph.name = "maps".to_owned();
    graph.input = vec![tensor_info("images", FLOAT, &["1", "3", "64", "64"])];
    let infos = outputs
        .iter()
        .map(|(name, shape)| tensor_info(name, FLOAT, shape));
    graph.output = infos.collect();
    graph.initializer = constants;
    graph.node = nodes;
    let mut model = ModelProto::new();
    model.ir_version = 8;
    model.opset_import = vec![opset("", 17)];
    model.graph = MessageField::some(graph);
    model
}

/// A YOLO of 64 x 64 with masks: of two boxes the upper half of one and the lower half of the other.
fn segmenter() -> Vec<u8> {
    const BOXES: usize = 40;
    const WEIGHTS: usize = 32;
    let channels = 4 + 2 + WEIGHTS;
    let mut output = vec![0.0_f32; channels * BOXES];
    for (place, (x, y, score, class, weight)) in [(16.0, 32.0, 0.9, 1, 1.0), (48.0, 32.0, 0.6, 0, -1.0)]
        .into_iter()
        .enumerate()
    {
        for (channel, value) in [x, y, 16.0, 32.0].into_iter().enumerate() {
            output[channel * BOXES + place] = value;
        }
        output[(4 + class) * BOXES + place] = score;
        output[6 * BOXES + place] = weight;
    }
    let mut prototypes = vec![0.0_f32; WEIGHTS * 16 * 16];
    for (index, value) in prototypes.iter_mut().take(256).enumerate() {
        *value = if index / 16 < 8 { 9.0 } else { -9.0 };
    }
    let mut model = model(
        vec![
            node("Identity", &["boxes"], &["output0"]),
            node("ReduceMean", &["images"], &["mean"]),
            node("Mul", &["mean", "zero"], &["nothing"]),
            node("Add", &["prototypes", "nothing"], &["output1"]),
        ],
        vec![
            constant("boxes", &[1, channels as i64, BOXES as i64], &output),
            constant("zero", &[1], &[0.0]),
            constant("prototypes", &[1, WEIGHTS as i64, 16, 16], &prototypes),
        ],
        &[
            ("output0", &["1", "38", "40"]),
            ("output1", &["1", "32", "16", "16"]),
        ],
    );
    model.metadata_props = vec![
        entry("author", "Ultralytics"),
        entry("task", "segment"),
        entry("stride", "32"),
        entry("imgsz", "[64, 64]"),
        entry("names", "{0: 'cat', 1: 'dog'}"),
    ];
    model.write_to_bytes().unwrap()
}

/// The class of a pixel is its strongest channel.
fn classes() -> Vec<u8> {
    let nodes = vec![node("Identity", &["images"], &["logits"])];
    model(nodes, Vec::new(), &[("logits", &["1", "3", "64", "64"])])
        .write_to_bytes()
        .unwrap()
}

/// The value of a pixel is the mean of its channels.
fn depth() -> Vec<u8> {
    let mut mean = node("ReduceMean", &["images"], &["depth"]);
    mean.attribute = vec![
        common::build::ints("axes", &[1]),
        common::build::int("keepdims", 0),
    ];
    model(vec![mean], Vec::new(), &[("depth", &["1", "64", "64"])])
        .write_to_bytes()
        .unwrap()
}

/// A PNG of the size of `height` x `width`: red on the left, blue on the right.
fn two_colours(path: &Path, (height, width): (usize, usize)) {
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    let row: Vec<u8> = (0..width)
        .flat_map(|column| {
            if column < width / 4 {
                [200, 0, 10]
            } else {
                [0, 20, 100]
            }
        })
        .collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&row.repeat(height)).unwrap();
    writer.finish().unwrap();
}

/// The pixels of a PNG, and its height and width.
fn pixels(path: &Path) -> (Vec<[u8; 3]>, (usize, usize)) {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let pixels = bytes.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
    (pixels.collect(), (info.height as usize, info.width as usize))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The rows of both pictures in `folder`, which are drawn too.
fn drawn_rows(folder: &Path, model: &str) -> Vec<Value> {
    let inputs = ["run", model, "a.png", "b.png"];
    let outputs = ["-o", "out.jsonl", "--draw", "drawn"];
    let ran = common::run(folder, [inputs, outputs].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    lines(&std::fs::read_to_string(folder.join("out.jsonl")).unwrap())
}

/// The names of the columns of a Parquet file, and its number of rows.
fn columns(path: &Path) -> (Vec<String>, usize) {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let names = reader.schema().fields().iter().map(|field| field.name().clone());
    let names = names.collect();
    let rows = reader.build().unwrap().map(|batch| batch.unwrap().num_rows());
    (names, rows.sum())
}

#[test]
fn masks_are_drawn_in_the_colours_of_their_boxes_and_counted() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = |arguments: &[&str]| common::run(folder.path(), arguments);
    std::fs::write(at("seg.onnx"), segmenter()).unwrap();
    picture(&at("a.png"), (128, 128), [90, 90, 90]);
    picture(&at("b.png"), (64, 64), [90, 90, 90]);
    let embedded = run(&["embed", "seg.onnx", "--answers"]);
    assert_eq!(embedded.code, Some(0), "{}", embedded.err);

    let prep = "seg.prep.onnx";
    let rows = drawn_rows(folder.path(), prep);
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0]["box"], json!([16.0, 32.0, 48.0, 96.0]));
    assert_eq!(rows[0]["drawn"], "drawn/a.png");
    assert_eq!(rows[2]["drawn"], "drawn/b.png");
    // Each the half of its box: 32 x 32 pixels of the larger image, 16 x 16 of the smaller.
    for (row, pixels) in rows.iter().zip([1024, 1024, 256, 256]) {
        let got = row["mask_pixels"].as_f64().unwrap();
        assert!((got / f64::from(pixels) - 1.0).abs() < 0.1, "{row}");
    }
    let (drawn, size) = pixels(&at("drawn/a.png"));
    assert_eq!(size, (128, 128));
    let pixel = |row: usize, column: usize| drawn[row * 128 + column];
    // Inside of the upper half, of the lower half of the other, and of the halves without a mask.
    let gray = [90; 3];
    assert!(pixel(50, 32) != gray && pixel(80, 96) != gray && pixel(50, 32) != pixel(80, 96));
    assert_eq!((pixel(80, 32), pixel(52, 96)), (gray, gray));

    let parquet = run(&[
        "run",
        prep,
        "a.png",
        "b.png",
        "-o",
        "out.parquet",
        "--draw",
        "more",
    ]);
    assert_eq!(parquet.code, Some(0), "{}", parquet.err);
    let (names, rows) = columns(&at("out.parquet"));
    assert_eq!(rows, 4);
    for name in ["drawn", "mask_pixels", "x1"] {
        assert!(names.iter().any(|column| column == name), "{names:?}");
    }
    // Without a picture nothing is run for one, and nothing is said of it.
    let plain = run(&["run", prep, "a.png", "-o", "-"]);
    let rows = lines(&plain.out);
    assert_eq!(
        (&rows[0]["mask_pixels"], &rows[0]["drawn"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn classes_of_pixels_are_drawn_with_a_legend_and_told_in_rows() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = |arguments: &[&str]| common::run(folder.path(), arguments);
    std::fs::write(at("model.onnx"), classes()).unwrap();
    std::fs::write(at("p.toml"), PIPELINE).unwrap();
    std::fs::write(at("labels.txt"), "tomato\ngrass\nwater\n").unwrap();
    two_colours(&at("a.png"), (300, 400));
    two_colours(&at("b.png"), (64, 128));
    let embed = [
        "embed",
        "model.onnx",
        "--pipeline",
        "p.toml",
        "--labels",
        "labels.txt",
    ];
    let embedded = run(&[&embed[..], &["--then", "resize_to_image", "--then", "argmax"]].concat());
    assert_eq!(embedded.code, Some(0), "{}", embedded.err);

    let prep = "model.prep.onnx";
    let rows = drawn_rows(folder.path(), prep);
    assert_eq!(rows.len(), 2);
    let map = &rows[0]["map"];
    assert_eq!((&map["height"], &map["width"]), (&json!(300), &json!(400)));
    assert_eq!(map["classes"][0]["name"], "water");
    assert_eq!(map["classes"][1]["label"], 0);
    let counted = map["classes"].as_array().unwrap();
    let counted = counted.iter().map(|class| class["pixels"].as_u64().unwrap());
    assert_eq!(counted.sum::<u64>(), 300 * 400);
    assert_eq!(rows[0]["drawn"], "drawn/a.png");
    assert_eq!(rows[0]["output"], Value::Null);
    let (drawn, size) = pixels(&at("drawn/a.png"));
    assert_eq!(size, (300, 400));
    // A colour over each, and both whole in the legend.
    let pixel = |row: usize, column: usize| drawn[row * 400 + column];
    let (tomato, water) = (pixel(290, 20), pixel(290, 390));
    assert!(tomato != water && tomato != [200, 0, 10] && water != [0, 20, 100]);
    assert!(pixel(8, 8) != tomato && pixel(8, 8) != water);

    let table = run(&["run", prep, "a.png"]);
    assert!(
        table.out.contains("300 x 400: water 74.8 %, tomato 25.2 %"),
        "{}",
        table.out
    );
    let parquet = run(&["run", prep, "a.png", "b.png", "-o", "out.parquet"]);
    assert_eq!(parquet.code, Some(0), "{}", parquet.err);
    let (names, rows) = columns(&at("out.parquet"));
    assert_eq!(rows, 2);
    assert!(
        names.ends_with(&["map_label", "map_pixels", "map_name"].map(str::to_owned)),
        "{names:?}"
    );
    // The map itself, where it is asked for.
    let whole = run(&["run", prep, "b.png", "-o", "-", "--output", "classes"]);
    assert_eq!(lines(&whole.out)[0]["output"][0][0][0], 0, "{}", whole.err);
    let npy = run(&["run", prep, "a.png", "-o", "out.npy", "--draw", "again"]);
    assert_eq!(npy.code, Some(0), "{}", npy.err);
    assert!(std::fs::metadata(at("out.npy")).unwrap().len() > 8 * 300 * 400);
    let preview = run(&["preview", prep, "a.png", "-o", "seen.png"]);
    assert!(
        preview.out.contains("drawn for each pixel"),
        "{} {}",
        preview.out,
        preview.err
    );
    let fast = run(&["run", prep, "a.png", "--decode", "fast"]);
    assert_eq!(fast.code, Some(2), "{}", fast.err);

    // Without the size of the image a map is no picture of it.
    let small = run(&[&embed[..], &["--then", "argmax", "-o", "small.onnx"]].concat());
    assert_eq!(small.code, Some(0), "{}", small.err);
    let refused = run(&["run", "small.onnx", "a.png", "--draw", "drawn"]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.err.contains("--then resize_to_image"), "{}", refused.err);
    let preview = run(&["preview", "small.onnx", "a.png", "-o", "seen.png"]);
    assert!(
        preview.out.contains("neither boxes nor a map in its size"),
        "{}",
        preview.out
    );
}

#[test]
fn depth_is_drawn_with_a_scale_and_a_resumed_run_keeps_what_is_drawn() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = |arguments: &[&str]| common::run(folder.path(), arguments);
    std::fs::write(at("model.onnx"), depth()).unwrap();
    std::fs::write(at("p.toml"), PIPELINE).unwrap();
    std::fs::create_dir(at("other")).unwrap();
    two_colours(&at("a.png"), (300, 400));
    two_colours(&at("other/a.png"), (64, 128));
    std::fs::write(at("c.png"), b"no image").unwrap();
    let embed = [
        "embed",
        "model.onnx",
        "--pipeline",
        "p.toml",
        "--then",
        "resize_to_image=bicubic",
    ];
    let embedded = run(&embed);
    assert_eq!(embedded.code, Some(0), "{}", embedded.err);

    let arguments = [
        "run",
        "model.prep.onnx",
        "a.png",
        "c.png",
        "-o",
        "out.jsonl",
        "--draw",
        "drawn",
    ];
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let rows = || lines(&std::fs::read_to_string(at("out.jsonl")).unwrap());
    let first = rows();
    let range = ["low", "high"].map(|edge| first[0]["map"][edge].as_f64().unwrap());
    assert!(
        (range[0] - 120.0 / 765.0).abs() < 0.02 && (range[1] - 210.0 / 765.0).abs() < 0.02,
        "{range:?}"
    );
    let (drawn, _) = pixels(&at("drawn/a.png"));
    // Lighter is more, and the scale is at the lower edge.
    let light = |row: usize, column: usize| drawn[row * 400 + column].map(u32::from).iter().sum::<u32>();
    assert!(light(100, 20) > light(100, 390));
    assert_ne!(drawn[299 * 400], drawn[200 * 400]);

    // What is drawn is not drawn over by an image of the same name in a run that goes on.
    std::fs::copy(at("other/a.png"), at("c.png")).unwrap();
    let again = run(&[&arguments[..], &["--retry-failed"]].concat());
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert_eq!(
        (&rows()[0], &rows()[1]["drawn"]),
        (&first[0], &json!("drawn/c.png"))
    );
    let elsewhere = run(&[
        "run",
        "model.prep.onnx",
        "a.png",
        "other/a.png",
        "--draw",
        "two",
        "-o",
        "-",
    ]);
    let named: Vec<_> = lines(&elsewhere.out)
        .iter()
        .map(|row| row["drawn"].clone())
        .collect();
    assert_eq!(named, ["two/a.png", "two/a-2.png"]);
    let parquet = run(&[
        "run",
        "model.prep.onnx",
        "a.png",
        "-o",
        "out.parquet",
        "--draw",
        "two",
    ]);
    assert_eq!(parquet.code, Some(0), "{}", parquet.err);
    let (names, _) = columns(&at("out.parquet"));
    assert!(
        names.ends_with(&["drawn", "map_height", "map_width", "map_low", "map_high"].map(str::to_owned)),
        "{names:?}"
    );
}
