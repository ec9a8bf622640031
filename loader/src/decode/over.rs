//! Transparent pixels over a colour.

use prep_onnx_pipeline::plan::composite;

use crate::ImageError;

/// Lays pixels over the colour, as `PIL.Image.alpha_composite` lays them over an opaque image of it.
pub(super) fn lay(colour: [u8; 3], alphas: impl Iterator<Item = u8>, out: &mut [u8]) {
    for (alpha, rgb) in alphas.zip(out.chunks_exact_mut(3)) {
        if alpha != 255 {
            for (value, over) in rgb.iter_mut().zip(colour) {
                *value = composite(*value, alpha, over);
            }
        }
    }
}

/// The error for a file whose alpha is not read here.
pub(super) fn unread(what: &str) -> ImageError {
    ImageError::unsupported(format_args!("transparent pixels of {what}")).map(|e| {
        e.why("the pipeline lays them over a colour, and their alpha is not read here")
            .fix("save the image as a PNG, or without an alpha channel")
    })
}
