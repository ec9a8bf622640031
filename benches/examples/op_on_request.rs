//! Times the op for another program, so that both can take turns: op_on_request PRESET HEIGHT WIDTH. For each line on standard input it
//! runs once on one thread, and prints the microseconds.
#![expect(
    clippy::expect_used,
    reason = "a program for measurements stops at the first surprise"
)]

use std::io::BufRead;
use std::time::Instant;

use prep_onnx_benches::{FRAME_STEP, FRAMES, frame};
use prep_onnx_op::{Images, OutputMut, Preprocessor, Sequential};
use prep_onnx_pipeline::{Dtype, Layout, preset};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, height, width] = arguments.as_slice() else {
        usage();
        return;
    };
    let (height, width): (usize, usize) =
        (height.parse().expect("a height"), width.parse().expect("a width"));
    let pipeline = preset(name)
        .expect("a preset")
        .import(None)
        .expect("a pipeline")
        .pipeline;
    let plan = pipeline
        .plan(Layout::Nchw, Dtype::Float32)
        .expect("a plan of version 1");
    let op = Preprocessor::new(plan).expect("a level of this processor");
    let bytes = height * width * 3;
    let pixels: Vec<u8> = (0..bytes + (FRAMES - 1) * FRAME_STEP)
        .map(|at| (at * 31 + at / 97) as u8)
        .collect();
    let shape = [1, height as i64, width as i64, 3];
    let images = |at: usize| Images::Batch {
        shape: &shape,
        image: frame(&pixels, bytes, at),
    };
    let length: usize = op
        .output_shape(&images(0))
        .expect("a shape")
        .extents
        .iter()
        .product();
    let mut output = vec![0_f32; length];
    for (at, line) in std::io::stdin().lock().lines().enumerate() {
        line.expect("a line");
        let images = images(at);
        let start = Instant::now();
        op.run(&images, OutputMut::Float32(&mut output), &Sequential)
            .expect("fitting lengths");
        println!("{}", start.elapsed().as_nanos() as f64 / 1e3);
    }
}

fn usage() {
    eprintln!("usage: op_on_request PRESET HEIGHT WIDTH");
}
