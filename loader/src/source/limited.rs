//! A reader, to its end or to the limit on the file size.

use std::io::Read;

use super::io_error;
use crate::{ImageError, Limits};

pub(super) fn read_limited(
    reader: impl Read,
    limits: &Limits,
    mut buffer: Vec<u8>,
) -> Result<Vec<u8>, ImageError> {
    let mut reader = reader.take(limits.max_file_bytes.saturating_add(1));
    reader
        .read_to_end(&mut buffer)
        .map_err(|error| io_error(&error))?;
    limits.check_file(buffer.len() as u64)?;
    Ok(buffer)
}
