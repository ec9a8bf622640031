//! What every reader of TIFF data says where they end.

use crate::ImageError;

pub(super) fn ends_early() -> ImageError {
    ImageError::truncated("the TIFF data end early")
}
