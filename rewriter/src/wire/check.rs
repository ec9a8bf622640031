//! The check of a message that is about to reach the generated parser.

use std::io::{Read, Seek};

use prep_onnx_pipeline::{Error, Result};

use super::scanner::{Scanner, damaged};
use super::{MAX_DEPTH, Value};

/// The messages below `ValueInfoProto`.
#[derive(Clone, Copy)]
enum Message {
    ValueInfo,
    Entry,
    Type,
    Tensor,
    Shape,
    Dimension,
    /// `Sequence`, `Optional`: the element type is field 1.
    Element,
    /// `Map`: the value type is field 2.
    Map,
}

impl Message {
    fn child(self, number: u32) -> Option<Self> {
        match (self, number) {
            (Self::ValueInfo, 2) | (Self::Element, 1) | (Self::Map, 2) => Some(Self::Type),
            (Self::ValueInfo, 4) => Some(Self::Entry),
            (Self::Type, 1 | 8) => Some(Self::Tensor),
            (Self::Type, 4 | 9) => Some(Self::Element),
            (Self::Type, 5) => Some(Self::Map),
            (Self::Tensor, 2) => Some(Self::Shape),
            (Self::Shape, 1) => Some(Self::Dimension),
            _ => None,
        }
    }
}

/// Checks an encoded `ValueInfoProto`, which starts at byte `at` of the file: well formed, no groups,
/// at most [`MAX_DEPTH`] messages deep.
pub(crate) fn value_info(bytes: &[u8], at: u64) -> Result<()> {
    let (mut scanner, end) = Scanner::new(std::io::Cursor::new(bytes))?;
    walk(&mut scanner, Message::ValueInfo, end, 0)
        .map_err(|error| error.within(format!("message at byte {at}")))
}

fn walk<R: Read + Seek>(scanner: &mut Scanner<R>, message: Message, end: u64, depth: u32) -> Result<()> {
    while let Some(field) = scanner.field(end)? {
        match message.child(field.number) {
            Some(child) if field.value == Value::Bytes => {
                if depth == MAX_DEPTH {
                    return Err(too_deep(field.start));
                }
                walk(scanner, child, field.end, depth + 1)?;
            }
            _ => scanner.skip(&field)?,
        }
    }
    Ok(())
}

/// The error for a message at byte `at` that nests deeper than [`MAX_DEPTH`].
pub(crate) fn too_deep(at: u64) -> Error {
    damaged(at, "messages are nested too deeply").expected_got(format!("at most {MAX_DEPTH} levels"), "more")
}
