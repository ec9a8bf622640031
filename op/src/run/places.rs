//! The places of the images in the output.

use half::f16;

use super::preprocessor::OutputMut;

/// `output` in parts of `size` elements, one for each image.
pub(crate) fn split(output: OutputMut<'_>, size: usize) -> Vec<OutputMut<'_>> {
    let size = size.max(1);
    match output {
        OutputMut::Float32(all) => all.chunks_exact_mut(size).map(OutputMut::Float32).collect(),
        OutputMut::Float16(all) => all.chunks_exact_mut(size).map(OutputMut::Float16).collect(),
        OutputMut::Uint8(all) => all.chunks_exact_mut(size).map(OutputMut::Uint8).collect(),
    }
}

/// `output` in two parts, the first of them of `at` elements.
pub(crate) fn split_at(output: OutputMut<'_>, at: usize) -> (OutputMut<'_>, OutputMut<'_>) {
    fn parts<T>(all: &mut [T], at: usize) -> (&mut [T], &mut [T]) {
        all.split_at_mut(at.min(all.len()))
    }
    match output {
        OutputMut::Float32(all) => {
            let (one, other) = parts(all, at);
            (OutputMut::Float32(one), OutputMut::Float32(other))
        }
        OutputMut::Float16(all) => {
            let (one, other) = parts(all, at);
            (OutputMut::Float16(one), OutputMut::Float16(other))
        }
        OutputMut::Uint8(all) => {
            let (one, other) = parts(all, at);
            (OutputMut::Uint8(one), OutputMut::Uint8(other))
        }
    }
}

pub(crate) fn borrowed<'a>(output: &'a mut OutputMut<'_>) -> OutputMut<'a> {
    match output {
        OutputMut::Float32(elements) => OutputMut::Float32(elements),
        OutputMut::Float16(elements) => OutputMut::Float16(elements),
        OutputMut::Uint8(elements) => OutputMut::Uint8(elements),
    }
}

pub(crate) fn zero(output: &mut OutputMut<'_>) {
    match output {
        OutputMut::Float32(elements) => elements.fill(0.0),
        OutputMut::Float16(elements) => elements.fill(f16::ZERO),
        OutputMut::Uint8(elements) => elements.fill(0),
    }
}
