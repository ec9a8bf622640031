//! What one walk over the file finds: everything but the weights.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use onnx_protobuf::{Message, ValueInfoProto};
use prep_onnx_pipeline::{Error, Result};

use super::external::{ExternalFiles, ExternalTensor, Reference};
use super::names::{Names, Use};
use super::value::Value as GraphValue;
use crate::wire::{self, Field, MAX_DEPTH, MAX_MESSAGE, Scanner, Value, damaged, too_deep};

/// A graph input and where it is written.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) value: GraphValue,
    pub(crate) field: Field,
}

/// A model-local function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) domain: String,
    pub(crate) name: String,
    pub(crate) nodes: u64,
}

/// A node of the main graph, by what it calls.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) op_type: String,
    pub(crate) field: Field,
}

/// An entry of `metadata_props` and where it ends.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) end: u64,
}

/// The model without its weights.
#[derive(Debug, Default)]
pub(crate) struct Skeleton {
    /// The last `ir_version` field; the last one counts.
    pub(crate) ir_version: Option<(i64, Field)>,
    pub(crate) producer: String,
    pub(crate) opsets: Vec<(String, i64)>,
    pub(crate) metadata: Vec<Metadata>,
    /// The graph fields; a parser merges several into one.
    pub(crate) graphs: Vec<Field>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<GraphValue>,
    /// Where each of them is written.
    pub(crate) output_fields: Vec<Field>,
    pub(crate) last_node: Option<Field>,
    pub(crate) nodes: u64,
    pub(crate) initializers: u64,
    pub(crate) functions: Vec<Function>,
    /// The nodes of the domain [`prep_onnx_pipeline::DOMAIN`].
    pub(crate) own_nodes: Vec<Node>,
    /// What the nodes call, functions and subgraphs included.
    pub(crate) op_types: BTreeSet<String>,
    pub(crate) names: Names,
    pub(crate) external: ExternalFiles,
    /// SHA-256 of the file without the data of tensors and long attribute strings.
    pub(crate) digest: [u8; 32],
}

/// Attribute strings longer than this are skipped like weights.
const LONG_STRING: u64 = 1 << 16;
/// How deep an external tensor may lie for [`crate::EmbedOptions::single_file`] to take it in.
const MAX_HOLDERS: usize = 8;
/// The longest `ValueInfoProto` that is parsed.
const MAX_VALUE_INFO: u64 = 1 << 20;

/// Whose names a walk meets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Main,
    Subgraph,
    /// A function body has names of its own, which collide with nothing outside.
    Function,
}

struct Walk<R> {
    scanner: Scanner<R>,
    found: Skeleton,
    /// The messages around the one that is read, the outermost first.
    holders: Vec<Field>,
}

/// Reads the skeleton of the ONNX file in `reader`.
///
/// # Errors
/// What the wire format forbids; no graph; no IR version; text that is not UTF-8.
pub(crate) fn read<R: Read + Seek>(reader: R) -> Result<Skeleton> {
    let (scanner, len) = Scanner::new(reader)?;
    if len == 0 {
        return Err(Error::new("", "the file is empty").expected_got("an ONNX model", "0 bytes"));
    }
    if len > MAX_MESSAGE {
        return Err(Error::new("", "the file is larger than protobuf allows")
            .expected_got(format!("at most {MAX_MESSAGE} bytes"), len)
            .fix("save the model with external data"));
    }
    let mut walk = Walk {
        scanner,
        found: Skeleton::default(),
        holders: Vec::new(),
    };
    walk.model(len)?;
    walk.found.digest = walk.scanner.digest();
    if walk.found.graphs.is_empty() {
        return Err(Error::new("", "is not an ONNX model")
            .expected_got("a protobuf ModelProto with a graph", "no graph"));
    }
    Ok(walk.found)
}

impl<R: Read + Seek> Walk<R> {
    fn model(&mut self, end: u64) -> Result<()> {
        while let Some(field) = self.scanner.field(end)? {
            match (field.number, field.value) {
                (1, Value::Varint(version)) => self.found.ir_version = Some((version as i64, field)),
                (2, Value::Bytes) => self.found.producer = self.scanner.name(&field)?,
                (7, Value::Bytes) => {
                    self.found.graphs.push(field);
                    self.graph(&field, Scope::Main, 1)?;
                }
                (8, Value::Bytes) => {
                    let opset = self.opset(&field)?;
                    self.found.opsets.push(opset);
                }
                (14, Value::Bytes) => {
                    let (key, value) = self.entry(&field)?;
                    let end = field.end;
                    self.found.metadata.push(Metadata { key, value, end });
                }
                (20, Value::Bytes) => self.training(&field)?,
                (25, Value::Bytes) => self.function(&field)?,
                _ => self.rest(&field)?,
            }
        }
        Ok(())
    }

    fn graph(&mut self, graph: &Field, scope: Scope, depth: u32) -> Result<()> {
        let main = scope == Scope::Main;
        self.holders.push(*graph);
        while let Some(field) = self.scanner.field(graph.end)? {
            match (field.number, field.value) {
                (1, Value::Bytes) => {
                    if main {
                        self.found.nodes += 1;
                        self.found.last_node = Some(field);
                    }
                    self.node(&field, scope, depth + 1)?;
                }
                (5, Value::Bytes) => {
                    self.found.initializers += u64::from(main);
                    let name = self.tensor(&field, "")?;
                    self.add(name, scope, Use::Initializer);
                }
                (15, Value::Bytes) => {
                    self.found.initializers += u64::from(main);
                    let name = self.sparse_tensor(&field, "")?;
                    self.add(name, scope, Use::Initializer);
                }
                (11 | 12, Value::Bytes) if main => {
                    let value = self.value(&field)?;
                    self.add(value.name.clone(), scope, Use::Other);
                    match field.number {
                        11 => self.found.inputs.push(Input { value, field }),
                        _ => {
                            self.found.outputs.push(value);
                            self.found.output_fields.push(field);
                        }
                    }
                }
                (11 | 12, Value::Bytes) => self.value_name(&field, scope, Use::Other)?,
                (13, Value::Bytes) => self.value_name(&field, scope, Use::ValueInfo)?,
                _ => self.rest(&field)?,
            }
        }
        self.holders.pop();
        Ok(())
    }

    fn node(&mut self, node: &Field, scope: Scope, depth: u32) -> Result<()> {
        let (mut op_type, mut domain) = (String::new(), String::new());
        self.holders.push(*node);
        while let Some(field) = self.scanner.field(node.end)? {
            match (field.number, field.value) {
                (1..=3, Value::Bytes) => {
                    let name = self.scanner.name(&field)?;
                    self.add(name, scope, Use::Other);
                }
                (4, Value::Bytes) => op_type = self.scanner.name(&field)?,
                (5, Value::Bytes) => self.attribute(&field, scope, depth + 1)?,
                (7, Value::Bytes) => domain = self.scanner.name(&field)?,
                _ => self.rest(&field)?,
            }
        }
        self.holders.pop();
        if !self.found.op_types.contains(&op_type) {
            self.found.op_types.insert(op_type.clone());
        }
        if scope == Scope::Main && domain == prep_onnx_pipeline::DOMAIN {
            self.found.own_nodes.push(Node {
                op_type,
                field: *node,
            });
        }
        Ok(())
    }

    fn attribute(&mut self, attribute: &Field, scope: Scope, depth: u32) -> Result<()> {
        if depth >= MAX_DEPTH {
            return Err(too_deep(attribute.start));
        }
        let inner = if scope == Scope::Main {
            Scope::Subgraph
        } else {
            scope
        };
        self.holders.push(*attribute);
        while let Some(field) = self.scanner.field(attribute.end)? {
            match (field.number, field.value) {
                (5 | 10, Value::Bytes) => drop(self.tensor(&field, "an attribute")?),
                (6 | 11, Value::Bytes) => self.graph(&field, inner, depth + 1)?,
                (22 | 23, Value::Bytes) => drop(self.sparse_tensor(&field, "an attribute")?),
                _ => self.rest(&field)?,
            }
        }
        self.holders.pop();
        Ok(())
    }

    /// The name of a tensor, whose data is skipped; `owner` names it where it has no name.
    fn tensor(&mut self, message: &Field, owner: &str) -> Result<String> {
        let (mut name, mut reference) = (String::new(), Reference::default());
        while let Some(field) = self.scanner.field(message.end)? {
            match (field.number, field.value) {
                (8, Value::Bytes) => name = self.scanner.name(&field)?,
                (13, Value::Bytes) => {
                    let (key, value) = self.entry(&field)?;
                    match key.as_str() {
                        "location" => reference.location = Some(value),
                        "offset" => reference.offset = value.parse().unwrap_or(0),
                        "length" => reference.length = value.parse().ok(),
                        _ => {}
                    }
                }
                (14, Value::Varint(location)) => reference.is_external = location == 1,
                (4..=7 | 9..=11, Value::Bytes) => self.scanner.skip(&field)?,
                _ => self.rest(&field)?,
            }
        }
        let tensor = if name.is_empty() { owner } else { &name };
        if reference.is_external {
            self.found.external.add(ExternalTensor {
                name: tensor.to_owned(),
                location: reference.location.unwrap_or_default(),
                offset: reference.offset,
                length: reference.length,
                field: *message,
                holders: (self.holders.len() <= MAX_HOLDERS).then(|| self.holders.clone()),
            });
        }
        Ok(name)
    }

    /// A sparse tensor has the name of its values.
    fn sparse_tensor(&mut self, tensor: &Field, owner: &str) -> Result<String> {
        let mut name = String::new();
        self.holders.push(*tensor);
        while let Some(field) = self.scanner.field(tensor.end)? {
            match (field.number, field.value) {
                (1, Value::Bytes) => name = self.tensor(&field, owner)?,
                (2, Value::Bytes) => drop(self.tensor(&field, owner)?),
                _ => self.rest(&field)?,
            }
        }
        self.holders.pop();
        Ok(name)
    }

    fn function(&mut self, function: &Field) -> Result<()> {
        let (mut domain, mut name, mut nodes) = (String::new(), String::new(), 0);
        self.holders.push(*function);
        while let Some(field) = self.scanner.field(function.end)? {
            match (field.number, field.value) {
                (1, Value::Bytes) => name = self.scanner.name(&field)?,
                (7, Value::Bytes) => {
                    nodes += 1;
                    self.node(&field, Scope::Function, 2)?;
                }
                (10, Value::Bytes) => domain = self.scanner.name(&field)?,
                _ => self.rest(&field)?,
            }
        }
        self.holders.pop();
        self.found.functions.push(Function { domain, name, nodes });
        Ok(())
    }

    fn training(&mut self, training: &Field) -> Result<()> {
        self.holders.push(*training);
        while let Some(field) = self.scanner.field(training.end)? {
            match (field.number, field.value) {
                (1 | 2, Value::Bytes) => self.graph(&field, Scope::Subgraph, 2)?,
                _ => self.rest(&field)?,
            }
        }
        self.holders.pop();
        Ok(())
    }

    fn opset(&mut self, opset: &Field) -> Result<(String, i64)> {
        let (mut domain, mut version) = (String::new(), 0);
        while let Some(field) = self.scanner.field(opset.end)? {
            match (field.number, field.value) {
                (1, Value::Bytes) => domain = self.scanner.name(&field)?,
                (2, Value::Varint(number)) => version = number as i64,
                _ => self.rest(&field)?,
            }
        }
        Ok((domain, version))
    }

    fn entry(&mut self, entry: &Field) -> Result<(String, String)> {
        let (mut key, mut value) = (String::new(), String::new());
        while let Some(field) = self.scanner.field(entry.end)? {
            match (field.number, field.value) {
                (1, Value::Bytes) => key = self.scanner.name(&field)?,
                (2, Value::Bytes) => value = self.scanner.text(&field, MAX_MESSAGE)?,
                _ => self.rest(&field)?,
            }
        }
        Ok((key, value))
    }

    fn value(&mut self, field: &Field) -> Result<GraphValue> {
        let bytes = self.scanner.bytes(field, MAX_VALUE_INFO)?;
        wire::value_info(&bytes, field.payload)?;
        let info = ValueInfoProto::parse_from_bytes(&bytes).map_err(|error| {
            damaged(
                field.start,
                format!("a graph input or output cannot be read: {error}"),
            )
        })?;
        Ok(GraphValue::from(&info))
    }

    fn value_name(&mut self, value: &Field, scope: Scope, used: Use) -> Result<()> {
        while let Some(field) = self.scanner.field(value.end)? {
            if field.is_bytes(1) {
                let name = self.scanner.name(&field)?;
                self.add(name, scope, used);
            } else {
                self.rest(&field)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, name: String, scope: Scope, used: Use) {
        match scope {
            Scope::Main => self.found.names.add(name, used),
            Scope::Subgraph => self.found.names.add(name, Use::Other),
            Scope::Function => {}
        }
    }

    /// A field that nothing here needs.
    fn rest(&mut self, field: &Field) -> Result<()> {
        if field.end - field.payload > LONG_STRING {
            self.scanner.skip(field)
        } else {
            self.scanner.pass(field)
        }
    }
}
