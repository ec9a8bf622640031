//! The protobuf wire format, as far as an ONNX file needs it.
//!
//! A file is read through `Read + Seek`: the headers of fields are decoded, the payload of tensors is
//! seeked over. There is no memory map because mapping a file is `unsafe` (another process can cut the
//! file short under it), and none is needed: unchanged ranges are copied from file to file in
//! chunks, so no weight is ever looked at or kept.
//!
//! Everything that reaches a generated parser has been walked here first. The parser recurses without
//! a bound over nested messages and groups; this walk bounds the depth and refuses groups.

mod check;
mod scanner;
mod varint;

pub(crate) use check::{too_deep, value_info};
pub(crate) use scanner::{Field, Scanner, Value, damaged};
pub(crate) use varint::{bytes_field, varint, varint_field};

/// The deepest nesting of messages that is read: the limit of the C++ protobuf library, so that of ONNX Runtime.
pub(crate) const MAX_DEPTH: u32 = 100;

/// Protobuf's limit for one message, and so for an ONNX file: 2 GiB - 1 bytes.
pub(crate) const MAX_MESSAGE: u64 = i32::MAX as u64;
