//! Threads and batches: `scaling`. Medians of interleaved rounds, 512 x 512 images, without ONNX Runtime.
//!
//! Threads are started for each call, so small batches show that cost too.
#![forbid(unsafe_code)]

use std::num::NonZero;
use std::time::Instant;

use prep_onnx_benches::{WORKLOADS, median};
use prep_onnx_op::{SimdLevel, Threads};
use prep_onnx_pipeline::Result;

const ROUNDS: usize = 41;

fn main() -> Result<()> {
    let level = SimdLevel::best()?;
    println!("level {level}");
    for workload in WORKLOADS.iter().filter(|workload| workload.image == (512, 512)) {
        let op = workload.op(level)?;
        for images in [1, 2, 4, 8, 16, 32] {
            let pixels = workload.images(images);
            let mut output = workload.output(images);
            let threads =
                [1, 2, 4, 8].map(|count| Threads(NonZero::new(count).unwrap_or(NonZero::<usize>::MIN)));
            let mut times = threads.map(|_| Vec::new());
            for _ in 0..ROUNDS {
                for (threads, times) in threads.iter().zip(&mut times) {
                    let start = Instant::now();
                    workload.run(&op, &pixels, &mut output, threads)?;
                    times.push(start.elapsed().as_secs_f64() * 1e3);
                }
            }
            let medians = times.map(|times: Vec<f64>| median(&times));
            let [one, ..] = medians;
            let shown: Vec<_> = threads
                .iter()
                .zip(medians)
                .map(|(threads, ms)| format!("{} threads {ms:.3} ms ({:.2} times)", threads.0, one / ms))
                .collect();
            println!(
                "{} batch {images}: {:.4} ms per image; {}",
                workload.name,
                one / images as f64,
                shown.join(", ")
            );
        }
    }
    Ok(())
}
