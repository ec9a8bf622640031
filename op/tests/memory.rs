//! What a call allocates: little for thin images, and where it gets nothing it fails, not the process.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::cell::Cell;

use ndarray::Array3;
use prep_onnx_op::{EncodedPreprocessor, Files, Images, OutputMut, Preprocessor, Sequential, SimdLevel};
use prep_onnx_pipeline::{Dtype, Elements, ImageStatus, Layout, OnBadImage, Pipeline};
use serde_json::json;

/// The system's allocator, with the bytes of each thread counted and its larger allocations refused.
struct Limited;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST_HELD: Cell<usize> = const { Cell::new(0) };
    /// Larger allocations fail.
    static LARGEST: Cell<usize> = const { Cell::new(usize::MAX) };
}

// SAFETY: every call is passed on to the system's allocator unchanged, or fails as allocators may.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Memory) -> *mut u8 {
        if layout.size() > LARGEST.get() {
            return std::ptr::null_mut();
        }
        HELD.set(HELD.get().wrapping_add(layout.size()));
        // What another thread allocated is dropped here: the count may wrap around below 0.
        if HELD.get() < usize::MAX / 2 {
            MOST_HELD.set(MOST_HELD.get().max(HELD.get()));
        }
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Memory) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

/// The most bytes that `run` holds on this thread beyond those that are held before it.
fn most_held<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = HELD.get();
    MOST_HELD.set(before);
    let result = run();
    (MOST_HELD.get() - before, result)
}

/// `run` while allocations of more than `largest` bytes fail on this thread.
fn limited<T>(largest: usize, run: impl FnOnce() -> T) -> T {
    LARGEST.set(largest);
    let result = run();
    LARGEST.set(usize::MAX);
    result
}

fn pipeline(resampler: &str, filter: &str, edge: usize, crop: usize) -> Pipeline {
    Pipeline::from_value(json!({"steps": [
        {"step": "resize", "size": {"shortest_edge": edge}, "filter": filter, "resampler": resampler},
        {"step": "center_crop", "size": [crop, crop]},
        {"step": "rescale", "divisor": 255},
    ]}))
    .unwrap()
}

fn picture(height: usize, width: usize) -> Array3<u8> {
    Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
        (row * 7 + column * 13 + channel * 50) as u8
    })
}

/// Of millions of resized columns only those of the crop are weighed, once, in every level and in the reference.
#[test]
fn thin_images_take_the_memory_of_their_crop() {
    const MOST: usize = 8 << 20;
    for (resampler, filter) in [
        ("pillow", "bilinear"),
        ("pillow12", "bicubic"),
        ("torchvision", "bilinear"),
        ("torchvision", "bicubic"),
        ("torchvision", "lanczos"),
        ("pillow", "nearest"),
        ("torchvision", "nearest"),
    ] {
        let pipeline = pipeline(resampler, filter, 256, 224);
        let plan = pipeline.plan(Layout::Nchw, Dtype::Float32).unwrap();
        for (height, width) in [(1, 60_001), (60_001, 1), (2, 59_999)] {
            let image = picture(height, width);
            let (held, expected) =
                most_held(|| pipeline.reference(image.view(), Layout::Nchw, Dtype::Float32));
            // Horizontally first, Pillow resizes every row of a tall image.
            let rows = if height > width { height * 224 * 3 } else { 0 };
            assert!(held < MOST + rows, "{resampler} {filter} reference: {held} bytes");
            let Elements::Float32(expected) = expected.unwrap().elements else {
                unreachable!("float32 was asked for");
            };
            let shape = [1, height as i64, width as i64, 3];
            let images = Images::Batch {
                shape: &shape,
                image: image.as_slice().unwrap(),
            };
            for level in SimdLevel::ALL.into_iter().filter(|level| level.is_available()) {
                let op = Preprocessor::with_level(plan.clone(), level).unwrap();
                let mut output = vec![0.0; 3 * 224 * 224];
                let (held, result) =
                    most_held(|| op.run(&images, OutputMut::Float32(&mut output), &Sequential));
                result.unwrap();
                assert!(
                    output == expected,
                    "{resampler} {filter} {level} {height} x {width}"
                );
                assert!(
                    held < MOST,
                    "{resampler} {filter} {level} {height} x {width}: {held} bytes"
                );
            }
        }
    }
}

#[test]
fn a_call_without_memory_fails_and_the_next_one_runs() {
    for (resampler, filter) in [
        ("pillow", "bilinear"),
        ("torchvision", "lanczos"),
        ("pillow", "nearest"),
    ] {
        for (height, width) in [(700, 900), (4000, 90), (90, 4000)] {
            let pipeline = pipeline(resampler, filter, 300, 256);
            let plan = pipeline.plan(Layout::Nchw, Dtype::Float32).unwrap();
            let image = picture(height, width);
            let expected = pipeline
                .reference(image.view(), Layout::Nchw, Dtype::Float32)
                .unwrap();
            let Elements::Float32(expected) = expected.elements else {
                unreachable!("float32 was asked for");
            };
            let shape = [1, height as i64, width as i64, 3];
            let images = Images::Batch {
                shape: &shape,
                image: image.as_slice().unwrap(),
            };
            for level in SimdLevel::ALL.into_iter().filter(|level| level.is_available()) {
                let mut failures = 0;
                for largest in (10..24).map(|bits| 1_usize << bits).chain([usize::MAX]) {
                    let op = Preprocessor::with_level(plan.clone(), level).unwrap();
                    let mut output = vec![0.0; 3 * 256 * 256];
                    let result = limited(largest, || {
                        op.run(&images, OutputMut::Float32(&mut output), &Sequential)
                    });
                    if let Err(error) = result {
                        failures += 1;
                        assert!(error.to_string().contains("memory: is not enough"), "{error}");
                        assert!(largest < usize::MAX, "{error}");
                        op.run(&images, OutputMut::Float32(&mut output), &Sequential)
                            .unwrap();
                    }
                    assert!(output == expected, "{resampler} {filter} {level} {largest}");
                }
                assert!(failures > 0, "{resampler} {filter} {level}");
            }
        }
    }
}

/// A file of uncompressed pixels.
fn bmp(height: u32, width: u32) -> Vec<u8> {
    let bytes = height * width * 4;
    let mut file = b"BM".to_vec();
    for number in [54 + bytes, 0, 54, 40, width, height] {
        file.extend(number.to_le_bytes());
    }
    file.extend([1, 0, 32, 0]);
    for number in [0, bytes, 0, 0, 0, 0] {
        file.extend(number.to_le_bytes());
    }
    file.extend((0..bytes).map(|at| at as u8));
    file
}

/// One image that there is no memory for is a bad image, and does not take the batch along.
#[test]
fn an_encoded_image_without_memory_is_a_bad_image() {
    let pipeline = Pipeline::from_value(json!({"steps": [
        {"step": "resize", "size": {"exact": [32, 32]}, "filter": "bilinear"},
    ]}))
    .unwrap();
    let plan = pipeline.plan(Layout::Nchw, Dtype::Uint8).unwrap();
    let files = [bmp(40, 50), bmp(700, 800), bmp(30, 20)];
    let bytes = files.concat();
    let lengths: Vec<i64> = files.iter().map(|file| file.len() as i64).collect();
    let files = Files {
        bytes_shape: &[bytes.len() as i64],
        bytes: &bytes,
        lengths_shape: &[3],
        lengths: &lengths,
    };
    let size = 3 * 32 * 32;
    let mut expected = vec![0; 3 * size];
    let zero = || EncodedPreprocessor::new(plan.clone(), OnBadImage::Zero).unwrap();
    let mut status = [0; 3];
    zero()
        .run(
            &files,
            OutputMut::Uint8(&mut expected),
            Some(&mut status),
            &Sequential,
        )
        .unwrap();
    assert_eq!(status, [0; 3]);
    expected[size..2 * size].fill(0);

    let op = zero();
    let mut output = vec![9; 3 * size];
    limited(1 << 20, || {
        op.run(
            &files,
            OutputMut::Uint8(&mut output),
            Some(&mut status),
            &Sequential,
        )
    })
    .unwrap();
    assert_eq!(status, [0, ImageStatus::Limit.code(), 0]);
    assert!(output == expected);

    let op = EncodedPreprocessor::new(plan, OnBadImage::Fail).unwrap();
    let error = limited(1 << 20, || {
        op.run(&files, OutputMut::Uint8(&mut output), None, &Sequential)
    })
    .unwrap_err();
    assert!(error.to_string().contains("bytes[1]"), "{error}");
}
