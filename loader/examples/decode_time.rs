//! The best of 15 decodes of each file in milliseconds, one thread, into a buffer that is reused:
//! `decode_time FILE...` prints `name exact half quarter eighth` per line, the latter for scaled decode to at least that part of
//! the size.

use std::time::Instant;

use prep_onnx_loader::decode::ScaleRule;
use prep_onnx_loader::{DecodeOptions, ImageReader, Scratch};
use prep_onnx_pipeline::{Error, Result};

fn main() -> Result<()> {
    let part = |by: usize| {
        let rule = ScaleRule::new(move |height, width| (height.div_ceil(by), width.div_ceil(by)));
        DecodeOptions::default().scale(rule)
    };
    for name in std::env::args().skip(1) {
        let bytes = std::fs::read(&name).map_err(|error| Error::new(&name, "cannot be read").why(error))?;
        print!("{name}");
        for options in [DecodeOptions::default(), part(2), part(4), part(8)] {
            let mut pixels = vec![0; ImageReader::open(&bytes, &options)?.byte_len()];
            let mut scratch = Scratch::default();
            let mut best = f64::INFINITY;
            for _ in 0..15 {
                let started = Instant::now();
                ImageReader::open(&bytes, &options)?.read_into(&mut pixels, &mut scratch)?;
                best = best.min(started.elapsed().as_secs_f64());
            }
            print!(" {:.3}", best * 1e3);
        }
        println!();
    }
    Ok(())
}
