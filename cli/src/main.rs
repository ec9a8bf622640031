//! The binary `prep-onnx`.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    prep_onnx::main()
}
