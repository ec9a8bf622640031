//! Each kernel beside the memory it must move: `cargo run --release -p prep-onnx-benches --example limits`.
//!
//! The bound is the bytes of the source that the crop reaches over the measured read bandwidth, plus the
//! bytes of the output over the measured write bandwidth, of one thread and memory that is in no cache.
//! `cold` goes through 128 MB of different images, `hot` repeats one. Of all times it is the one that a tenth is below: what else
//! the machine does makes the others longer.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::Instant;

use prep_onnx_benches::{COLD_INPUT, COLD_OUTPUT, FRAMES, WORKLOADS, Workload, frame, quantile};
use prep_onnx_op::{Preprocessor, Sequential, SimdLevel};
use prep_onnx_pipeline::Result;

const MEMORY: usize = 256 << 20;
const ROUNDS: usize = 9;

fn seconds(mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

/// The time that a tenth of the times is below.
fn usual(times: &[f64]) -> f64 {
    quantile(times, 0.1)
}

/// Bytes per second that one thread reads and writes.
fn bandwidth() -> (f64, f64) {
    let mut memory = vec![1_u64; MEMORY / 8];
    let sum = |memory: &[u64]| memory.iter().fold(0_u64, |sum, word| sum.wrapping_add(*word));
    let reads: Vec<f64> = (0..ROUNDS)
        .map(|_| seconds(|| _ = black_box(sum(&memory))))
        .collect();
    let writes: Vec<f64> = (0..ROUNDS)
        .map(|round| seconds(|| black_box(&mut memory).fill(round as u64)))
        .collect();
    (MEMORY as f64 / usual(&reads), MEMORY as f64 / usual(&writes))
}

/// Milliseconds of an image, hot and cold.
fn times(workload: &Workload, op: &Preprocessor) -> Result<(f64, f64)> {
    let image_bytes = workload.image_bytes();
    let length = 3 * workload.output * workload.output;
    let inputs = (COLD_INPUT / image_bytes).max(3);
    let outputs = (COLD_OUTPUT / (4 * length)).max(3);
    let pixels = workload.images(inputs);
    let mut output = workload.output(outputs);
    // Memory that was never written has no pages yet; giving it some is not the kernel's work.
    output.fill(1.0);
    let mut run = |pixels: &[u8], into: usize| -> Result<f64> {
        let output = &mut output[into * length..][..length];
        let start = Instant::now();
        workload.run(op, pixels, output, &Sequential)?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    let image = |at: usize| frame(&pixels, image_bytes, at % FRAMES);
    run(image(0), 0)?;
    let hot: Vec<f64> = (0..200).map(|at| run(image(at), 0)).collect::<Result<_>>()?;
    let images = pixels.chunks_exact(image_bytes).cycle().take(2 * inputs);
    let cold: Vec<f64> = images
        .enumerate()
        .map(|(at, pixels)| run(pixels, at % outputs))
        .collect::<Result<_>>()?;
    Ok((usual(&hot), usual(&cold)))
}

fn main() -> Result<()> {
    let (read, write) = bandwidth();
    println!(
        "one thread reads {:.1} GB/s and writes {:.1} GB/s",
        read / 1e9,
        write / 1e9
    );
    println!("| workload | level | reads, MB | writes, MB | bound, ms | cold, ms | hot, ms | bound / cold |");
    println!("|---|---|---|---|---|---|---|---|");
    for workload in &WORKLOADS {
        let [_, _, width, height] = workload.source_box()?;
        let source = width * height * 3.0;
        let output = (12 * workload.output * workload.output) as f64;
        let bound = (source / read + output / write) * 1e3;
        for level in SimdLevel::ALL {
            if level == SimdLevel::Scalar || !level.is_available() {
                continue;
            }
            let (hot, cold) = times(workload, &workload.op(level)?)?;
            println!(
                "| {} | {level} | {:.2} | {:.2} | {bound:.3} | {cold:.3} | {hot:.3} | {:.2} |",
                workload.name,
                source / 1e6,
                output / 1e6,
                bound / cold,
            );
        }
    }
    Ok(())
}
