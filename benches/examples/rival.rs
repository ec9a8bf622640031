//! fast_image_resize as a process that `benches/python/rivals.py` takes turns with.
//!
//! `rival --list` prints the workloads as JSON. Otherwise it answers a line on standard input with one on
//! standard output: `load NAME IN OUT` reads uint8 [H, W, 3], runs once and writes float32 [3, H, W];
//! `time SECONDS` repeats that and prints median and least time of the thread in milliseconds. IN may hold more pixels: then
//! each run takes an image that begins some pixels later, as `frame` says.
#![forbid(unsafe_code)]

use std::io::{BufRead, Write};
use std::time::Instant;

use prep_onnx_benches::{Peer, WORKLOADS, frame, median, quantile, thread_seconds};
use prep_onnx_pipeline::{Error, Result};
use serde_json::{Value, json};

struct Loaded {
    peer: Peer,
    pixels: Vec<u8>,
    image_bytes: usize,
    output: Vec<f32>,
}

fn failed(subject: &str, error: impl std::fmt::Display) -> Error {
    Error::new(subject, error)
}

fn load(name: &str, input: &str, output: &str) -> Result<Loaded> {
    let workload = WORKLOADS
        .iter()
        .find(|workload| workload.name == name)
        .ok_or_else(|| failed(name, "is no workload"))?;
    let mut loaded = Loaded {
        peer: Peer::new(workload)?,
        pixels: std::fs::read(input).map_err(|error| failed(input, error))?,
        image_bytes: workload.image_bytes(),
        output: workload.output(1),
    };
    if loaded.pixels.len() < loaded.image_bytes {
        return Err(failed(
            input,
            format!("has fewer than {} bytes", loaded.image_bytes),
        ));
    }
    let image = frame(&loaded.pixels, loaded.image_bytes, 0);
    loaded.peer.run(image, &mut loaded.output)?;
    let bytes: Vec<u8> = loaded
        .output
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    std::fs::write(output, bytes).map_err(|error| failed(output, error))?;
    Ok(loaded)
}

fn time(loaded: &mut Loaded, seconds: f64) -> Result<[f64; 2]> {
    let mut times = Vec::new();
    let start = Instant::now();
    while times.len() < 5 || start.elapsed().as_secs_f64() < seconds {
        let image = frame(&loaded.pixels, loaded.image_bytes, times.len());
        let before = thread_seconds();
        loaded.peer.run(image, &mut loaded.output)?;
        times.push((thread_seconds() - before) * 1e3);
    }
    Ok([median(&times), quantile(&times, 0.0)])
}

fn list() -> Value {
    WORKLOADS
        .iter()
        .map(|workload| {
            json!({
                "name": workload.name,
                "height": workload.image.0,
                "width": workload.image.1,
                "output": workload.output,
                "filter": workload.filter,
                "box": workload.source_box().ok(),
                "pipeline": workload.pipeline(),
            })
        })
        .collect()
}

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--list") {
        println!("{}", list());
        return Ok(());
    }
    let mut loaded = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| failed("standard input", error))?;
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match (words.as_slice(), loaded.as_mut()) {
            (["load", name, input, output], _) => {
                loaded = Some(load(name, input, output)?);
                "loaded".to_owned()
            }
            (["time", seconds], Some(loaded)) => {
                let seconds = seconds.parse().map_err(|error| failed(seconds, error))?;
                let [middle, least] = time(loaded, seconds)?;
                format!("{middle} {least}")
            }
            _ => return Err(failed(&line, "is no command here")),
        };
        println!("{answer}");
        std::io::stdout()
            .flush()
            .map_err(|error| failed("standard output", error))?;
    }
    Ok(())
}
