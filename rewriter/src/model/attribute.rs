//! Attributes of a node.

use std::io::Cursor;

use prep_onnx_pipeline::Result;

use crate::wire::{Scanner, Value};

/// The value of the string attribute `name` of an encoded `NodeProto`.
///
/// Read on the wire: the generated parser would recurse over whatever else the node holds.
pub(crate) fn string_attribute(node: &[u8], name: &str) -> Result<Option<Vec<u8>>> {
    let (mut scanner, end) = Scanner::new(Cursor::new(node))?;
    let most = node.len() as u64;
    while let Some(field) = scanner.field(end)? {
        if !field.is_bytes(5) {
            scanner.skip(&field)?;
            continue;
        }
        let (mut key, mut value) = (Vec::new(), None);
        while let Some(part) = scanner.field(field.end)? {
            match (part.number, part.value) {
                (1, Value::Bytes) => key = scanner.bytes(&part, most)?,
                (4, Value::Bytes) => value = Some(scanner.bytes(&part, most)?),
                _ => scanner.skip(&part)?,
            }
        }
        if key == name.as_bytes() {
            return Ok(value);
        }
    }
    Ok(None)
}
