//! Memory that may not be there: a call that lacks it fails, the process goes on.

use prep_onnx_pipeline::{Error, ErrorKind, Result};

/// Makes `buffer` at least `length` elements long.
///
/// # Errors
/// When there is not enough memory; the buffer is then as it was.
pub(crate) fn grow<T: Copy>(buffer: &mut Vec<T>, length: usize, value: T) -> Result<()> {
    let Some(more) = length.checked_sub(buffer.len()) else {
        return Ok(());
    };
    let bytes = length.saturating_mul(size_of::<T>());
    buffer.try_reserve_exact(more).map_err(|_| lack(bytes))?;
    // Copies of what is there: the compiler makes a loop over elements of `resize` where it builds for size.
    const STEP: usize = 4096;
    let start = buffer.len();
    if more > 0 {
        buffer.push(value);
    }
    while buffer.len() < length {
        let filled = buffer.len() - start;
        let copied = filled.min(length - buffer.len()).min(STEP);
        buffer.extend_from_within(start..start + copied);
    }
    Ok(())
}

/// Checks that `bytes` could be had at once, for many smaller allocations together.
///
/// # Errors
/// When there is not enough memory.
pub(crate) fn room(bytes: usize) -> Result<()> {
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| lack(bytes))
}

/// The error of a failed allocation of `bytes`.
pub(crate) fn lack(bytes: usize) -> Error {
    Error::new("memory", "is not enough")
        .expected_got(format_args!("{bytes} bytes"), "a failed allocation")
        .with_kind(ErrorKind::Limit)
        .fix("use smaller images or batches, fewer threads, or give the process more memory")
}
