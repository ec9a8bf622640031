//! Any bytes as an image: decoded whole, in part and scaled, within small limits.
//!
//! The file is all of the bytes; the last four also say which part is wanted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prep_onnx_fuzz::{assert_same_bytes, only_our_panics};
use prep_onnx_loader::decode::ScaleRule;
use prep_onnx_loader::{
    DecodeOptions, Decoded, ErrorKind, ImageError, ImageReader, Limits, Scratch, Window, decode,
};

const MAX_PIXELS: u64 = 1 << 15;

fuzz_target!(init: only_our_panics(), |bytes: &[u8]| {
    let limits = Limits::default().max_pixels(MAX_PIXELS).max_memory(8 << 20);
    let options = DecodeOptions::default().limits(limits);
    let mut scratch = Scratch::default();
    let whole = decode(bytes, &options, &mut Scratch::default(), Vec::new());
    if let Ok(image) = &whole {
        assert_eq!(image.data.len(), image.height * image.width * 3);
        assert!((1..=MAX_PIXELS).contains(&((image.height * image.width) as u64)));
    }
    part(bytes, &options, &whole, &mut scratch);
    // The same memory again: nothing of the former image may show.
    let again = decode(bytes, &options, &mut scratch, vec![0xa5; 100]);
    assert_eq!(again, whole);
    stored(bytes, &options, &whole);
    scaled(bytes, options, &whole);
});

/// A part has the pixels of the whole image, or its error.
fn part(bytes: &[u8], options: &DecodeOptions, whole: &Result<Decoded, ImageError>, scratch: &mut Scratch) {
    let reader = match ImageReader::open(bytes, options) {
        Ok(reader) => reader,
        Err(error) => return assert_eq!(whole.as_ref().unwrap_err(), &error),
    };
    let ends = bytes.last_chunk::<4>().copied().unwrap_or_default();
    let range = |size: usize, a: u8, b: u8| {
        let [a, b] = [a, b].map(|end| usize::from(end) % (size + 1));
        a.min(b)..a.max(b)
    };
    let window = Window {
        rows: range(reader.height(), ends[0], ends[1]),
        columns: range(reader.width(), ends[2], ends[3]),
    };
    let mut out = vec![0xa5; window.byte_len()];
    let read = reader.read_window_into(&window, &mut out, scratch);
    match (whole, read) {
        (Ok(image), Ok(())) => {
            let rows = image.data.chunks_exact(image.width * 3).skip(window.rows.start);
            let cut: Vec<u8> = rows
                .take(window.rows.len())
                .flat_map(|row| &row[window.columns.start * 3..window.columns.end * 3])
                .copied()
                .collect();
            assert_same_bytes(&out, &cut, || {
                format!("{window:?} of {} x {}", image.height, image.width)
            });
        }
        (Err(whole), Err(part)) => assert_eq!(*whole, part),
        (whole, part) => panic!("whole: {:?}, {window:?}: {part:?}", whole.as_ref().map(|_| ())),
    }
}

/// Turning an image upright moves its pixels and does nothing else.
fn stored(bytes: &[u8], options: &DecodeOptions, whole: &Result<Decoded, ImageError>) {
    let options = options.clone().exif_transpose(false);
    match (
        whole,
        decode(bytes, &options, &mut Scratch::default(), Vec::new()),
    ) {
        (Ok(upright), Ok(stored)) => {
            let sorted = |image: &Decoded| {
                let mut pixels: Vec<[u8; 3]> = image.data.as_chunks().0.to_vec();
                pixels.sort_unstable();
                (image.height.min(image.width), pixels)
            };
            assert_eq!(sorted(upright), sorted(&stored));
        }
        (Err(upright), Err(stored)) => assert_eq!(*upright, stored),
        // Turning needs memory of its own.
        (Err(upright), Ok(_)) if upright.kind() == ErrorKind::Limit => {}
        (upright, stored) => {
            panic!(
                "upright: {:?}, stored: {:?}",
                upright.as_ref().map(|_| ()),
                stored.map(|_| ())
            )
        }
    }
}

/// A scaled image is as large as was asked for at least, and comes of every file that can be read whole.
fn scaled(bytes: &[u8], options: DecodeOptions, whole: &Result<Decoded, ImageError>) {
    let options = options.scale(ScaleRule::new(|height, width| {
        (height.div_ceil(3), width.div_ceil(3))
    }));
    match (
        whole,
        decode(bytes, &options, &mut Scratch::default(), Vec::new()),
    ) {
        (Ok(whole), Ok(scaled)) => {
            assert_eq!(scaled.data.len(), scaled.height * scaled.width * 3);
            for (scaled, whole) in [(scaled.height, whole.height), (scaled.width, whole.width)] {
                assert!(
                    (whole.div_ceil(3)..=whole).contains(&scaled),
                    "{scaled} of {whole}"
                );
            }
        }
        // Less memory is needed for less pixels.
        (Err(whole), Ok(_)) => assert_eq!(whole.kind(), ErrorKind::Limit),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => panic!("read whole, but scaled: {error}"),
    }
}
