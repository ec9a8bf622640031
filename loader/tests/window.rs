//! A part of an image has the pixels of the whole one, and fails where the whole one fails.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use common::{Random, cut, mutated};
use prep_onnx_loader::{DecodeOptions, ImageError, ImageReader, Limits, Scratch, Window, decode};

fn options() -> DecodeOptions {
    DecodeOptions::default().limits(Limits::default().max_pixels(1 << 20).max_memory(64 << 20))
}

fn window(
    bytes: &[u8],
    options: &DecodeOptions,
    random: &mut Random,
    scratch: &mut Scratch,
) -> Result<(Window, Vec<u8>), ImageError> {
    let reader = ImageReader::open(bytes, options)?;
    let mut range = |end: usize| {
        let start = random.below(end + 1);
        // The ends of the image, which filters treat in their own way, more often.
        match random.below(4) {
            0 => start..end,
            1 => 0..start,
            _ => start..start + random.below(end - start + 1),
        }
    };
    let window = Window {
        rows: range(reader.height()),
        columns: range(reader.width()),
    };
    let mut out = vec![0xA5; window.byte_len()];
    reader.read_window_into(&window, &mut out, scratch)?;
    Ok((window, out))
}

fn compare(
    name: &str,
    bytes: &[u8],
    options: &DecodeOptions,
    random: &mut Random,
    scratch: &mut Scratch,
) -> bool {
    let whole = decode(bytes, options, &mut Scratch::default(), Vec::new());
    match (whole, window(bytes, options, random, scratch)) {
        (Ok(whole), Ok((window, part))) => {
            assert_eq!(
                part,
                cut(&whole, &window),
                "{name}: {window:?} of {} x {}",
                whole.height,
                whole.width
            );
            true
        }
        (Err(whole), Err(part)) => {
            assert_eq!(whole, part, "{name}");
            false
        }
        (whole, part) => panic!(
            "{name}: whole {:?}, part {:?}",
            whole.map(|_| ()),
            part.map(|(window, _)| window)
        ),
    }
}

#[test]
fn windows_have_the_pixels_of_the_whole_image() {
    let (mut random, mut scratch) = (Random(11), Scratch::default());
    let mut compared = 0;
    for (name, bytes) in common::files() {
        for turned in [true, false] {
            let options = options().exif_transpose(turned);
            for _ in 0..16 {
                compared += usize::from(compare(&name, &bytes, &options, &mut random, &mut scratch));
            }
        }
    }
    eprintln!("{compared} windows compared");
    assert!(compared > 2000);
}

#[test]
fn a_part_of_a_damaged_file_fails_where_the_whole_fails() {
    let (mut random, mut scratch) = (Random(12), Scratch::default());
    let rounds = std::env::var("PREP_CASES").map_or(10, |count| count.parse().unwrap());
    let (mut read, mut refused) = (0, 0);
    for (name, bytes) in common::files() {
        let rounds = if name.starts_with("jpeg") {
            rounds * 4
        } else {
            rounds
        };
        for round in 0..rounds {
            let bytes = mutated(&bytes, round, &mut random);
            match compare(&name, &bytes, &options(), &mut random, &mut scratch) {
                true => read += 1,
                false => refused += 1,
            }
        }
    }
    eprintln!("{read} damaged files read alike, {refused} refused alike");
    assert!(read > 100 && refused > 100);
}

#[test]
fn a_window_outside_the_image_or_another_buffer_is_refused() {
    let (name, bytes) = common::files()
        .into_iter()
        .find(|(name, _)| name.ends_with("420_33x50.jpg"))
        .unwrap();
    let refused = |rows, columns, bytes_of: usize| {
        let reader = ImageReader::open(&bytes, &options()).unwrap();
        let mut out = vec![0; bytes_of];
        let error = reader
            .read_window_into(&Window { rows, columns }, &mut out, &mut Scratch::default())
            .unwrap_err();
        error.to_string()
    };
    let reader = ImageReader::open(&bytes, &options()).unwrap();
    let (height, width) = (reader.height(), reader.width());
    let outside = refused(0..height + 1, 0..width, 3 * (height + 1) * width);
    assert!(
        outside.starts_with("the window is not inside the image: expected"),
        "{name}: {outside}"
    );
    let other = refused(0..2, 0..2, 13);
    assert_eq!(other, "the pixel buffer has a wrong length: expected 12, got 13");
}
