//! Medians of interleaved rounds: `cargo run --release -p prep-onnx-benches --example interleaved -- [FILTER] [--cold]`.
//!
//! All contestants of a workload run in turn, so a busy machine slows all of them. Build with
//! `RUSTFLAGS="-C target-cpu=native"` to give the rival this processor's instructions; the op has its own.
//! `--cold` goes through 128 MB of different input and 64 MB of output.
#![forbid(unsafe_code)]

use std::time::Instant;

use prep_onnx_benches::{COLD_INPUT, COLD_OUTPUT, Peer, WORKLOADS, Workload, frame, median, quantile};
use prep_onnx_op::{Sequential, SimdLevel};
use prep_onnx_pipeline::Result;

const SECONDS: f64 = 1.0;

type Contestant<'a> = (String, Box<dyn FnMut(&[u8], &mut [f32]) -> Result<()> + 'a>);

fn contestants(workload: &Workload) -> Result<Vec<Contestant<'_>>> {
    let mut all: Vec<Contestant<'_>> = Vec::new();
    let mut peer = Peer::new(workload)?;
    all.push((
        "fir".into(),
        Box::new(move |pixels, output| peer.run(pixels, output)),
    ));
    for level in SimdLevel::ALL {
        if level == SimdLevel::Scalar || !level.is_available() {
            continue;
        }
        let op = workload.op(level)?;
        all.push((
            level.to_string(),
            Box::new(move |pixels, output| workload.run(&op, pixels, output, &Sequential)),
        ));
    }
    Ok(all)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cold = arguments.iter().any(|argument| argument == "--cold");
    let filter = arguments.iter().find(|argument| !argument.starts_with("--"));
    println!(
        "{:28} {:>8} {:>9} {:>9} {:>9} {:>7}",
        "workload", "who", "median ms", "p10 ms", "rounds", "x fir"
    );
    for workload in WORKLOADS
        .iter()
        .filter(|workload| filter.is_none_or(|text| workload.name.contains(text.as_str())))
    {
        let image_bytes = workload.image_bytes();
        let output_bytes = workload.output * workload.output * 12;
        let (pixels, outputs) = if cold {
            (
                workload.images((COLD_INPUT / image_bytes).max(3)),
                (COLD_OUTPUT / output_bytes).max(3),
            )
        } else {
            (workload.frames(), 1)
        };
        let images = pixels.len() / image_bytes;
        let image = |at: usize| match cold {
            true => &pixels[at % images * image_bytes..][..image_bytes],
            false => frame(&pixels, image_bytes, at),
        };
        let mut output = workload.output(outputs);
        let mut all = contestants(workload)?;
        let mut times = vec![Vec::new(); all.len()];
        let start = Instant::now();
        let repeats = images.max(8);
        let mut next_output = 0;
        let mut first = 0;
        while start.elapsed().as_secs_f64() < SECONDS * all.len() as f64 || times[0].len() < 5 {
            for ((_, run), times) in all.iter_mut().zip(&mut times) {
                for repeat in 0..repeats {
                    let pixels = image(first + repeat);
                    let output = &mut output[next_output % outputs * output_bytes / 4..][..output_bytes / 4];
                    next_output += 1;
                    let start = Instant::now();
                    run(pixels, output)?;
                    let seconds = start.elapsed().as_secs_f64();
                    if repeat > 0 {
                        times.push(seconds * 1e3);
                    }
                }
            }
            first += repeats;
        }
        for ((name, _), own) in all.iter().zip(&times) {
            println!(
                "{:28} {name:>8} {:9.4} {:9.4} {:9} {:7.2}",
                workload.name,
                median(own),
                quantile(own, 0.1),
                own.len(),
                median(&times[0]) / median(own),
            );
        }
    }
    Ok(())
}
