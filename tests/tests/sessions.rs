//! Sessions that begin at the same time, the first ones of a process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Barrier;

use prep_onnx::host::{Session, SessionOptions};
use prep_onnx_pipeline::{Dtype, Layout, imagenet_at};
use prep_onnx_rewriter::EmbedOptions;
use prep_onnx_tests::{embed_to, identity_model, runtime};

/// The only test of this file: a process has its first sessions once.
#[test]
fn eight_threads_open_the_first_sessions() {
    let Some(loaded) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("embedded.onnx");
    let model = identity_model(18, Layout::Nchw, Dtype::Float32);
    embed_to(
        &model,
        &imagenet_at(224, 224).unwrap(),
        &EmbedOptions::default(),
        &path,
    );
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let options = SessionOptions {
                    threads: 1,
                    fused: true,
                    ..SessionOptions::default()
                };
                barrier.wait();
                Session::open(loaded, &path, options).unwrap();
            });
        }
    });
}
