//! Kernel and launcher on the fake driver.

use std::thread;

use prep_onnx_op::{Images, cuda};
use prep_onnx_pipeline::Pipeline;
use serde_json::json;

use crate::common::{Random, image, reference};
use crate::driver::{count, with_broken_driver, with_fake_driver, with_reversed_threads};
use crate::plans;
use crate::suite::{self, prepared, run};

#[test]
fn presets() {
    with_fake_driver("emulated::presets", &[], suite::presets);
}

#[test]
fn filters_and_sizes() {
    with_fake_driver("emulated::filters_and_sizes", &[], suite::filters_and_sizes);
}

#[test]
fn layouts_types_orders_and_padding() {
    with_fake_driver("emulated::layouts_types_orders_and_padding", &[], || {
        suite::layouts_types_and_orders();
        suite::padding();
    });
}

#[test]
fn mixed_sizes_extreme_scales_and_large_batches() {
    with_fake_driver(
        "emulated::mixed_sizes_extreme_scales_and_large_batches",
        &[],
        || {
            suite::mixed_sizes();
            suite::extreme_scales();
            suite::large_batches();
        },
    );
}

#[test]
fn random_cases() {
    with_fake_driver("emulated::random_cases", &[], suite::random_cases);
}

#[test]
fn named_plans() {
    with_fake_driver("emulated::named_plans", &[], plans::named_plans);
}

#[test]
fn presets_of_version_2() {
    with_fake_driver("emulated::presets_of_version_2", &[], plans::presets);
}

#[test]
fn random_plans() {
    with_fake_driver("emulated::random_plans", &[], plans::random_plans);
}

#[test]
fn resamplers_and_many_images() {
    with_fake_driver("emulated::resamplers_and_many_images", &[], || {
        plans::resamplers();
        plans::many_images();
    });
}

#[test]
fn threads_in_the_opposite_order() {
    with_reversed_threads("emulated::threads_in_the_opposite_order", || {
        suite::filters_and_sizes();
        suite::layouts_types_and_orders();
        suite::padding();
        suite::mixed_sizes();
        suite::large_batches();
        plans::resamplers();
        plans::many_images();
    });
}

#[test]
fn status_names_driver_and_device() {
    with_fake_driver("emulated::status_names_driver_and_device", &[], || {
        assert_eq!(cuda::driver_version().unwrap(), "13.0");
        assert_eq!(cuda::status().unwrap(), "CUDA 13.0, a host that plays a GPU");
    });
}

fn small() -> Pipeline {
    Pipeline::from_value(json!({"steps": [
        {"step": "resize", "size": {"exact": [9, 13]}, "filter": "bicubic"},
        {"step": "rescale", "divisor": 255},
    ]}))
    .unwrap()
}

fn run_once(op: &cuda::Preprocessor, height: usize, width: usize) -> prep_onnx_pipeline::Result<Vec<u8>> {
    let pixels = image(&mut Random(3), height, width);
    let shape = [1, height as i64, width as i64, 3];
    let images = Images::Batch {
        shape: &shape,
        image: pixels.as_slice().unwrap(),
    };
    run(op, &images)
}

#[test]
fn a_thread_without_a_context_gets_the_primary_one() {
    let settings = [("FAKE_CUDA_CONTEXT", "none")];
    with_fake_driver(
        "emulated::a_thread_without_a_context_gets_the_primary_one",
        &settings,
        || {
            let expected = reference(&small(), &[image(&mut Random(3), 20, 30)]).unwrap();
            let op = prepared(&small());
            for _ in 0..2 {
                assert_eq!(
                    thread::scope(|s| s.spawn(|| run_once(&op, 20, 30)).join())
                        .unwrap()
                        .unwrap(),
                    expected
                );
            }
        },
    );
}

#[test]
fn threads_share_an_op() {
    with_fake_driver("emulated::threads_share_an_op", &[], || {
        let op = prepared(&small());
        thread::scope(|scope| {
            for first in 0..4 {
                let op = &op;
                scope.spawn(move || {
                    for turn in 0..20 {
                        let (height, width) = (5 + (first + turn) % 6, 30);
                        let expected = reference(&small(), &[image(&mut Random(3), height, width)]).unwrap();
                        assert_eq!(run_once(op, height, width).unwrap(), expected);
                    }
                });
            }
        });
    });
}

#[test]
fn device_memory_is_bounded_and_given_back() {
    with_fake_driver("emulated::device_memory_is_bounded_and_given_back", &[], || {
        let op = prepared(&small());
        run_once(&op, 20, 30).unwrap();
        let (bytes, buffers) = (count("fake_cuda_live_bytes"), count("fake_cuda_live_count"));
        assert_eq!(buffers, 3, "values, columns, rows");
        for _ in 0..10_000 {
            run_once(&op, 20, 30).unwrap();
        }
        assert_eq!(
            (bytes, buffers),
            (count("fake_cuda_live_bytes"), count("fake_cuda_live_count"))
        );
        assert_eq!(count("fake_cuda_launches"), 10_001);
        for size in 1..600 {
            run_once(&op, size, 1).unwrap();
        }
        assert_eq!(count("fake_cuda_live_count"), 1 + 512);
        drop(op);
        assert_eq!(count("fake_cuda_live_bytes"), 0);
    });
}

/// Runs once where a call of the driver fails as `settings` say; the message must have all `words`.
fn fails(settings: &[(&str, &str)], words: &[&str]) {
    const TEST: &str = "emulated::every_failure_has_its_message";
    const WORDS: &str = "PREP_ONNX_CUDA_WORDS";
    let joined = words.join("|");
    let mut all = settings.to_vec();
    all.push((WORDS, &joined));
    with_fake_driver(TEST, &all, || {
        let op = prepared(&small());
        let error = run_once(&op, 20, 30).expect_err("a driver call fails");
        let text = format!("{error:?}");
        eprintln!("{text}");
        for word in std::env::var(WORDS).unwrap().split('|') {
            assert!(text.contains(word), "the message lacks {word:?}: {text}");
        }
        drop(op);
        assert!(std::env::var("FAKE_CUDA_FAIL").is_err() || count("fake_cuda_live_bytes") == 0);
    });
}

#[test]
fn every_failure_has_its_message() {
    let cases: [(&str, &[&str]); 15] = [
        (
            "cuInit:100",
            &["cuInit: failed with CUDA_ERROR_NO_DEVICE (100)", "nvidia-smi"],
        ),
        ("cuCtxGetCurrent:3", &["CUDA_ERROR_NOT_INITIALIZED"]),
        ("cuCtxGetId:201", &["CUDA_ERROR_INVALID_CONTEXT", "alive"]),
        ("cuModuleLoadData:209", &["CUDA_ERROR_NO_BINARY_FOR_GPU", "7.0"]),
        ("cuModuleLoadData:218", &["CUDA_ERROR_INVALID_PTX", "525"]),
        (
            "cuModuleLoadData:222",
            &["CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "update the NVIDIA driver"],
        ),
        (
            "cuModuleGetFunction:500",
            &["CUDA_ERROR_NOT_FOUND", "documentation"],
        ),
        (
            "cuMemAlloc:2",
            &[
                "cuMemAlloc: failed with CUDA_ERROR_OUT_OF_MEMORY (2)",
                "gpu_mem_limit",
            ],
        ),
        ("cuMemAlloc:2:4", &["CUDA_ERROR_OUT_OF_MEMORY"]),
        (
            "cuMemAlloc:900:2",
            &[
                "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
                "run once with the same image sizes",
            ],
        ),
        ("cuMemcpyHtoDAsync:1:1", &["CUDA_ERROR_INVALID_VALUE"]),
        (
            "cuStreamSynchronize:700",
            &["CUDA_ERROR_ILLEGAL_ADDRESS", "compute-sanitizer"],
        ),
        (
            "cuLaunchKernel:701",
            &["CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "CPU execution provider"],
        ),
        ("cuLaunchKernel:4711", &["an unknown error (4711)"]),
        ("cuMemcpyDtoHAsync:700", &["cuMemcpyDtoHAsync: failed with"]),
    ];
    if std::env::var_os("PREP_ONNX_CUDA_WORDS").is_some() {
        return fails(&[], &[]);
    }
    for (failure, words) in cases {
        fails(&[("FAKE_CUDA_FAIL", failure)], words);
    }
    fails(
        &[("FAKE_CUDA_VERSION", "11040")],
        &["too old", "driver 525 or newer", "got CUDA 11.4"],
    );
}

#[test]
fn status_tells_which_call_failed() {
    let settings = [("FAKE_CUDA_FAIL", "cuDeviceGetCount:100")];
    with_fake_driver("emulated::status_tells_which_call_failed", &settings, || {
        let error = cuda::status().expect_err("a driver call fails").to_string();
        assert!(
            error.contains("cuDeviceGetCount: failed with CUDA_ERROR_NO_DEVICE (100)"),
            "{error}"
        );
    });
}

#[test]
fn an_absent_driver_is_reported() {
    with_broken_driver("emulated::an_absent_driver_is_reported", || {
        let error = cuda::status().expect_err("the library is none");
        assert!(
            error.to_string().starts_with("libcuda.so.1: cannot be loaded: "),
            "{error}"
        );
        assert!(
            error
                .help()
                .is_some_and(|fix| fix.contains("install the NVIDIA driver")),
            "{error:?}"
        );
        assert_eq!(
            run_once(&prepared(&small()), 4, 4)
                .expect_err("no driver")
                .to_string(),
            error.to_string()
        );
    });
}

#[test]
fn shapes_are_checked_as_on_the_cpu() {
    with_fake_driver("emulated::shapes_are_checked_as_on_the_cpu", &[], || {
        let (layout, dtype) = small().output.or_usual();
        let cpu = prep_onnx_op::Preprocessor::new(small().plan(layout, dtype).unwrap()).unwrap();
        let gpu = prepared(&small());
        let shapes: [&[i64]; 5] = [
            &[1, 2, 2, 3],
            &[1, 3, 2, 2],
            &[2, 2, 3],
            &[-1, 2, 2, 3],
            &[1, 0, 2, 3],
        ];
        for shape in shapes {
            let images = Images::Batch {
                shape,
                image: &[0; 11],
            };
            let expected = cpu.output_shape(&images).expect_err("a wrong shape");
            assert_eq!(
                run(&gpu, &images).expect_err("a wrong shape").to_string(),
                expected.to_string()
            );
        }
        let none = Images::Batch {
            shape: &[0, 5, 5, 3],
            image: &[],
        };
        assert!(run(&gpu, &none).unwrap().is_empty());
        assert_eq!(count("fake_cuda_launches"), 0);
    });
}
