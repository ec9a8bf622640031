//! The op gives the bits of the scalar reference at every SIMD level.

mod common;

use common::{Random, cases, compare, filters, image, layouts, pipeline};
use serde_json::json;

#[test]
fn every_filter_resampler_and_size() {
    let mut random = Random(1);
    let sizes = [
        (1, 1),
        (1, 7),
        (5, 1),
        (3, 500),
        (500, 3),
        (37, 41),
        (64, 64),
        (120, 333),
        (333, 47),
    ];
    let targets = [(1, 1), (7, 5), (32, 32), (33, 65), (96, 48)];
    // Under Miri a pixel takes some thousand times as long.
    let sizes = if cfg!(miri) { &sizes[2..3] } else { &sizes };
    let targets = if cfg!(miri) { &targets[1..2] } else { &targets };
    let mut compared = 0;
    for (resampler, filter) in filters() {
        for &(height, width) in sizes {
            for (to_height, to_width) in targets {
                let pipeline = json!({"steps": [
                    {"step": "resize", "size": {"exact": [to_height, to_width]}, "filter": filter, "resampler": resampler},
                    {"step": "rescale", "divisor": 255},
                ]});
                compared += compare(&pipeline, &[image(&mut random, height, width)]);
            }
        }
    }
    eprintln!("{compared} outputs compared, 0 differing values");
}

#[test]
#[cfg_attr(miri, ignore = "too many pixels; the random cases cover the code")]
fn every_layout_type_and_channel_order() {
    let mut random = Random(2);
    for (layout, dtype) in layouts() {
        for order in ["rgb", "bgr"] {
            for width in [16, 17, 47, 48, 224] {
                let pipeline = json!({"steps": [
                    {"step": "resize", "size": {"shortest_edge": 60}, "filter": "bicubic"},
                    {"step": "center_crop", "size": [50, width]},
                    {"step": "channel_order", "order": order},
                ], "output": {"layout": layout.name(), "dtype": dtype.name()}});
                let images = [image(&mut random, 70, 90), image(&mut random, 70, 90)];
                compare(&pipeline, &images);
            }
        }
    }
}

#[test]
fn crops_larger_than_the_image_are_padded_with_zeros() {
    let mut random = Random(3);
    let (short, long, crop) = if cfg!(miri) {
        (3, 12, [7, 6])
    } else {
        (20, 61, [41, 40])
    };
    for offset in ["torchvision", "huggingface", "huggingface_pil"] {
        for (height, width) in [(1, 1), (short, long), (long, short)] {
            let pipeline = json!({"steps": [
                {"step": "center_crop", "size": crop, "offset": offset},
                {"step": "normalize", "mean": 10, "std": 3},
            ]});
            compare(&pipeline, &[image(&mut random, height, width)]);
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many pixels; the random cases cover the code")]
fn images_of_mixed_sizes() {
    let mut random = Random(4);
    let pipeline = json!({"steps": [
        {"step": "resize", "size": {"shortest_edge": 40}, "filter": "bilinear"},
        {"step": "center_crop", "size": [32, 32]},
        {"step": "rescale", "divisor": 255},
    ]});
    let sizes = [
        (50, 60),
        (50, 60),
        (300, 41),
        (1, 1),
        (2000, 30),
        (33, 500),
        (50, 60),
    ];
    let images: Vec<_> = sizes
        .iter()
        .map(|(height, width)| image(&mut random, *height, *width))
        .collect();
    compare(&pipeline, &images);
}

#[test]
#[cfg_attr(miri, ignore = "too many pixels; the random cases cover the code")]
fn extreme_scales() {
    let mut random = Random(5);
    for (filter, height, width) in [
        ("bilinear", 30, 9000),
        ("lanczos", 9000, 30),
        ("bicubic", 3000, 2500),
        ("box", 2100, 4100),
    ] {
        for (to_height, to_width) in [(1, 1), (2, 3), (24, 20), (10, 400)] {
            let pipeline = json!({"steps": [
                {"step": "resize", "size": {"exact": [to_height, to_width]}, "filter": filter},
                {"step": "rescale", "divisor": 255},
            ]});
            compare(&pipeline, &[image(&mut random, height, width)]);
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many pixels; the random cases cover the code")]
fn windows_of_every_length() {
    let mut random = Random(6);
    for layout in ["nchw", "nhwc"] {
        for (filter, order) in [("bilinear", "rgb"), ("lanczos", "bgr")] {
            // Rows to all groups that are made at a time, to some of them, and to one.
            for (height, width) in (20..=1000).step_by(35).map(|width| (37 + width % 64, width)) {
                let pipeline = json!({"steps": [
                    {"step": "resize", "size": {"exact": [21, 43]}, "filter": filter},
                    {"step": "channel_order", "order": order},
                ], "output": {"layout": layout, "dtype": "uint8"}});
                compare(&pipeline, &[image(&mut random, height, width)]);
            }
        }
    }
}

#[test]
fn random_pipelines_and_images() {
    let usual = match (cfg!(miri), cfg!(debug_assertions)) {
        (true, _) => 5,
        (false, true) => 150,
        (false, false) => 1500,
    };
    let count = cases(usual);
    let mut compared = 0;
    for seed in 0..count as u64 {
        let mut random = Random(seed);
        let mixed = random.chance(40);
        let pipeline = pipeline(&mut random, mixed, if cfg!(miri) { 9 } else { 160 });
        let number = 1 + random.below(if cfg!(miri) { 2 } else { 4 });
        let most = match (cfg!(miri), random.chance(10)) {
            (true, _) => 12,
            (false, true) => 700,
            (false, false) => 200,
        };
        let (height, width) = (random.size(most), random.size(most));
        let images: Vec<_> = (0..number)
            .map(|_| {
                let size = if mixed {
                    (random.size(most), random.size(most))
                } else {
                    (height, width)
                };
                image(&mut random, size.0, size.1)
            })
            .collect();
        compared += compare(&pipeline, &images);
    }
    eprintln!("{count} random cases, {compared} outputs compared, 0 differing values");
}
