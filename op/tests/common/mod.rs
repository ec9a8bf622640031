//! Random pipelines and images, and the comparison of the op with the scalar reference.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::num::NonZero;

use half::f16;
use ndarray::Array3;
use prep_onnx_op::{Executor, Images, OutputMut, Preprocessor, Sequential, SimdLevel, Threads};
use prep_onnx_pipeline::{Dtype, Elements, Layout, Pipeline};
use serde_json::{Value, json};

/// A small reproducible generator (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.below(values.len())]
    }

    /// A size, small ones and the corners more often.
    pub(crate) fn size(&mut self, most: usize) -> usize {
        match self.below(10) {
            0 => 1 + self.below(3),
            1..=5 => 1 + self.below(64.min(most)),
            _ => 1 + self.below(most),
        }
    }
}

/// An image: noise, smooth noise, or only 0 and 255, which drives sums to their limits.
pub(crate) fn image(random: &mut Random, height: usize, width: usize) -> Array3<u8> {
    let kind = random.below(4);
    Array3::from_shape_simple_fn((height, width, 3), || match kind {
        0 => 255 * (random.next() & 1) as u8,
        1 => 255,
        _ => random.next() as u8,
    })
}

pub(crate) fn filters() -> Vec<(&'static str, &'static str)> {
    let mut all = Vec::new();
    for resampler in ["pillow", "pillow12", "torchvision"] {
        for filter in [
            "nearest",
            "nearest_exact",
            "bilinear",
            "bicubic",
            "lanczos",
            "box",
            "hamming",
        ] {
            let refused = match resampler {
                "torchvision" => ["box", "hamming"].contains(&filter),
                _ => filter == "nearest_exact",
            };
            if !refused {
                all.push((resampler, filter));
            }
        }
    }
    all
}

/// A random pipeline; `fixed` makes the output size independent of the image.
pub(crate) fn pipeline(random: &mut Random, fixed: bool, most: usize) -> Value {
    let mut steps = Vec::new();
    let all = filters();
    let (resampler, filter) = *random.pick(&all);
    if random.chance(92) {
        let size = match random.below(if fixed { 2 } else { 5 }) {
            0 | 1 => json!({"exact": [random.size(most), random.size(most)]}),
            2 => json!({"shortest_edge": 1 + random.below(most / 3)}),
            3 => json!({"longest_edge": 3 + random.below(most)}),
            _ => json!({"cover": [1 + random.below(most / 3), 1 + random.below(most / 3)]}),
        };
        steps.push(json!({"step": "resize", "size": size, "filter": filter, "resampler": resampler}));
    }
    if steps.is_empty() && fixed || random.chance(50) {
        let offset = *random.pick(&["torchvision", "huggingface", "huggingface_pil"]);
        steps.push(
            json!({"step": "center_crop", "size": [random.size(most), random.size(most)], "offset": offset}),
        );
    }
    if random.chance(30) {
        steps.push(json!({"step": "channel_order", "order": "bgr"}));
    }
    let dtype = *random.pick(&["float32", "float32", "float16", "uint8"]);
    if dtype != "uint8" {
        let mean = [0.485, 0.456, 0.406];
        let std = [0.229, 0.224, 0.225];
        match random.below(6) {
            0 => {}
            1 => steps.push(json!({"step": "rescale", "divisor": 255})),
            2 => {
                steps.push(json!({"step": "rescale", "factor": 1.0 / 255.0, "precision": "float64"}));
                steps.push(json!({"step": "normalize", "mean": mean, "std": std}));
            }
            3 => steps
                .push(json!({"step": "rescale_normalize", "factor": 1.0 / 255.0, "mean": mean, "std": std})),
            // Two scales and two shifts: no affine form, so the table is used.
            4 => {
                steps.push(json!({"step": "rescale", "divisor": 127.5, "offset": -1.0}));
                steps.push(json!({"step": "normalize", "mean": mean, "std": std}));
                steps.push(json!({"step": "normalize", "mean": [0.1, -7.0, 3.25], "std": [3.0, 0.7, 1.1]}));
            }
            _ => {
                steps.push(json!({"step": "rescale", "divisor": 255}));
                steps.push(json!({"step": "normalize", "mean": mean, "std": std}));
            }
        }
    }
    let layout = *random.pick(&["nchw", "nhwc"]);
    json!({"steps": steps, "output": {"layout": layout, "dtype": dtype}})
}

/// The reference's tensors of `images`, one after another, as bytes; `None` where the reference refuses one.
pub(crate) fn reference(pipeline: &Pipeline, images: &[Array3<u8>]) -> Option<Vec<u8>> {
    let (layout, dtype) = pipeline.output.or_usual();
    let mut bytes = Vec::new();
    for image in images {
        bytes.extend(
            pipeline
                .reference(image.view(), layout, dtype)
                .ok()?
                .to_le_bytes(),
        );
    }
    Some(bytes)
}

/// What the op gives, as bytes.
pub(crate) fn run(
    op: &Preprocessor,
    images: &Images<'_>,
    executor: &dyn Executor,
) -> prep_onnx_pipeline::Result<Vec<u8>> {
    let length = op.output_shape(images)?.extents.iter().product();
    let elements = match op.plan().dtype {
        Dtype::Float32 => {
            let mut values = vec![f32::NAN; length];
            op.run(images, OutputMut::Float32(&mut values), executor)?;
            Elements::Float32(values)
        }
        Dtype::Float16 => {
            let mut values = vec![f16::NAN; length];
            op.run(images, OutputMut::Float16(&mut values), executor)?;
            Elements::Float16(values)
        }
        Dtype::Uint8 => {
            let mut values = vec![0xa5; length];
            op.run(images, OutputMut::Uint8(&mut values), executor)?;
            Elements::Uint8(values)
        }
    };
    Ok(prep_onnx_pipeline::Tensor {
        shape: Vec::new(),
        elements,
    }
    .to_le_bytes())
}

/// The levels of this processor; reports the others, and fails when `PREP_REQUIRE` names one of them.
pub(crate) fn levels() -> Vec<SimdLevel> {
    let required = std::env::var("PREP_REQUIRE").unwrap_or_default();
    let (here, absent): (Vec<_>, Vec<_>) = SimdLevel::ALL.into_iter().partition(|level| level.is_available());
    for level in absent {
        assert!(
            !required.split(',').any(|name| name == level.name()),
            "PREP_REQUIRE names {level}, which this processor lacks"
        );
        eprintln!("skipped: this processor lacks {level}");
    }
    here
}

/// Runs the op at every level, batch and ragged, on one and three threads, and compares the bits.
pub(crate) fn compare(pipeline: &Value, images: &[Array3<u8>]) -> usize {
    let parsed =
        Pipeline::from_value(pipeline.clone()).unwrap_or_else(|error| panic!("{pipeline}: {error:?}"));
    let (layout, dtype) = parsed.output.or_usual();
    let plan = parsed.plan(layout, dtype).unwrap();
    let shapes: Vec<i64> = images
        .iter()
        .flat_map(|image| image.shape().iter().map(|extent| *extent as i64))
        .collect();
    let pixels: Vec<u8> = images.iter().flat_map(|image| image.iter().copied()).collect();
    let same = images.iter().all(|image| image.dim() == images[0].dim());
    let (batch_shape, ragged) = (
        [images.len() as i64, shapes[0], shapes[1], 3],
        plan.fixed_output().is_some(),
    );
    let expected = reference(&parsed, images);
    let mut inputs = Vec::new();
    if same {
        inputs.push(Images::Batch {
            shape: &batch_shape,
            image: &pixels,
        });
    }
    let pixels_shape = [pixels.len() as i64];
    let shapes_shape = [images.len() as i64, 3];
    if ragged {
        inputs.push(Images::Ragged {
            pixels_shape: &pixels_shape,
            pixels: &pixels,
            shapes_shape: &shapes_shape,
            shapes: &shapes,
        });
    }
    let three = Threads(NonZero::new(3).unwrap());
    let mut compared = 0;
    for level in levels() {
        let op = Preprocessor::with_level(plan.clone(), level).unwrap();
        for input in &inputs {
            for executor in [&Sequential as &dyn Executor, &three] {
                let got = run(&op, input, executor);
                let context = || format!("{level} {pipeline} {shapes:?}");
                match (&expected, got) {
                    (Some(expected), Ok(got)) => {
                        let differing = expected.iter().zip(&got).filter(|(a, b)| a != b).count();
                        let first = expected.iter().zip(&got).position(|(a, b)| a != b);
                        assert!(
                            expected.len() == got.len() && differing == 0,
                            "{differing} of {} bytes differ, the first at {first:?}: {}",
                            got.len(),
                            context()
                        );
                        compared += 1;
                    }
                    (None, Err(_)) => {}
                    (None, Ok(_)) => panic!("the reference refuses, the op does not: {}", context()),
                    (Some(_), Err(error)) => panic!("{error:?}: {}", context()),
                }
            }
        }
    }
    compared
}

/// How many random cases to run: `PREP_CASES`, or `usual`.
pub(crate) fn cases(usual: usize) -> usize {
    std::env::var("PREP_CASES")
        .ok()
        .map_or(usual, |text| text.parse().expect("PREP_CASES is a number"))
}

pub(crate) fn layouts() -> impl Iterator<Item = (Layout, Dtype)> {
    Layout::ALL
        .iter()
        .flat_map(|layout| Dtype::ALL.iter().map(move |dtype| (*layout, *dtype)))
}
