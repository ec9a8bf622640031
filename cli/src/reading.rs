//! One image at a time: the bytes of the file and its pixels.

use ndarray::Array3;
use prep_onnx_loader::{DecodeOptions, Scratch, Source, decode};
use prep_onnx_pipeline::{CHANNELS, Error, Result};

/// The bytes of an image file, and its pixels [height, width, 3], transparent ones over `background`.
///
/// # Errors
/// A file that cannot be read or decoded, without its name.
pub(crate) fn read_image(
    source: Source,
    background: Option<[u8; CHANNELS]>,
) -> Result<(Vec<u8>, Array3<u8>)> {
    let options = DecodeOptions::default().background(background);
    let bytes = source.read(&options.limits)?;
    let image = decode(&bytes, &options, &mut Scratch::default(), Vec::new())?;
    let pixels = Array3::from_shape_vec((image.height, image.width, CHANNELS), image.data)
        .map_err(|error| Error::new("pixels", error))?;
    Ok((bytes, pixels))
}
