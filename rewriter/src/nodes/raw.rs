//! The nodes as they lie in the file. Weights are seeked over.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use prep_onnx_pipeline::Result;

use super::node::AttributeValue;
use crate::edit::Edit;
use crate::model::{ElementType, Model};
use crate::wire::{Field, MAX_DEPTH, Scanner, Value, too_deep};

/// Strings and lists of attributes longer than this are left out.
const MAX_ATTRIBUTE: u64 = 1 << 16;

/// The field number of declarations of values in between.
pub(crate) const VALUE_INFO: u32 = 13;

/// Where a field lies in the file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: u64,
    /// Where its message starts.
    pub(crate) payload: u64,
    pub(crate) end: u64,
}

impl Span {
    fn of(field: &Field) -> Self {
        Self {
            start: field.start,
            payload: field.payload,
            end: field.end,
        }
    }
}

#[derive(Default)]
pub(crate) struct RawGraph {
    pub(crate) nodes: Vec<RawNode>,
    /// Declared element types: of inputs, outputs, values in between and initializers.
    pub(super) values: Vec<(String, ElementType)>,
    /// The initializers.
    pub(crate) tensors: Vec<(String, Span)>,
    /// The declarations of inputs (11), outputs (12) and values in between ([`VALUE_INFO`]).
    pub(crate) declared: Vec<(u32, String, Span)>,
}

#[derive(Default)]
pub(crate) struct RawNode {
    pub(crate) op_type: String,
    pub(crate) domain: String,
    pub(crate) name: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: BTreeMap<String, AttributeValue>,
    pub(crate) graphs: Vec<RawGraph>,
    pub(crate) span: Span,
}

#[derive(Default)]
pub(crate) struct RawFunction {
    pub(super) domain: String,
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) nodes: Vec<RawNode>,
}

/// The graph and the functions of a model, which [`crate::model::read`] has checked already.
pub(crate) fn read(model: &Model) -> Result<(RawGraph, Vec<RawFunction>)> {
    let whole = Edit::new(model, Vec::new(), model.bytes())?;
    let (scanner, end) = Scanner::new(whole.reader())?;
    let mut reader = Reader { scanner };
    let (mut graph, mut functions) = (RawGraph::default(), Vec::new());
    while let Some(field) = reader.scanner.field(end)? {
        match (field.number, field.value) {
            (7, Value::Bytes) => reader.graph(&field, &mut graph, 1)?,
            (25, Value::Bytes) => functions.push(reader.function(&field)?),
            _ => reader.scanner.skip(&field)?,
        }
    }
    Ok((graph, functions))
}

struct Reader<R> {
    scanner: Scanner<R>,
}

impl<R: Read + Seek> Reader<R> {
    fn graph(&mut self, at: &Field, graph: &mut RawGraph, depth: u32) -> Result<()> {
        if depth >= MAX_DEPTH {
            return Err(too_deep(at.start));
        }
        while let Some(field) = self.scanner.field(at.end)? {
            match (field.number, field.value) {
                (1, Value::Bytes) => graph.nodes.push(self.node(&field, depth + 1)?),
                (5, Value::Bytes) => {
                    let (name, element) = self.tensor(&field)?;
                    if let Some(name) = &name {
                        graph.tensors.push((name.clone(), Span::of(&field)));
                    }
                    if let (Some(name), Some(element)) = (name, element) {
                        graph.values.push((name, element));
                    }
                }
                (11..=VALUE_INFO, Value::Bytes) => {
                    let (name, element) = self.value(&field)?;
                    if let Some(name) = &name {
                        graph
                            .declared
                            .push((field.number, name.clone(), Span::of(&field)));
                    }
                    if let (Some(name), Some(element)) = (name, element) {
                        graph.values.push((name, element));
                    }
                }
                _ => self.scanner.skip(&field)?,
            }
        }
        Ok(())
    }

    fn node(&mut self, at: &Field, depth: u32) -> Result<RawNode> {
        let mut node = RawNode {
            span: Span::of(at),
            ..RawNode::default()
        };
        while let Some(field) = self.scanner.field(at.end)? {
            match (field.number, field.value) {
                (1, Value::Bytes) => node.inputs.push(self.scanner.name(&field)?),
                (2, Value::Bytes) => node.outputs.push(self.scanner.name(&field)?),
                (3, Value::Bytes) => node.name = self.scanner.name(&field)?,
                (4, Value::Bytes) => node.op_type = self.scanner.name(&field)?,
                (5, Value::Bytes) => self.attribute(&field, &mut node, depth + 1)?,
                (7, Value::Bytes) => node.domain = self.scanner.name(&field)?,
                _ => self.scanner.skip(&field)?,
            }
        }
        Ok(node)
    }

    fn attribute(&mut self, at: &Field, node: &mut RawNode, depth: u32) -> Result<()> {
        let (mut name, mut value, mut ints) = (String::new(), None, Vec::new());
        while let Some(field) = self.scanner.field(at.end)? {
            match (field.number, field.value) {
                (1, Value::Bytes) => name = self.scanner.name(&field)?,
                (2, Value::Fixed(bits)) => {
                    value = u32::try_from(bits)
                        .ok()
                        .map(f32::from_bits)
                        .map(AttributeValue::Float);
                }
                (3, Value::Varint(int)) => value = Some(AttributeValue::Int(int as i64)),
                (4, Value::Bytes) if field.end - field.payload <= MAX_ATTRIBUTE => {
                    let bytes = self.scanner.bytes(&field, MAX_ATTRIBUTE)?;
                    value = String::from_utf8(bytes).ok().map(AttributeValue::Text);
                }
                (5, Value::Bytes) => value = self.tensor(&field)?.1.map(AttributeValue::Tensor),
                (6 | 11, Value::Bytes) => {
                    let mut graph = RawGraph::default();
                    self.graph(&field, &mut graph, depth + 1)?;
                    node.graphs.push(graph);
                }
                (8, Value::Varint(int)) => ints.push(int as i64),
                (8, Value::Bytes) if field.end - field.payload <= MAX_ATTRIBUTE => {
                    let bytes = self.scanner.bytes(&field, MAX_ATTRIBUTE)?;
                    ints.extend(packed(&bytes));
                }
                _ => self.scanner.skip(&field)?,
            }
        }
        if !ints.is_empty() {
            value = Some(AttributeValue::Ints(ints));
        }
        if let Some(value) = value {
            node.attributes.insert(name, value);
        }
        Ok(())
    }

    /// The name and element type of a `TensorProto`.
    fn tensor(&mut self, at: &Field) -> Result<(Option<String>, Option<ElementType>)> {
        let (mut name, mut element) = (None, None);
        while let Some(field) = self.scanner.field(at.end)? {
            match (field.number, field.value) {
                (2, Value::Varint(kind)) => element = i32::try_from(kind).ok().map(ElementType),
                (8, Value::Bytes) => name = Some(self.scanner.name(&field)?),
                _ => self.scanner.skip(&field)?,
            }
        }
        Ok((name, element))
    }

    /// The name and element type of a `ValueInfoProto` of a tensor.
    fn value(&mut self, at: &Field) -> Result<(Option<String>, Option<ElementType>)> {
        let (mut name, mut element) = (None, None);
        while let Some(field) = self.scanner.field(at.end)? {
            match (field.number, field.value) {
                (1, Value::Bytes) => name = Some(self.scanner.name(&field)?),
                (2, Value::Bytes) => {
                    while let Some(kind) = self.scanner.field(field.end)? {
                        if !kind.is_bytes(1) {
                            self.scanner.skip(&kind)?;
                            continue;
                        }
                        while let Some(part) = self.scanner.field(kind.end)? {
                            match (part.number, part.value) {
                                (1, Value::Varint(kind)) => {
                                    element = i32::try_from(kind).ok().map(ElementType)
                                }
                                _ => self.scanner.skip(&part)?,
                            }
                        }
                    }
                }
                _ => self.scanner.skip(&field)?,
            }
        }
        Ok((name, element))
    }

    fn function(&mut self, at: &Field) -> Result<RawFunction> {
        let mut function = RawFunction::default();
        while let Some(field) = self.scanner.field(at.end)? {
            match (field.number, field.value) {
                (1, Value::Bytes) => function.name = self.scanner.name(&field)?,
                (4, Value::Bytes) => function.inputs.push(self.scanner.name(&field)?),
                (5, Value::Bytes) => function.outputs.push(self.scanner.name(&field)?),
                (7, Value::Bytes) => function.nodes.push(self.node(&field, 2)?),
                (10, Value::Bytes) => function.domain = self.scanner.name(&field)?,
                _ => self.scanner.skip(&field)?,
            }
        }
        Ok(function)
    }
}

/// The integers of a packed field.
fn packed(bytes: &[u8]) -> Vec<i64> {
    let (mut ints, mut value, mut shift) = (Vec::new(), 0_u64, 0);
    for byte in bytes {
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 == 0 {
            ints.push(value as i64);
            (value, shift) = (0, 0);
        }
    }
    ints
}
