//! Random pipelines and images, for comparing backends.

use ndarray::Array3;
use prep_onnx_pipeline::steps::{
    CenterCrop, ChannelOrder, Normalize, Order, Rescale, RescaleNormalize, Resize, Step,
};
use prep_onnx_pipeline::{CropRule, Filter, Output, Pipeline, Precision, Resampler, SizeRule, Windows};
use proptest::prelude::*;
use proptest::sample::select;

const FACTOR: f64 = 0.00392156862745098;

fn edge() -> impl Strategy<Value = usize> {
    prop_oneof![1 => 1_usize..8, 4 => 1_usize..220]
}

fn size_rule() -> impl Strategy<Value = SizeRule> {
    prop_oneof![
        3 => (edge(), edge()).prop_map(|(height, width)| SizeRule::Exact { height, width }),
        3 => edge().prop_map(|size| SizeRule::ShortestEdge { size, max: None }),
        1 => (edge(), edge()).prop_map(|(size, more)| SizeRule::ShortestEdge { size, max: Some(size + more) }),
        1 => edge().prop_map(|size| SizeRule::LongestEdge { size }),
        1 => (edge(), edge()).prop_map(|(height, width)| SizeRule::Cover { height, width }),
        1 => (edge(), edge(), select(vec![0.875, 0.9, 0.95, 1.0]))
            .prop_map(|(height, width, fraction)| SizeRule::CropPct { height, width, fraction }),
    ]
}

fn resize() -> impl Strategy<Value = Step> {
    let sampling = (
        select(Windows::ALL).prop_map(Resampler::from),
        select(Filter::ALL),
    )
        .prop_filter("the resampler has the filter", |(resampler, filter)| {
            resampler.check_filter(*filter).is_ok()
        });
    (size_rule(), sampling).prop_map(|(size, (resampler, filter))| {
        Step::Resize(Resize {
            size,
            filter,
            resampler,
            antialias: true,
        })
    })
}

fn crop() -> impl Strategy<Value = Step> {
    (edge(), edge(), select(CropRule::ALL)).prop_map(|(height, width, offset)| {
        Step::CenterCrop(CenterCrop {
            size: [height, width],
            offset,
        })
    })
}

fn arithmetic() -> impl Strategy<Value = Vec<Step>> {
    let constants = (
        proptest::array::uniform3(-1.0..2.0_f64),
        proptest::array::uniform3(0.05..2.0_f64),
    );
    let rescale = |factor, divisor, offset, precision| {
        Step::Rescale(Rescale {
            factor,
            divisor,
            offset,
            precision,
        })
    };
    (0..5_u8, constants).prop_map(move |(kind, (mean, std))| {
        let normalize = Step::Normalize(Normalize { mean, std });
        match kind {
            0 => vec![],
            1 => vec![rescale(None, Some(255.0), None, Precision::Float32), normalize],
            2 => vec![rescale(Some(FACTOR), None, None, Precision::Float64), normalize],
            3 => vec![Step::RescaleNormalize(RescaleNormalize {
                factor: FACTOR,
                mean,
                std,
            })],
            _ => vec![rescale(Some(std[0]), None, Some(mean[0]), Precision::Float64)],
        }
    })
}

/// Any pipeline that folds into a plan.
pub fn pipelines() -> impl Strategy<Value = Pipeline> {
    let order = proptest::option::weighted(0.3, Just(Step::ChannelOrder(ChannelOrder { order: Order::Bgr })));
    (
        proptest::option::weighted(0.9, resize()),
        proptest::option::weighted(0.6, crop()),
        order,
        arithmetic(),
    )
        .prop_map(|(resize, crop, order, arithmetic)| Pipeline {
            description: None,
            steps: resize
                .into_iter()
                .chain(crop)
                .chain(order)
                .chain(arithmetic)
                .collect(),
            output: Output::default(),
            ..Pipeline::default()
        })
}

/// Any small image: noise, or black and white only, which drives sums to their extremes.
pub fn pictures() -> impl Strategy<Value = Array3<u8>> {
    let extent = || prop_oneof![1 => 1_usize..6, 3 => 1_usize..260];
    (extent(), extent(), any::<u64>(), any::<bool>()).prop_map(|(height, width, seed, extreme)| {
        let mut state = seed;
        Array3::from_shape_simple_fn((height, width, 3), || {
            // SplitMix64: a shrinkable seed instead of 100,000 shrinkable bytes.
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let byte = (mixed >> 56) as u8;
            if extreme { 255 * (byte & 1) } else { byte }
        })
    })
}

/// How many random cases a test runs: `PREP_CASES`, else `usual`.
pub fn cases(usual: u32) -> u32 {
    std::env::var("PREP_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(usual)
}
