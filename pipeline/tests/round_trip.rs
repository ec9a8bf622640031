//! Any valid pipeline survives its canonical JSON.

use prep_onnx_pipeline::{
    CropRule, Dtype, Filter, Layout, Notation, Output, Pipeline, Precision, Resampler, SizeRule, import,
    steps::*,
};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn edge() -> impl Strategy<Value = usize> {
    1_usize..=4096
}

fn size() -> impl Strategy<Value = SizeRule> {
    prop_oneof![
        (edge(), edge()).prop_map(|(height, width)| SizeRule::Exact { height, width }),
        (edge(), option::of(1_usize..999)).prop_map(|(size, more)| SizeRule::ShortestEdge {
            size,
            max: more.map(|more| size + more)
        }),
        edge().prop_map(|size| SizeRule::LongestEdge { size }),
        (edge(), edge()).prop_map(|(height, width)| SizeRule::Cover { height, width }),
        (edge(), edge(), 0.1..=1.0).prop_map(|(height, width, fraction)| SizeRule::CropPct {
            height,
            width,
            fraction
        }),
    ]
}

fn resize() -> impl Strategy<Value = Step> {
    (size(), select(Filter::ALL), select(Resampler::ALL))
        .prop_filter("the resampler has the filter", |(_, filter, resampler)| {
            resampler.check_filter(*filter).is_ok()
        })
        .prop_map(|(size, filter, resampler)| {
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

fn channels() -> impl Strategy<Value = [f64; 3]> {
    proptest::array::uniform3(0.01..300.0)
}

fn arithmetic() -> impl Strategy<Value = Step> {
    let factor = 0.0001..2.0;
    let rescale = (
        factor.clone(),
        any::<bool>(),
        option::of(-2.0..2.0),
        select(&[Precision::Float32, Precision::Float64][..]),
    );
    prop_oneof![
        rescale.prop_map(|(number, divide, offset, precision)| Step::Rescale(Rescale {
            factor: (!divide).then_some(number),
            divisor: divide.then_some(number),
            offset,
            precision,
        })),
        (channels(), channels()).prop_map(|(mean, std)| Step::Normalize(Normalize { mean, std })),
        (factor, channels(), channels())
            .prop_map(|(factor, mean, std)| Step::RescaleNormalize(RescaleNormalize { factor, mean, std })),
        select(Order::ALL).prop_map(|order| Step::ChannelOrder(ChannelOrder { order })),
    ]
}

fn pipeline() -> impl Strategy<Value = Pipeline> {
    let output = (
        option::of(select(Layout::ALL)),
        option::of(select(&[Dtype::Float32, Dtype::Float16][..])),
    );
    let description = option::of("\\PC{0,40}");
    let arithmetic = proptest::collection::vec(arithmetic(), 0..4);
    (
        description,
        option::of(resize()),
        option::of(crop()),
        arithmetic,
        output,
    )
        .prop_map(
            |(description, resize, crop, arithmetic, (layout, dtype))| Pipeline {
                description,
                steps: resize.into_iter().chain(crop).chain(arithmetic).collect(),
                output: Output { layout, dtype },
                ..Pipeline::default()
            },
        )
}

proptest! {
    #[test]
    fn canonical_json_round_trips(pipeline in pipeline()) {
        prop_assert!(pipeline.check().is_ok(), "{:?}", pipeline.check());
        let json = pipeline.to_json();
        prop_assert_eq!(&Pipeline::parse(&json, Notation::Json).unwrap(), &pipeline);
        let again = import(&json, Notation::Json, None).unwrap().pipeline;
        prop_assert_eq!(again.to_json(), json);
    }

    #[test]
    fn no_text_panics(text in "[\\[\\]{}\",:0-9a-z_ =\n.-]{0,200}") {
        for notation in Notation::ALL {
            let _ = import(&text, *notation, None);
        }
    }

    #[test]
    fn no_value_panics(key in select(&[
        "size", "crop_size", "resample", "do_resize", "do_center_crop", "do_pad", "pad_size", "image_mean", "image_std",
        "rescale_factor", "crop_pct", "image_processor_type", "do_rescale", "ensure_multiple_of", "device",
    ][..]), value in select(&[
        "null", "true", "-1", "0", "1e308", "1e-320", "18446744073709551615", "\"\"", "[]", "[1,2,3]", "{}",
        "{\"height\":1e9,\"width\":-0.0}", "{\"shortest_edge\":65535}", "[[]]",
    ][..]), kind in select(&["ViT", "ConvNext", "PoolFormer", "Levit", "DPT", "EfficientNet", "MobileViT"][..])) {
        let text = format!("{{\"image_processor_type\":\"{kind}ImageProcessor\",\"do_center_crop\":true,\"{key}\":{value}}}");
        for resampler in Resampler::ALL {
            if let Ok(import) = import(&text, Notation::Json, Some(*resampler)) {
                prop_assert!(import.pipeline.check().is_ok());
            }
        }
    }
}
