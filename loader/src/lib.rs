//! Threaded decode: from files to raw uint8 RGB batches.
//!
//! The pixels are those of Pillow 13's `Image.open(file).convert("RGB")`, after
//! `ImageOps.exif_transpose` unless that is switched off. `README.md` of this crate has the table
//! of formats, conversions, limits and known differences.
//!
//! ```
//! use prep_onnx_loader::{DecodeOptions, Loader, Source};
//!
//! // A 1 x 2 image: a binary PPM is no format of this crate, so it becomes an error value.
//! let sources = vec![Source::bytes("upload-1", b"P6 2 1 255 ......".to_vec())];
//! let mut loader = Loader::builder().threads(1).batch_size(8).build(sources)?;
//! let batch = loader.next().unwrap();
//! assert_eq!(batch.items().len(), 1);
//! assert_eq!(batch.items()[0].id, "upload-1");
//! assert!(batch.items()[0].size.is_err());
//! assert_eq!(batch.shapes().dim(), (0, 3));
//! # Ok::<(), prep_onnx_pipeline::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod decode;
mod error;
#[cfg(feature = "threads")]
mod loader;
#[cfg(feature = "threads")]
pub mod source;

pub use decode::{
    DecodeOptions, Decoded, Format, ImageReader, Limits, Orientation, SHARED_PIXELS, Scratch, Window,
    Workers, decode,
};
pub use error::{ErrorKind, ImageError};
#[cfg(feature = "threads")]
pub use loader::{Batch, Item, Loader, LoaderBuilder, Order, Usage};
#[cfg(feature = "threads")]
pub use source::{Skipped, Source, Sources, path_text};
