//! The outputs besides the tensor.

use prep_onnx_pipeline::plan::{Blocks, ImageGeometry, OutputElement};
use prep_onnx_pipeline::{Error, OutputKind, Plan, Result};

/// The elements of an output besides the tensor, in C order.
#[derive(Debug)]
pub enum ExtraMut<'a> {
    /// float32.
    Float32(&'a mut [f32]),
    /// int64.
    Int64(&'a mut [i64]),
}

impl ExtraMut<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Float32(elements) => elements.len(),
            Self::Int64(elements) => elements.len(),
        }
    }
}

/// # Errors
/// When an output has another element type or length.
pub(super) fn check(kind: OutputKind, extents: &[usize], output: &ExtraMut<'_>) -> Result<()> {
    let fits = match (kind.element(), output) {
        (OutputElement::Float32, ExtraMut::Float32(_)) | (OutputElement::Int64, ExtraMut::Int64(_)) => true,
        (OutputElement::OfPlan | OutputElement::Float32 | OutputElement::Int64, _) => false,
    };
    if !fits {
        return Err(Error::new(kind.name(), "has another element type"));
    }
    let expected: usize = extents.iter().product();
    if output.len() == expected {
        return Ok(());
    }
    Err(Error::new(kind.name(), "has another length").expected_got(
        format_args!("{expected} elements, the shape {extents:?}"),
        output.len(),
    ))
}

/// Writes what an output says of image `index`; without a geometry, zeros.
pub(crate) fn write(
    plan: &Plan,
    kind: OutputKind,
    index: usize,
    geometry: Option<&ImageGeometry>,
    extents: &[usize],
    output: &mut ExtraMut<'_>,
) {
    let size: usize = extents.iter().skip(1).product();
    let range = index * size..(index + 1) * size;
    match output {
        ExtraMut::Float32(elements) => {
            let row = &mut elements[range];
            match geometry {
                Some(geometry) => row.copy_from_slice(&geometry.mapping()),
                None => row.fill(0.0),
            }
        }
        ExtraMut::Int64(elements) => {
            let row = &mut elements[range];
            row.fill(0);
            let Some(geometry) = geometry else { return };
            let [top, left, height, width] = geometry.inner();
            match kind {
                OutputKind::Mask => {
                    let columns = geometry.output.1;
                    for line in row.chunks_exact_mut(columns.max(1)).skip(top).take(height) {
                        line[left..left + width].fill(1);
                    }
                }
                OutputKind::Sizes => row.copy_from_slice(&[height as i64, width as i64]),
                OutputKind::Grid => {
                    let (down, across) = plan
                        .form
                        .blocks
                        .map_or((1, 1), |blocks| blocks.grid(geometry.output));
                    row.copy_from_slice(&[Blocks::FRAMES, down as i64, across as i64]);
                }
                // No outputs of int64 besides the tensor, or not of the plan.
                OutputKind::Tensor | OutputKind::Status | OutputKind::Geometry => {}
            }
        }
    }
}
