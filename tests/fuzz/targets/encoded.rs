//! Any files in one call of the op for encoded images: each has the tensor and the status that it has alone.
//!
//! The first byte chooses the plan and the threads; each file follows its length, two bytes, little-endian.
#![no_main]

use std::num::NonZero;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ndarray::ArrayView3;
use prep_onnx_fuzz::{assert_same_bytes, filled, only_our_panics};
use prep_onnx_loader::{DecodeOptions, Decoded, ErrorKind, ImageReader, Limits, Scratch, decode};
use prep_onnx_op::{EncodedPreprocessor, Executor, Files, Sequential, Threads};
use prep_onnx_pipeline::{ImageStatus, Notation, OnBadImage, Pipeline, Result};

/// The op has the loader's usual limits, within which one image takes a second.
const MAX_PIXELS: u64 = 1 << 14;
const MAX_FILES: usize = 4;

const PIPELINES: [&str; 5] = [
    r#"{"steps": [{"step": "resize", "size": {"exact": [7, 9]}, "filter": "bilinear"},
        {"step": "rescale", "divisor": 255}]}"#,
    r#"{"steps": [{"step": "resize", "size": {"shortest_edge": 12}, "filter": "bicubic", "resampler": "torchvision"},
        {"step": "center_crop", "size": [10, 8], "offset": "huggingface"},
        {"step": "rescale_normalize", "factor": 0.00392156862745098, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}],
        "output": {"layout": "nhwc", "dtype": "float16"}}"#,
    r#"{"steps": [{"step": "center_crop", "size": [16, 13]}], "output": {"dtype": "uint8"}}"#,
    r#"{"steps": [{"step": "resize", "size": {"cover": [24, 17]}, "filter": "lanczos"},
        {"step": "center_crop", "size": [3, 17]}, {"step": "channel_order", "order": "bgr"}],
        "output": {"dtype": "uint8", "layout": "nhwc"}}"#,
    r#"{"steps": [{"step": "resize", "size": {"longest_edge": 20}, "filter": "nearest", "resampler": "pillow12"},
        {"step": "center_crop", "size": [20, 20], "offset": "huggingface_pil"}]}"#,
];

struct Op {
    pipeline: Pipeline,
    zero: EncodedPreprocessor,
    fail: EncodedPreprocessor,
}

static OPS: LazyLock<Vec<Op>> = LazyLock::new(|| {
    let op = |text: &&str| {
        let pipeline = Pipeline::parse(text, Notation::Json).unwrap();
        let (layout, dtype) = pipeline.output.or_usual();
        let plan = pipeline.plan(layout, dtype).unwrap();
        let with = |on_bad_image| EncodedPreprocessor::new(plan.clone(), on_bad_image).unwrap();
        Op {
            zero: with(OnBadImage::Zero),
            fail: with(OnBadImage::Fail),
            pipeline,
        }
    };
    PIPELINES.iter().map(op).collect()
});

fuzz_target!(init: only_our_panics(), |bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let op = &OPS[usize::from(*choice) % OPS.len()];
    let threads = Threads(NonZero::<usize>::MIN.saturating_add(1));
    let executor: &dyn Executor = if *choice < 0x80 { &Sequential } else { &threads };
    hostile_lengths(op, rest);
    let files = split(rest);
    let images: Option<Vec<_>> = files.iter().map(|file| decoded(file)).collect();
    let Some(images) = images else {
        return;
    };

    let (output, statuses) = run(&op.zero, &files, executor).unwrap();
    let mut places = output.chunks_exact(output.len().checked_div(files.len()).unwrap_or(1).max(1));
    for ((file, image), status) in files.iter().zip(images).zip(&statuses) {
        let place = places.next().unwrap();
        let (alone, alone_status) = run(&op.zero, &[file], &Sequential).unwrap();
        assert_eq!(*status, alone_status[0]);
        assert_same_bytes(place, &alone, || format!("in a batch and alone, status {status}"));
        let (expected, expected_status) = meaning(&op.pipeline, file, image);
        assert_eq!(*status, expected_status.code());
        match expected {
            Some(expected) => assert_same_bytes(place, &expected, || "the op and the reference".to_owned()),
            None => assert!(place.iter().all(|byte| *byte == 0)),
        }
    }
    match (run(&op.fail, &files, executor), statuses.iter().position(|status| *status != 0)) {
        (Ok((all, _)), None) => assert_same_bytes(&all, &output, || "fail and zero".to_owned()),
        (Err(error), Some(first)) => {
            let subject = format!("bytes[{first}]");
            assert!(error.to_string().starts_with(&subject), "{subject}: {error}");
        }
        (result, first) => panic!("{:?}, the first bad image: {first:?}", result.map(|_| ())),
    }
});

fn split(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut files = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk()
        && files.len() < MAX_FILES
    {
        let length = usize::from(u16::from_le_bytes(*length)).min(after.len());
        let (file, others) = after.split_at(length);
        files.push(file);
        rest = others;
    }
    files
}

/// What the loader makes of a file; `None` where that is too large to try.
fn decoded(file: &[u8]) -> Option<std::result::Result<Decoded, prep_onnx_loader::ImageError>> {
    let small = DecodeOptions::default().limits(Limits::default().max_pixels(MAX_PIXELS).max_memory(8 << 20));
    let image = decode(file, &small, &mut Scratch::default(), Vec::new());
    match &image {
        Err(error) if error.kind() == ErrorKind::Limit => None,
        _ => Some(image),
    }
}

/// The tensor of an image by the scalar reference, or why there is none.
fn meaning(
    pipeline: &Pipeline,
    file: &[u8],
    image: std::result::Result<Decoded, prep_onnx_loader::ImageError>,
) -> (Option<Vec<u8>>, ImageStatus) {
    let (layout, dtype) = pipeline.output.or_usual();
    match image {
        Ok(image) => {
            let pixels = ArrayView3::from_shape((image.height, image.width, 3), &image.data).unwrap();
            match pipeline.reference(pixels, layout, dtype) {
                Ok(tensor) => (Some(tensor.to_le_bytes()), ImageStatus::Good),
                Err(_) => (None, ImageStatus::Size),
            }
        }
        // The size is known, and looked at, before the pixels are.
        Err(error) => match ImageReader::open(file, &DecodeOptions::default()) {
            Ok(reader) if no_size(pipeline, reader.height(), reader.width()) => (None, ImageStatus::Size),
            _ => (None, error.kind().status()),
        },
    }
}

fn no_size(pipeline: &Pipeline, height: usize, width: usize) -> bool {
    let (layout, dtype) = pipeline.output.or_usual();
    pipeline
        .plan(layout, dtype)
        .unwrap()
        .geometry(height, width)
        .is_err()
}

fn run(op: &EncodedPreprocessor, files: &[&[u8]], executor: &dyn Executor) -> Result<(Vec<u8>, Vec<i64>)> {
    let bytes = files.concat();
    let lengths: Vec<i64> = files.iter().map(|file| file.len() as i64).collect();
    let files = Files {
        bytes_shape: &[bytes.len() as i64],
        bytes: &bytes,
        lengths_shape: &[lengths.len() as i64],
        lengths: &lengths,
    };
    let length = op.output_shape(&files)?.extents.iter().product();
    let mut statuses = vec![-1; lengths.len()];
    let output = filled(op.plan().dtype, length, |output| {
        op.run(&files, output, Some(&mut statuses), executor)
    })?;
    Ok((output, statuses))
}

/// Lengths that fit the bytes are those of their sum; all others are refused.
fn hostile_lengths(op: &Op, bytes: &[u8]) {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let lengths: Vec<i64> = chunks
        .iter()
        .take(5)
        .map(|chunk| i64::from_le_bytes(*chunk))
        .collect();
    let files = Files {
        bytes_shape: &[rest.len() as i64],
        bytes: rest,
        lengths_shape: &[lengths.len() as i64],
        lengths: &lengths,
    };
    let sum: i128 = lengths.iter().map(|length| i128::from(*length)).sum();
    let fits = lengths.iter().all(|length| *length >= 0) && sum == rest.len() as i128;
    assert_eq!(
        op.zero.output_shape(&files).is_ok(),
        fits,
        "{lengths:?} of {}",
        rest.len()
    );
}
