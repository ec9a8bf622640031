//! The binary `prep-onnx`.
#![forbid(unsafe_code)]
fn main() {}
