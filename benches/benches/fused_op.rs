//! The op at every SIMD level, its stages, batches and threads, beside fast_image_resize.
#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "criterion's macros make undocumented functions, and a bench stops at the first failure"
)]

use std::num::NonZero;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use prep_onnx_benches::{Peer, WORKLOADS, frame};
use prep_onnx_op::{Executor, Images, OutputMut, Preprocessor, Sequential, SimdLevel, Threads};
use prep_onnx_pipeline::{Dtype, Layout, Pipeline};
use serde_json::json;

fn levels() -> impl Iterator<Item = SimdLevel> {
    SimdLevel::ALL.into_iter().filter(|level| level.is_available())
}

fn workloads(criterion: &mut Criterion) {
    for workload in WORKLOADS {
        let mut group = criterion.benchmark_group(workload.name);
        let pixels = workload.frames();
        let mut output = workload.output(1);
        let mut images = (0..).map(|at| frame(&pixels, workload.image_bytes(), at));
        let mut image = || images.next().expect("no end");
        group.throughput(Throughput::Bytes(workload.image_bytes() as u64));
        group.sample_size(20);
        for level in levels() {
            let op = workload.op(level).expect("an available level");
            group.bench_function(level.name(), |bencher| {
                bencher.iter(|| {
                    workload
                        .run(&op, image(), &mut output, &Sequential)
                        .expect("fitting lengths")
                });
            });
        }
        let mut peer = Peer::new(&workload).expect("a workload");
        group.bench_function("fast_image_resize", |bencher| {
            bencher.iter(|| peer.run(image(), &mut output).expect("fitting lengths"));
        });
    }
}

/// A crop alone, a resize alone, and both with arithmetic: 720p to 224.
fn stages(criterion: &mut Criterion) {
    let resize = json!({"step": "resize", "size": {"shortest_edge": 256}, "filter": "bilinear"});
    let crop = json!({"step": "center_crop", "size": [224, 224]});
    let rescale = json!({"step": "rescale", "divisor": 255});
    let stages = [
        ("crop", json!([crop]), Dtype::Uint8),
        ("resize", json!([resize]), Dtype::Uint8),
        ("resize-crop", json!([resize, crop]), Dtype::Uint8),
        (
            "resize-crop-rescale",
            json!([resize, crop, rescale]),
            Dtype::Float32,
        ),
        (
            "resize-crop-rescale-f16",
            json!([resize, crop, rescale]),
            Dtype::Float16,
        ),
    ];
    let pixels = WORKLOADS[1].images(1);
    let mut group = criterion.benchmark_group("stages/1280x720");
    group.sample_size(20);
    for (name, steps, dtype) in stages {
        let pipeline = Pipeline::from_value(json!({"steps": steps})).expect("a pipeline");
        for level in levels() {
            let plan = pipeline.plan(Layout::Nchw, dtype).expect("a plan");
            let op = Preprocessor::with_level(plan, level).expect("an available level");
            let images = Images::Batch {
                shape: &[1, 720, 1280, 3],
                image: &pixels,
            };
            let length = op
                .output_shape(&images)
                .expect("a shape")
                .extents
                .iter()
                .product();
            let (mut bytes, mut floats) = (vec![0_u8; length], vec![0_f32; length]);
            let mut halves = vec![half::f16::ZERO; length];
            group.bench_function(BenchmarkId::new(name, level), |bencher| {
                bencher.iter(|| {
                    let output = match dtype {
                        Dtype::Uint8 => OutputMut::Uint8(&mut bytes),
                        Dtype::Float16 => OutputMut::Float16(&mut halves),
                        Dtype::Float32 => OutputMut::Float32(&mut floats),
                    };
                    op.run(&images, output, &Sequential).expect("fitting lengths");
                });
            });
        }
    }
}

/// Time against batch size and threads: 512 x 512 to 224.
fn scaling(criterion: &mut Criterion) {
    let workload = WORKLOADS[5];
    let op = workload
        .op(SimdLevel::best().expect("a level"))
        .expect("an available level");
    let mut group = criterion.benchmark_group("scaling/bilinear-224/512x512");
    group.sample_size(20);
    for images in [1, 2, 4, 8, 16, 32] {
        let pixels = workload.images(images);
        let mut output = workload.output(images);
        group.throughput(Throughput::Elements(images as u64));
        for threads in [1, 2] {
            let pool = Threads(NonZero::new(threads).expect("at least one"));
            let executor: &dyn Executor = if threads == 1 { &Sequential } else { &pool };
            group.bench_function(
                BenchmarkId::new(format!("{threads}-threads"), images),
                |bencher| {
                    bencher.iter(|| {
                        workload
                            .run(&op, &pixels, &mut output, executor)
                            .expect("fitting lengths")
                    });
                },
            );
        }
    }
}

criterion_group!(benches, workloads, stages, scaling);
criterion_main!(benches);
