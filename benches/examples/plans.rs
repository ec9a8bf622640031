//! Times of the fused op on the named plans of `tests/goldens/plans.json`, one image, milliseconds, at every SIMD level.
//!
//! `plans [--size HxW] [--seconds S] [--threads N] [NAME...]`. More threads than one are started for each call.
#![forbid(unsafe_code)]

use std::num::NonZero;
use std::time::Instant;

use prep_onnx_benches::{FRAME_STEP, FRAMES, frame, median};
use prep_onnx_op::{ExtraMut, Images, OutputMut, SimdLevel, StagedPreprocessor, Threads};
use prep_onnx_pipeline::{Dtype, Error, Pipeline, Result};
use serde_json::Value;

struct Asked {
    size: (usize, usize),
    seconds: f64,
    threads: NonZero<usize>,
    names: Vec<String>,
}

fn asked() -> Result<Asked> {
    let mut asked = Asked {
        size: (720, 1280),
        seconds: 1.0,
        threads: NonZero::<usize>::MIN,
        names: Vec::new(),
    };
    let wrong = |text: &str| Error::new(text, "is not what this option takes");
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match argument.as_str() {
            "--size" => {
                let text = value();
                let (height, width) = text.split_once('x').ok_or_else(|| wrong(&text))?;
                let edge = |text: &str| text.parse().map_err(|_| wrong(text));
                asked.size = (edge(height)?, edge(width)?);
            }
            "--seconds" => {
                let text = value();
                asked.seconds = text.parse().map_err(|_| wrong(&text))?;
            }
            "--threads" => {
                let text = value();
                asked.threads = text.parse().map_err(|_| wrong(&text))?;
            }
            name => asked.names.push(name.to_owned()),
        }
    }
    Ok(asked)
}

fn main() -> Result<()> {
    let asked = asked()?;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/goldens/plans.json");
    let text = std::fs::read_to_string(path).map_err(|error| Error::new(path, error))?;
    let cases: Value = serde_json::from_str(&text).map_err(|error| Error::new(path, error))?;
    for (name, case) in cases.as_object().into_iter().flatten() {
        if !asked.names.is_empty() && !asked.names.contains(name) {
            continue;
        }
        let key = |key: &str| case[key].as_str().unwrap_or_default();
        let pipeline = Pipeline::from_value(case["pipeline"].clone())?;
        let plan = pipeline.compile(key("layout").parse()?, key("dtype").parse()?)?;
        let rows = plan.source.rows(asked.size.0 / 2 * 2);
        let shape = [1, rows, asked.size.1, plan.source.source_channels()];
        let bytes = shape.iter().product::<usize>() + (FRAMES - 1) * FRAME_STEP;
        let pixels: Vec<u8> = (0..bytes)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let shape = shape.map(|extent| extent as i64);
        print!("{name:28}");
        for level in SimdLevel::ALL.into_iter().filter(|level| level.is_available()) {
            let preprocessor = StagedPreprocessor::with_level(plan.clone(), level)?;
            match time(&preprocessor, &shape, &pixels, &asked) {
                Ok(time) => print!(" {level} {time:8.3}"),
                Err(error) => print!(" {level} {error}"),
            }
        }
        println!();
    }
    Ok(())
}

/// `pixels` are those of all images that calls take in turn; see `frame`.
fn time(preprocessor: &StagedPreprocessor, shape: &[i64], pixels: &[u8], asked: &Asked) -> Result<f64> {
    let bytes = pixels.len() - (FRAMES - 1) * FRAME_STEP;
    let images = |at: usize| Images::Batch {
        shape,
        image: frame(pixels, bytes, at),
    };
    let length = preprocessor.call(&images(0))?.shape().tensor.iter().product();
    let mut floats = vec![0.0; length];
    let mut halves = Vec::new();
    let mut bytes = Vec::new();
    match preprocessor.plan().form.dtype {
        Dtype::Float32 => {}
        Dtype::Float16 => halves = vec![Default::default(); length],
        Dtype::Uint8 => bytes = vec![0; length],
    }
    let mut times = Vec::new();
    let start = Instant::now();
    while times.len() < 5 || start.elapsed().as_secs_f64() < asked.seconds {
        let images = images(times.len());
        let start = Instant::now();
        let call = preprocessor.call(&images)?;
        let output = match preprocessor.plan().form.dtype {
            Dtype::Float32 => OutputMut::Float32(&mut floats),
            Dtype::Float16 => OutputMut::Float16(&mut halves),
            Dtype::Uint8 => OutputMut::Uint8(&mut bytes),
        };
        let extras: &mut [ExtraMut<'_>] = &mut [];
        preprocessor.run(&images, &call, output, extras, &Threads(asked.threads))?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(&times))
}
