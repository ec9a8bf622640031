//! Milliseconds of decoding whole images and the window that a centre crop of 7/8 of the shorter edge keeps.
//!
//!     cargo run --release -p prep-onnx-loader --example window_time -- 30 PHOTO.jpg …

use std::time::Instant;

use prep_onnx_loader::{DecodeOptions, ImageReader, Scratch, Window};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().ok_or("the number of rounds")?.parse()?;
    let options = DecodeOptions::default();
    for path in arguments {
        let bytes = std::fs::read(&path)?;
        let image = ImageReader::open(&bytes, &options)?;
        let (height, width) = (image.height(), image.width());
        let edge = height.min(width) * 7 / 8;
        let centred = |all: usize| (all - edge) / 2..(all - edge) / 2 + edge;
        let windows = [
            Window::whole(height, width),
            Window {
                rows: centred(height),
                columns: centred(width),
            },
        ];
        let mut scratch = Scratch::default();
        let mut pixels = vec![0; height * width * 3];
        let mut best = [f64::MAX; 2];
        for _ in 0..rounds {
            for (best, window) in best.iter_mut().zip(&windows) {
                let started = Instant::now();
                let image = ImageReader::open(&bytes, &options)?;
                image.read_window_into(window, &mut pixels[..window.byte_len()], &mut scratch)?;
                *best = best.min(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        let [whole, part] = best;
        println!("{path}: {width} x {height} in {whole:.3} ms, {edge} x {edge} of it in {part:.3} ms");
    }
    Ok(())
}
