//! Plans of version 2, and the comparison of whoever executes them with the scalar reference.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use half::f16;
use ndarray::{Array3, ArrayView3};
use prep_onnx_op::{ExtraMut, Images, OutputMut, StagedCall};
use prep_onnx_pipeline::{Answers, Dtype, Elements, OutputKind, Pipeline, Plan, random};

/// The outputs of one call.
pub(crate) struct Outputs {
    pub(crate) shape: Vec<usize>,
    pub(crate) tensor: Elements,
    pub(crate) extras: Vec<(OutputKind, Extra)>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Extra {
    Float32(Vec<f32>),
    Int64(Vec<i64>),
}

type Failure = prep_onnx_pipeline::Error;

/// The outputs of `call`, as `run` writes them.
pub(crate) fn outputs(
    plan: &Plan,
    call: &StagedCall,
    run: impl FnOnce(OutputMut<'_>, &mut [ExtraMut<'_>]) -> Result<(), Failure>,
) -> Result<Outputs, Failure> {
    let shape = call.shape().clone();
    let length: usize = shape.tensor.iter().product();
    // What is not written shows.
    let mut tensor = match plan.form.dtype {
        Dtype::Float32 => Elements::Float32(vec![f32::from_bits(0x7fc0_1234); length]),
        Dtype::Float16 => Elements::Float16(vec![f16::from_bits(0x7e12); length]),
        Dtype::Uint8 => Elements::Uint8(vec![0xa5; length]),
    };
    let mut extras: Vec<(OutputKind, Extra)> = (shape.extras.iter())
        .map(|(kind, extents)| {
            let length = extents.iter().product();
            let extra = match kind {
                OutputKind::Geometry => Extra::Float32(vec![-7.0; length]),
                _ => Extra::Int64(vec![-7; length]),
            };
            (*kind, extra)
        })
        .collect();
    let output = match &mut tensor {
        Elements::Float32(values) => OutputMut::Float32(values),
        Elements::Float16(values) => OutputMut::Float16(values),
        Elements::Uint8(values) => OutputMut::Uint8(values),
    };
    let mut made: Vec<ExtraMut<'_>> = (extras.iter_mut())
        .map(|(_, extra)| match extra {
            Extra::Float32(values) => ExtraMut::Float32(values),
            Extra::Int64(values) => ExtraMut::Int64(values),
        })
        .collect();
    run(output, &mut made)?;
    Ok(Outputs {
        shape: shape.tensor,
        tensor,
        extras,
    })
}

/// Images as the inputs of the op hold them.
pub(crate) struct Input {
    pixels: Vec<u8>,
    shapes: Vec<i64>,
    batch_shape: [i64; 4],
    pixels_shape: [i64; 1],
    shapes_shape: [i64; 2],
}

impl Input {
    pub(crate) fn new(plan: &Plan, images: &[Array3<u8>]) -> Self {
        let pixels: Vec<u8> = images.iter().flat_map(|image| image.iter().copied()).collect();
        let shapes = images
            .iter()
            .flat_map(|image| [image.dim().0, image.dim().1, image.dim().2].map(|extent| extent as i64))
            .collect();
        let (rows, columns, values) = images
            .first()
            .map_or((2, 3, plan.source.source_channels()), |image| image.dim());
        Self {
            batch_shape: [images.len(), rows, columns, values].map(|extent| extent as i64),
            pixels_shape: [pixels.len() as i64],
            shapes_shape: [images.len() as i64, 3],
            pixels,
            shapes,
        }
    }

    pub(crate) fn images(&self, ragged: bool) -> Images<'_> {
        if ragged {
            Images::Ragged {
                pixels_shape: &self.pixels_shape,
                pixels: &self.pixels,
                shapes_shape: &self.shapes_shape,
                shapes: &self.shapes,
            }
        } else {
            Images::Batch {
                shape: &self.batch_shape,
                image: &self.pixels,
            }
        }
    }
}

/// What the reference gives for the images, or that it refuses them.
pub(crate) fn expected(plan: &Plan, images: &[Array3<u8>]) -> Result<Answers, Failure> {
    let views: Vec<ArrayView3<'_, u8>> = images.iter().map(|image| image.view()).collect();
    plan.reference(&views)
}

/// Compares outputs with those of the reference, or that both refuse; gives how many outputs were compared.
pub(crate) fn compare(
    name: &str,
    plan: &Plan,
    expected: &Result<Answers, Failure>,
    got: Result<Outputs, Failure>,
) -> usize {
    match (expected, got) {
        (Ok(expected), Ok(got)) => {
            let (wanted, found) = (joined(expected), bytes(&got.tensor));
            let differ = wanted.iter().zip(&found).filter(|(a, b)| a != b).count();
            let first = wanted.iter().zip(&found).position(|(a, b)| a != b);
            assert!(
                wanted == found,
                "{name}: shape {:?}, {differ} of {} bytes differ, the first at {first:?}: {}",
                got.shape,
                wanted.len(),
                plan.to_json()
            );
            for (kind, extra) in &got.extras {
                assert_eq!(
                    *extra,
                    expected_extra(*kind, expected),
                    "{name}: {}: {}",
                    kind.name(),
                    plan.to_json()
                );
            }
            1 + got.extras.len()
        }
        (Err(_), Err(_)) => 0,
        (expected, got) => panic!(
            "{name}: {}\nreference {:?}\nop {:?}",
            plan.to_json(),
            expected.as_ref().err(),
            got.err()
        ),
    }
}

fn joined(expected: &Answers) -> Vec<u8> {
    (expected.tensors.iter())
        .flat_map(|tensor| tensor.to_le_bytes())
        .collect()
}

fn bytes(elements: &Elements) -> Vec<u8> {
    match elements {
        Elements::Float32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Elements::Float16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Elements::Uint8(values) => values.clone(),
    }
}

fn expected_extra(kind: OutputKind, expected: &Answers) -> Extra {
    let extras = &expected.extras;
    match kind {
        OutputKind::Geometry => Extra::Float32(extras.iter().flat_map(|extra| extra.geometry).collect()),
        OutputKind::Mask => Extra::Int64(
            extras
                .iter()
                .flat_map(|extra| extra.mask.iter().copied())
                .collect(),
        ),
        OutputKind::Sizes => Extra::Int64(extras.iter().flat_map(|extra| extra.sizes).collect()),
        OutputKind::Grid => Extra::Int64(extras.iter().flat_map(|extra| extra.grid).collect()),
        OutputKind::Tensor | OutputKind::Status => panic!("{} is no extra", kind.name()),
    }
}

/// The plan with every output that it can have.
pub(crate) fn all_outputs(plan: Plan) -> Plan {
    let kinds: Vec<OutputKind> = OutputKind::EXTRA
        .iter()
        .copied()
        .filter(|kind| *kind != OutputKind::Grid || plan.form.blocks.is_some())
        .collect();
    plan.with_outputs(&kinds).unwrap()
}

/// Whether images of mixed sizes can go through the plan.
pub(crate) fn mixes(plan: &Plan) -> bool {
    plan.is_of_batch() || plan.fixed_output().is_some()
}

/// A named plan and one list of images that a library's result is recorded of.
pub(crate) struct Named {
    /// The name of the plan.
    pub(crate) plan_name: String,
    /// With the sizes of the images.
    pub(crate) name: String,
    pub(crate) plan: Plan,
    pub(crate) images: Vec<Array3<u8>>,
}

/// The named plans, whose reference equals the libraries (`pipeline/tests/libraries.rs`), with every output; each with every
/// `step`th of its lists of images.
pub(crate) fn each_named(step: usize, mut each: impl FnMut(Named)) -> usize {
    // On another machine than that of the build the file lies elsewhere.
    let path = std::env::var("PREP_ONNX_PLANS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/goldens/plans.json").to_owned());
    let cases: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut left_out = 0;
    for (plan_name, case) in cases.as_object().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let pipeline = Pipeline::from_value(case["pipeline"].clone()).unwrap();
        let plan = pipeline
            .compile(text("layout").parse().unwrap(), text("dtype").parse().unwrap())
            .unwrap();
        let plan = all_outputs(plan);
        let channels = case["channels"].as_u64().unwrap() as usize;
        for (index, sizes) in case["results"].as_object().unwrap().keys().enumerate() {
            if index % step > 0 {
                left_out += 1;
                continue;
            }
            let images = (sizes.split('+'))
                .map(|size| {
                    let (height, width) = size.split_once('x').unwrap();
                    random::recorded_image(height.parse().unwrap(), width.parse().unwrap(), channels)
                })
                .collect();
            each(Named {
                plan_name: plan_name.clone(),
                name: format!("{plan_name} {sizes}"),
                plan: plan.clone(),
                images,
            });
        }
    }
    left_out
}

/// Lists of images, and of each whether they are of mixed sizes.
pub(crate) type Lists = Vec<(bool, Vec<Array3<u8>>)>;

/// The plan of `seed` with every output, and the lists of images to run it on.
pub(crate) fn drawn(seed: u64) -> (Plan, Lists) {
    let (pipeline, layout, dtype) = random::pipeline(seed);
    let plan = all_outputs(pipeline.compile(layout, dtype).unwrap());
    let images = random::batch(seed, &plan);
    let mut lists: Lists = (images.iter().take(2))
        .map(|image| {
            (
                false,
                vec![image.clone(), image.mapv(|value| value.wrapping_mul(3))],
            )
        })
        .collect();
    if mixes(&plan) {
        lists.push((true, images));
    }
    (plan, lists)
}
