//! The part of an image that is needed.

use std::ops::Range;

use crate::{ErrorKind, ImageError};

/// Rows and columns of an upright image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The rows, from the top.
    pub rows: Range<usize>,
    /// The columns, from the left.
    pub columns: Range<usize>,
}

impl Window {
    /// All of an image.
    pub fn whole(height: usize, width: usize) -> Self {
        Self {
            rows: 0..height,
            columns: 0..width,
        }
    }

    /// Bytes of the pixels inside: rows x columns x 3.
    pub fn byte_len(&self) -> usize {
        self.rows
            .len()
            .saturating_mul(self.columns.len())
            .saturating_mul(3)
    }

    pub(super) fn is_whole(&self, height: usize, width: usize) -> bool {
        *self == Self::whole(height, width)
    }

    /// Checks that the window lies inside an image and that a buffer has its size.
    pub(super) fn check(&self, height: usize, width: usize, bytes: usize) -> Result<(), ImageError> {
        let inside = |range: &Range<usize>, end: usize| range.start <= range.end && range.end <= end;
        if !inside(&self.rows, height) || !inside(&self.columns, width) {
            return Err(
                ImageError::new(ErrorKind::Internal, "the window is not inside the image").map(|e| {
                    e.expected_got(
                        format_args!("rows and columns of {height} x {width}"),
                        format_args!("{:?} x {:?}", self.rows, self.columns),
                    )
                }),
            );
        }
        if bytes != self.byte_len() {
            return Err(
                ImageError::new(ErrorKind::Internal, "the pixel buffer has a wrong length")
                    .map(|e| e.expected_got(self.byte_len(), bytes)),
            );
        }
        Ok(())
    }

    /// Copies the window out of an image of `width` columns.
    pub(super) fn cut(&self, image: &[u8], width: usize, out: &mut [u8]) {
        let (start, bytes) = (self.columns.start * 3, self.columns.len() * 3);
        if bytes == 0 {
            return;
        }
        let rows = image.chunks_exact(width * 3).skip(self.rows.start);
        for (row, out) in rows.zip(out.chunks_exact_mut(bytes)) {
            out.copy_from_slice(&row[start..start + bytes]);
        }
    }
}
