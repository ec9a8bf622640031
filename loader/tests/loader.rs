//! Order, completeness, back-pressure and shutdown of the loader.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use prep_onnx_loader::{
    Batch, DecodeOptions, ErrorKind, Loader, LoaderBuilder, Order, Scratch, Source, Sources, decode,
    decode::ScaleRule,
};

fn photo() -> Vec<u8> {
    common::read("jpeg/420_33x50.jpg")
}

fn numbered(count: usize) -> Vec<Source> {
    let sizes = [
        "jpeg/420_33x50.jpg",
        "png/1x1.png",
        "gif/plain.gif",
        "jpeg/444_17x31.jpg",
    ]
    .map(common::read);
    (0..count)
        .map(|i| Source::bytes(i.to_string(), sizes[i % sizes.len()].clone()))
        .collect()
}

fn builder() -> LoaderBuilder {
    Loader::builder().threads(2).batch_size(4)
}

fn ids(batches: impl Iterator<Item = Batch>) -> Vec<String> {
    batches
        .flat_map(|batch| {
            batch
                .items()
                .iter()
                .map(|item| item.id.clone())
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn order_is_kept_and_the_last_batch_is_short() {
    for threads in [1, 2, 5] {
        let loader = builder().threads(threads).build(numbered(30)).unwrap();
        let batches: Vec<Batch> = loader.collect();
        assert_eq!(
            batches.iter().map(|b| b.items().len()).collect::<Vec<_>>(),
            [4, 4, 4, 4, 4, 4, 4, 2]
        );
        assert_eq!(
            batches.iter().map(Batch::index).collect::<Vec<_>>(),
            (0..8).collect::<Vec<_>>()
        );
        assert_eq!(
            ids(batches.into_iter()),
            (0..30).map(|i| i.to_string()).collect::<Vec<_>>()
        );
    }
}

#[test]
fn pixels_are_those_of_a_single_decode() {
    let loader = builder().build(numbered(16)).unwrap();
    let sources = [
        "jpeg/420_33x50.jpg",
        "png/1x1.png",
        "gif/plain.gif",
        "jpeg/444_17x31.jpg",
    ]
    .map(common::read);
    for batch in loader {
        assert!(batch.as_batch().is_none(), "sizes differ");
        assert_eq!(batch.len(), 4);
        assert_eq!(batch.pixels().len(), batch.bytes().len());
        for ((image, shape), bytes) in batch.images().zip(batch.shapes().rows()).zip(&sources) {
            let alone = decode(
                bytes,
                &DecodeOptions::default(),
                &mut Scratch::default(),
                Vec::new(),
            )
            .unwrap();
            assert_eq!(shape.to_vec(), [alone.height as i64, alone.width as i64, 3]);
            assert_eq!(image.dim(), (alone.height, alone.width, 3));
            assert_eq!(image.as_slice().unwrap(), alone.data);
        }
    }
}

#[test]
fn equal_sizes_make_a_batch() {
    let sources: Vec<Source> = (0..4).map(|i| Source::bytes(i.to_string(), photo())).collect();
    let batch = builder().build(sources).unwrap().next().unwrap();
    let view = batch.as_batch().unwrap();
    assert_eq!(view.dim(), (4, 33, 50, 3));
    assert_eq!(
        view.as_slice().unwrap().as_ptr(),
        batch.bytes().as_ptr(),
        "no copy"
    );
}

#[test]
fn one_bad_image_in_ten_loses_nothing_else() {
    let good = photo();
    let sources: Vec<Source> = (0..200)
        .map(|i| match i % 10 {
            3 => Source::bytes(i.to_string(), good[..good.len() / 2].to_vec()),
            7 if i % 20 == 7 => Source::path(format!("absent/{i}.jpg")).with_id(i.to_string()),
            _ => Source::bytes(i.to_string(), good.clone()),
        })
        .collect();
    let alone = decode(
        &good,
        &DecodeOptions::default(),
        &mut Scratch::default(),
        Vec::new(),
    )
    .unwrap();
    let (mut bad, mut seen) = (0, 0);
    for batch in builder().batch_size(8).build(sources).unwrap() {
        assert_eq!(
            batch.len() + batch.items().iter().filter(|i| i.size.is_err()).count(),
            batch.items().len()
        );
        assert_eq!(batch.decoded().count(), batch.len());
        for image in batch.images() {
            assert_eq!(image.as_slice().unwrap(), alone.data);
        }
        for item in batch.items() {
            let i: usize = item.id.parse().unwrap();
            assert_eq!(i, seen);
            seen += 1;
            match &item.size {
                Ok(size) => assert_eq!(*size, (33, 50)),
                Err(error) => {
                    bad += 1;
                    let kind = if i % 10 == 3 {
                        ErrorKind::Truncated
                    } else {
                        ErrorKind::Io
                    };
                    assert_eq!(error.kind(), kind, "{error}");
                }
            }
        }
        assert!(batch.len() < 8 || batch.as_batch().is_some());
    }
    assert_eq!((seen, bad), (200, 30));
}

#[test]
fn empty_lists_and_zero_settings() {
    assert!(builder().build(Vec::new()).unwrap().next().is_none());
    for (name, zero) in [
        ("threads", builder().threads(0)),
        ("batch_size", builder().batch_size(0)),
        ("queue_images", builder().queue_images(0)),
    ] {
        let error = zero.build(numbered(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{name}: is zero: expected at least 1, got 0")
        );
    }
    let tiny = builder()
        .queue_images(1)
        .queue_bytes(0)
        .build(numbered(9))
        .unwrap();
    assert_eq!(ids(tiny).len(), 9);
}

#[test]
fn duplicates_arrive_as_often_as_they_are_named() {
    let path = common::corpus().join("jpeg/gray.jpg");
    let sources = vec![
        Source::path(&path),
        Source::path(&path),
        Source::path(&path).with_id("third"),
    ];
    let batch = builder().build(sources).unwrap().next().unwrap();
    assert_eq!(batch.len(), 3);
    assert_eq!(batch.items()[0].id, path.to_string_lossy());
    assert_eq!(batch.items()[2].id, "third");
}

/// A reader that counts how many of its kind have been opened.
struct Counted {
    bytes: std::io::Cursor<Vec<u8>>,
    opened: Arc<AtomicUsize>,
    first: bool,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if std::mem::take(&mut self.first) {
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        self.bytes.read(buffer)
    }
}

#[test]
fn a_slow_consumer_bounds_what_is_decoded_ahead() {
    const IMAGES: usize = 20_000;
    const BATCH: usize = 8;
    const QUEUE: usize = 24;
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&opened);
    let bytes = common::read("jpeg/420_7x9.jpg");
    let sources = (0..IMAGES).map(move |i| {
        let reader = Counted {
            bytes: std::io::Cursor::new(bytes.clone()),
            opened: Arc::clone(&counter),
            first: true,
        };
        Source::reader(i.to_string(), reader)
    });
    let mut loader = builder()
        .batch_size(BATCH)
        .queue_images(QUEUE)
        .build(sources)
        .unwrap();
    let image_bytes = 7 * 9 * 3;
    let mut seen = 0;
    while let Some(batch) = loader.next() {
        seen += batch.items().len();
        // A while, so that the threads run as far ahead as they may.
        if seen % 2000 < BATCH {
            std::thread::sleep(Duration::from_millis(10));
        }
        let ahead = opened.load(Ordering::Relaxed) - seen;
        assert!(ahead <= QUEUE, "{ahead} images ahead");
        let bound = (QUEUE + BATCH) * image_bytes;
        assert!(
            loader.usage().peak_bytes <= bound as u64,
            "{:?} {bound}",
            loader.usage()
        );
    }
    assert_eq!(seen, IMAGES);
}

#[test]
fn the_byte_bound_holds_with_large_images() {
    let bytes = photo();
    let image_bytes = 33 * 50 * 3;
    let sources = (0..200).map(move |i| Source::bytes(i.to_string(), bytes.clone()));
    for order in [Order::Kept, Order::AsCompleted] {
        let sources: Vec<Source> = sources.clone().collect();
        let loader = builder()
            .queue_images(100)
            .queue_bytes(10 * image_bytes)
            .order(order)
            .build(sources)
            .unwrap();
        let mut loader = loader;
        let mut seen = 0;
        while let Some(batch) = loader.next() {
            seen += batch.len();
            // The bound, and one batch that the consumer had to be given.
            assert!(
                loader.usage().peak_bytes <= (10 + 4) * image_bytes,
                "{:?}",
                loader.usage()
            );
        }
        assert_eq!(seen, 200);
        assert_eq!(loader.usage().bytes, 0);
    }
}

#[test]
fn batches_may_be_kept_and_outlive_the_loader() {
    let loader = builder().queue_bytes(1).build(numbered(20)).unwrap();
    let batches: Vec<Batch> = loader.collect();
    assert_eq!(batches.len(), 5);
    assert!(batches.iter().all(|batch| batch.len() == 4));
    assert_eq!(batches[4].images().count(), 4);
}

/// A reader that waits for a permit, then yields its bytes.
struct Gate(mpsc::Receiver<()>, std::io::Cursor<Vec<u8>>);

impl Read for Gate {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.1.position() == 0 {
            self.0
                .recv_timeout(Duration::from_secs(20))
                .map_err(std::io::Error::other)?;
        }
        self.1.read(buffer)
    }
}

#[test]
fn as_completed_does_not_wait_for_a_slow_image() {
    let (permit, gate) = mpsc::channel();
    let mut sources = vec![Source::reader("slow", Gate(gate, std::io::Cursor::new(photo())))];
    sources.extend(numbered(11));
    let mut loader = builder()
        .queue_images(12)
        .order(Order::AsCompleted)
        .build(sources)
        .unwrap();
    let (one, two) = (loader.next().unwrap(), loader.next().unwrap());
    assert!(one.index() > 0 && two.index() > 0);
    permit.send(()).unwrap();
    assert_eq!(loader.next().unwrap().index(), 0);
    assert!(loader.next().is_none());
}

#[test]
fn an_early_drop_stops_the_work() {
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&opened);
    let bytes = photo();
    let sources = (0..100_000).map(move |i| {
        let reader = Counted {
            bytes: std::io::Cursor::new(bytes.clone()),
            opened: Arc::clone(&counter),
            first: true,
        };
        Source::reader(i.to_string(), reader)
    });
    let started = Instant::now();
    let mut loader = builder().queue_images(64).build(sources).unwrap();
    let batch = loader.next().unwrap();
    drop(loader);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(batch.len(), 4, "a taken batch stays whole");
    // The counter's last owners are the threads.
    let end = Instant::now() + Duration::from_secs(5);
    while Arc::strong_count(&opened) > 1 {
        assert!(Instant::now() < end, "the threads still hold sources");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(opened.load(Ordering::Relaxed) <= 68);
}

struct Panics;

impl Read for Panics {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("a reader of the caller's")
    }
}

#[test]
fn a_panicking_reader_becomes_errors() {
    let mut sources = numbered(6);
    sources.insert(1, Source::reader("panics", Panics));
    let batches: Vec<Batch> = builder().build(sources).unwrap().collect();
    assert_eq!(
        batches.iter().map(|b| b.items().len()).collect::<Vec<_>>(),
        [4, 3]
    );
    let sizes: Vec<bool> = batches[0].items().iter().map(|item| item.size.is_ok()).collect();
    assert_eq!(sizes, [true, false, true, true]);
    assert_eq!(
        batches[0].items()[1].size.as_ref().unwrap_err().kind(),
        ErrorKind::Internal
    );
    assert_eq!(batches[1].len(), 3);
}

#[test]
fn sources_from_directories_patterns_and_lists() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("b/c")).unwrap();
    for name in [
        "z.jpg",
        "a.JPG",
        "note.txt",
        "b/2.png",
        "b/10.png",
        "b/c/deep.gif",
    ] {
        std::fs::write(root.join(name), photo()).unwrap();
    }
    let root = root.to_str().unwrap();
    let relative = |sources: Sources| -> Vec<String> {
        sources
            .map(|s| {
                s.id()
                    .strip_prefix(root)
                    .unwrap_or(s.id())
                    .trim_start_matches('/')
                    .to_owned()
            })
            .collect()
    };
    let expand = |argument: &str| relative(Sources::new().expand(argument).unwrap());
    assert_eq!(
        expand(root),
        ["a.JPG", "b/10.png", "b/2.png", "b/c/deep.gif", "z.jpg"]
    );
    assert_eq!(relative(Sources::new().directory_all(root)).len(), 6);
    assert_eq!(expand(&format!("{root}/*.jpg")), ["z.jpg"]);
    assert_eq!(expand(&format!("{root}/**/*.png")), ["b/10.png", "b/2.png"]);
    assert_eq!(
        expand(&format!("{root}/*/*.{{png,gif}}")),
        ["b/10.png", "b/2.png"]
    );
    assert_eq!(expand(&format!("{root}/absent.jpg")), ["absent.jpg"]);
    let error = Sources::new().expand(&format!("{root}/*.webp")).unwrap_err();
    assert!(error.to_string().contains("matches no file"), "{error}");
    assert!(Sources::new().glob("[").is_err());

    let list = format!("{root}/z.jpg\n\nmine\t{root}/a.JPG\r\nhttps://example.org/x.jpg\n");
    let ids: Vec<String> = Sources::new()
        .list(std::io::Cursor::new(list))
        .map(|s| s.id().to_owned())
        .collect();
    assert_eq!(
        ids,
        [&format!("{root}/z.jpg"), "mine", "https://example.org/x.jpg"]
    );
    assert!(Sources::new().list_file(format!("{root}/absent.txt")).is_err());
}

/// A batch with fewer images than threads, whose threads wait for each other's parts of an image.
#[test]
fn a_large_image_alone_in_its_batch_has_its_pixels() {
    let file = common::read("jpeg/420_large_restart_rows.jpg");
    let expected = decode(
        &file,
        &DecodeOptions::default(),
        &mut Scratch::default(),
        Vec::new(),
    )
    .unwrap();
    let mut damaged = file.clone();
    damaged.truncate(file.len() / 2);
    for (threads, batch_size) in [(2, 1), (4, 2), (5, 1)] {
        let sources: Vec<Source> = (0..24)
            .map(|index| {
                let bytes = if index % 6 == 5 { &damaged } else { &file };
                Source::bytes(index.to_string(), bytes.clone())
            })
            .collect();
        let loader = Loader::builder().threads(threads).batch_size(batch_size);
        let mut seen = 0;
        for batch in loader.build(sources).unwrap() {
            let good = batch.items().iter().filter(|item| item.size.is_ok()).count();
            let length = expected.data.len();
            assert_eq!(batch.pixels().len(), good * length);
            let pixels = batch.pixels();
            let pixels = pixels.as_slice().unwrap();
            assert!(pixels.chunks_exact(length).all(|image| image == expected.data));
            seen += batch.items().len();
        }
        assert_eq!(seen, 24);
    }
}

#[test]
fn a_scaled_decode_keeps_the_size_of_the_file() {
    let options = DecodeOptions::default().scale(ScaleRule::new(|_, _| (1, 1)));
    let names = [
        "jpeg/420_33x50.jpg",
        "jpeg/orientation_6.jpg",
        "png/1x1.png",
        "jpeg/orientation_1.jpg",
    ];
    let items = |options: DecodeOptions| -> Vec<_> {
        let sources = names.map(|name| Source::bytes(name, common::read(name)));
        let loader = builder().decode(options).build(sources).unwrap();
        loader.flat_map(|batch| batch.items().to_vec()).collect()
    };
    let exact = items(DecodeOptions::default());
    for (scaled, exact) in items(options).iter().zip(&exact) {
        assert_eq!(exact.original, exact.size.clone().ok(), "{}", exact.id);
        assert_eq!(scaled.original, exact.original, "{}", exact.id);
        let (height, width) = exact.original.unwrap();
        let denominator = if exact.id.starts_with("jpeg") { 8 } else { 1 };
        assert_eq!(
            scaled.size,
            Ok((height.div_ceil(denominator), width.div_ceil(denominator))),
            "{}",
            exact.id
        );
    }
    // Turned upright.
    assert_eq!(
        exact[1].original,
        exact[3].original.map(|(height, width)| (width, height))
    );
}
