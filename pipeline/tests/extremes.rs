//! Sizes that no image has: an error or a geometry within bounds, never an overflow (which only a build with debug
//! assertions shows, such as `cargo test -p prep-onnx-pipeline --test extremes`) and never another kind of panic.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use prep_onnx_pipeline::random::pipeline;
use prep_onnx_pipeline::{MAX_EDGE, MAX_PIXELS};

const EDGES: [usize; 12] = [
    0,
    1,
    2,
    3,
    999,
    MAX_EDGE,
    MAX_EDGE + 1,
    1 << 31,
    1 << 32,
    1 << 62,
    usize::MAX / 3,
    usize::MAX,
];

#[test]
fn no_geometry_overflows() {
    let cases = std::env::var("PREP_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let mut within = 0;
    for seed in 0..cases.unwrap_or(3000_u64) {
        let (pipeline, layout, dtype) = pipeline(seed);
        let Ok(plan) = pipeline.compile(layout, dtype) else {
            continue;
        };
        for (height, width) in EDGES
            .iter()
            .flat_map(|height| EDGES.map(|width| (*height, width)))
        {
            let Ok(geometry) = plan.geometry(height, width) else {
                continue;
            };
            // Backends refuse larger images before they ask for a geometry.
            if height.checked_mul(width).is_none_or(|pixels| pixels > MAX_PIXELS) {
                continue;
            }
            within += 1;
            let (rows, columns) = geometry.output;
            assert!(
                rows > 0
                    && columns > 0
                    && rows
                        .checked_mul(columns)
                        .is_some_and(|pixels| pixels <= MAX_PIXELS),
                "seed {seed}: {height} x {width} becomes {rows} x {columns}"
            );
            let [top, left, inner_rows, inner_columns] = geometry.inner();
            assert!(
                top + inner_rows <= rows && left + inner_columns <= columns,
                "seed {seed}: {height} x {width}: {:?} in {rows} x {columns}",
                geometry.inner()
            );
            if let Ok(version_1) = pipeline.plan(layout, dtype)
                && let Ok(same) = version_1.geometry(height, width)
            {
                assert_eq!(same.output, geometry.output, "seed {seed}: {height} x {width}");
            }
            let _ = plan.batch_canvas([(height, width), (1, 1)]);
        }
    }
    assert!(within > 1000, "only {within} sizes were taken");
}
