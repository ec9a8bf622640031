//! Steps after the model of a file that was embedded before: the answers are those of a file that was embedded with them,
//! and each part comes off alone.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use ndarray::{Array1, Array2, Array4};
use prep_onnx::host::{Array, Feed, Session, SessionOptions};
use prep_onnx_pipeline::{Accept, OutputKind};
use prep_onnx_rewriter::after::{AfterOptions, Before, Then, after, before};
use prep_onnx_rewriter::{EmbedOptions, Embedding, Lowering, Model, embed, strip, strip_after};
use prep_onnx_tests::fed::{LETTERBOX, floats, model, parsed};
use prep_onnx_tests::runtime;

const BOXES: usize = 40;
const STEPS: [&str; 2] = ["detections=yolov8", "nms=score=0.3"];
const SIZE: (usize, usize) = (45, 90);

/// A way to embed.
struct Way {
    opset: i64,
    accept: Accept,
    lowering: Lowering,
    image_size: Option<(usize, usize)>,
    outputs: Vec<OutputKind>,
}

fn ways() -> Vec<Way> {
    let plain = |opset, accept, lowering| Way {
        opset,
        accept,
        lowering,
        image_size: None,
        outputs: Vec::new(),
    };
    let (batch, ragged) = (Accept::Batch, Accept::Ragged);
    let (one, standard) = (Lowering::OneFile, Lowering::Standard);
    vec![
        plain(11, batch, one),
        plain(17, ragged, one),
        plain(26, batch, one),
        plain(13, batch, standard),
        plain(21, ragged, standard),
        plain(17, batch, Lowering::Fused),
        plain(17, ragged, Lowering::Fused),
        Way {
            image_size: Some(SIZE),
            ..plain(17, batch, standard)
        },
        Way {
            outputs: vec![OutputKind::Mask, OutputKind::Geometry],
            ..plain(17, batch, one)
        },
        Way {
            outputs: vec![OutputKind::Sizes],
            ..plain(18, ragged, one)
        },
    ]
}

fn steps() -> Vec<Then> {
    STEPS.iter().map(|step| step.parse().unwrap()).collect()
}

fn embedded(model: &Model, way: &Way, inner: Vec<OutputKind>) -> Embedding {
    let options = EmbedOptions {
        accept: way.accept,
        lowering: way.lowering,
        image_size: way.image_size,
        outputs: way.outputs.clone(),
        input: Some("images".to_owned()),
        inner,
        ..EmbedOptions::default()
    };
    embed(model, &parsed(LETTERBOX), &options).unwrap()
}

/// Embedded and with its steps in one go.
fn at_once(model: &Model, way: &Way, out: &Path) {
    let embedding = embedded(model, way, vec![OutputKind::Geometry]);
    let report = &embedding.report;
    let is_geometry = |(kind, _): &&(OutputKind, String)| *kind == OutputKind::Geometry;
    let geometry = report.values.iter().find(is_geometry);
    let options = AfterOptions {
        before: Before {
            tensor: Some((report.image_input.name.clone(), report.image_input.layout)),
            plan: Some(report.plan.clone()),
            geometry: geometry.map(|(_, name)| name.clone()),
            outputs: report.outputs.iter().map(|output| output.name.clone()).collect(),
            one_size: way.accept == Accept::Batch,
            image_size: way.image_size,
            nodes: Vec::new(),
        },
        ..AfterOptions::default()
    };
    let edited = model.edited(&embedding.edit).unwrap();
    after(&edited, &steps(), &options)
        .unwrap()
        .edit
        .write(out)
        .unwrap();
}

/// Embedded, written, opened, and its steps later.
fn later(model: &Model, way: &Way, between: &Path, out: &Path) {
    embedded(model, way, Vec::new()).edit.write(between).unwrap();
    let opened = Model::open(between).unwrap();
    let options = AfterOptions {
        before: before(&opened, &steps()).unwrap(),
        ..AfterOptions::default()
    };
    after(&opened, &steps(), &options)
        .unwrap()
        .edit
        .write(out)
        .unwrap();
}

fn bytes(model: &Path, edit: prep_onnx_rewriter::Edit) -> Vec<u8> {
    let out = model.with_extension("stripped");
    edit.write(&out).unwrap();
    std::fs::read(out).unwrap()
}

/// Scores between 0 and 0.99, and boxes inside of the model's 64 x 64.
fn candidates() -> Vec<f32> {
    let mut values = Vec::new();
    for channel in 0..6 {
        values.extend((0..BOXES).map(|place| {
            let part = ((place * 37 + channel * 11) % 101) as f32 / 102.0;
            match channel {
                0 | 1 => 8.0 + 48.0 * part,
                2 | 3 => 4.0 + 20.0 * part,
                _ => part,
            }
        }));
    }
    values
}

fn answers(path: &Path, way: &Way) -> Option<Vec<Array>> {
    let options = SessionOptions {
        threads: 1,
        fused: way.lowering == Lowering::Fused,
        ..SessionOptions::default()
    };
    let mut session = Session::open(runtime()?, path, options).unwrap();
    let (height, width) = SIZE;
    let pixel = |index: usize| (index * 7 % 251) as u8;
    let image = Array4::from_shape_fn((1, height, width, 3), |(_, row, column, channel)| {
        pixel(row * width + column + channel)
    });
    let pixels = Array1::from_iter(image.iter().copied());
    let shapes = Array2::from_shape_vec((1, 3), vec![height as i64, width as i64, 3]).unwrap();
    let given = floats(&[1, 6, BOXES], candidates());
    let mut feeds = vec![("given_output0", Feed::Array(&given))];
    match way.accept {
        Accept::Batch => feeds.push(("image", Feed::Images(image.view()))),
        Accept::Ragged | Accept::Encoded => {
            feeds.push(("pixels", Feed::Pixels(pixels.view())));
            feeds.push(("shapes", Feed::Shapes(shapes.view())));
        }
    }
    let names = ["boxes", "scores", "labels"];
    let outputs = names.map(|name| session.output_index(Some(name)).unwrap());
    let got = session.run(&feeds, &outputs).unwrap();
    assert!(got[0].shape()[0] > 3);
    Some(got)
}

#[test]
fn steps_that_come_later_answer_as_those_that_came_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for way in ways() {
        let said = format!(
            "opset {}, {}, {}, {:?}",
            way.opset,
            way.accept,
            way.lowering.name(),
            way.outputs
        );
        let (original, between) = (at("model.onnx"), at("between.onnx"));
        model(&original, way.opset, &[("output0", &[1, 6, BOXES as i64])]);
        let opened = Model::open(&original).unwrap();
        at_once(&opened, &way, &at("once.onnx"));
        later(&opened, &way, &between, &at("later.onnx"));

        let made = Model::open(at("later.onnx")).unwrap();
        let read = |path: &Path| std::fs::read(path).unwrap();
        assert_eq!(
            bytes(made.path(), strip_after(&made).unwrap()),
            read(&between),
            "{said}"
        );
        assert_eq!(
            bytes(made.path(), strip(&made).unwrap()),
            read(&original),
            "{said}"
        );
        let Some(got) = answers(&at("later.onnx"), &way) else {
            continue;
        };
        let expected = answers(&at("once.onnx"), &way).unwrap();
        assert_eq!(got, expected, "{said}");
    }
}

#[test]
fn files_of_which_nothing_says_where_the_image_lies_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    model(&at("model.onnx"), 17, &[("output0", &[1, 6, BOXES as i64])]);
    let opened = Model::open(at("model.onnx")).unwrap();
    let encoded = |outputs: Vec<OutputKind>| {
        let way = Way {
            opset: 17,
            accept: Accept::Encoded,
            lowering: Lowering::Fused,
            image_size: None,
            outputs,
        };
        let path = at("encoded.onnx");
        embedded(&opened, &way, Vec::new()).edit.write(&path).unwrap();
        Model::open(&path).unwrap()
    };
    let refused = before(&encoded(Vec::new()), &steps()).unwrap_err();
    assert!(
        refused.to_string().contains("it takes encoded images"),
        "{refused}"
    );
    assert!(refused.help().unwrap().contains("--accept encoded"), "{refused}");
    // What needs no geometry goes, and so does a file that gives it.
    let softmax: Then = "softmax".parse().unwrap();
    assert_eq!(before(&encoded(Vec::new()), &[softmax]).unwrap().geometry, None);
    let given = encoded(vec![OutputKind::Mask, OutputKind::Geometry]);
    let found = before(&given, &steps()).unwrap();
    assert_eq!(
        (found.geometry.as_deref(), found.nodes.len()),
        (Some("geometry"), 0)
    );
    assert_eq!(found.outputs, ["geometry", "mask"]);
    // A plain model has nothing before it.
    let plain = before(&opened, &steps()).unwrap_err();
    assert!(plain.to_string().contains("without one"), "{plain}");
}
