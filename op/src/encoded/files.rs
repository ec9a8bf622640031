//! The files of one call and the checks that make them safe to read.

use prep_onnx_pipeline::{Error, Result};

/// The input of one call: `bytes`: uint8 `[total]` and `lengths`: int64 `[N]`, files one after another.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// The extents of `bytes`.
    pub bytes_shape: &'a [i64],
    /// The elements of `bytes`.
    pub bytes: &'a [u8],
    /// The extents of `lengths`.
    pub lengths_shape: &'a [i64],
    /// The elements of `lengths`: the bytes of each file.
    pub lengths: &'a [i64],
}

impl<'a> Files<'a> {
    /// Checks the shapes and lengths and gives each file, in order.
    pub(super) fn check(&self) -> Result<Vec<&'a [u8]>> {
        let Self {
            bytes_shape,
            bytes,
            lengths_shape,
            lengths,
        } = *self;
        for (name, shape, expected) in [
            ("bytes", bytes_shape, "a shape of [total]"),
            ("lengths", lengths_shape, "a shape of [N]: the bytes of each file"),
        ] {
            if shape.len() != 1 {
                return Err(
                    Error::new(name, "has another rank").expected_got(expected, format_args!("{shape:?}"))
                );
            }
        }
        let mut files = Vec::with_capacity(lengths.len());
        let mut rest = bytes;
        for (index, length) in lengths.iter().enumerate() {
            let Ok(length) = usize::try_from(*length) else {
                return Err(Error::new(format_args!("lengths[{index}]"), "is negative")
                    .expected_got("0 or more bytes", length));
            };
            let Some((file, others)) = rest.split_at_checked(length) else {
                let before = bytes.len() - rest.len();
                let wanted = before.saturating_add(length);
                return Err(sum_error(
                    format_args!("at least {wanted} bytes, for lengths[0..={index}]"),
                    bytes.len(),
                ));
            };
            files.push(file);
            rest = others;
        }
        if !rest.is_empty() {
            return Err(sum_error(
                format_args!("{} bytes", bytes.len() - rest.len()),
                bytes.len(),
            ));
        }
        Ok(files)
    }
}

fn sum_error(expected: std::fmt::Arguments<'_>, got: usize) -> Error {
    Error::new("bytes", "is not as long as the files of `lengths` together").expected_got(expected, got)
}
