//! Models whose image goes into `QuantizeLinear` alone: the preprocessing gives its bytes, and nothing else changes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod way;

use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, Array3, ArrayView3, Axis};
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{Message, ModelProto};
use prep_onnx::host::{Array, Feed, Session};
use prep_onnx::runtime::Loaded;
use prep_onnx_pipeline::{Accept, Notation, OnBadImage, Pipeline};
use prep_onnx_rewriter::{EmbedOptions, Lowering, Model, Quantisation, embed, strip};
use prep_onnx_tests::embedded::{bytes, open};
use prep_onnx_tests::{images, runtime};
use way::{EDGE, Way};

const OPSETS: [i64; 11] = [11, 12, 13, 17, 19, 21, 22, 23, 24, 25, 26];
/// Resize to the size of the model, ImageNet's arithmetic.
const PIPELINE: &str = "[[steps]]\nstep = \"resize\"\nsize = [20, 20]\nfilter = \"bilinear\"\nresampler = \"pillow\"\n[[steps]]\nstep = \"rescale\"\ndivisor = 255\n[[steps]]\nstep = \"normalize\"\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\n";

/// A model of one way, with its bytes and with its floats.
struct Pair {
    _folder: tempfile::TempDir,
    bytes: PathBuf,
    floats: PathBuf,
    /// Why the floats stay; none where the bytes are given.
    kept: Option<String>,
}

fn write(way: &Way, options: &EmbedOptions) -> Pair {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, way.model().write_to_bytes().unwrap()).unwrap();
    let model = Model::open(&path).unwrap();
    let pipeline = Pipeline::parse(PIPELINE, Notation::Toml).unwrap();
    let embedded = |keep_floats: bool, to: &Path| {
        let options = EmbedOptions {
            keep_floats,
            fold_int8: !way.is_alone(),
            input: Some("x".to_owned()),
            ..options.clone()
        };
        let embedding = embed(&model, &pipeline, &options).unwrap();
        embedding.edit.write(to).unwrap();
        embedding.report.quantised
    };
    let (bytes, floats) = (
        folder.path().join("bytes.onnx"),
        folder.path().join("floats.onnx"),
    );
    assert!(embedded(true, &floats).is_none());
    let kept = match embedded(false, &bytes) {
        Some(Quantisation::Bytes { .. }) => None,
        Some(Quantisation::Kept { kept }) => Some(kept),
        None => Some(String::new()),
    };
    let restored = folder.path().join("restored.onnx");
    strip(&Model::open(&bytes).unwrap())
        .unwrap()
        .write(&restored)
        .unwrap();
    assert_eq!(std::fs::read(&restored).unwrap(), std::fs::read(&path).unwrap());
    if kept.is_none() {
        has_no_floats(&bytes);
    }
    Pair {
        _folder: folder,
        bytes,
        floats,
        kept,
    }
}

/// What makes the image gives bytes, and nothing between it and them is left.
fn has_no_floats(path: &Path) {
    let model = ModelProto::parse_from_bytes(&std::fs::read(path).unwrap()).unwrap();
    let graph = model.graph.as_ref().unwrap();
    assert!(graph.node.iter().all(|node| node.name != "make_q"));
    let gone = |name: &str| name == "x" || name.starts_with("between");
    assert!(
        graph
            .node
            .iter()
            .all(|node| !node.input.iter().chain(&node.output).any(|name| gone(name)))
    );
    let declared = graph.input.iter().chain(&graph.value_info).chain(&graph.output);
    assert!(declared.map(|info| info.name.as_str()).all(|name| !gone(name)));
}

/// All outputs for images, which have one size where they are a batch.
fn run(session: &mut Session, images: &[ArrayView3<'_, u8>], accept: Accept) -> Vec<Vec<u8>> {
    let outputs: Vec<usize> = (0..session.outputs().len()).collect();
    let got: Vec<Array> = match accept {
        Accept::Batch => {
            let stacked = ndarray::stack(Axis(0), images).unwrap();
            session.run(&[("image", Feed::Images(stacked.view()))], &outputs)
        }
        Accept::Ragged => {
            let pixels: Vec<u8> = images.iter().flat_map(|image| image.iter().copied()).collect();
            let shapes: Vec<i64> = images
                .iter()
                .flat_map(|image| image.shape().iter().map(|extent| *extent as i64))
                .collect();
            let (pixels, shapes) = (
                Array1::from(pixels),
                Array2::from_shape_vec((images.len(), 3), shapes).unwrap(),
            );
            session.run(
                &[
                    ("pixels", Feed::Pixels(pixels.view())),
                    ("shapes", Feed::Shapes(shapes.view())),
                ],
                &outputs,
            )
        }
        Accept::Encoded => panic!("no files here"),
    }
    .unwrap();
    got.iter().map(bytes).collect()
}

/// An image in whose cells each pixel value stands at least once for each channel, of the model's own size.
fn ramp(start: usize) -> Array3<u8> {
    Array3::from_shape_fn((EDGE as usize, EDGE as usize, 3), |(row, column, channel)| {
        (start + row * EDGE as usize + column + 85 * channel) as u8
    })
}

fn same_outputs(loaded: &Loaded, way: &Way, lowering: Lowering, accept: Accept, what: &str) {
    let options = EmbedOptions {
        lowering,
        accept,
        ..EmbedOptions::default()
    };
    let pair = write(way, &options);
    assert_eq!(pair.kept, None, "{what}");
    let photos = images();
    let ramps = [ramp(0), ramp(128)];
    let mut batches: Vec<Vec<ArrayView3<'_, u8>>> = vec![ramps.iter().map(|ramp| ramp.view()).collect()];
    match accept {
        Accept::Ragged => batches.push(photos.iter().take(3).map(|(_, image)| image.view()).collect()),
        Accept::Batch | Accept::Encoded => batches.push(vec![photos[0].1.view()]),
    }
    for fused in [false, true] {
        let (mut ours, mut theirs) = (
            open(loaded, &pair.bytes, fused),
            open(loaded, &pair.floats, fused),
        );
        for batch in &batches {
            let (got, expected) = (run(&mut ours, batch, accept), run(&mut theirs, batch, accept));
            assert!(got == expected, "{what}, {lowering}, {accept}, fused {fused}");
        }
    }
}

/// Ways that end in bytes.
fn ways(opset: i64) -> Vec<(&'static str, Way)> {
    let usual = || Way::new(opset);
    let mut ways = vec![
        ("uint8", usual()),
        (
            "int8",
            Way {
                zero_point: Some((DataType::INT8, vec![-14])),
                ..usual()
            },
        ),
        (
            "no zero point, constants as nodes",
            Way {
                zero_point: None,
                nodes: true,
                ..usual()
            },
        ),
        (
            "a large scale and one that ends beyond the range",
            Way {
                scale: vec![3.5],
                zero_point: Some((DataType::UINT8, vec![255])),
                ..usual()
            },
        ),
        (
            "halves everywhere",
            Way {
                scale: vec![0.5],
                ..usual()
            },
        ),
        (
            "from NCHW to NHWC",
            Way {
                before: vec!["Identity", "Transpose:0,2,3,1"],
                ..usual()
            },
        ),
        (
            "from NHWC by way of two orders",
            Way {
                nhwc: true,
                before: vec!["Transpose:0,3,2,1", "Transpose:0,1,3,2"],
                ..usual()
            },
        ),
        (
            "float16",
            Way {
                input: DataType::FLOAT16,
                before: vec!["Cast:1"],
                ..usual()
            },
        ),
    ];
    if opset >= 13 {
        let several = Way {
            scale: vec![0.011, 0.02, 0.7],
            zero_point: Some((DataType::INT8, vec![-100, 0, 100])),
            ..usual()
        };
        ways.push((
            "scales of channels",
            Way {
                attributes: vec![("axis", 1)],
                ..several.clone()
            },
        ));
        ways.push(("scales of the usual axis", several.clone()));
        ways.push((
            "scales of channels that a Transpose has moved",
            Way {
                attributes: vec![("axis", -1)],
                before: vec!["Transpose:0,2,3,1"],
                ..several
            },
        ));
    }
    if opset >= 21 {
        ways.push((
            "int8 by an attribute",
            Way {
                zero_point: None,
                attributes: vec![("output_dtype", 3)],
                ..usual()
            },
        ));
    }
    ways
}

#[test]
fn bytes_in_the_place_of_floats_change_no_output() {
    let Some(loaded) = runtime() else { return };
    for opset in OPSETS {
        for (what, way) in ways(opset) {
            if what == "int8 by an attribute" {
                // The model's DequantizeLinear would need a zero point of its type.
                let pair = write(&way, &EmbedOptions::default());
                assert_eq!(pair.kept, None);
                continue;
            }
            let what = format!("opset {opset}: {what}");
            same_outputs(loaded, &way, Lowering::OneFile, Accept::Batch, &what);
            if opset == 13 || opset == 21 {
                same_outputs(loaded, &way, Lowering::Standard, Accept::Batch, &what);
                same_outputs(loaded, &way, Lowering::OneFile, Accept::Ragged, &what);
            }
        }
    }
}

/// Which ONNX Runtime on x86 makes uint8 where it sees the QuantizeLinear.
#[test]
fn int8_of_a_pair_becomes_the_uint8_that_is_computed_with() {
    let usual = |opset| Way {
        zero_point: Some((DataType::INT8, vec![-14])),
        twist: "alone",
        ..Way::new(opset)
    };
    let nodes = |opset| Way {
        nodes: true,
        before: vec!["Transpose:0,2,3,1"],
        ..usual(opset)
    };
    for opset in OPSETS {
        for (what, way) in [("constants", usual(opset)), ("nodes", nodes(opset))] {
            let pair = write(&way, &EmbedOptions::default());
            assert_eq!(pair.kept, None, "opset {opset}: {what}");
            let model = ModelProto::parse_from_bytes(&std::fs::read(&pair.bytes).unwrap()).unwrap();
            let graph = model.graph.as_ref().unwrap();
            let maker = |name: &str| {
                graph
                    .node
                    .iter()
                    .find(|node| node.output.iter().any(|output| output == name))
            };
            let zero = &maker("y").unwrap().input[2];
            let constant = maker(zero).unwrap().attribute[0].t.as_ref().unwrap();
            assert_eq!(
                (constant.data_type, constant.raw_data.as_slice()),
                (DataType::UINT8 as i32, &[114][..])
            );
            // Nothing says that they are int8 any more, and the second pair is as it was.
            assert!(graph.value_info.iter().all(|info| info.name != "q"));
            assert_eq!(maker("z").unwrap().input[2], "zero");
            let Some(loaded) = runtime() else { continue };
            let what = format!("opset {opset}: {what}");
            same_outputs(loaded, &way, Lowering::OneFile, Accept::Batch, &what);
            same_outputs(loaded, &way, Lowering::Standard, Accept::Ragged, &what);
        }
    }
    for (twist, reason) in [
        ("alone, bytes also to another", "goes to DequantizeLinear"),
        ("alone, values also to another", "`y` goes to"),
        ("alone, values twice", "several places of Mul"),
        ("alone, bytes also an output", "`q` is an output of the model"),
        (
            "alone, another zero point",
            "another zero point than the QuantizeLinear",
        ),
    ] {
        let way = Way { twist, ..usual(17) };
        let kept = write(&way, &EmbedOptions::default()).kept.unwrap();
        assert!(
            kept.contains(reason) && kept.contains("--fold-int8"),
            "{twist}: {kept}"
        );
    }
    let several = Way {
        scale: vec![0.011, 0.02, 0.7],
        zero_point: Some((DataType::INT8, vec![-100, 0, 100])),
        attributes: vec![("axis", 1)],
        ..usual(17)
    };
    // Its second pair has no such axis of three, so that no runtime loads it: the decision is of the file alone.
    let kept = write(&several, &EmbedOptions::default()).kept.unwrap();
    assert!(kept.contains("several zero points"), "{kept}");
}

#[test]
fn int8_whose_bytes_others_see_keeps_its_floats_unless_asked() {
    let way = Way {
        zero_point: Some((DataType::INT8, vec![-14])),
        ..Way::new(17)
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, way.model().write_to_bytes().unwrap()).unwrap();
    let model = Model::open(&path).unwrap();
    let pipeline = Pipeline::parse(PIPELINE, Notation::Toml).unwrap();
    let found = |fold_int8| {
        let options = EmbedOptions {
            fold_int8,
            input: Some("x".to_owned()),
            ..EmbedOptions::default()
        };
        embed(&model, &pipeline, &options).unwrap().report.quantised
    };
    let Some(Quantisation::Kept { kept }) = found(false) else {
        panic!("the floats are kept")
    };
    assert!(kept.contains("--fold-int8"), "{kept}");
    assert!(matches!(found(true), Some(Quantisation::Bytes { .. })));
}

#[test]
fn floats_stay_where_bytes_would_not_be_the_same() {
    let usual = || Way::new(13);
    let several = Way {
        scale: vec![0.1; 20],
        zero_point: Some((DataType::UINT8, vec![3; 20])),
        ..usual()
    };
    let cases = [
        (
            "scales are of axis 2",
            Way {
                attributes: vec![("axis", 2)],
                ..several.clone()
            },
        ),
        (
            "scales are of axis -1",
            Way {
                attributes: vec![("axis", -1)],
                ..several.clone()
            },
        ),
        (
            "20 scales for 3 channels",
            Way {
                attributes: vec![("axis", 1)],
                ..several
            },
        ),
        (
            "`x` goes to QuantizeLinear `make_q`, Abs `make_magnitude`",
            Way {
                twist: "also a node",
                ..usual()
            },
        ),
        (
            "and is an output of the model",
            Way {
                before: vec!["Identity"],
                twist: "also an output",
                ..usual()
            },
        ),
        (
            "`scale` can be fed",
            Way {
                twist: "fed",
                ..usual()
            },
        ),
        (
            "`scale` is no constant",
            Way {
                twist: "not constant",
                ..usual()
            },
        ),
        (
            "neither NCHW nor NHWC",
            Way {
                before: vec!["Transpose:0,1,3,2"],
                ..usual()
            },
        ),
        (
            "rounds it to float16",
            Way {
                before: vec!["Cast:10", "Cast:1"],
                ..usual()
            },
        ),
        (
            "no list of uint8 or int8",
            Way {
                opset: 21,
                zero_point: Some((DataType::FLOAT8E4M3FN, vec![0])),
                ..usual()
            },
        ),
        (
            "blocks",
            Way {
                opset: 21,
                attributes: vec![("block_size", 2)],
                ..usual()
            },
        ),
        (
            "is not a scale",
            Way {
                scale: vec![-0.5],
                ..usual()
            },
        ),
        (
            "is not a scale",
            Way {
                scale: vec![f32::NAN],
                ..usual()
            },
        ),
        (
            "",
            Way {
                before: vec!["Relu"],
                ..usual()
            },
        ),
    ];
    for (expected, way) in cases {
        let kept = write(&way, &EmbedOptions::default()).kept;
        let kept = kept.unwrap_or_else(|| panic!("bytes, and not because {expected}"));
        assert!(kept.contains(expected), "{kept:?} instead of {expected:?}");
        assert_eq!(kept.is_empty(), expected.is_empty(), "{kept}");
    }
    let zeros = EmbedOptions {
        lowering: Lowering::Fused,
        accept: Accept::Encoded,
        on_bad_image: OnBadImage::Zero,
        ..EmbedOptions::default()
    };
    assert!(write(&usual(), &zeros).kept.unwrap().contains("zeros"));
}

/// A canvas around the image: its colour goes through the table, too.
#[test]
fn borders_are_quantised_as_the_pixels_are() {
    let Some(loaded) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, Way::new(17).model().write_to_bytes().unwrap()).unwrap();
    let model = Model::open(&path).unwrap();
    let letterbox = "[[steps]]\nstep = \"letterbox\"\nsize = 20\n[[steps]]\nstep = \"channel_order\"\norder = \"bgr\"\n[[steps]]\nstep = \"rescale\"\ndivisor = 255";
    let pipeline = Pipeline::parse(letterbox, Notation::Toml).unwrap();
    let written = [false, true].map(|keep_floats| {
        let options = EmbedOptions {
            keep_floats,
            ..EmbedOptions::default()
        };
        let embedding = embed(&model, &pipeline, &options).unwrap();
        let bytes = matches!(embedding.report.quantised, Some(Quantisation::Bytes { .. }));
        assert_eq!(bytes, !keep_floats);
        let out = folder.path().join(format!("{keep_floats}.onnx"));
        embedding.edit.write(&out).unwrap();
        out
    });
    let photo = &images()[0].1;
    for fused in [false, true] {
        let [got, expected] = written
            .each_ref()
            .map(|path| run(&mut open(loaded, path, fused), &[photo.view()], Accept::Batch));
        assert_eq!(got, expected);
    }
}
