//! Loads a folder and prints images/s, failures and memory.
//!
//! ```text
//! cargo run --release -p prep-onnx-loader --example load -- FOLDER [--threads N] [--batch N] [--queue N]
//!     [--fast SHORT_EDGE] [--sleep-ms N] [--repeat N]
//! ```
//!
//! `--fast` decodes JPEGs scaled so that the shorter side is still at least so long; `--sleep-ms` is a consumer
//! that works so long on each batch; `--repeat` passes the folder so many times through the one loader.

use std::time::{Duration, Instant};

use prep_onnx_loader::decode::ScaleRule;
use prep_onnx_loader::{DecodeOptions, Loader, Sources};
use prep_onnx_pipeline::{Error, Result};

fn main() -> Result<()> {
    let mut folder = None;
    let mut settings = [0usize; 6];
    let names = [
        "--threads",
        "--batch",
        "--queue",
        "--fast",
        "--sleep-ms",
        "--repeat",
    ];
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match names.iter().position(|name| *name == argument) {
            Some(i) => {
                let value = arguments.next().and_then(|value| value.parse().ok());
                settings[i] = value.ok_or_else(|| Error::new(&argument, "needs a number"))?;
            }
            None => folder = Some(argument),
        }
    }
    let [threads, batch, queue, fast, sleep, repeat] = settings;
    let folder = folder.ok_or_else(|| Error::new("arguments", "no folder is given"))?;
    let mut options = DecodeOptions::default();
    if fast > 0 {
        options = options.scale(ScaleRule::new(move |height, width| {
            let short = height.min(width).max(1);
            (height * fast / short, width * fast / short)
        }));
    }
    let mut builder = Loader::builder().decode(options).batch_size(batch.max(1));
    if threads > 0 {
        builder = builder.threads(threads);
    }
    if queue > 0 {
        builder = builder.queue_images(queue);
    }
    let mut sources = Sources::new();
    for _ in 0..repeat.max(1) {
        sources = sources.expand(&folder)?;
    }
    let started = Instant::now();
    let mut loader = builder.build(sources)?;
    let (mut images, mut failed, mut bytes) = (0usize, 0usize, 0usize);
    for batch in loader.by_ref() {
        images += batch.len();
        failed += batch.items().len() - batch.len();
        bytes += batch.bytes().len();
        std::thread::sleep(Duration::from_millis(sleep as u64));
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{images} images, {failed} failed, {:.1} MB of pixels in {seconds:.3} s: {:.0} images/s; queue peak {:.1} MB; peak RSS {}",
        bytes as f64 / 1e6,
        images as f64 / seconds,
        loader.usage().peak_bytes as f64 / 1e6,
        peak_rss()
    );
    Ok(())
}

fn peak_rss() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown here".to_owned(), |value| value.trim().to_owned())
}
