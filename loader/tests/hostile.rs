//! Damaged and malicious files: an error or pixels, in bounded time and memory, never a panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::{Random, mutated};
use prep_onnx_loader::decode::ScaleRule;
use prep_onnx_loader::{DecodeOptions, ErrorKind, Limits, Loader, Scratch, Source, decode};

const MAX_PIXELS: u64 = 1 << 20;
const MAX_MEMORY: u64 = 64 << 20;

#[test]
fn mutated_files_give_pixels_or_errors() {
    let options =
        DecodeOptions::default().limits(Limits::default().max_pixels(MAX_PIXELS).max_memory(MAX_MEMORY));
    let mut scratch = Scratch::default();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut slowest = (Duration::ZERO, String::new());
    let before = common::peak_rss();
    let files = common::files();
    let rounds = 6000usize.div_ceil(files.len());
    let mut panics = Vec::new();
    let mut buffer = Vec::new();
    for (name, bytes) in &files {
        for round in 0..rounds {
            let bytes = mutated(bytes, round, &mut random);
            let started = Instant::now();
            let outcome = decode(&bytes, &options, &mut scratch, std::mem::take(&mut buffer));
            let took = started.elapsed();
            if took > slowest.0 {
                slowest = (took, format!("{name} round {round}"));
            }
            let key = match outcome {
                Ok(image) => {
                    assert_eq!(image.data.len(), image.height * image.width * 3);
                    buffer = image.data;
                    "pixels"
                }
                Err(error) => {
                    if error.kind() == ErrorKind::Internal {
                        panics.push(format!("{name} round {round}: {error}"));
                    }
                    error.kind().as_str()
                }
            };
            *outcomes.entry(key).or_default() += 1;
        }
    }
    let total: usize = outcomes.values().sum();
    println!("{total} files: {outcomes:?}; slowest {slowest:?}");
    assert!(total >= 5000);
    assert!(panics.is_empty(), "{panics:#?}");
    assert!(slowest.0 < Duration::from_secs(1), "{slowest:?}");
    if let (Some(before), Some(after)) = (before, common::peak_rss()) {
        println!("peak RSS {} MiB before, {} MiB after", before >> 20, after >> 20);
        assert!(after - before < 4 * MAX_MEMORY, "{before} {after}");
    } else {
        eprintln!("skipped: this system does not tell the peak memory");
    }
}

/// A table of averages with a symbol that is none is refused at every size, whether or not a code of it is used: libjpeg looks at
/// tables before it decodes.
#[test]
fn impossible_tables_are_refused_at_every_scale() {
    for name in [
        "jpeg/gray.jpg",
        "jpeg/444_33x50.jpg",
        "jpeg/420_33x50.jpg",
        "jpeg/420_progressive.jpg",
    ] {
        let mut file = common::read(name);
        // The marker of the table, its length, its number, 16 counts, and the last symbol.
        let at = file
            .windows(5)
            .position(|bytes| bytes[..2] == [0xFF, 0xC4] && bytes[4] == 0)
            .unwrap();
        let symbols: usize = file[at + 5..at + 21]
            .iter()
            .map(|count| usize::from(*count))
            .sum();
        for symbol in [0x10, 0x30, 0xF0, 0xFF] {
            file[at + 20 + symbols] = symbol;
            let read = |options: &DecodeOptions| {
                decode(&file, options, &mut Scratch::default(), Vec::new())
                    .map(|_| ())
                    .map_err(|error| error.kind())
            };
            let options = DecodeOptions::default();
            let small = options.clone().scale(ScaleRule::new(|height, width| {
                (height.div_ceil(3), width.div_ceil(3))
            }));
            assert_eq!(read(&options), Err(ErrorKind::Corrupt), "{name} {symbol:#x}");
            assert_eq!(
                read(&small),
                Err(ErrorKind::Corrupt),
                "{name} {symbol:#x}, scaled"
            );
        }
    }
}

#[test]
fn bombs_are_refused_by_their_headers() {
    let options = DecodeOptions::default();
    for name in [
        "jpeg_65535.jpg",
        "png_65535.png",
        "bmp_65535.bmp",
        "gif_65535.gif",
        "tiff_65535.tif",
    ] {
        let bytes = common::read(&format!("other/{name}"));
        let started = Instant::now();
        let error = decode(&bytes, &options, &mut Scratch::default(), Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{name}: {error}");
        assert!(started.elapsed() < Duration::from_millis(100), "{name}");
    }
}

/// Whole batches of what a folder may hold beside images.
#[test]
fn strange_paths_are_errors_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("directory.jpg")).unwrap();
    std::fs::write(at("empty.jpg"), b"").unwrap();
    std::fs::write(at("text.jpg"), b"no image at all").unwrap();
    std::fs::write(at("wrong_extension.gif"), common::read("jpeg/gray.jpg")).unwrap();
    let mut names = vec![
        "absent.jpg",
        "directory.jpg",
        "empty.jpg",
        "text.jpg",
        "wrong_extension.gif",
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at("nowhere"), at("broken_link.jpg")).unwrap();
        std::os::unix::fs::symlink(at("loop_b"), at("loop_a")).unwrap();
        std::os::unix::fs::symlink(at("loop_a"), at("loop_b")).unwrap();
        names.extend(["broken_link.jpg", "loop_a"]);
    }
    names.push("/dev/null");
    let sources: Vec<Source> = names.iter().map(|name| Source::path(at(name))).collect();
    let mut loader = Loader::builder()
        .threads(2)
        .batch_size(32)
        .build(sources)
        .unwrap();
    let batch = loader.next().unwrap();
    assert_eq!(batch.items().len(), names.len());
    for (item, name) in batch.items().iter().zip(&names) {
        assert_eq!(item.id, at(name).to_string_lossy());
        match (&item.size, *name) {
            (Ok(_), "wrong_extension.gif") => {}
            (Err(error), name) => {
                let kind = if matches!(name, "empty.jpg" | "text.jpg") {
                    ErrorKind::NotAnImage
                } else {
                    ErrorKind::Io
                };
                assert_eq!(error.kind(), kind, "{error}");
                assert!(error.to_string().starts_with(&item.id), "{error}");
            }
            (Ok(size), name) => panic!("{name}: {size:?}"),
        }
    }
}

/// The same mutations through the loader: nothing is lost.
#[test]
fn a_loader_over_damaged_files_loses_none() {
    let files = common::files();
    let mut random = Random(7);
    let sources: Vec<Source> = (0..600)
        .map(|i| Source::bytes(i.to_string(), mutated(&files[i % files.len()].1, i, &mut random)))
        .collect();
    let limits = Limits::default().max_pixels(MAX_PIXELS).max_memory(MAX_MEMORY);
    let options = DecodeOptions::default().limits(limits);
    let loader = Loader::builder()
        .threads(2)
        .batch_size(7)
        .decode(options)
        .build(sources)
        .unwrap();
    let ids: Vec<String> = loader
        .flat_map(|b| b.items().iter().map(|i| i.id.clone()).collect::<Vec<_>>())
        .collect();
    assert_eq!(ids, (0..600).map(|i| i.to_string()).collect::<Vec<_>>());
}
