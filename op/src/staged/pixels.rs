//! An image of bytes, and its canvas.

use std::borrow::Cow;

use ndarray::ArrayView3;
use prep_onnx_pipeline::plan::{Fill, GrayRule, Placement};
use prep_onnx_pipeline::{CHANNELS, Error, Result};

use crate::SimdLevel;
use crate::kernel::pixels;
#[cfg(target_arch = "x86_64")]
use crate::kernel::rows::RowKernels;
#[cfg(target_arch = "x86_64")]
use crate::kernel::with_row_kernels;
use crate::run::grow;

/// uint8 [height, width, channel], in C order.
pub(super) struct Pixels<'a> {
    pub(super) size: (usize, usize),
    pub(super) channels: usize,
    pub(super) bytes: Cow<'a, [u8]>,
}

impl<'a> Pixels<'a> {
    /// # Errors
    /// When there are fewer or more bytes than the extents say.
    pub(super) fn new(
        size: (usize, usize),
        channels: usize,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self> {
        let bytes = bytes.into();
        let expected = size.0 * size.1 * channels;
        if bytes.len() != expected {
            return Err(Error::new("pixels", "are not those of the image")
                .expected_got(format_args!("{expected} bytes"), bytes.len()));
        }
        Ok(Self {
            size,
            channels,
            bytes,
        })
    }

    pub(super) fn view(&self) -> Result<ArrayView3<'_, u8>> {
        ArrayView3::from_shape((self.size.0, self.size.1, self.channels), &self.bytes)
            .map_err(|error| Error::new("pixels", error))
    }

    pub(super) fn row(&self, row: usize) -> &[u8] {
        let length = self.size.1 * self.channels;
        &self.bytes[row * length..][..length]
    }

    /// The canvas of `placement` with the image on it.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn placed(&self, placement: &Placement, fill: Fill) -> Result<Pixels<'static>> {
        let (rows, columns) = placement.size;
        let length = columns * self.channels;
        let mut bytes = Vec::new();
        grow(&mut bytes, rows * length, 0)?;
        match fill {
            Fill::Color { color } => {
                if color.iter().any(|value| *value != 0) {
                    fill_color(&mut bytes, length, &color[..self.channels]);
                }
                self.copy_inner(placement, &mut bytes);
            }
            // What lies around is written after the arithmetic.
            Fill::Value { .. } => self.copy_inner(placement, &mut bytes),
            Fill::Mirror { mode } => {
                self.copy_inner(placement, &mut bytes);
                let [_, left, _, width] = placement.inner();
                let sources: Vec<usize> = (0..columns)
                    .map(|column| mode.source(column as i64 + placement.offset.1, self.size.1))
                    .collect();
                for (row, out) in bytes.chunks_exact_mut(length.max(1)).enumerate() {
                    let from = mode.source(row as i64 + placement.offset.0, self.size.0);
                    let source = self.row(from);
                    if width > 0 {
                        let start = sources[left] * self.channels;
                        out[left * self.channels..][..width * self.channels]
                            .copy_from_slice(&source[start..][..width * self.channels]);
                    }
                    let around = (0..left).chain(left + width..columns);
                    for column in around {
                        let source = &source[sources[column] * self.channels..][..self.channels];
                        out[column * self.channels..][..self.channels].copy_from_slice(source);
                    }
                }
            }
        }
        Pixels::new(placement.size, self.channels, bytes)
    }

    fn copy_inner(&self, placement: &Placement, bytes: &mut [u8]) {
        let [top, left, height, width] = placement.inner();
        if height == 0 || width == 0 {
            return;
        }
        let length = placement.size.1 * self.channels;
        let first = (left as i64 + placement.offset.1) as usize;
        for row in top..top + height {
            let source = self.row((row as i64 + placement.offset.0) as usize);
            let source = &source[first * self.channels..][..width * self.channels];
            bytes[row * length + left * self.channels..][..source.len()].copy_from_slice(source);
        }
    }

    /// The image turned by 90 degrees clockwise.
    pub(super) fn turned(&self, level: SimdLevel) -> Result<Pixels<'static>> {
        let (height, width) = self.size;
        let channels = self.channels;
        let mut bytes = Vec::new();
        grow(&mut bytes, self.bytes.len(), 0)?;
        #[cfg(target_arch = "x86_64")]
        if channels == CHANNELS
            && let Some(()) =
                with_row_kernels!(level, kernels => kernels.turn(&self.bytes, self.size, &mut bytes))
        {
            return Pixels::new((width, height), channels, bytes);
        }
        let _ = level;
        pixels::turn(channels, &self.bytes, self.size, &mut bytes);
        Pixels::new((width, height), channels, bytes)
    }

    /// One channel, of three by `rule`.
    pub(super) fn gray(&self, rule: GrayRule) -> Result<Pixels<'static>> {
        let mut bytes = Vec::new();
        grow(&mut bytes, self.bytes.len() / CHANNELS, 0)?;
        pixels::gray(rule, &self.bytes, &mut bytes);
        Pixels::new(self.size, 1, bytes)
    }

    /// One channel as three equal ones.
    pub(super) fn tripled(&self) -> Result<Pixels<'static>> {
        let mut bytes = Vec::new();
        grow(&mut bytes, self.bytes.len() * 3, 0)?;
        pixels::tripled(&self.bytes, &mut bytes);
        Pixels::new(self.size, 3, bytes)
    }

    /// The first channel of three.
    pub(super) fn first_channel(&self) -> Result<Pixels<'static>> {
        let mut bytes = Vec::new();
        grow(&mut bytes, self.bytes.len() / self.channels.max(1), 0)?;
        pixels::first(self.channels, &self.bytes, &mut bytes);
        Pixels::new(self.size, 1, bytes)
    }
}

/// Rows of `length` bytes of one colour.
fn fill_color(bytes: &mut [u8], length: usize, color: &[u8]) {
    let Some(first) = bytes.get_mut(..length) else {
        return;
    };
    for pixel in first.chunks_exact_mut(color.len()) {
        pixel.copy_from_slice(color);
    }
    let mut filled = length;
    while filled < bytes.len() {
        let more = filled.min(bytes.len() - filled);
        bytes.copy_within(..more, filled);
        filled += more;
    }
}
