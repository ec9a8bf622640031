//! Threads and batches: `scaling [ROUNDS] [IMAGES] [FILTER]`. 512 x 512 images, or the workloads whose name contains the filter,
//! without ONNX Runtime: medians of interleaved rounds, and the ratio of the least times, which a busy machine spoils less.
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
    let mut numbers = std::env::args().skip(1).map_while(|word| word.parse().ok());
    let (rounds, only) = (numbers.next().unwrap_or(ROUNDS), numbers.next());
    let filter = std::env::args().nth(3).unwrap_or_else(|| "/512x512".to_owned());
    for workload in WORKLOADS
        .iter()
        .filter(|workload| workload.name.contains(&filter))
    {
        let op = workload.op(level)?;
        for images in only.map_or_else(|| vec![1, 2, 4, 8, 16, 32], |only| vec![only]) {
            let pixels = workload.images(images);
            let mut output = workload.output(images);
            let threads =
                [1, 2, 4, 8].map(|count| Threads(NonZero::new(count).unwrap_or(NonZero::<usize>::MIN)));
            let mut times = threads.map(|_| Vec::new());
            for _ in 0..rounds {
                for (threads, times) in threads.iter().zip(&mut times) {
                    let start = Instant::now();
                    workload.run(&op, &pixels, &mut output, threads)?;
                    times.push(start.elapsed().as_secs_f64() * 1e3);
                }
            }
            let least = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
            let (one, fastest) = (median(&times[0]), least(&times[0]));
            let shown: Vec<_> = threads
                .iter()
                .zip(&times)
                .map(|(threads, times)| {
                    let (ms, quickest) = (median(times), least(times));
                    let (usual, best) = (one / ms, fastest / quickest);
                    format!(
                        "{} threads {ms:.3} ms ({usual:.2} times; least {quickest:.3}, {best:.2})",
                        threads.0
                    )
                })
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
