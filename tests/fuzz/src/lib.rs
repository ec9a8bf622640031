//! What the fuzz targets share.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use half::f16;
use prep_onnx_op::{Images, OutputMut, Preprocessor, Sequential};
use prep_onnx_pipeline::{Dtype, Elements, Result, Tensor};

/// Lets panics in third-party decoders pass, which the loader turns into an error of that image, and says each place
/// once. A panic in this repository's code ends the process, whether something would catch it or not; one of a
/// dependency that nothing catches ends it too, in libFuzzer.
pub fn only_our_panics() {
    static SEEN: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let Some((_, foreign)) = place
            .replace('\\', "/")
            .split_once("/registry/src/")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
        else {
            eprintln!("{info}\n{}", std::backtrace::Backtrace::force_capture());
            std::process::abort();
        };
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get_or_insert_default().insert(foreign.clone()) {
            let message = info.payload_as_str().unwrap_or("no message");
            eprintln!("panic in a dependency: {foreign}: {message}");
        }
    }));
}

/// Elements for `run` to fill, none of them a value that a pipeline makes.
pub fn filled(dtype: Dtype, length: usize, run: impl FnOnce(OutputMut<'_>) -> Result<()>) -> Result<Vec<u8>> {
    let elements = match dtype {
        Dtype::Float32 => {
            let mut values = vec![f32::NAN; length];
            run(OutputMut::Float32(&mut values))?;
            Elements::Float32(values)
        }
        Dtype::Float16 => {
            let mut values = vec![f16::NAN; length];
            run(OutputMut::Float16(&mut values))?;
            Elements::Float16(values)
        }
        Dtype::Uint8 => {
            let mut values = vec![0xa5; length];
            run(OutputMut::Uint8(&mut values))?;
            Elements::Uint8(values)
        }
    };
    Ok(Tensor {
        shape: Vec::new(),
        elements,
    }
    .to_le_bytes())
}

/// What the op makes of images, as bytes.
pub fn preprocess(op: &Preprocessor, images: &Images<'_>) -> Result<Vec<u8>> {
    let length = op.output_shape(images)?.extents.iter().product();
    filled(op.plan().dtype, length, |output| {
        op.run(images, output, &Sequential)
    })
}

/// Two outputs in one line: how many bytes, and where they differ first.
pub fn assert_same_bytes(left: &[u8], right: &[u8], what: impl FnOnce() -> String) {
    if left != right {
        let first = left.iter().zip(right).position(|(a, b)| a != b);
        panic!(
            "{}: {} and {} bytes, the first that differs: {first:?}",
            what(),
            left.len(),
            right.len()
        );
    }
}
