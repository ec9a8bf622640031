//! The op for encoded images: the loader's pixels through the scalar reference, and damaged files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::num::NonZero;
use std::path::Path;

use common::{Random, cases, pipeline, reference};
use ndarray::Array3;
use prep_onnx_loader::{DecodeOptions, Scratch, decode};
use prep_onnx_op::{EncodedPreprocessor, Executor, Files, OutputMut, Sequential, Threads};
use prep_onnx_pipeline::{Elements, ImageStatus, OnBadImage, Pipeline, Result, Tensor};

fn corpus() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../loader/tests/corpus");
    let mut files = Vec::new();
    for folder in ["jpeg", "png", "webp", "gif", "bmp", "tiff", "other"] {
        let mut paths: Vec<_> = std::fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        files.extend(paths.iter().map(|path| std::fs::read(path).unwrap()));
    }
    assert!(files.len() > 150, "{}", files.len());
    files
}

fn decoded(file: &[u8]) -> Option<Array3<u8>> {
    let image = decode(
        file,
        &DecodeOptions::default(),
        &mut Scratch::default(),
        Vec::new(),
    )
    .ok()?;
    Some(Array3::from_shape_vec((image.height, image.width, 3), image.data).unwrap())
}

fn op(value: &serde_json::Value, on_bad_image: OnBadImage) -> (Pipeline, EncodedPreprocessor) {
    let pipeline = Pipeline::from_value(value.clone()).unwrap();
    let (layout, dtype) = pipeline.output.or_usual();
    let plan = pipeline.plan(layout, dtype).unwrap();
    let op = EncodedPreprocessor::new(plan, on_bad_image).unwrap();
    (pipeline, op)
}

/// Runs files and gives the bytes of the output and the statuses.
fn run(op: &EncodedPreprocessor, files: &[&[u8]], executor: &dyn Executor) -> Result<(Vec<u8>, Vec<i64>)> {
    let bytes = files.concat();
    let lengths: Vec<i64> = files.iter().map(|file| file.len() as i64).collect();
    let files = Files {
        bytes_shape: &[bytes.len() as i64],
        bytes: &bytes,
        lengths_shape: &[lengths.len() as i64],
        lengths: &lengths,
    };
    let shape = op.output_shape(&files)?;
    let mut statuses = vec![-1; lengths.len()];
    let length = shape.extents.iter().product();
    let elements = match op.plan().dtype {
        prep_onnx_pipeline::Dtype::Float32 => {
            let mut values = vec![f32::NAN; length];
            op.run(
                &files,
                OutputMut::Float32(&mut values),
                Some(&mut statuses),
                executor,
            )?;
            Elements::Float32(values)
        }
        prep_onnx_pipeline::Dtype::Float16 => {
            let mut values = vec![half::f16::NAN; length];
            op.run(
                &files,
                OutputMut::Float16(&mut values),
                Some(&mut statuses),
                executor,
            )?;
            Elements::Float16(values)
        }
        prep_onnx_pipeline::Dtype::Uint8 => {
            let mut values = vec![0xa5; length];
            op.run(
                &files,
                OutputMut::Uint8(&mut values),
                Some(&mut statuses),
                executor,
            )?;
            Elements::Uint8(values)
        }
    };
    let bytes = Tensor {
        shape: Vec::new(),
        elements,
    }
    .to_le_bytes();
    Ok((bytes, statuses))
}

fn executors() -> [&'static dyn Executor; 2] {
    const THREE: Threads = Threads(NonZero::new(3).unwrap());
    [&Sequential, &THREE]
}

#[test]
fn the_corpus_gives_the_bits_of_the_reference() {
    let files = corpus();
    let images: Vec<_> = files.iter().map(|file| decoded(file)).collect();
    let mut compared = 0;
    for seed in 0..cases(12) as u64 {
        let mut random = Random(seed);
        let (pipeline, op) = op(&pipeline(&mut random, true, 80), OnBadImage::Zero);
        let mut expected = Vec::new();
        let mut good = Vec::new();
        for image in &images {
            let tensor = image
                .as_ref()
                .and_then(|image| reference(&pipeline, std::slice::from_ref(image)));
            good.push(tensor.is_some());
            expected.push(tensor);
        }
        let size = expected.iter().flatten().next().unwrap().len();
        for executor in executors() {
            let whole: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
            let (bytes, statuses) = run(&op, &whole, executor).unwrap();
            for (index, tensor) in bytes.chunks_exact(size).enumerate() {
                match &expected[index] {
                    Some(expected) => assert!(tensor == expected, "seed {seed}, file {index}"),
                    None => assert!(
                        tensor.iter().all(|byte| *byte == 0),
                        "seed {seed}, file {index} is not zero"
                    ),
                }
                assert_eq!(statuses[index] == 0, good[index], "seed {seed}, file {index}");
                compared += 1;
            }
        }
    }
    eprintln!("{compared} tensors compared, 0 differing bits");
}

const CROPPED: &str = r#"{"steps": [
    {"step": "resize", "size": {"shortest_edge": 40}, "filter": "bilinear"},
    {"step": "center_crop", "size": [32, 32]},
    {"step": "rescale", "divisor": 255}
]}"#;

fn cropped(on_bad_image: OnBadImage) -> EncodedPreprocessor {
    op(&serde_json::from_str(CROPPED).unwrap(), on_bad_image).1
}

fn jpeg(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../loader/tests/corpus/jpeg");
    std::fs::read(root.join(name)).unwrap()
}

#[test]
fn a_bad_image_fails_the_run_with_its_index_or_leaves_zeros_and_a_status() {
    let (good, early, empty) = (jpeg("420_33x50.jpg"), jpeg("truncated.jpg"), Vec::new());
    let files: [&[u8]; 6] = [&good, &good, b"text", &early, &good, &empty];
    for executor in executors() {
        let error = run(&cropped(OnBadImage::Fail), &files, executor).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("bytes[2]: the first bytes are those of no image format: expected"),
            "{error}"
        );
        let error = run(&cropped(OnBadImage::Fail), &files[3..], executor).unwrap_err();
        assert_eq!(error.to_string(), "bytes[0]: the JPEG data end early");
        let error = run(&cropped(OnBadImage::Fail), &files[4..], executor).unwrap_err();
        assert_eq!(error.to_string(), "bytes[1]: the file is empty");
        let (bytes, statuses) = run(&cropped(OnBadImage::Zero), &files, executor).unwrap();
        let expected = [
            ImageStatus::Good,
            ImageStatus::Good,
            ImageStatus::NotAnImage,
            ImageStatus::Truncated,
            ImageStatus::Good,
            ImageStatus::NotAnImage,
        ];
        assert_eq!(statuses, expected.map(ImageStatus::code));
        let tensors: Vec<_> = bytes.chunks_exact(3 * 32 * 32 * 4).collect();
        assert_eq!(tensors[0], tensors[4]);
        assert!(tensors[0].iter().any(|byte| *byte != 0));
        for bad in [2, 3, 5] {
            assert!(tensors[bad].iter().all(|byte| *byte == 0));
        }
    }
}

#[test]
fn an_image_that_the_pipeline_makes_nothing_of_has_a_status_of_its_own() {
    let pipeline = serde_json::json!({"steps": [
        {"step": "resize", "size": {"shortest_edge": 65535}, "filter": "bilinear"},
        {"step": "center_crop", "size": [8, 8]},
    ]});
    let file = jpeg("420_33x50.jpg");
    let (bytes, statuses) = run(&op(&pipeline, OnBadImage::Zero).1, &[&file], &Sequential).unwrap();
    assert_eq!(statuses, [ImageStatus::Size.code()]);
    assert!(bytes.iter().all(|byte| *byte == 0));
    let error = run(&op(&pipeline, OnBadImage::Fail).1, &[&file], &Sequential).unwrap_err();
    assert!(error.to_string().starts_with("bytes[0]"), "{error}");
}

#[test]
fn lengths_must_fit_the_bytes() {
    let op = cropped(OnBadImage::Zero);
    let message = |bytes_shape: &[i64], bytes: &[u8], lengths_shape: &[i64], lengths: &[i64]| {
        let files = Files {
            bytes_shape,
            bytes,
            lengths_shape,
            lengths,
        };
        op.output_shape(&files).unwrap_err().to_string()
    };
    let ten = [0; 10];
    assert_eq!(
        message(&[10], &ten, &[2], &[4, -1]),
        "lengths[1]: is negative: expected 0 or more bytes, got -1"
    );
    assert_eq!(
        message(&[10], &ten, &[2], &[4, 5]),
        "bytes: is not as long as the files of `lengths` together: expected 9 bytes, got 10"
    );
    assert_eq!(
        message(&[10], &ten, &[3], &[4, 7, i64::MAX]),
        "bytes: is not as long as the files of `lengths` together: expected at least 11 bytes, for lengths[0..=1], got 10"
    );
    assert_eq!(
        message(&[10], &ten, &[1, 1], &[10]),
        "lengths: has another rank: expected a shape of [N]: the bytes of each file, got [1, 1]"
    );
    assert_eq!(
        message(&[2, 5], &ten, &[1], &[10]),
        "bytes: has another rank: expected a shape of [total], got [2, 5]"
    );
    let none = Files {
        bytes_shape: &[0],
        bytes: &[],
        lengths_shape: &[0],
        lengths: &[],
    };
    assert_eq!(op.output_shape(&none).unwrap().extents, [0, 3, 32, 32]);
    op.run(&none, OutputMut::Float32(&mut []), Some(&mut []), &Sequential)
        .unwrap();
}

#[test]
fn the_size_of_the_output_must_not_depend_on_the_image() {
    let pipeline = serde_json::json!({"steps": [
        {"step": "resize", "size": {"shortest_edge": 40}, "filter": "bilinear"},
    ]});
    let pipeline = Pipeline::from_value(pipeline).unwrap();
    let (layout, dtype) = pipeline.output.or_usual();
    let plan = pipeline.plan(layout, dtype).unwrap();
    let error = EncodedPreprocessor::new(plan, OnBadImage::Fail).err().unwrap();
    assert_eq!(
        error.to_string(),
        "plan: the size of the output depends on the image"
    );
}

#[test]
fn damaged_files_harm_no_other_image() {
    let op = cropped(OnBadImage::Zero);
    let good = jpeg("420_33x50.jpg");
    let (expected, _) = run(&op, &[&good], &Sequential).unwrap();
    let mut random = Random(77);
    let (mut bad, mut read) = (0, 0);
    for file in corpus() {
        let damaged: Vec<Vec<u8>> = (0..cases(6)).map(|_| damage(&file, &mut random)).collect();
        let mut files: Vec<&[u8]> = damaged.iter().map(Vec::as_slice).collect();
        files.push(&good);
        let (bytes, statuses) = run(&op, &files, executors()[1]).unwrap();
        let tensors: Vec<_> = bytes.chunks_exact(expected.len()).collect();
        for (index, file) in damaged.iter().enumerate() {
            let readable = decoded(file).is_some();
            assert_eq!(statuses[index] == 0, readable);
            match readable {
                true => read += 1,
                false => bad += 1,
            }
        }
        assert!(tensors.last().is_some_and(|last| *last == expected));
    }
    eprintln!("{read} damaged files were read, {bad} refused");
    assert!(read > 50 && bad > 50);
}

/// One large file with restart markers is decoded on the threads of the host, whole or in part, turned or damaged, and has the
/// bits of one thread.
#[test]
fn one_large_file_has_the_bits_of_one_thread_on_several() {
    let file = jpeg("420_large_restart_rows.jpg");
    let mut random = Random(31);
    let mut refused = 0;
    for seed in 0..cases(20) as u64 {
        let (_, op) = op(&pipeline(&mut Random(seed), true, 80), OnBadImage::Zero);
        let mut file = file.clone();
        if seed % 2 == 1 {
            file = damage(&file, &mut random);
        }
        let alone = run(&op, &[&file], &Sequential).unwrap();
        let together = run(&op, &[&file], executors()[1]).unwrap();
        refused += usize::from(alone.1[0] != 0);
        assert!(alone == together, "seed {seed}: {:?}, {:?}", alone.1, together.1);
    }
    assert!(refused < cases(20));
}

fn damage(file: &[u8], random: &mut Random) -> Vec<u8> {
    let mut file = file.to_vec();
    if file.is_empty() {
        return file;
    }
    let at = random.below(file.len());
    match random.below(3) {
        0 => file.truncate(at),
        1 => file[at] ^= 1 << random.below(8),
        _ => {
            let header = random.below(file.len().min(96));
            file[header] = *random.pick(&[0, 0x7F, 0x80, 0xFF]);
        }
    }
    file
}
