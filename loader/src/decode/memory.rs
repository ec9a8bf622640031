//! Memory that may not be there: a failed allocation is an error of one image.

use crate::{ErrorKind, ImageError};

/// The first `bytes` of a buffer of a few rows. Its length only ever grows, so that old contents are not zeroed
/// again.
#[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
pub(super) fn grown(buffer: &mut Vec<u8>, bytes: usize) -> &mut [u8] {
    if buffer.len() < bytes {
        buffer.resize(bytes, 0);
    }
    &mut buffer[..bytes]
}

/// The same for a buffer of a whole image.
pub(super) fn try_grown(buffer: &mut Vec<u8>, bytes: usize) -> Result<&mut [u8], ImageError> {
    resize(buffer, bytes.max(buffer.len()))?;
    Ok(&mut buffer[..bytes])
}

/// Gives a buffer exactly this length; new bytes are 0.
pub(super) fn resize(buffer: &mut Vec<u8>, bytes: usize) -> Result<(), ImageError> {
    let missing = bytes.saturating_sub(buffer.len());
    buffer
        .try_reserve_exact(missing)
        .map_err(|_| none_left(bytes, "its pixels"))?;
    buffer.resize(bytes, 0);
    Ok(())
}

/// Whether `bytes` could be had now, for a decoder that allocates without asking.
pub(super) fn probe(bytes: usize, what: &str) -> Result<(), ImageError> {
    Vec::<u8>::new()
        .try_reserve_exact(bytes)
        .map_err(|_| none_left(bytes, format_args!("decoding {what}")))
}

pub(crate) fn none_left(bytes: impl std::fmt::Display, what: impl std::fmt::Display) -> ImageError {
    ImageError::new(
        ErrorKind::Limit,
        format_args!("there are no {bytes} bytes of memory for {what}"),
    )
    .map(|e| e.fix("free memory, use fewer threads or smaller batches, or lower the limits"))
}
