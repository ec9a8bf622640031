//! The encoded bytes of one source, within the limit on the file size.

use std::fs::File;
use std::path::Path;

use super::limited::read_limited;
use super::{Origin, io_error};
use crate::{ErrorKind, ImageError, Limits};

impl Origin {
    /// Reads the source to its end, into `buffer` where it has to copy.
    pub(crate) fn read(self, limits: &Limits, mut buffer: Vec<u8>) -> Result<Vec<u8>, ImageError> {
        buffer.clear();
        match self {
            Self::Path(path) => read_file(&path, limits, buffer),
            Self::Bytes(bytes) => Ok(bytes),
            Self::Reader(reader) => read_limited(reader, limits, buffer),
            Self::Url(url) => read_url(&url, limits, buffer),
            Self::Failed(error) => Err(error),
        }
    }
}

fn read_file(path: &Path, limits: &Limits, mut buffer: Vec<u8>) -> Result<Vec<u8>, ImageError> {
    // Before opening: opening a named pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(|error| io_error(&error))?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "is a directory"
        } else {
            "is no regular file"
        };
        return Err(ImageError::new(ErrorKind::Io, what));
    }
    limits.check_file(metadata.len())?;
    let file = File::open(path).map_err(|error| io_error(&error))?;
    reserve(&mut buffer, metadata.len())?;
    read_limited(file, limits, buffer)
}

fn reserve(buffer: &mut Vec<u8>, bytes: u64) -> Result<(), ImageError> {
    usize::try_from(bytes)
        .ok()
        .and_then(|bytes| buffer.try_reserve(bytes).ok())
        .ok_or_else(|| {
            ImageError::new(
                ErrorKind::Limit,
                format_args!("no memory for a file of {bytes} bytes"),
            )
        })
}

#[cfg(feature = "http")]
fn read_url(url: &str, limits: &Limits, buffer: Vec<u8>) -> Result<Vec<u8>, ImageError> {
    super::http::get(url, limits, buffer)
}

#[cfg(not(feature = "http"))]
fn read_url(_: &str, _: &Limits, _: Vec<u8>) -> Result<Vec<u8>, ImageError> {
    Err(ImageError::unsupported("addresses are not read by this build")
        .map(|e| e.fix("build with the feature `http` of prep-onnx-loader")))
}
