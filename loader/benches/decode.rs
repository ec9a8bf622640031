//! Decode alone, one thread: `cargo bench -p prep-onnx-loader --bench decode`.
//!
//! The JPEGs of a folder named by `PREP_BENCH_IMAGES` (one per size) join the small corpus files; the script
//! `benches/peers.py` makes that folder and times Pillow and libjpeg-turbo on the same files.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use prep_onnx_loader::decode::ScaleRule;
use prep_onnx_loader::{DecodeOptions, ImageReader, Scratch};

fn images() -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut paths: Vec<PathBuf> = [
        "jpeg/420_33x50.jpg",
        "png/color2_8bit_plain.png",
        "webp/lossless_33x50.webp",
        "webp/lossy_33x50.webp",
        "gif/animated.gif",
        "bmp/24bit.bmp",
        "tiff/rgb_lzw.tif",
    ]
    .map(|name| corpus.join(name))
    .into();
    if let Some(folder) = std::env::var_os("PREP_BENCH_IMAGES") {
        let mut more: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        more.retain(|path| path.is_file());
        more.sort();
        paths.extend(more);
    }
    paths
}

fn decode(criterion: &mut Criterion) {
    let half = ScaleRule::new(|height, width| (height.div_ceil(2), width.div_ceil(2)));
    for (name, options) in [
        ("exact", DecodeOptions::default()),
        ("half", DecodeOptions::default().scale(half)),
    ] {
        let mut group = criterion.benchmark_group(name);
        for path in images() {
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let Ok(reader) = ImageReader::open(&bytes, &options) else {
                continue;
            };
            let mut pixels = vec![0; reader.byte_len()];
            let mut scratch = Scratch::default();
            group.throughput(Throughput::Bytes(pixels.len() as u64));
            let label = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            group.bench_function(BenchmarkId::from_parameter(label), |bencher| {
                bencher.iter(|| {
                    ImageReader::open(&bytes, &options)
                        .and_then(|reader| reader.read_into(&mut pixels, &mut scratch))
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
