//! What a host does otherwise is named from one dump; what is equal is called so, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use ndarray::{Array3, Axis};
use prep_onnx_pipeline::fit::{Diagnosis, Mistake, diagnose};
use prep_onnx_pipeline::{Dtype, Elements, Layout, Notation, Pipeline, Tensor};

/// Shapes and slopes: noise would be no photo.
fn photo(height: usize, width: usize) -> Array3<u8> {
    Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
        let (y, x) = (row as f64 / height as f64, column as f64 / width as f64);
        let wave = (40.0 * x * (1.0 + y)).sin() * 40.0 + (23.0 * y + 9.0 * x * x).cos() * 30.0;
        let shape = if (x - 0.3).powi(2) + (y - 0.4).powi(2) < 0.02 {
            60.0
        } else {
            0.0
        };
        let tint = [90.0 * x, 70.0 * y, 60.0 * (1.0 - x)][channel];
        let grain = ((row * 7919 + column * 104_729 + channel * 31) % 23) as f64;
        (70.0 + wave + shape + tint + grain).clamp(0.0, 255.0) as u8
    })
}

const GEOMETRY: &str = "[[steps]]\nstep = \"resize\"\nsize = { shortest_edge = 128 }\nfilter = \"bicubic\"\n[[steps]]\nstep = \"center_crop\"\nsize = 112\n";
const VALUES: &str = "[[steps]]\nstep = \"rescale\"\ndivisor = 255\n[[steps]]\nstep = \"normalize\"\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\n";

fn pipeline(steps: &str) -> Pipeline {
    Pipeline::parse(steps, Notation::Toml).unwrap()
}

fn run(steps: &str, image: &Array3<u8>, layout: Layout) -> Tensor {
    pipeline(steps)
        .reference(image.view(), layout, Dtype::Float32)
        .unwrap()
}

fn floats(tensor: &Tensor, change: impl Fn(f32) -> f32) -> Tensor {
    let Elements::Float32(values) = &tensor.elements else {
        unreachable!()
    };
    Tensor {
        shape: tensor.shape.clone(),
        elements: Elements::Float32(values.iter().map(|value| change(*value)).collect()),
    }
}

fn diagnosed(expected: &str, image: &Array3<u8>, dump: &Tensor) -> Diagnosis {
    diagnose(
        &pipeline(expected),
        Layout::Nchw,
        Dtype::Float32,
        image.view(),
        dump,
    )
    .unwrap()
}

fn named(expected: &str, image: &Array3<u8>, dump: &Tensor) -> Vec<Mistake> {
    let diagnosis = diagnosed(expected, image, dump);
    assert!(!diagnosis.equal);
    let mut found: Vec<Mistake> = diagnosis.findings.iter().map(|finding| finding.mistake).collect();
    found.sort_by_key(|mistake| mistake.name());
    found
}

#[test]
fn what_is_equal_is_called_equal_and_nothing_else() {
    let image = photo(200, 301);
    let expected = format!("{GEOMETRY}{VALUES}");
    let right = run(&expected, &image, Layout::Nchw);
    let diagnosis = diagnosed(&expected, &image, &right);
    assert!(diagnosis.equal && diagnosis.findings.is_empty());
    let Elements::Float32(mut values) = right.elements.clone() else {
        unreachable!()
    };
    values[77] = values[77].next_up();
    let off = Tensor {
        shape: right.shape.clone(),
        elements: Elements::Float32(values),
    };
    assert_eq!(named(&expected, &image, &off), [Mistake::Arithmetic]);
}

#[test]
fn single_mistakes_are_named() {
    let image = photo(200, 301);
    let expected = format!("{GEOMETRY}{VALUES}");
    let right = run(&expected, &image, Layout::Nchw);
    let with = |from: &str, to: &str| {
        assert!(expected.contains(from), "{from}");
        run(&expected.replace(from, to), &image, Layout::Nchw)
    };
    let squash = expected
        .replace("[[steps]]\nstep = \"center_crop\"\nsize = 112\n", "")
        .replace("{ shortest_edge = 128 }", "112");
    let mirrored = {
        let mut image = image.clone();
        image.invert_axis(Axis(1));
        run(&expected, &image.as_standard_layout().to_owned(), Layout::Nchw)
    };
    let turned = {
        let mut view = image.view().permuted_axes([1, 0, 2]);
        view.invert_axis(Axis(1));
        run(&expected, &view.as_standard_layout().to_owned(), Layout::Nchw)
    };
    let nhwc = run(&expected, &image, Layout::Nhwc);
    let reshaped = Tensor {
        shape: right.shape.clone(),
        elements: nhwc.elements.clone(),
    };
    let bgr = expected.replace(
        "[[steps]]\nstep = \"rescale\"",
        "[[steps]]\nstep = \"channel_order\"\norder = \"bgr\"\n[[steps]]\nstep = \"rescale\"",
    );
    let bgr_late = format!("{expected}[[steps]]\nstep = \"channel_order\"\norder = \"bgr\"\n");
    let letterbox = format!("[[steps]]\nstep = \"letterbox\"\nsize = 112\n{VALUES}");
    let gray = expected.replace(
        "[[steps]]\nstep = \"rescale\"",
        "[[steps]]\nstep = \"grayscale\"\nchannels = 3\n[[steps]]\nstep = \"rescale\"",
    );
    let late = |steps: &str| run(steps, &image, Layout::Nchw);
    let normalize = &VALUES[VALUES.find("[[steps]]\nstep = \"normalize").unwrap()..];
    let cases: Vec<(Tensor, &[Mistake])> = vec![
        (late(&squash), &[Mistake::Squash]),
        (
            late(&letterbox),
            &[Mistake::Antialias, Mistake::Filter, Mistake::Letterbox],
        ),
        (
            with("shortest_edge = 128", "shortest_edge = 112"),
            &[Mistake::NoMargin],
        ),
        (with("bicubic", "bilinear"), &[Mistake::Filter]),
        (with("bicubic", "nearest"), &[Mistake::Filter]),
        (
            with(
                "filter = \"bicubic\"",
                "filter = \"bicubic\"\nresampler = \"torchvision\"",
            ),
            &[Mistake::Resampler],
        ),
        (
            with(
                "filter = \"bicubic\"",
                "filter = \"bicubic\"\nresampler = \"torchvision\"\nantialias = false",
            ),
            &[Mistake::Antialias],
        ),
        (
            with(
                "filter = \"bicubic\"",
                "filter = \"bilinear\"\nresampler = \"opencv\"",
            ),
            &[Mistake::Antialias, Mistake::Filter],
        ),
        (
            with(
                "center_crop\"\nsize = 112",
                "crop\"\nsize = [112, 112]\ntop = 8\nleft = 39",
            ),
            &[Mistake::CropOffset],
        ),
        (
            with("center_crop\"\nsize = 112", "crop\"\nsize = [112, 112]"),
            &[Mistake::CropOffset],
        ),
        (late(&bgr), &[Mistake::ChannelOrder]),
        (late(&bgr_late), &[Mistake::ChannelOrder]),
        (late(&gray), &[Mistake::Gray]),
        (with("divisor = 255", "divisor = 1"), &[Mistake::RescaleMissing]),
        (with("divisor = 255", "divisor = 65025"), &[Mistake::RescaleTwice]),
        (
            with("mean = [0.485, 0.456, 0.406]", "mean = 0"),
            &[Mistake::MeanMissing],
        ),
        (
            with("std = [0.229, 0.224, 0.225]", "std = 1"),
            &[Mistake::StdMissing],
        ),
        (with(normalize, ""), &[Mistake::NormalizeMissing]),
        (
            late(&format!("{expected}{normalize}")),
            &[Mistake::NormalizeTwice],
        ),
        (
            with(
                "mean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]",
                "mean = 0.5\nstd = 0.5",
            ),
            &[Mistake::Constants],
        ),
        (
            with(
                "mean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]",
                "mean = [0.406, 0.456, 0.485]\nstd = [0.225, 0.224, 0.229]",
            ),
            &[Mistake::ConstantsOrder],
        ),
        (nhwc, &[Mistake::Layout]),
        (reshaped, &[Mistake::MemoryOrder]),
        (mirrored, &[Mistake::Orientation]),
        (turned, &[Mistake::Orientation]),
        (
            floats(&right, |value| half::f16::from_f32(value).to_f32()),
            &[Mistake::Float16],
        ),
        (
            floats(&right, |value| value * 1.000_000_1),
            &[Mistake::Arithmetic],
        ),
    ];
    let mut wrong = Vec::new();
    for (index, (dump, mistakes)) in cases.iter().enumerate() {
        let got = named(&expected, &image, dump);
        if got != *mistakes {
            wrong.push(format!(
                "{index}: expected {mistakes:?}, got {:#?}",
                diagnosed(&expected, &image, dump).findings
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pairs_of_mistakes_are_named() {
    let image = photo(260, 181);
    let expected = format!("{GEOMETRY}{VALUES}");
    let geometry: [(&str, &str, Mistake); 3] = [
        ("bicubic", "bilinear", Mistake::Filter),
        ("shortest_edge = 128", "shortest_edge = 112", Mistake::NoMargin),
        (
            "center_crop\"\nsize = 112",
            "crop\"\nsize = [112, 112]",
            Mistake::CropOffset,
        ),
    ];
    let values: [(&str, &str, Mistake); 4] = [
        ("divisor = 255", "divisor = 1", Mistake::RescaleMissing),
        ("mean = [0.485, 0.456, 0.406]", "mean = 0", Mistake::MeanMissing),
        ("std = [0.229, 0.224, 0.225]", "std = 1", Mistake::StdMissing),
        (
            "[[steps]]\nstep = \"rescale\"",
            "[[steps]]\nstep = \"channel_order\"\norder = \"bgr\"\n[[steps]]\nstep = \"rescale\"",
            Mistake::ChannelOrder,
        ),
    ];
    let mut wrong = Vec::new();
    for (from, to, first) in geometry {
        for (value_from, value_to, second) in values {
            let steps = expected.replace(from, to).replace(value_from, value_to);
            let got = named(&expected, &image, &run(&steps, &image, Layout::Nchw));
            let mut both = [first, second];
            both.sort_by_key(|mistake| mistake.name());
            if got != both {
                wrong.push(format!("expected {both:?}, got {got:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hosts_that_are_not_understood_are_never_equal() {
    let image = photo(150, 170);
    let expected = format!("{GEOMETRY}{VALUES}");
    let right = run(&expected, &image, Layout::Nchw);
    let mut state = 1_u32;
    let noisy = {
        let Elements::Float32(values) = &right.elements else {
            unreachable!()
        };
        let noise = values.iter().map(|value| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            value + (state >> 24) as f32 / 2000.0
        });
        Tensor {
            shape: right.shape.clone(),
            elements: Elements::Float32(noise.collect()),
        }
    };
    let diagnosis = diagnosed(&expected, &image, &noisy);
    assert!(
        !diagnosis.equal && !diagnosis.explained,
        "{:?}",
        diagnosis.findings
    );
    let constant = floats(&right, |_| 0.5);
    assert!(
        diagnose(
            &pipeline(&expected),
            Layout::Nchw,
            Dtype::Float32,
            image.view(),
            &constant
        )
        .is_err()
    );
    let other = run(
        &expected,
        &photo(150, 170).mapv(|value| value.wrapping_mul(97)),
        Layout::Nchw,
    );
    let outcome = diagnose(
        &pipeline(&expected),
        Layout::Nchw,
        Dtype::Float32,
        image.view(),
        &other,
    );
    assert!(outcome.is_err() || outcome.is_ok_and(|diagnosis| !diagnosis.equal && !diagnosis.explained));
    for shape in [vec![2, 3, 112, 112], vec![12], vec![1, 3, 0, 0]] {
        let count = shape.iter().product();
        let tensor = Tensor {
            shape,
            elements: Elements::Float32(vec![0.0; count]),
        };
        assert!(
            diagnose(
                &pipeline(&expected),
                Layout::Nchw,
                Dtype::Float32,
                image.view(),
                &tensor
            )
            .is_err()
        );
    }
}
