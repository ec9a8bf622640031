//! Any plan, shapes and pixels: every SIMD level gives the bits of the scalar reference.
//!
//! Bytes that begin with `{` are the JSON of a plan up to a zero byte; all others are read as choices.
#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use ndarray::ArrayView3;
use prep_onnx_fuzz::{assert_same_bytes, only_our_panics, preprocess};
use prep_onnx_op::{Images, Preprocessor, SimdLevel};
use prep_onnx_pipeline::plan::v1::{CenterCrop, Resize, Size};
use prep_onnx_pipeline::steps::{self, Step};
use prep_onnx_pipeline::{
    CropRule, Dtype, Elements, Filter, FusedPlan, Layout, Operation, Operator, Pipeline, Plan, Precision,
    Tensor, Windows,
};

/// What one run may cost: elements of the output, and pixels of a resized image that is not cropped.
const MAX_ELEMENTS: usize = 1 << 16;
const MAX_RESIZED: usize = 1 << 18;

fuzz_target!(init: only_our_panics(), |bytes: &[u8]| {
    // The choices end with the bytes; there is nothing to report then.
    let _ = exercise(bytes);
});

fn exercise(bytes: &[u8]) -> Result<()> {
    let (plan, mut choices) = if bytes.first() == Some(&b'{') {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let plan = std::str::from_utf8(&bytes[..end])
            .ok()
            .and_then(|text| FusedPlan::from_json(text).ok());
        (plan, Unstructured::new(&bytes[end..]))
    } else {
        let mut choices = Unstructured::new(bytes);
        let drawn = plan(&mut choices)?;
        let read = FusedPlan::from_json(&drawn.to_json());
        assert_eq!(drawn.check().is_ok(), read.is_ok(), "{drawn:?}");
        (read.ok(), choices)
    };
    let Some(plan) = plan else {
        return Ok(());
    };
    assert_eq!(FusedPlan::from_json(&plan.to_json()).unwrap(), plan);
    let newer = Plan::from_json(&plan.to_json()).unwrap();
    assert_eq!(newer, Plan::from(plan.clone()));
    assert_eq!(newer.to_json(), plan.to_json());
    let levels: Vec<Preprocessor> = SimdLevel::ALL
        .into_iter()
        .filter(|level| level.is_available())
        .map(|level| Preprocessor::with_level(plan.clone(), level).unwrap())
        .collect();
    hostile(&plan, &levels, &mut choices)?;
    usual(&plan, &levels, &mut choices)
}

fn edge(u: &mut Unstructured<'_>) -> Result<usize> {
    Ok(match u.int_in_range(0..=15)? {
        0 => *u.choose(&[0, 1, 65_534, 65_535, 65_536, usize::MAX / 2, usize::MAX])?,
        1 => u.arbitrary()?,
        2 => u.int_in_range(1..=3)?,
        _ => u.int_in_range(1..=96)?,
    })
}

fn constant(u: &mut Unstructured<'_>) -> Result<f64> {
    Ok(match u.int_in_range(0..=7)? {
        0 => *u.choose(&[
            0.0,
            -0.0,
            1e300,
            1e-300,
            f64::INFINITY,
            f64::NAN,
            f64::from(f32::MAX),
            1e-45,
        ])?,
        1 => u.arbitrary()?,
        2 => f64::from(u.arbitrary::<f32>()?),
        3 => *u.choose(&[255.0, 127.5, 1.0, -1.0, 0.00392156862745098, 0.229, 0.485])?,
        _ => f64::from(f32::from(u.arbitrary::<i16>()?) / 256.0),
    })
}

fn plan(u: &mut Unstructured<'_>) -> Result<FusedPlan> {
    let resize = if u.ratio(7_u8, 8)? {
        let size = match u.int_in_range(0..=5)? {
            0 => Size::ShortestEdge {
                size: edge(u)?,
                max: None,
            },
            1 => Size::ShortestEdge {
                size: edge(u)?,
                max: Some(edge(u)?),
            },
            2 => Size::LongestEdge { size: edge(u)? },
            3 => Size::Cover {
                height: edge(u)?,
                width: edge(u)?,
            },
            4 => Size::CropPct {
                height: edge(u)?,
                width: edge(u)?,
                fraction: constant(u)?,
            },
            _ => Size::Exact {
                height: edge(u)?,
                width: edge(u)?,
            },
        };
        Some(Resize {
            size,
            filter: *u.choose(Filter::ALL)?,
            resampler: *u.choose(Windows::ALL)?,
        })
    } else {
        None
    };
    let crop = if u.arbitrary()? {
        Some(CenterCrop {
            size: [edge(u)?, edge(u)?],
            offset: *u.choose(CropRule::ALL)?,
        })
    } else {
        None
    };
    let mut operations = Vec::new();
    for _ in 0..u.int_in_range(0..=4)? {
        let (operator, precision) = (*u.choose(Operator::ALL)?, *u.choose(Precision::ALL)?);
        let operands = [constant(u)?, constant(u)?, constant(u)?];
        operations.push(match precision {
            Precision::Float32 => Operation::float32(operator, operands),
            Precision::Float64 => Operation::float64(operator, operands),
            // Version 1 has none: what it says of one is tried with texts.
            Precision::Unrounded => continue,
        });
    }
    let channels = *u.choose(&[
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
        [0, 0, 1],
        [1, 2, 3],
    ])?;
    let dtype = *u.choose(Dtype::ALL)?;
    if dtype == Dtype::Uint8 && u.ratio(7_u8, 8)? {
        operations.clear();
    }
    Ok(FusedPlan {
        resize,
        crop,
        channels,
        operations,
        layout: *u.choose(Layout::ALL)?,
        dtype,
    })
}

/// Whether a run with this output and these images is cheap.
fn is_small(plan: &FusedPlan, elements: usize, sizes: &[(usize, usize)]) -> bool {
    let small = |(height, width): &(usize, usize)| match plan.geometry(*height, *width) {
        Ok(geometry) => plan.crop.is_some() || geometry.resized.0 * geometry.resized.1 <= MAX_RESIZED,
        Err(_) => true,
    };
    elements <= MAX_ELEMENTS && sizes.iter().all(small)
}

/// Shapes of any numbers: refused, or those of the elements; alike at every level.
fn hostile(plan: &FusedPlan, levels: &[Preprocessor], u: &mut Unstructured<'_>) -> Result<()> {
    let extent = |u: &mut Unstructured<'_>| -> Result<i64> {
        Ok(match u.int_in_range(0..=3)? {
            0 => *u.choose(&[0, -1, i64::MAX, i64::MIN, 1 << 32, 1 << 62, 65_535, 65_536])?,
            1 => u.arbitrary()?,
            _ => u.int_in_range(0..=4)?,
        })
    };
    let extents = |u: &mut Unstructured<'_>, most: usize| -> Result<Vec<i64>> {
        (0..u.int_in_range(0..=most)?).map(|_| extent(u)).collect()
    };
    let (first, second, numbers) = (extents(u, 5)?, extents(u, 3)?, extents(u, 9)?);
    let pixels = vec![7; u.int_in_range(0..=200)?];
    let images = [
        Images::Batch {
            shape: &first,
            image: &pixels,
        },
        Images::Ragged {
            pixels_shape: &first,
            pixels: &pixels,
            shapes_shape: &second,
            shapes: &numbers,
        },
    ];
    let _ = plan.geometry(u.arbitrary()?, u.arbitrary()?);
    for images in images {
        let Ok(shape) = levels[0].output_shape(&images) else {
            for level in levels {
                assert!(preprocess(level, &images).is_err());
            }
            continue;
        };
        let sizes = match images {
            Images::Batch { shape, .. } => vec![(shape[1] as usize, shape[2] as usize)],
            Images::Ragged { shapes, .. } => shapes
                .as_chunks::<3>()
                .0
                .iter()
                .map(|[h, w, _]| (*h as usize, *w as usize))
                .collect(),
            Images::List(images) => images
                .iter()
                .map(|image| (image.shape[0] as usize, image.shape[1] as usize))
                .collect(),
        };
        if is_small(plan, shape.extents.iter().product(), &sizes) {
            let outputs: Vec<_> = levels
                .iter()
                .map(|level| preprocess(level, &images).unwrap())
                .collect();
            assert!(outputs.iter().all(|output| *output == outputs[0]));
        }
    }
    Ok(())
}

/// Images of usual shapes: the bits of the reference.
fn usual(plan: &FusedPlan, levels: &[Preprocessor], u: &mut Unstructured<'_>) -> Result<()> {
    let mut size = || -> Result<(usize, usize)> {
        let mut extent = || {
            let most = *u.choose(&[2, 20, 20, 60, 300])?;
            u.int_in_range(1..=most)
        };
        Ok((extent()?, extent()?.min(100)))
    };
    let mixed = plan.fixed_output().is_some();
    let sizes = if mixed {
        vec![size()?, size()?]
    } else {
        vec![size()?; 2]
    };
    let kind: u8 = u.arbitrary()?;
    let mut state: u64 = u.arbitrary()?;
    let count: usize = sizes.iter().map(|(height, width)| height * width * 3).sum();
    let mut pixels = Vec::with_capacity(count);
    while pixels.len() < count {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let byte = (state >> 56) as u8;
        pixels.push(match kind % 4 {
            0 => 255 * (byte & 1),
            1 => 255,
            _ => byte,
        });
    }
    let shapes: Vec<i64> = sizes
        .iter()
        .flat_map(|(height, width)| [*height as i64, *width as i64, 3])
        .collect();
    let (pixels_shape, shapes_shape) = ([count as i64], [2, 3]);
    let batch_shape = [2, shapes[0], shapes[1], 3];
    let images = if mixed {
        Images::Ragged {
            pixels_shape: &pixels_shape,
            pixels: &pixels,
            shapes_shape: &shapes_shape,
            shapes: &shapes,
        }
    } else {
        Images::Batch {
            shape: &batch_shape,
            image: &pixels,
        }
    };
    let Ok(shape) = levels[0].output_shape(&images) else {
        for level in levels {
            assert!(preprocess(level, &images).is_err());
        }
        return Ok(());
    };
    if !is_small(plan, shape.extents.iter().product(), &sizes) {
        return Ok(());
    }
    let mut expected = Vec::new();
    let mut rest = pixels.as_slice();
    for (height, width) in &sizes {
        let (image, others) = rest.split_at(height * width * 3);
        expected.extend(meaning(
            plan,
            ArrayView3::from_shape((*height, *width, 3), image).unwrap(),
        ));
        rest = others;
    }
    for level in levels {
        let got = preprocess(level, &images).unwrap();
        assert_same_bytes(&expected, &got, || {
            format!("{} {} {sizes:?}", level.level(), plan.to_json())
        });
    }
    Ok(())
}

/// The meaning of a plan, twice: that of [`Plan`], and the steps of its geometry followed by each operation.
fn meaning(plan: &FusedPlan, image: ArrayView3<'_, u8>) -> Vec<u8> {
    let resize = plan
        .resize
        .map(|resize| steps::Resize::new(resize.size.into(), resize.filter, resize.resampler.into()));
    let crop = plan
        .crop
        .map(|CenterCrop { size, offset }| steps::CenterCrop { size, offset });
    let geometry = Pipeline {
        steps: resize
            .map(Step::Resize)
            .into_iter()
            .chain(crop.map(Step::CenterCrop))
            .collect(),
        ..Pipeline::default()
    };
    let tensor = geometry.reference(image, Layout::Nhwc, Dtype::Uint8).unwrap();
    let Elements::Uint8(pixels) = tensor.elements else {
        unreachable!("uint8 was asked for");
    };
    let (pixels, _) = pixels.as_chunks::<3>();
    let values = |pixel: &[u8; 3], channel: usize| {
        let first = f32::from(pixel[plan.channels[channel]]);
        Operation::chain(&plan.operations, first, channel)
    };
    let all: Vec<f32> = match plan.layout {
        Layout::Nhwc => pixels
            .iter()
            .flat_map(|pixel| [0, 1, 2].map(|channel| values(pixel, channel)))
            .collect(),
        Layout::Nchw => (0..3)
            .flat_map(|channel| pixels.iter().map(move |pixel| values(pixel, channel)))
            .collect(),
    };
    let elements = match plan.dtype {
        Dtype::Float32 => Elements::Float32(all),
        Dtype::Float16 => Elements::Float16(all.into_iter().map(half::f16::from_f32).collect()),
        Dtype::Uint8 => Elements::Uint8(all.into_iter().map(|value| value as u8).collect()),
    };
    let bytes = Tensor {
        shape: Vec::new(),
        elements,
    }
    .to_le_bytes();
    let answers = Plan::from(plan.clone()).reference(&[image]).unwrap();
    assert_same_bytes(&bytes, &answers.tensors[0].to_le_bytes(), || {
        format!("two references: {}", plan.to_json())
    });
    bytes
}
