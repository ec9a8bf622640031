//! A pipeline goes into a model: what follows from the model, and what does not fit together.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::build::*;
use common::{OnDisk, on_disk, parse, zoo};
use onnx_protobuf::{Message, ModelProto, ValueInfoProto};
use prep_onnx_pipeline::{Accept, Dtype, Error, Layout, Notation, OnBadImage, PRESETS, Pipeline, Plan};
use prep_onnx_rewriter::{EmbedOptions, Embedding, Lowering, Model, embed, inspect, strip};

const IMAGENET: &str = r#"
[[steps]]
step = "resize"
size = { shortest_edge = 256 }
filter = "bilinear"

[[steps]]
step = "center_crop"
size = [224, 224]

[[steps]]
step = "rescale"
divisor = 255
"#;

/// Resizes and gives the pixels as they are.
const PIXELS: &str = r#"
[[steps]]
step = "resize"
size = { exact = [320, 320] }
filter = "bilinear"
"#;

/// The size of the result depends on the image.
const DYNAMIC: &str = r#"
[[steps]]
step = "resize"
size = { shortest_edge = 224 }
filter = "bilinear"
"#;

fn pipeline(text: &str) -> Pipeline {
    Pipeline::parse(text, Notation::Toml).unwrap()
}

fn open(model: &ModelProto) -> (OnDisk, Model) {
    let file = on_disk(&model.write_to_bytes().unwrap());
    let model = Model::open(&file.path).unwrap();
    (file, model)
}

fn attempt(model: &ModelProto, text: &str, options: &EmbedOptions) -> Result<Embedding, Error> {
    embed(&open(model).1, &pipeline(text), options)
}

fn message(model: &ModelProto, text: &str, options: &EmbedOptions) -> String {
    let text = attempt(model, text, options).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text.split_once("model.onnx: ").unwrap().1.to_owned()
}

fn float(shape: &[&str]) -> ModelProto {
    cnn(8, 17, "x", FLOAT, shape)
}

fn embedded(model: &ModelProto, text: &str, options: &EmbedOptions) -> (ModelProto, Embedding) {
    let (file, model) = open(model);
    let embedding = embed(&model, &pipeline(text), options).unwrap();
    embedding.edit.write(file.out()).unwrap();
    (parse(&file.out()), embedding)
}

fn text_of(input: &ValueInfoProto) -> String {
    prep_onnx_rewriter::Value::from(input).to_string()
}

#[test]
fn one_file_holds_a_node_and_a_function() {
    let (model, embedding) = embedded(
        &float(&["b", "3", "224", "224"]),
        IMAGENET,
        &EmbedOptions::default(),
    );
    let node = &model.graph.node[0];
    assert_eq!(
        (node.domain.as_str(), node.op_type.as_str()),
        ("prep.onnx", "ImageBatchToFloat32V1")
    );
    assert_eq!(
        (&node.input[..], &node.output[..]),
        (&["image".to_owned()][..], &["x".to_owned()][..])
    );
    assert_eq!(
        text_of(&model.graph.input[0]),
        "image: uint8 [b, image_height, image_width, 3]"
    );
    let plan = Plan::from_json(std::str::from_utf8(&node.attribute[0].s).unwrap()).unwrap();
    assert_eq!(plan, embedding.report.plan);
    assert_eq!(plan.fixed_output(), Some((224, 224)));

    let function = &model.functions[0];
    assert_eq!((&function.domain, &function.name), (&node.domain, &node.op_type));
    assert_eq!(
        (
            function.opset_import[0].domain.as_str(),
            function.opset_import[0].version
        ),
        ("", 17)
    );
    assert_eq!(function.node.len(), embedding.report.portable_nodes);
    assert!(function.node.len() <= 300);
    assert!(function.node.iter().all(|node| node.domain.is_empty()));
}

#[test]
fn the_pipeline_is_in_the_metadata_with_its_output_settled() {
    let (model, embedding) = embedded(
        &float(&["b", "3", "224", "224"]),
        IMAGENET,
        &EmbedOptions::default(),
    );
    let value = |key: &str| {
        &model
            .metadata_props
            .iter()
            .find(|entry| entry.key == key)
            .unwrap()
            .value
    };
    let kept = Pipeline::parse(value("prep_onnx.pipeline"), Notation::Json).unwrap();
    assert_eq!(kept, embedding.report.pipeline);
    assert_eq!(kept.steps, pipeline(IMAGENET).steps);
    assert_eq!(
        (kept.output.layout, kept.output.dtype),
        (Some(Layout::Nchw), Some(Dtype::Float32))
    );
    assert_eq!(value("prep_onnx.version"), env!("CARGO_PKG_VERSION"));
}

#[test]
fn other_lowerings() {
    let options = |lowering| EmbedOptions {
        lowering,
        ..EmbedOptions::default()
    };
    let model = float(&["b", "3", "224", "224"]);
    let (fused, _) = embedded(&model, IMAGENET, &options(Lowering::Fused));
    assert!(fused.functions.is_empty() && fused.graph.node[0].domain == "prep.onnx");

    let (standard, embedding) = embedded(&model, IMAGENET, &options(Lowering::Standard));
    assert!(standard.functions.is_empty() && standard.opset_import == model.opset_import);
    let count = embedding.report.portable_nodes;
    assert_eq!(standard.graph.node.len(), count + 2);
    assert_eq!(
        (
            embedding.report.op,
            standard.graph.node[count - 1].output[0].as_str()
        ),
        (None, "x")
    );
    assert!(
        standard.graph.node[..count - 1]
            .iter()
            .all(|node| node.output[0].starts_with("prep_onnx/"))
    );
}

#[test]
fn layout_and_element_type_follow_from_the_model() {
    let report = |model: &ModelProto, text| attempt(model, text, &EmbedOptions::default()).unwrap().report;
    let nhwc = report(&float(&["1", "224", "224", "3"]), IMAGENET);
    assert_eq!(
        (nhwc.plan.form.layout, nhwc.op.unwrap().as_str()),
        (Layout::Nhwc, "prep.onnx::ImageBatchToFloat32V1")
    );
    let half = report(&cnn(8, 17, "x", FLOAT16, &["1", "3", "224", "224"]), IMAGENET);
    assert_eq!(
        (half.plan.form.dtype, half.op.unwrap().as_str()),
        (Dtype::Float16, "prep.onnx::ImageBatchToFloat16V1")
    );
    let pixels = report(&cnn(8, 17, "x", UINT8, &["1", "3", "320", "320"]), PIXELS);
    assert_eq!(
        (pixels.plan.form.dtype, pixels.op.unwrap().as_str()),
        (Dtype::Uint8, "prep.onnx::ImageBatchToUint8V1")
    );
    // Where the shape leaves the axis order open, the pipeline settles it.
    let open = format!("{IMAGENET}\n[output]\nlayout = \"nhwc\"\n");
    let settled = report(&float(&["n", "d1", "d2", "d3"]), &open);
    assert_eq!(settled.plan.form.layout, Layout::Nhwc);
    assert_eq!(
        settled.assumptions,
        ["input `x`: the axis order is nhwc, as the pipeline says"]
    );
}

#[test]
fn names_of_dimensions_do_not_stay_where_the_nodes_tell_the_extents() {
    let model = float(&["n", "3", "h", "w"]);
    let declared = |options: &EmbedOptions| {
        let (file, embedding) = embedded(&model, IMAGENET, options);
        assert!(embedding.report.portable_nodes > 0);
        file.graph.value_info.iter().any(|value| value.name == "x")
    };
    let standard = EmbedOptions {
        lowering: Lowering::Standard,
        ..EmbedOptions::default()
    };
    assert!(declared(&standard));
    let (disk, opened) = open(&model);
    let of_one_size = EmbedOptions {
        image_size: Some((40, 60)),
        ..standard
    };
    assert!(!declared(&of_one_size));
    embed(&opened, &pipeline(IMAGENET), &of_one_size)
        .unwrap()
        .edit
        .write(disk.out())
        .unwrap();
    let written = Model::open(disk.out()).unwrap();
    let back = disk.path.with_file_name("back.onnx");
    strip(&written).unwrap().write(&back).unwrap();
    assert_eq!(std::fs::read(&back).unwrap(), std::fs::read(&disk.path).unwrap());
}

#[test]
fn readers_of_one_height_fit_models_that_leave_the_width_open() {
    let mut readers = 0;
    for preset in PRESETS {
        let spec = preset.import(None).unwrap().pipeline;
        let plan = spec.compile(Layout::Nchw, Dtype::Float32).unwrap();
        let (None, Some(height)) = (plan.fixed_output(), plan.fixed_height()) else {
            continue;
        };
        readers += 1;
        for (rows, columns) in [(7, 300), (300, 7), (48, 48), (64, 333)] {
            assert_eq!(
                plan.geometry(rows, columns).unwrap().output.0,
                height,
                "{}",
                preset.name
            );
        }
        let reader = |height: usize, width: &str| {
            let model = float(&["1", &plan.channels().to_string(), &height.to_string(), width]);
            embed(&open(&model).1, &spec, &EmbedOptions::default()).map(drop)
        };
        reader(height, "w").unwrap();
        for (other, width) in [(height + 1, "w"), (height, "320")] {
            let error = reader(other, width).unwrap_err().to_string();
            let got = format!("expected {other} x {width}, got {height} x a width that depends on the image");
            assert!(error.ends_with(&got), "{error}");
        }
    }
    assert!(readers >= 2, "{readers}");
}

#[test]
fn a_pipeline_that_does_not_fit_the_model() {
    let usual = EmbedOptions::default();
    let fits = |shape: &[&str], text| attempt(&float(shape), text, &usual).map(drop);
    fits(&["1", "3", "?", "?"], IMAGENET).unwrap();
    fits(&["1", "3", "h", "w"], DYNAMIC).unwrap();
    assert_eq!(
        message(&float(&["1", "3", "384", "384"]), IMAGENET, &usual),
        "input `x`: the pipeline makes images of another size (height x width): expected 384 x 384, got 224 x 224"
    );
    assert_eq!(
        message(&float(&["1", "224", "256", "3"]), IMAGENET, &usual),
        "input `x`: the pipeline makes images of another size (height x width): expected 224 x 256, got 224 x 224"
    );
    assert_eq!(
        message(&float(&["1", "3", "224", "w"]), DYNAMIC, &usual),
        "input `x`: the pipeline makes images of another size (height x width): expected 224 x w, got a size that depends on the image"
    );
    let nhwc = format!("{IMAGENET}\n[output]\nlayout = \"nhwc\"\n");
    assert_eq!(
        message(&float(&["1", "3", "224", "224"]), &nhwc, &usual),
        "output.layout: differs from that of the model's input `x`: expected nchw, got nhwc"
    );
    let half = format!("{IMAGENET}\n[output]\ndtype = \"float16\"\n");
    assert_eq!(
        message(&float(&["1", "3", "224", "224"]), &half, &usual),
        "output.dtype: differs from that of the model's input `x`: expected float32, got float16"
    );
    assert!(
        message(
            &cnn(8, 17, "x", UINT8, &["1", "3", "224", "224"]),
            IMAGENET,
            &usual
        )
        .contains("uint8")
    );
}

#[test]
fn the_name_of_the_new_input() {
    let named = |name: &str| EmbedOptions {
        input_name: Some(name.into()),
        ..EmbedOptions::default()
    };
    let model = float(&["1", "3", "224", "224"]);
    assert_eq!(
        embedded(&model, IMAGENET, &named("photo")).0.graph.input[0].name,
        "photo"
    );
    assert_eq!(
        message(&model, IMAGENET, &named("logits")),
        "input `logits`: the name is taken in the model: expected a name that no value or node has, got `logits`"
    );
    assert_eq!(
        message(&model, IMAGENET, &named("")),
        "input name: has an unusable length: expected 1 to 255 bytes, got 0"
    );

    let taken = cnn(8, 17, "image", FLOAT, &["1", "3", "224", "224"]);
    let report = attempt(&taken, IMAGENET, &EmbedOptions::default())
        .unwrap()
        .report;
    assert_eq!(report.inputs[0].name, "image_1");
    assert_eq!(
        report.assumptions,
        ["the name `image` is taken in the model: the new input is called `image_1`"]
    );
}

#[test]
fn images_of_mixed_sizes() {
    let ragged = |lowering, input_name: Option<&str>| EmbedOptions {
        accept: Accept::Ragged,
        input_name: input_name.map(str::to_owned),
        lowering,
        ..EmbedOptions::default()
    };
    let model = float(&["b", "3", "224", "224"]);
    for lowering in Lowering::ALL {
        let (model, _) = embedded(&model, IMAGENET, &ragged(lowering, None));
        let inputs: Vec<_> = model.graph.input.iter().map(text_of).collect();
        assert_eq!(inputs, ["pixels: uint8 [pixels_total]", "shapes: int64 [b, 3]"]);
    }
    let (named, embedding) = embedded(&model, IMAGENET, &ragged(Lowering::OneFile, Some("photos")));
    assert_eq!(named.graph.node[0].input, ["photos", "photos_shapes"]);
    assert_eq!(named.functions[0].input, ["pixels", "shapes"]);
    assert_eq!(embedding.report.op.unwrap(), "prep.onnx::ImageRaggedToFloat32V1");
    let (fixed, _) = embedded(
        &float(&["4", "3", "224", "224"]),
        IMAGENET,
        &ragged(Lowering::OneFile, None),
    );
    assert_eq!(text_of(&fixed.graph.input[1]), "shapes: int64 [4, 3]");
    for lowering in Lowering::ALL {
        assert_eq!(
            message(&float(&["b", "3", "h", "w"]), DYNAMIC, &ragged(lowering, None)),
            "pipeline: makes tensors whose size depends on the image"
        );
    }
}

#[test]
fn encoded_images_need_the_library() {
    let encoded = |lowering| EmbedOptions {
        accept: Accept::Encoded,
        lowering,
        ..EmbedOptions::default()
    };
    let model = float(&["b", "3", "224", "224"]);
    let (fused, _) = embedded(&model, IMAGENET, &encoded(Lowering::Fused));
    let inputs: Vec<_> = fused.graph.input.iter().map(text_of).collect();
    assert_eq!(inputs, ["bytes: uint8 [bytes_total]", "lengths: int64 [b]"]);
    for lowering in [Lowering::OneFile, Lowering::Standard] {
        assert_eq!(
            message(&model, IMAGENET, &encoded(lowering)),
            "accept: no standard op decodes images: expected batch or ragged, got encoded"
        );
    }
}

/// Encoded images, and zeros for those that cannot be read.
fn tolerant() -> EmbedOptions {
    EmbedOptions {
        accept: Accept::Encoded,
        lowering: Lowering::Fused,
        on_bad_image: OnBadImage::Zero,
        ..EmbedOptions::default()
    }
}

#[test]
fn a_status_output_comes_last_and_goes_again() {
    let model = float(&["b", "3", "224", "224"]);
    let (with_status, embedding) = embedded(&model, IMAGENET, &tolerant());
    let names: Vec<_> = with_status
        .graph
        .output
        .iter()
        .map(|output| output.name.as_str())
        .collect();
    let own: Vec<_> = model
        .graph
        .output
        .iter()
        .map(|output| output.name.as_str())
        .collect();
    assert_eq!(names, [own.as_slice(), &["status"]].concat());
    assert_eq!(
        text_of(with_status.graph.output.last().unwrap()),
        "status: int64 [b]"
    );
    let node = &with_status.graph.node[0];
    assert_eq!(node.output, ["x", "status"]);
    let attributes: Vec<_> = node
        .attribute
        .iter()
        .map(|attribute| attribute.name.as_str())
        .collect();
    assert_eq!(attributes, ["plan", "on_bad_image"]);
    assert_eq!(node.attribute[1].s, b"zero");
    assert_eq!(embedding.report.outputs.len(), 1);

    // Fields of one graph can lie in any order, and the last output can be the last of them.
    let bytes = model.write_to_bytes().unwrap();
    let file = on_disk(&bytes);
    let opened = Model::open(&file.path).unwrap();
    let embedding = embed(&opened, &pipeline(IMAGENET), &tolerant()).unwrap();
    embedding.edit.write(file.out()).unwrap();
    let embedded = Model::open(file.out()).unwrap();
    let summary = inspect(&embedded).embedded.unwrap();
    assert_eq!(summary.accept, Some(Accept::Encoded));
    assert_eq!(summary.on_bad_image, Some(OnBadImage::Zero));
    assert!(summary.can_strip);
    let restored = on_disk(b"");
    strip(&embedded).unwrap().write(restored.out()).unwrap();
    assert_eq!(std::fs::read(restored.out()).unwrap(), bytes);
}

#[test]
fn the_status_output_takes_no_name_of_the_model() {
    let mut model = float(&["b", "3", "224", "224"]);
    model.graph.mut_or_insert_default().output[0].name = "status".to_owned();
    let nodes = &mut model.graph.mut_or_insert_default().node;
    nodes.last_mut().unwrap().output[0] = "status".to_owned();
    let (with_status, embedding) = embedded(&model, IMAGENET, &tolerant());
    let names: Vec<_> = with_status
        .graph
        .output
        .iter()
        .map(|output| output.name.as_str())
        .collect();
    assert_eq!(names, ["status", "status_1"]);
    assert!(embedding.report.assumptions.contains(
        &"the name `status` is taken in the model: the new output is called `status_1`".to_owned()
    ));
}

#[test]
fn only_encoded_images_can_be_bad() {
    let options = EmbedOptions {
        on_bad_image: OnBadImage::Zero,
        ..EmbedOptions::default()
    };
    assert_eq!(
        message(&float(&["b", "3", "224", "224"]), IMAGENET, &options),
        "on_bad_image: only a model that decodes images can meet one that it cannot read: expected accept encoded, got accept batch"
    );
    let (fused, _) = embedded(
        &float(&["b", "3", "224", "224"]),
        IMAGENET,
        &EmbedOptions {
            on_bad_image: OnBadImage::Fail,
            ..tolerant()
        },
    );
    assert_eq!(fused.graph.node[0].attribute.len(), 1);
    assert_eq!(fused.graph.node[0].output.len(), 1);
}

#[test]
fn dimension_names_of_the_model_are_not_used_for_others() {
    let mut model = float(&["?", "3", "224", "224"]);
    model.graph.mut_or_insert_default().input.push(tensor_info(
        "size",
        INT64,
        &["image_width_", "image_height"],
    ));
    let (model, _) = embedded(&model, IMAGENET, &EmbedOptions::default());
    assert_eq!(
        text_of(&model.graph.input[0]),
        "image: uint8 [?, image_height_, image_width, 3]"
    );
}

#[test]
fn an_embedded_model_is_refused_before_anything_else() {
    let (file, model) = open(&float(&["b", "3", "224", "224"]));
    embed(&model, &pipeline(IMAGENET), &EmbedOptions::default())
        .unwrap()
        .edit
        .write(file.out())
        .unwrap();
    let again = Model::open(file.out()).unwrap();
    let error = embed(&again, &pipeline(IMAGENET), &EmbedOptions::default()).unwrap_err();
    assert!(error.to_string().contains("a pipeline is already embedded"));
}

#[test]
fn every_model_of_the_zoo_in_every_lowering() {
    for entry in &zoo::all() {
        let file = on_disk(&entry.bytes);
        for (name, content) in &entry.data {
            std::fs::write(file.folder.path().join(name), content).unwrap();
        }
        let model = Model::open(&file.path).unwrap();
        let input = prep_onnx_rewriter::ImageInput::find(&model, None).unwrap();
        let size = |dimension: &prep_onnx_rewriter::Dimension| dimension.fixed().unwrap_or(224);
        let (height, width) = input.size();
        let (height, width) = (size(height), size(width));
        let text = PIXELS.replace("[320, 320]", &format!("[{height}, {width}]"));
        for lowering in Lowering::ALL {
            let options = EmbedOptions {
                lowering,
                ..EmbedOptions::default()
            };
            let embedding = embed(&model, &pipeline(&text), &options).unwrap();
            embedding.edit.write(file.out()).unwrap();
            let written = Model::open(file.out()).unwrap();
            let summary = inspect(&written).embedded.unwrap();
            assert_eq!(
                (summary.lowering, summary.can_strip),
                (lowering, true),
                "{}",
                entry.name
            );
            let back = file.folder.path().join("back.onnx");
            strip(&written).unwrap().write(&back).unwrap();
            assert!(std::fs::read(&back).unwrap() == entry.bytes, "{}", entry.name);
        }
    }
}
