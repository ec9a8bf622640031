//! Encoded messages as ONNX's own libraries write them: fields sorted by their number, also in the messages inside.
//!
//! The Rust library writes them in the order of the schema's text. Whoever reads a file and writes it again would
//! change bytes of ours, and `strip` could not tell that from a change of what they say.

use std::io::Cursor;

use prep_onnx_pipeline::Result;

use crate::wire::{Scanner, Value, varint};

/// A message whose fields, or those of messages inside, the schema has out of order.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Attribute,
    Function,
    Graph,
    Node,
    SparseTensor,
    Tensor,
    Type,
    ValueInfo,
}

impl Kind {
    fn of(message: &str) -> Option<Self> {
        Some(match message {
            "AttributeProto" => Self::Attribute,
            "FunctionProto" => Self::Function,
            "GraphProto" => Self::Graph,
            "NodeProto" => Self::Node,
            "SparseTensorProto" => Self::SparseTensor,
            "TensorProto" => Self::Tensor,
            "TypeProto" => Self::Type,
            "ValueInfoProto" => Self::ValueInfo,
            _ => return None,
        })
    }

    /// What the field of this number is.
    fn inner(self, number: u32) -> Option<Self> {
        match (self, number) {
            (Self::Node, 5) | (Self::Function, 11) => Some(Self::Attribute),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Attribute, 22 | 23) | (Self::Graph, 15) => Some(Self::SparseTensor),
            (Self::Attribute, 5 | 10) | (Self::Graph, 5) | (Self::SparseTensor, 1 | 2) => Some(Self::Tensor),
            (Self::Attribute, 14 | 15) | (Self::ValueInfo, 2) => Some(Self::Type),
            (Self::Graph, 11..=13) | (Self::Function, 12) => Some(Self::ValueInfo),
            (
                Self::Attribute
                | Self::Function
                | Self::Graph
                | Self::Node
                | Self::SparseTensor
                | Self::Tensor
                | Self::Type
                | Self::ValueInfo,
                _,
            ) => None,
        }
    }
}

/// `bytes`, which are the message of this name.
///
/// # Errors
/// What the wire format forbids.
pub(crate) fn sorted(bytes: Vec<u8>, message: &str) -> Result<Vec<u8>> {
    match Kind::of(message) {
        Some(kind) => sort(&bytes, kind),
        None => Ok(bytes),
    }
}

fn sort(bytes: &[u8], kind: Kind) -> Result<Vec<u8>> {
    let (mut scanner, end) = Scanner::new(Cursor::new(bytes))?;
    let part = |start: u64, end: u64| &bytes[start as usize..end as usize];
    let mut fields = Vec::new();
    while let Some(field) = scanner.field(end)? {
        let mut encoded = Vec::new();
        match kind.inner(field.number).filter(|_| field.value == Value::Bytes) {
            None => encoded.extend_from_slice(part(field.start, field.end)),
            Some(inner) => {
                let payload = sort(part(field.payload, field.end), inner)?;
                encoded.extend_from_slice(part(field.start, field.after_tag));
                varint(&mut encoded, payload.len() as u64);
                encoded.extend(payload);
            }
        }
        if field.value == Value::Bytes {
            scanner.skip(&field)?;
        }
        fields.push((field.number, encoded));
    }
    fields.sort_by_key(|(number, _)| *number);
    Ok(fields.into_iter().flat_map(|(_, encoded)| encoded).collect())
}
