//! What an image may cost, checked against the header before anything is allocated.

use crate::{ErrorKind, ImageError};

/// Bounds on one image. The defaults accept all that Pillow accepts without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Largest height times width. Default 178,956,970: where Pillow raises `DecompressionBombError`.
    pub max_pixels: u64,
    /// Largest encoded file in bytes. Default 512 MiB.
    pub max_file_bytes: u64,
    /// Most bytes that decoding one image may allocate, its pixels included. Default 2 GiB.
    pub max_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 178_956_970,
            max_file_bytes: 512 << 20,
            max_memory: 2 << 30,
        }
    }
}

impl Limits {
    /// The default limits with another `max_pixels`.
    #[must_use]
    pub fn max_pixels(mut self, pixels: u64) -> Self {
        self.max_pixels = pixels;
        self
    }

    /// The default limits with another `max_file_bytes`.
    #[must_use]
    pub fn max_file_bytes(mut self, bytes: u64) -> Self {
        self.max_file_bytes = bytes;
        self
    }

    /// The default limits with another `max_memory`.
    #[must_use]
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    pub(crate) fn check_file(&self, bytes: u64) -> Result<(), ImageError> {
        if bytes > self.max_file_bytes {
            return Err(exceeded(
                "the file is too large",
                format!("at most {} bytes", self.max_file_bytes),
                bytes,
            ));
        }
        Ok(())
    }

    /// Refuses empty and too large images. `bytes_per_pixel` is what the decode holds per pixel at its peak.
    pub(crate) fn check_size(&self, height: u64, width: u64, bytes_per_pixel: u64) -> Result<(), ImageError> {
        if height == 0 || width == 0 {
            return Err(ImageError::corrupt(format_args!(
                "the header says {width}x{height} pixels"
            )));
        }
        let pixels = height.saturating_mul(width);
        if pixels > self.max_pixels {
            return Err(exceeded(
                "the image is too large",
                format!("at most {} pixels", self.max_pixels),
                format_args!("{width}x{height} = {pixels}"),
            ));
        }
        self.check_memory(pixels.saturating_mul(bytes_per_pixel))
    }

    pub(crate) fn check_memory(&self, bytes: u64) -> Result<(), ImageError> {
        if bytes > self.max_memory {
            return Err(exceeded(
                "decoding needs too much memory",
                format!("at most {} bytes", self.max_memory),
                bytes,
            ));
        }
        Ok(())
    }
}

fn exceeded(what: &str, allowed: String, got: impl std::fmt::Display) -> ImageError {
    ImageError::new(ErrorKind::Limit, what).map(|e| {
        e.expected_got(allowed, got)
            .fix("raise the limit if the file is trusted")
    })
}
