//! Milliseconds of decoding whole images on one thread and on several, in turn: least and median of the rounds, and the ratios.
//!
//!     cargo run --release -p prep-onnx-loader --example shared_time -- ROUNDS THREADS PHOTO.jpg …

use std::time::Instant;

use prep_onnx_loader::{DecodeOptions, ImageReader, Scratch, Window, Workers};

struct Threads(usize);

impl Workers for Threads {
    fn count(&self) -> usize {
        self.0
    }

    fn run(&self, total: usize, job: &(dyn Fn(usize) + Sync)) {
        rayon::in_place_scope(|scope| {
            for index in 1..total {
                scope.spawn(move |_| job(index));
            }
            job(0);
        });
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().ok_or("the number of rounds")?.parse()?;
    let threads = Threads(arguments.next().ok_or("the number of threads")?.parse()?);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.0)
        .build_global()?;
    let options = DecodeOptions::default();
    for path in arguments {
        let bytes = std::fs::read(&path)?;
        let image = ImageReader::open(&bytes, &options)?;
        let whole = Window::whole(image.height(), image.width());
        let mut scratch = Scratch::default();
        let mut pixels = [vec![0; whole.byte_len()], vec![1; whole.byte_len()]];
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (shared, times) in times.iter_mut().enumerate() {
                let started = Instant::now();
                let image = ImageReader::open(&bytes, &options)?;
                let pixels = &mut pixels[shared];
                if shared == 1 {
                    image.read_window_shared(&whole, pixels, &mut scratch, &threads)?;
                } else {
                    image.read_into(pixels, &mut scratch)?;
                }
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        let mut ratios: Vec<f64> = times[0]
            .iter()
            .zip(&times[1])
            .map(|(one, all)| one / all)
            .collect();
        for times in times.iter_mut().chain([&mut ratios]) {
            times.sort_by(f64::total_cmp);
        }
        let [one, all] = &times;
        let middle = rounds / 2;
        println!(
            "{path}: one thread {:.2} (median {:.2}), {} threads {:.2} ({:.2}): {:.2} times ({:.2}), {}",
            one[0],
            one[middle],
            threads.0,
            all[0],
            all[middle],
            one[0] / all[0],
            ratios[middle],
            if pixels[0] == pixels[1] {
                "equal"
            } else {
                "DIFFERENT"
            }
        );
    }
    Ok(())
}
