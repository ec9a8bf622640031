//! An image that threads decode together has the pixels of one thread, and fails where that fails.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Random, cut, mutated};
use prep_onnx_loader::{DecodeOptions, ImageError, ImageReader, Limits, Scratch, Window, Workers, decode};

/// Threads that count how often they were asked, and may not do all that they are asked for.
#[derive(Default)]
struct Threads {
    count: usize,
    asked: AtomicUsize,
    /// Calls that are left out, from this one on.
    most: Option<usize>,
}

impl Threads {
    fn new(count: usize) -> Self {
        Self {
            count,
            ..Self::default()
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Workers for Threads {
    fn count(&self) -> usize {
        self.count
    }

    fn run(&self, total: usize, job: &(dyn Fn(usize) + Sync)) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!((1..=self.count).contains(&total));
        std::thread::scope(|scope| {
            for index in 0..total.min(self.most.unwrap_or(total)) {
                scope.spawn(move || job(index));
            }
        });
    }
}

fn options() -> DecodeOptions {
    DecodeOptions::default().limits(Limits::default().max_pixels(1 << 20).max_memory(64 << 20))
}

fn some(end: usize, random: &mut Random) -> std::ops::Range<usize> {
    let start = random.below(end + 1);
    match random.below(4) {
        0 => start..end,
        1 => 0..start,
        2 => 0..end,
        _ => start..start + random.below(end - start + 1),
    }
}

/// A window of the image, the whole of it every other time, by threads together.
fn shared(
    bytes: &[u8],
    options: &DecodeOptions,
    random: &mut Random,
    threads: &Threads,
) -> Result<(Window, Vec<u8>), ImageError> {
    let reader = ImageReader::open(bytes, options)?;
    let (height, width) = (reader.height(), reader.width());
    let window = match random.below(2) {
        0 => Window::whole(height, width),
        _ => Window {
            rows: some(height, random),
            columns: some(width, random),
        },
    };
    let mut out = vec![0xA5; window.byte_len()];
    reader.read_window_shared(&window, &mut out, &mut Scratch::default(), threads)?;
    Ok((window, out))
}

/// Whether there are pixels.
fn compare(
    name: &str,
    bytes: &[u8],
    options: &DecodeOptions,
    random: &mut Random,
    threads: &Threads,
) -> bool {
    let whole = decode(bytes, options, &mut Scratch::default(), Vec::new());
    match (whole, shared(bytes, options, random, threads)) {
        (Ok(whole), Ok((window, part))) => {
            let (height, width) = (whole.height, whole.width);
            assert!(
                part == cut(&whole, &window),
                "{name}: {window:?} of {height} x {width}"
            );
            true
        }
        (Err(whole), Err(part)) => {
            assert_eq!(whole, part, "{name}");
            false
        }
        (whole, part) => panic!(
            "{name}: alone {:?}, together {:?}",
            whole.map(|_| ()),
            part.map(|(window, _)| window)
        ),
    }
}

/// Whether a file is one that threads share.
#[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
fn is_shared(bytes: &[u8], count: usize) -> bool {
    let threads = Threads::new(count);
    let Ok(reader) = ImageReader::open(bytes, &options()) else {
        return false;
    };
    let window = Window::whole(reader.height(), reader.width());
    let mut out = vec![0; window.byte_len()];
    let _ = reader.read_window_shared(&window, &mut out, &mut Scratch::default(), &threads);
    threads.asked() > 0
}

fn restarts() -> Vec<(String, Vec<u8>)> {
    let files = common::files().into_iter();
    files.filter(|(name, _)| name.starts_with("restarts/")).collect()
}

#[test]
fn threads_together_give_the_pixels_of_one() {
    let mut random = Random(21);
    for (name, bytes) in common::files() {
        for count in [1, 2, 3, 8] {
            let threads = Threads::new(count);
            for turned in [true, false] {
                compare(
                    &name,
                    &bytes,
                    &options().exif_transpose(turned),
                    &mut random,
                    &threads,
                );
            }
            assert!(
                count > 1 || threads.asked() == 0,
                "{name}: one thread alone shares nothing"
            );
        }
    }
    for (name, bytes) in restarts() {
        for _ in 0..20 {
            let threads = Threads::new(2 + random.below(9));
            assert!(
                compare(&name, &bytes, &options(), &mut random, &threads),
                "{name}"
            );
        }
    }
}

/// Which of the files are shared is said in their names.
#[test]
#[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
fn files_whose_rows_begin_with_intervals_are_shared() {
    let files = restarts();
    assert!(files.len() > 40, "{}", files.len());
    for (name, bytes) in &files {
        assert_eq!(is_shared(bytes, 2), !name.ends_with("_alone"), "{name}");
    }
    let turned = files.iter().filter(|(name, _)| name.contains("orientation"));
    assert!(turned.count() > 0);
}

#[test]
fn a_damaged_file_gives_what_one_thread_gives() {
    let mut random = Random(22);
    let rounds = std::env::var("PREP_CASES").map_or(40, |count| count.parse().unwrap());
    let (mut read, mut refused) = (0, 0);
    let jpegs = common::files()
        .into_iter()
        .filter(|(name, _)| name.starts_with("jpeg"));
    for (name, bytes) in restarts().into_iter().chain(jpegs) {
        let rounds = if name.starts_with("restarts/") {
            rounds
        } else {
            rounds / 8
        };
        for round in 0..rounds {
            let bytes = match round % 4 {
                0 => without_a_marker(&bytes, &mut random),
                1 => with_another_marker(&bytes, &mut random),
                _ => mutated(&bytes, round, &mut random),
            };
            let threads = Threads::new(2 + random.below(3));
            match compare(&name, &bytes, &options(), &mut random, &threads) {
                true => read += 1,
                false => refused += 1,
            }
        }
    }
    eprintln!("{read} damaged files read alike, {refused} refused alike");
    assert!(read > 100 && refused > 100);
}

fn markers(bytes: &[u8]) -> Vec<usize> {
    let pairs = bytes.windows(2).enumerate();
    pairs
        .filter(|(_, pair)| pair[0] == 0xFF && (0xD0..=0xD7).contains(&pair[1]))
        .map(|(at, _)| at)
        .collect()
}

/// Without one restart marker, or with what is between two of them left out, or eight intervals.
fn without_a_marker(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let (mut bytes, at) = (bytes.to_vec(), markers(bytes));
    if at.is_empty() {
        return bytes;
    }
    let first = random.below(at.len());
    let end = match random.below(3) {
        0 => at[first] + 2,
        1 => *at.get(first + 1).unwrap_or(&(at[first] + 2)),
        _ => *at.get(first + 8).unwrap_or(&(at[first] + 1)),
    };
    bytes.drain(at[first]..end);
    bytes
}

/// With a restart marker where none was, or another number.
fn with_another_marker(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let (mut bytes, at) = (bytes.to_vec(), markers(bytes));
    let code = 0xD0 + random.below(8) as u8;
    match (at.is_empty(), random.below(3)) {
        (false, 0) => bytes[at[random.below(at.len())] + 1] = code,
        // The same interval twice, eight times over, so that the numbers go on.
        (false, 1) if at.len() > 9 => {
            let first = random.below(at.len() - 8);
            let eight = bytes[at[first]..at[first + 8]].to_vec();
            bytes.splice(at[first]..at[first], eight);
        }
        _ => {
            let place = bytes.len() / 2 + random.below(bytes.len() / 2);
            bytes.splice(place..place, [0xFF, code]);
        }
    }
    bytes
}

#[test]
fn threads_that_do_not_come_cost_only_time() {
    let mut random = Random(23);
    for (name, bytes) in restarts() {
        for most in [0, 1, 2] {
            let threads = Threads {
                count: 3,
                most: Some(most),
                ..Threads::default()
            };
            assert!(
                compare(&name, &bytes, &options(), &mut random, &threads),
                "{name}"
            );
        }
    }
}

#[test]
fn a_window_outside_the_image_is_refused_as_by_one_thread() {
    let (_, bytes) = restarts().swap_remove(0);
    let window = Window {
        rows: 0..1000,
        columns: 0..1,
    };
    let open = || ImageReader::open(&bytes, &options()).unwrap();
    let mut out = vec![0; window.byte_len()];
    let scratch = &mut Scratch::default();
    let together = open().read_window_shared(&window, &mut out, scratch, &Threads::new(2));
    assert_eq!(together, open().read_window_into(&window, &mut out, scratch));
    assert!(together.is_err());
}
