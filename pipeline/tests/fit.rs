//! Learning a pipeline from its answers alone: what is learned gives every bit, and what is no pipeline is refused.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use ndarray::{Array3, ArrayView3};
use prep_onnx_pipeline::fit::{Learned, PROBES, Refusal, learn};
use prep_onnx_pipeline::{
    Dtype, Elements, Error, Layout, Notation, PRESETS, Pipeline, Result, SourceFormat, Tensor, preset,
};

fn of_reference(other: &Pipeline, layout: Layout, dtype: Dtype) -> Result<Learned, Refusal> {
    learn(
        &mut |image| other.reference(image, layout, dtype),
        PROBES,
        &mut |_| {},
    )
}

/// Noise over a slope, of a size that no probe has.
fn fresh(height: usize, width: usize) -> Array3<u8> {
    prep_onnx_pipeline::random::recorded_image(height, width, 3)
}

/// Learns a pipeline, and compares both on fresh images.
fn is_learned(name: &str, other: &Pipeline, layout: Layout, dtype: Dtype) -> Result<(), String> {
    let learned = of_reference(other, layout, dtype).map_err(|refusal| {
        let nearest = refusal
            .nearest
            .map(|near| format!("{} {near:?}", near.pipeline.to_toml()));
        format!("{name}: {:?}\n{}", refusal.error, nearest.unwrap_or_default())
    })?;
    assert!(learned.probes <= PROBES && learned.confirmed >= 12, "{learned:?}");
    let read = Pipeline::parse(&learned.pipeline.to_toml(), Notation::Toml).unwrap();
    assert_eq!(read, learned.pipeline);
    for (height, width) in [(57, 83), (83, 57), (311, 205), (128, 477), (700, 512), (33, 33)] {
        let image = fresh(height, width);
        let expected = other.reference(image.view(), layout, dtype);
        let got = read.reference(image.view(), layout, dtype);
        if expected != got {
            return Err(format!("{name}: {height} x {width} differs\n{}", read.to_toml()));
        }
    }
    Ok(())
}

fn all_learned(cases: impl IntoIterator<Item = (String, Pipeline, Layout, Dtype)>) {
    let failures: Vec<String> = cases
        .into_iter()
        .filter_map(|(name, other, layout, dtype)| is_learned(&name, &other, layout, dtype).err())
        .collect();
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

#[test]
fn presets_are_learned() {
    // All of them with PREP_CASES set: a few seconds each on a slow machine.
    let step = if std::env::var_os("PREP_CASES").is_some() {
        1
    } else {
        5
    };
    let named = PRESETS.iter().step_by(step).map(|found| {
        let pipeline = preset(found.name).unwrap().import(None).unwrap().pipeline;
        let (layout, dtype) = pipeline.output.or_usual();
        (found.name.to_owned(), pipeline, layout, dtype)
    });
    all_learned(named);
}

#[test]
fn pipelines_of_libraries_are_learned() {
    let to_float = "\n[[steps]]\nstep = \"rescale\"\ndivisor = 255\n";
    let cases = [
        "step = \"letterbox\"\nsize = 320",
        "step = \"letterbox\"\nsize = [256, 320]\nscale_up = false\nanchor = \"top_left\"\nrounding = \"down\"",
        "step = \"letterbox\"\nsize = 320\nstride = 32",
        "step = \"resize\"\nsize = { longest_edge = 300 }\nfilter = \"bilinear\"\n[[steps]]\nstep = \"pad\"\nto = 300",
        "step = \"resize\"\nsize = { shortest_edge = 200, longest_edge = 333 }\nfilter = \"bilinear\"",
        "step = \"resize\"\nsize = { shortest_edge = 200, max_edge = 333 }\nfilter = \"bicubic\"\nresampler = \"torchvision\"",
        "step = \"resize\"\nsize = { cover = [160, 224] }\nfilter = \"lanczos\"\n[[steps]]\nstep = \"center_crop\"\nsize = [160, 224]",
        "step = \"pad\"\nto = \"square\"\nanchor = \"center\"\ncolor = [122, 116, 104]\n[[steps]]\nstep = \"resize\"\nsize = 224\nfilter = \"bicubic\"",
        "step = \"crop\"\nof_shorter_edge = [0.875, 0.875]\n[[steps]]\nstep = \"resize\"\nsize = 224\nfilter = \"bicubic\"",
        "step = \"resize\"\nsize = { shortest_edge = 256 }\nfilter = \"bilinear\"\nresampler = \"pillow12\"\n[[steps]]\nstep = \"center_crop\"\nsize = 224",
        "step = \"resize\"\nsize = 112\nfilter = \"bilinear\"\nresampler = \"opencv\"\n[[steps]]\nstep = \"channel_order\"\norder = \"bgr\"",
        "step = \"resize\"\nsize = { rule = \"dpt\", height = 266, width = 266, multiple = 14, keep_aspect_ratio = true }\nfilter = \"bicubic\"",
        "step = \"resize\"\nsize = 96\nfilter = \"nearest\"",
        "step = \"resize\"\nsize = 96\nfilter = \"nearest_exact\"\nresampler = \"torchvision\"",
        "step = \"resize\"\nsize = 96\nfilter = \"bilinear\"\nresampler = \"torchvision\"\nantialias = false",
        "step = \"resize\"\nsize = 64\nfilter = \"hamming\"\n[[steps]]\nstep = \"grayscale\"",
        "step = \"grayscale\"\nrule = \"opencv\"\nchannels = 3\n[[steps]]\nstep = \"resize\"\nsize = 64\nfilter = \"bilinear\"",
        "step = \"center_crop\"\nsize = 224",
        "step = \"pad\"\nto = { multiple = 32 }\ncolor = 7",
        "step = \"crop\"\nsize = [40, 44]\ntop = 3\nleft = 5",
        "step = \"rotate_to\"\norientation = \"portrait\"\n[[steps]]\nstep = \"resize\"\nsize = [320, 240]\nfilter = \"bilinear\"",
        "step = \"resize\"\nsize = { rule = \"smart\", multiple = 28, min_pixels = 3136, max_pixels = 1003520 }\nfilter = \"bicubic\"",
    ];
    all_learned(cases.iter().map(|steps| {
        let text = format!("[[steps]]\n{steps}\n{to_float}");
        let pipeline = Pipeline::parse(&text, Notation::Toml).unwrap();
        ((*steps).to_owned(), pipeline, Layout::Nchw, Dtype::Float32)
    }));
}

#[test]
fn arithmetics_of_libraries_are_learned() {
    let cases = [
        "",
        "[[steps]]\nstep = \"rescale\"\nfactor = 0.00392156862745098",
        "[[steps]]\nstep = \"rescale\"\nfactor = 0.00392156862745098\nprecision = \"float64\"",
        "[[steps]]\nstep = \"rescale\"\ndivisor = 127.5\noffset = -1",
        "[[steps]]\nstep = \"rescale\"\ndivisor = 255\n[[steps]]\nstep = \"normalize\"\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]",
        "[[steps]]\nstep = \"rescale\"\ndivisor = 255\n[[steps]]\nstep = \"normalize\"\nmean = [0.48145466, 0.4578275, 0.40821073]\nstd = [0.26862954, 0.26130258, 0.27577711]",
        "[[steps]]\nstep = \"rescale\"\nfactor = 0.00392156862745098\nprecision = \"float64\"\n[[steps]]\nstep = \"normalize\"\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]",
        "[[steps]]\nstep = \"rescale_normalize\"\nfactor = 0.00392156862745098\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]",
        "[[steps]]\nstep = \"normalize\"\nmean = [103.939, 116.779, 123.68]\nstd = 1",
        "[[steps]]\nstep = \"normalize\"\nmean = 127.5\nstd = 128",
        "[[steps]]\nstep = \"arithmetic\"\noperations = [{ divide = 255 }, { subtract = [0.485, 0.456, 0.406] }, { divide = [0.229, 0.224, 0.225] }]\nprecision = \"float64\"",
        "[[steps]]\nstep = \"rescale\"\ndivisor = 255\n[[steps]]\nstep = \"arithmetic\"\noperations = [{ subtract = [0.485, 0.456, 0.406] }, { divide = [0.229, 0.224, 0.225] }]\nprecision = \"float64\"",
        "[[steps]]\nstep = \"arithmetic\"\noperations = [{ subtract = [123.675, 116.28, 103.53] }, { multiply = [0.017124753831663668, 0.01750700280112045, 0.017429193899782133] }]",
        "[[steps]]\nstep = \"arithmetic\"\noperations = [{ multiply = [0.0171, 0.0175, 0.0174] }, { add = [-2.1, -2.0, -1.8] }]",
        "[[steps]]\nstep = \"arithmetic\"\noperations = [{ divide = 127.5 }, { subtract = 1 }]\nprecision = \"float64\"",
        "[[steps]]\nstep = \"arithmetic\"\noperations = [{ divide = 255 }, { subtract = [0.48523918273645, 0.4561827364519283, 0.40691827364512] }, { divide = [0.22918273645518, 0.2241827364551928, 0.2251928374655] }]\nprecision = \"float64\"",
    ];
    let dtypes = [Dtype::Float32, Dtype::Float16];
    all_learned(cases.iter().enumerate().flat_map(|(index, steps)| {
        let text = format!("[[steps]]\nstep = \"resize\"\nsize = 64\nfilter = \"bilinear\"\n{steps}");
        let pipeline = Pipeline::parse(&text, Notation::Toml).unwrap();
        let layout = Layout::ALL[index % 2];
        dtypes.map(|dtype| ((*steps).to_owned(), pipeline.clone(), layout, dtype))
    }));
}

#[test]
fn bytes_are_learned() {
    let text = "[[steps]]\nstep = \"resize\"\nsize = { longest_edge = 90 }\nfilter = \"box\"";
    let pipeline = Pipeline::parse(text, Notation::Toml).unwrap();
    all_learned([("bytes".to_owned(), pipeline, Layout::Nhwc, Dtype::Uint8)]);
}

fn refused(call: &mut dyn FnMut(ArrayView3<'_, u8>) -> Result<Tensor>) -> Refusal {
    let learned = learn(call, PROBES, &mut |_| {});
    learned.map(|learned| learned.pipeline.to_toml()).unwrap_err()
}

fn tensor(image: &Array3<f32>) -> Tensor {
    Tensor {
        shape: vec![1, image.dim().0, image.dim().1, image.dim().2],
        elements: Elements::Float32(image.iter().copied().collect()),
    }
}

type Program = dyn Fn(ArrayView3<'_, u8>) -> Array3<f32>;

/// What is in the image decides: as contrast, equalization and normalization by the image's own mean do.
#[test]
fn what_is_no_pipeline_is_refused() {
    let mean = |image: ArrayView3<'_, u8>| image.mapv(f32::from).mean().unwrap_or(1.0).max(1.0);
    let cases: Vec<(&str, Box<Program>)> = vec![
        (
            "own mean",
            Box::new(move |image| {
                let mean = mean(image);
                image.mapv(|value| f32::from(value) / mean)
            }),
        ),
        (
            "contrast",
            Box::new(|image| {
                let (low, high) = image.iter().fold((255_u8, 0_u8), |(low, high), value| {
                    (low.min(*value), high.max(*value))
                });
                let span = f32::from(high.saturating_sub(low).max(1));
                image.mapv(|value| (255.0 * (f32::from(value) - f32::from(low)) / span).floor())
            }),
        ),
        (
            "gamma",
            Box::new(|image| image.mapv(|value| (f32::from(value) / 255.0).powf(0.45))),
        ),
        (
            "blur",
            Box::new(|image| {
                let (height, width, channels) = image.dim();
                Array3::from_shape_fn((height, width, channels), |(row, column, channel)| {
                    let near = [column.saturating_sub(1), column, (column + 1).min(width - 1)];
                    let sum: f32 = near
                        .iter()
                        .map(|column| f32::from(image[[row, *column, channel]]))
                        .sum();
                    (sum / 3.0).round()
                })
            }),
        ),
        (
            "mirrored",
            Box::new(|image| {
                let mut image = image;
                image.invert_axis(ndarray::Axis(1));
                image.mapv(f32::from)
            }),
        ),
        (
            "sepia",
            Box::new(|image| {
                let (height, width, _) = image.dim();
                Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
                    let of = |channel: usize| f32::from(image[[row, column, channel]]);
                    0.5 * of(channel) + 0.25 * of((channel + 1) % 3) + 0.25 * of((channel + 2) % 3)
                })
            }),
        ),
        ("constant", Box::new(|image| image.mapv(|_| 1.0))),
        (
            "a size of its own rounding",
            Box::new(|image| {
                let edge = |edge: usize| ((edge as f64 * 0.37).ceil() as usize).max(1);
                let text = format!(
                    "[[steps]]\nstep = \"resize\"\nsize = [{}, {}]\nfilter = \"bilinear\"",
                    edge(image.dim().0),
                    edge(image.dim().1)
                );
                let pipeline = Pipeline::parse(&text, Notation::Toml).unwrap();
                let tensor = pipeline.reference(image, Layout::Nhwc, Dtype::Float32).unwrap();
                let Elements::Float32(values) = tensor.elements else {
                    unreachable!()
                };
                Array3::from_shape_vec((tensor.shape[1], tensor.shape[2], 3), values).unwrap()
            }),
        ),
    ];
    for (name, case) in &cases {
        let refusal = refused(&mut |image| Ok(tensor(&case(image))));
        eprintln!("{name}: {:?} after {}", refusal.error, refusal.probes);
        assert!(refusal.probes <= PROBES, "{name}: {}", refusal.probes);
    }
}

#[test]
fn what_is_random_is_refused() {
    for often in [1_u32, 3, 10] {
        let mut calls = 0_u32;
        let refusal = refused(&mut |image| {
            calls += 1;
            let shift = if calls.is_multiple_of(often) {
                calls as f32 / 64.0
            } else {
                0.0
            };
            Ok(tensor(&image.mapv(|value| f32::from(value) + shift)))
        });
        assert!(refusal.probes <= PROBES);
    }
}

#[test]
fn a_callable_that_fails_is_named() {
    let refusal = refused(&mut |_| Err(Error::new("ValueError", "no image")));
    assert!(
        refusal.error.to_string().contains("ValueError: no image"),
        "{refusal}"
    );
    let refusal = refused(&mut |image| {
        let count = image.len();
        Ok(Tensor {
            shape: vec![1, 4, count / 4, 2],
            elements: Elements::Uint8(vec![0; count / 4 * 8]),
        })
    });
    assert!(refusal.error.to_string().contains("channels"), "{refusal}");
}

/// Pipelines drawn at random, most of which are stranger than any library's: what is learned gives every bit of them; the others are
/// refused.
#[test]
fn random_pipelines_are_learned_or_refused() {
    let cases = std::env::var("PREP_CASES").map_or(10, |cases| cases.parse::<u64>().unwrap() / 50);
    let mut wrong = Vec::new();
    let mut learned = 0;
    for seed in 0..cases {
        let (other, layout, dtype) = prep_onnx_pipeline::random::pipeline(seed + 900);
        if other.input != SourceFormat::Rgb {
            continue;
        }
        let found = match of_reference(&other, layout, dtype) {
            Ok(found) => found,
            Err(refusal) => {
                eprintln!("seed {seed}: {refusal}");
                continue;
            }
        };
        learned += 1;
        for (height, width) in [(57, 83), (83, 57), (311, 205), (128, 477), (133, 133)] {
            let image = fresh(height, width);
            let Ok(expected) = other.reference(image.view(), layout, dtype) else {
                continue;
            };
            let got = found.pipeline.reference(image.view(), layout, dtype);
            if got.as_ref() != Ok(&expected) {
                wrong.push(format!(
                    "seed {seed}, {height} x {width}\n{}\n{}",
                    other.to_toml(),
                    found.pipeline.to_toml()
                ));
            }
        }
    }
    eprintln!("{learned} of {cases} learned");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
