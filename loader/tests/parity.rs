//! Pixel parity with Pillow over the corpus that `make_corpus.py` writes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::collections::BTreeMap;

use common::{hex, json, read};
use prep_onnx_loader::decode::ScaleRule;
use prep_onnx_loader::{DecodeOptions, ErrorKind, Format, ImageReader, Limits, Scratch, decode};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What differs from Pillow's entry, in a few words, and the error of this crate. Nothing where pixels or errors
/// agree.
fn difference(bytes: &[u8], pillow: &Value, scratch: &mut Scratch) -> Option<(String, String)> {
    let ours = decode(bytes, &DecodeOptions::default(), scratch, Vec::new());
    match (ours, pillow.get("sha256")) {
        (Ok(image), Some(digest)) => {
            let same = hex(&Sha256::digest(&image.data)) == digest.as_str().unwrap()
                && pillow["height"] == image.height
                && pillow["width"] == image.width;
            (!same).then(|| ("other pixels".to_owned(), String::new()))
        }
        (Ok(_), None) => Some(("read here, refused by Pillow".to_owned(), String::new())),
        (Err(error), Some(_)) => Some((error.kind().to_string(), error.to_string())),
        (Err(_), None) => None,
    }
}

#[test]
fn every_file_equals_pillow_except_the_known_differences() {
    let manifest = json("manifest.json");
    let known: BTreeMap<String, Value> = serde_json::from_value(json("known_differences.json")).unwrap();
    let alone = manifest["files"].as_object().unwrap().iter();
    let alone = alone.map(|(name, pillow)| (name.clone(), read(name), pillow.clone()));
    let mut scratch = Scratch::default();
    let mut found = BTreeMap::new();
    let mut equal = 0;
    for (name, bytes, pillow) in alone.chain(common::matrix()) {
        if pillow.get("png").is_some() {
            continue;
        }
        match difference(&bytes, &pillow, &mut scratch) {
            Some((what, error)) => {
                found.insert(name, (what, error, pillow));
            }
            None => equal += 1,
        }
    }
    let found_short: BTreeMap<_, _> = found
        .iter()
        .map(|(name, (what, _, _))| (name.as_str(), what.as_str()))
        .collect();
    let known_short: BTreeMap<_, _> = known
        .iter()
        .map(|(name, entry)| (name.as_str(), entry["here"].as_str().unwrap()))
        .collect();
    let unexpected: Vec<_> = found
        .iter()
        .filter(|(name, (what, _, _))| known_short.get(name.as_str()) != Some(&what.as_str()))
        .collect();
    let settled: Vec<_> = known_short
        .keys()
        .filter(|name| !found_short.contains_key(*name))
        .collect();
    assert!(
        found_short == known_short,
        "{equal} files are equal; new differences: {unexpected:#?}; no longer different: {settled:#?}"
    );
    assert!(equal > 1300, "{equal}");
}

/// The largest distance of lossy WebP from libwebp, and the largest share of bytes that differ at all.
const LOSSY_WEBP_MAX: u8 = 0;

#[test]
fn lossy_webp_stays_within_the_stated_distance() {
    let manifest = json("manifest.json");
    let options = DecodeOptions::default();
    let mut scratch = Scratch::default();
    let mut compared = 0;
    for (name, entry) in manifest["files"].as_object().unwrap() {
        let Some(pixels) = entry.get("png").and_then(Value::as_str) else {
            continue;
        };
        let ours = decode(&read(name), &options, &mut scratch, Vec::new()).unwrap();
        let pillow = decode(&read(pixels), &options, &mut scratch, Vec::new()).unwrap();
        assert_eq!((ours.height, ours.width), (pillow.height, pillow.width), "{name}");
        let far = ours
            .data
            .iter()
            .zip(&pillow.data)
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(far <= Some(LOSSY_WEBP_MAX), "{name}: {far:?}");
        compared += 1;
    }
    assert!(compared >= 6, "{compared}");
}

#[test]
fn without_transposition_the_stored_pixels_come_out() {
    let upright = read("jpeg/orientation_1.jpg");
    let turned = read("jpeg/orientation_6.jpg");
    let stored = DecodeOptions::default().exif_transpose(false);
    let mut scratch = Scratch::default();
    let a = decode(&upright, &stored, &mut scratch, Vec::new()).unwrap();
    let b = decode(&turned, &stored, &mut scratch, Vec::new()).unwrap();
    assert_eq!(a, b);
    let c = decode(&turned, &DecodeOptions::default(), &mut scratch, Vec::new()).unwrap();
    assert_eq!((c.height, c.width), (b.width, b.height));
}

#[test]
fn the_format_is_found_by_content() {
    let bytes = read("jpeg/wrong_extension.png");
    let options = DecodeOptions::default();
    assert_eq!(
        ImageReader::open(&bytes, &options).unwrap().format(),
        Format::Jpeg
    );
}

#[test]
fn scaled_decode_never_goes_below_the_needed_size() {
    let bytes = read("jpeg/420_33x50.jpg");
    let mut scratch = Scratch::default();
    for need in [1usize, 4, 5, 7, 8, 9, 12, 13, 16, 17, 25, 26, 33, 40, 100] {
        let rule = ScaleRule::new(move |height, width| {
            let short = height.min(width);
            (height * need / short, width * need / short)
        });
        let options = DecodeOptions::default().scale(rule);
        let image = decode(&bytes, &options, &mut scratch, Vec::new()).unwrap();
        let (short, full) = (image.height.min(image.width), 33);
        assert!(
            short >= need.min(full),
            "{need}: {}x{}",
            image.height,
            image.width
        );
        if short < full {
            assert!(
                short.div_ceil(2) < need.max(1) || short == full.div_ceil(8),
                "{need}: {short} could be smaller"
            );
        }
    }
    // The rule sees upright sizes.
    let turned = read("jpeg/orientation_6.jpg");
    let rule = ScaleRule::new(|height, width| {
        assert_eq!((height, width), (20, 12));
        (5, 3)
    });
    let image = decode(
        &turned,
        &DecodeOptions::default().scale(rule),
        &mut scratch,
        Vec::new(),
    )
    .unwrap();
    assert_eq!((image.height, image.width), (5, 3));
}

#[test]
fn scaled_decode_equals_pillows_draft() {
    let mut scratch = Scratch::default();
    let mut differ = Vec::new();
    for (name, digests) in json("manifest.json")["draft"].as_object().unwrap() {
        for (denominator, digest) in digests.as_object().unwrap() {
            let by: usize = denominator.parse().unwrap();
            let rule = ScaleRule::new(move |height, width| (height.div_ceil(by), width.div_ceil(by)));
            let options = DecodeOptions::default().scale(rule);
            let image = decode(&read(name), &options, &mut scratch, Vec::new()).unwrap();
            if hex(&Sha256::digest(&image.data)) != digest.as_str().unwrap() {
                differ.push(format!("{name} 1/{by}"));
            }
        }
    }
    assert!(differ.is_empty(), "{differ:?}");
}

#[test]
fn limits_refuse_before_decoding() {
    let bytes = read("jpeg/420_33x50.jpg");
    let mut scratch = Scratch::default();
    for limits in [
        Limits::default().max_pixels(33 * 50 - 1),
        Limits::default().max_file_bytes(bytes.len() as u64 - 1),
        Limits::default().max_memory(33 * 50 * 3),
    ] {
        let options = DecodeOptions::default().limits(limits);
        let error = decode(&bytes, &options, &mut scratch, Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    }
    let exactly = DecodeOptions::default().limits(Limits::default().max_pixels(33 * 50));
    assert!(decode(&bytes, &exactly, &mut scratch, Vec::new()).is_ok());
}

#[test]
fn old_buffer_contents_do_not_shine_through() {
    let options = DecodeOptions::default();
    let mut scratch = Scratch::default();
    let mut dirty = vec![0xAB; 100_000];
    for (name, bytes) in common::files() {
        let clean = decode(&bytes, &options, &mut Scratch::default(), Vec::new());
        let reused = decode(&bytes, &options, &mut scratch, std::mem::take(&mut dirty));
        match (clean, reused) {
            (Ok(clean), Ok(reused)) => {
                assert_eq!(clean, reused, "{name}");
                dirty = reused.data;
            }
            (clean, reused) => assert_eq!(clean.err(), reused.err(), "{name}"),
        }
        dirty.resize(100_000, 0xAB);
        dirty.fill(0xAB);
    }
}
