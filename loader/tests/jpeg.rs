//! JPEGs of rare structure and damaged ones, as `make_jpeg_matrix.py` writes them: Pillow's pixels, or
//! Pillow's refusal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::collections::BTreeMap;

use common::{Random, hex, json, mutated, read};
use prep_onnx_loader::decode::ScaleRule;
use prep_onnx_loader::{DecodeOptions, Decoded, ErrorKind, ImageReader, Limits, Scratch, Window, decode};
use serde_json::Value;
use sha2::{Digest, Sha256};

const FOLDER: &str = "jpeg_odd";

/// What this build reads: the plain decoder has no lossless coding.
fn manifest() -> BTreeMap<String, Value> {
    let mut files: BTreeMap<String, Value> =
        serde_json::from_value(json(&format!("{FOLDER}/manifest.json"))).unwrap();
    let lossless = cfg!(any(feature = "rust-jpeg", feature = "c-jpeg"));
    files.retain(|name, _| lossless || !name.starts_with("lossless"));
    files
}

fn bytes(name: &str) -> Vec<u8> {
    read(&format!("{FOLDER}/{name}"))
}

fn whole(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded, prep_onnx_loader::ImageError> {
    decode(bytes, options, &mut Scratch::default(), Vec::new())
}

/// Files that Pillow refuses for what comes after the last pixel, or for a limit of its own, and that are
/// read here.
const READ_HERE: [&str; 0] = [];

#[test]
fn the_pixels_and_the_refusals_are_pillows() {
    let (mut equal, mut refused, mut wrong) = (0, 0, Vec::new());
    for (name, pillow) in manifest() {
        match (
            whole(&bytes(&name), &DecodeOptions::default()),
            pillow.get("sha256"),
        ) {
            (Ok(image), Some(digest)) => {
                let same = hex(&Sha256::digest(&image.data)) == digest.as_str().unwrap()
                    && pillow["height"] == image.height
                    && pillow["width"] == image.width;
                if same {
                    equal += 1;
                } else {
                    wrong.push(format!("{name}: other pixels"));
                }
            }
            (Err(error), Some(_)) => wrong.push(format!("{name}: {error}")),
            (Ok(_), None) if READ_HERE.contains(&name.as_str()) => {}
            (Ok(_), None) => wrong.push(format!("{name}: Pillow refuses it: {}", pillow["error"])),
            (Err(error), None) => {
                assert_ne!(error.kind(), ErrorKind::Internal, "{name}: {error}");
                refused += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(equal > 60 && refused > 15, "{equal} equal, {refused} refused");
}

#[test]
fn scaled_decodes_are_pillows_drafts() {
    let (mut compared, mut differ) = (0, Vec::new());
    for (name, pillow) in manifest() {
        for (denominator, digest) in pillow
            .get("draft")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let by: usize = denominator.parse().unwrap();
            let rule = ScaleRule::new(move |height, width| (height.div_ceil(by), width.div_ceil(by)));
            let image = whole(&bytes(&name), &DecodeOptions::default().scale(rule)).unwrap();
            compared += 1;
            if hex(&Sha256::digest(&image.data)) != digest.as_str().unwrap() {
                differ.push(format!("{name} 1/{by}: {}x{}", image.height, image.width));
            }
        }
    }
    assert!(differ.is_empty(), "{differ:#?} of {compared}");
    assert!(compared > 200, "{compared}");
}

#[test]
fn windows_have_the_pixels_of_the_whole_image() {
    let mut random = Random(21);
    let mut compared = 0;
    let options = DecodeOptions::default().limits(Limits::default().max_pixels(1 << 20));
    for (name, _) in manifest() {
        for round in 0..12 {
            let mut bytes = bytes(&name);
            if round >= 4 {
                bytes = mutated(&bytes, round, &mut random);
            }
            let reader = ImageReader::open(&bytes, &options);
            let part = reader.and_then(|reader| {
                let mut range = |end: usize| {
                    let start = random.below(end + 1);
                    start..start + random.below(end - start + 1)
                };
                let window = Window {
                    rows: range(reader.height()),
                    columns: range(reader.width()),
                };
                let mut out = vec![0xA5; window.byte_len()];
                reader.read_window_into(&window, &mut out, &mut Scratch::default())?;
                Ok((window, out))
            });
            match (whole(&bytes, &options), part) {
                (Ok(whole), Ok((window, part))) => {
                    let rows = whole.data.chunks_exact(whole.width * 3);
                    let columns = window.columns.start * 3..window.columns.end * 3;
                    let expected: Vec<u8> = rows
                        .skip(window.rows.start)
                        .take(window.rows.len())
                        .flat_map(|row| row[columns.clone()].to_vec())
                        .collect();
                    assert_eq!(part, expected, "{name} round {round}: {window:?}");
                    compared += 1;
                }
                (Err(whole), Err(part)) => assert_eq!(whole, part, "{name} round {round}"),
                (whole, part) => panic!("{name} round {round}: {:?} {:?}", whole.err(), part.err()),
            }
        }
    }
    assert!(compared > 300, "{compared}");
}

/// libjpeg converts no colours of lossless files, so that Pillow reads none that are not as they are stored.
#[test]
fn lossless_files_of_other_colours_are_refused_by_name() {
    let error = whole(&bytes("lossless_ycc.jpg"), &DecodeOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "lossless JPEG in YCbCr");
}

/// Limits hold in the plain decoder as well, and it is never slow.
#[test]
fn scans_without_end_are_refused_in_time() {
    let data = bytes("unfinished_ylow_9_30_cut.jpg");
    let last = data.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let mut many = data[..data.len() - 2].to_vec();
    for _ in 0..5000 {
        many.extend_from_slice(&data[last..data.len() - 2]);
    }
    many.extend_from_slice(&[0xFF, 0xD9]);
    let started = std::time::Instant::now();
    let error = whole(&many, &DecodeOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(started.elapsed() < std::time::Duration::from_secs(2));
}

/// Arithmetic coding changes the bytes, not the pixels. Pillow cannot write it, so an encoder in Rust does.
#[cfg(feature = "rust-jpeg")]
#[test]
fn arithmetic_coding_has_the_pixels_of_huffman_coding() {
    use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling};

    let (height, width) = (53, 67);
    let mut random = Random(31);
    let pixels: Vec<u8> = (0..height * width * 3)
        .map(|i| (i / 3 % width * 3 + i / 3 / width + random.below(24)) as u8)
        .collect();
    for subsampling in [Subsampling::S444, Subsampling::S422, Subsampling::S420] {
        for (progressive, restart) in [(false, 0), (true, 0), (false, 3)] {
            let coded = |arithmetic| {
                let mut encoder = Encoder::new(&pixels, width, height, PixelFormat::Rgb)
                    .quality(80)
                    .subsampling(subsampling)
                    .arithmetic(arithmetic)
                    .progressive(progressive);
                if restart > 0 {
                    encoder = encoder.restart_blocks(restart);
                }
                encoder.encode().unwrap()
            };
            let [huffman, arithmetic] = [false, true].map(coded);
            assert!(
                arithmetic
                    .windows(2)
                    .any(|pair| matches!(pair, [0xFF, 0xC9 | 0xCA]))
            );
            let options = DecodeOptions::default();
            let expected = whole(&huffman, &options).unwrap();
            let found = whole(&arithmetic, &options).unwrap();
            assert_eq!(
                expected, found,
                "{subsampling:?} progressive {progressive} restart {restart}"
            );
            // Cut off and ended, it still has all its pixels.
            let mut cut = arithmetic[..arithmetic.len() * 2 / 3].to_vec();
            cut.extend([0xFF, 0xD9]);
            assert_eq!(whole(&cut, &options).unwrap().data.len(), expected.data.len());
        }
    }
}
