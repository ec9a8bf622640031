//! Memory does not grow with the number of images. Alone in its file: the peak is that of the process.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::time::Duration;

use prep_onnx_loader::{Loader, Source};

/// What the peak may still grow by between the first images and the last: allocator slack.
const SLACK: u64 = 8 << 20;

#[test]
fn a_slow_consumer_of_20_000_images_takes_no_more_memory_than_of_2_000() {
    let bytes = common::read("jpeg/420_7x9.jpg");
    let sources = (0..20_000).map(move |i| Source::bytes(i.to_string(), bytes.clone()));
    let loader = Loader::builder()
        .threads(2)
        .batch_size(8)
        .queue_images(24)
        .build(sources)
        .unwrap();
    let mut seen = 0;
    let mut before = None;
    for batch in loader {
        seen += batch.items().len();
        // A while, so that the threads run as far ahead as they may.
        if seen % 2000 < 8 {
            std::thread::sleep(Duration::from_millis(10));
        }
        if seen == 2000 {
            before = common::peak_rss();
        }
    }
    assert_eq!(seen, 20_000);
    let (Some(before), Some(after)) = (before, common::peak_rss()) else {
        eprintln!("skipped: this system does not tell the peak memory");
        return;
    };
    println!(
        "peak memory {} KiB after 2,000 images, {} KiB after 20,000",
        before >> 10,
        after >> 10
    );
    assert!(after < before + SLACK, "{before} {after}");
}
