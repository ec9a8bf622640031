//! The same cases on the GPU of this machine. Skipped, with a report, where there is none.

use prep_onnx_op::cuda;

use crate::driver::required;
use crate::{plans, suite};

fn on_gpu(body: impl FnOnce()) {
    match cuda::status() {
        Ok(found) => {
            eprintln!("on {found}");
            body();
        }
        Err(error) => {
            assert!(!required("cuda"), "PREP_REQUIRE names cuda, but: {error:?}");
            eprintln!("skipped: {error}");
        }
    }
}

#[test]
fn gpu_presets() {
    on_gpu(suite::presets);
}

#[test]
fn gpu_filters_and_sizes() {
    on_gpu(suite::filters_and_sizes);
}

#[test]
fn gpu_layouts_types_orders_and_padding() {
    on_gpu(|| {
        suite::layouts_types_and_orders();
        suite::padding();
    });
}

#[test]
fn gpu_mixed_sizes_extreme_scales_and_large_batches() {
    on_gpu(|| {
        suite::mixed_sizes();
        suite::extreme_scales();
        suite::large_batches();
    });
}

#[test]
fn gpu_random_cases() {
    on_gpu(suite::random_cases);
}

#[test]
fn gpu_named_plans() {
    on_gpu(plans::named_plans);
}

#[test]
fn gpu_presets_of_version_2() {
    on_gpu(plans::presets);
}

#[test]
fn gpu_random_plans() {
    on_gpu(plans::random_plans);
}

#[test]
fn gpu_resamplers_and_many_images() {
    on_gpu(|| {
        plans::resamplers();
        plans::many_images();
    });
}
