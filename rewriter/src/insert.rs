//! Putting nodes in front of a graph.

use std::collections::HashSet;

use onnx_protobuf::{FunctionProto, NodeProto, ValueInfoProto};
use prep_onnx_pipeline::{Error, ErrorKind, Result};

use crate::edit::{Edit, Replacement};
use crate::metadata::STRIP_KEY;
use crate::model::{Input, Model, Use};
use crate::quantised::Folded;
use crate::splice::{MAX_REPLACED, Splice, encode, metadata_entry};
use crate::wire::{MAX_MESSAGE, bytes_field, varint, varint_field};

/// The lowest standard operator set that the inserted nodes are written for.
pub const MIN_OPSET: i64 = 11;
/// The IR version that brought model-local functions.
const FUNCTIONS_IR_VERSION: u64 = 8;

mod field {
    pub(super) const GRAPH_NODE: u32 = 1;
    pub(super) const GRAPH_INPUT: u32 = 11;
    pub(super) const GRAPH_OUTPUT: u32 = 12;
    pub(super) const GRAPH_VALUE_INFO: u32 = 13;
    pub(super) const MODEL_OPSET_IMPORT: u32 = 8;
    pub(super) const MODEL_FUNCTIONS: u32 = 25;
    pub(super) const PAIR_FIRST: u32 = 1;
    pub(super) const PAIR_SECOND: u32 = 2;
}

/// What is put into a model.
#[derive(Debug, Clone, Default)]
pub struct Insertion {
    /// The nodes, in topological order. They come before all others; exactly one of them has the
    /// image input's name among its outputs, and so for each of `fed`.
    pub nodes: Vec<NodeProto>,
    /// Model-local functions. With any, the IR version becomes at least 8.
    pub functions: Vec<FunctionProto>,
    /// The graph inputs that take the place of the image input.
    pub inputs: Vec<ValueInfoProto>,
    /// Further inputs of the model that the nodes make: they become values of the graph, as the image input does.
    pub fed: Vec<String>,
    /// Graph outputs, after the model's own. Each is an output of one of `nodes`.
    pub outputs: Vec<ValueInfoProto>,
    /// Operator sets that the nodes need: domain and version. One that the model has already is left out.
    pub opset_imports: Vec<(String, i64)>,
    /// Entries for `metadata_props`.
    pub metadata: Vec<(String, String)>,
    /// What of a quantised model goes, so that one of `nodes` makes the bytes in the place of the image input.
    pub folded: Option<Folded>,
    /// Takes the external data of the model in, which then is one file.
    pub single_file: bool,
    /// Leaves the declared type of the image input out, where the nodes alone tell more. A runtime that takes names
    /// of dimensions for values of their own (tract) refuses `h` for what is made 224 high.
    pub forgets_type: bool,
}

/// `model` with `insertion` in the place of its input `image_input`.
///
/// That input becomes a value of the graph with the same name and type; everything else stays as it
/// is, byte for byte. [`strip`](crate::strip) undoes it.
///
/// # Errors
/// A model that has a pipeline already, that has no IR version or whose external data is missing; one whose
/// standard operator set is below [`MIN_OPSET`], where standard ops are inserted; a name that is taken; a result
/// of 2 GiB or more.
pub fn insert(model: &Model, image_input: &str, insertion: &Insertion) -> Result<Edit> {
    let is_standard = |node: &NodeProto| node.domain.is_empty();
    let standard = !insertion.functions.is_empty() || insertion.nodes.iter().any(is_standard);
    model.check_plain()?;
    check_model(model, standard)
        .and_then(|()| check_external(model, insertion))
        .and_then(|()| check_names(model, image_input, insertion))
        .and_then(|()| splice(model, image_input, insertion))
        .map_err(|error| error.within(model.path().display()).or_kind(ErrorKind::Model))
}

/// Checks that the external data is there. Links out of the folder stop `Edit::write`, which knows the new folder.
fn check_external(model: &Model, insertion: &Insertion) -> Result<()> {
    let files = model.external_files();
    if let (false, true, Some(file)) = (files.is_empty(), insertion.single_file, files.first()) {
        // Before anything is read: the sum alone may be too much.
        let sum = files
            .iter()
            .map(|file| file.bytes)
            .fold(model.bytes(), u64::saturating_add);
        if sum > MAX_MESSAGE {
            return Err(Error::new("", "is too large for one file with its external data")
                .expected_got(format!("at most {MAX_MESSAGE} bytes"), sum)
                .why("protobuf allows no larger file, and ONNX files are protobuf")
                .fix(format!(
                    "leave --single-file out: `{}` then stays beside the model",
                    file.location
                ))
                .with_kind(ErrorKind::Limit));
        }
    }
    files
        .iter()
        .try_for_each(|file| file.check_readable(model.path()).map(drop))
}

/// Checks that a pipeline can be put into `model` at all, with `standard` ops or without.
pub(crate) fn check_model(model: &Model, standard: bool) -> Result<()> {
    if model.ir_version().is_none_or(|version| version < 1) {
        let got = model
            .ir_version()
            .map_or_else(|| "none".to_owned(), |version| version.to_string());
        return Err(Error::new("ir_version", "is missing or invalid")
            .expected_got("at least 1", got)
            .fix("export the model again"));
    }
    match model.standard_opset() {
        _ if !standard => Ok(()),
        Some(version) if version >= MIN_OPSET => Ok(()),
        version => {
            let got = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            Err(Error::new("opset", "the standard operator set is too old")
                .expected_got(format!("at least {MIN_OPSET}"), got)
                .fix("convert the model with onnx.version_converter, export it with a newer opset, or use --lower fused, which needs the op library where the model runs")
                .with_kind(ErrorKind::Unsupported))
        }
    }
}

fn check_names(model: &Model, image_input: &str, insertion: &Insertion) -> Result<()> {
    let taken = |kind: &str, name: &str| {
        Error::new(format!("{kind} `{name}`"), "the name is taken in the model")
            .expected_got("a name that no value or node has", format!("`{name}`"))
            .fix(format!(
                "use another name, for example `{}`",
                model.free_name(name)
            ))
    };
    // Nodes and values have names apart from each other.
    let mut new = HashSet::new();
    let mut add = |kind: &str, name: &str| match name.is_empty()
        || (!model.has_name(name) && new.insert((kind == "node", name.to_owned())))
    {
        true => Ok(()),
        false => Err(taken(kind, name)),
    };
    for input in &insertion.inputs {
        add("input", &input.name)?;
    }
    for node in &insertion.nodes {
        add("node", &node.name)?;
    }
    let outputs = || insertion.nodes.iter().flat_map(|node| &node.output);
    let image = insertion
        .folded
        .as_ref()
        .map_or(image_input, |folded| folded.value.as_str());
    let replaced = || std::iter::once(image).chain(insertion.fed.iter().map(String::as_str));
    for output in outputs().filter(|output| !replaced().any(|input| input == *output)) {
        add("value", output)?;
    }
    for input in replaced() {
        let producers = outputs().filter(|output| *output == input).count();
        if producers != 1 {
            return Err(
                Error::new(format!("input `{input}`"), "is not made by the inserted nodes")
                    .expected_got("one node", producers),
            );
        }
    }
    for function in &insertion.functions {
        if model
            .functions()
            .any(|(domain, name, _)| domain == function.domain && name == function.name)
        {
            return Err(taken(
                "function",
                &format!("{}::{}", function.domain, function.name),
            ));
        }
    }
    Ok(())
}

fn splice(model: &Model, image_input: &str, insertion: &Insertion) -> Result<Edit> {
    let mut nodes = Vec::new();
    for node in &insertion.nodes {
        bytes_field(&mut nodes, field::GRAPH_NODE, &encode(node)?);
    }
    let mut splice = Splice {
        front: nodes,
        inner: graph_replacements(model, image_input, insertion)?,
        appended: appended(model, insertion)?,
        ..Splice::new(STRIP_KEY)
    };
    if let (false, Some((version, field))) = (insertion.functions.is_empty(), &model.skeleton.ir_version)
        && u64::try_from(*version).is_ok_and(|version| version < FUNCTIONS_IR_VERSION)
    {
        let mut inserted = Vec::new();
        varint(&mut inserted, FUNCTIONS_IR_VERSION);
        splice.outer.push(Replacement::new(
            field.after_tag,
            field.end - field.after_tag,
            inserted,
        ));
    }
    let edit = splice.edit(model)?;
    if edit.bytes() > MAX_MESSAGE {
        let too_large = Error::new("", "the result would be larger than protobuf allows")
            .expected_got(format!("at most {MAX_MESSAGE} bytes"), edit.bytes());
        return Err(too_large.fix(if insertion.single_file {
            "leave --single-file out"
        } else {
            "save the model with external data first"
        }));
    }
    Ok(if insertion.single_file {
        edit.without_external_data()
    } else {
        edit
    })
}

/// The changes inside the graph besides its nodes: inputs in the place of the image input, and more outputs.
fn graph_replacements(model: &Model, image_input: &str, insertion: &Insertion) -> Result<Vec<Replacement>> {
    let only = |name: &str| {
        let mut inputs = model.fed_inputs().filter(|input| input.value.name == name);
        match (inputs.next(), inputs.next()) {
            (Some(input), None) => Ok(input),
            _ => Err(Error::new(
                format!("input `{name}`"),
                "is not one of the model's inputs, or is listed twice",
            )),
        }
    };
    let mut new_inputs = Vec::new();
    for new in &insertion.inputs {
        bytes_field(&mut new_inputs, field::GRAPH_INPUT, &encode(new)?);
    }
    let image = only(image_input)?;
    // Of a folded one nothing is called so any more.
    let mut inner = vec![match insertion.forgets_type || insertion.folded.is_some() {
        true => Replacement::new(image.field.start, image.field.end - image.field.start, new_inputs),
        false => no_longer_an_input(model, image, new_inputs),
    }];
    let gone = insertion.folded.iter().flat_map(|folded| &folded.gone);
    inner.extend(
        gone.map(|range| Replacement::new(range.start, range.end.saturating_sub(range.start), Vec::new())),
    );
    let replaced = insertion.folded.iter().flat_map(|folded| &folded.replaced);
    inner.extend(replaced.map(|(range, bytes)| {
        Replacement::new(range.start, range.end.saturating_sub(range.start), bytes.clone())
    }));
    for fed in &insertion.fed {
        inner.push(no_longer_an_input(model, only(fed)?, Vec::new()));
    }
    if frees_initializers(model, insertion) {
        let initializers = model.initializers_among_inputs();
        inner.extend(initializers.map(|initializer| no_longer_an_input(model, initializer, Vec::new())));
    }
    inner.extend(more_outputs(model, insertion)?);
    if insertion.single_file {
        inner.extend(crate::single_file::replacements(model)?);
    }
    Ok(inner)
}

/// Whether raising the IR version would turn initializers from constants into inputs with a default.
///
/// Before IR version 4 every initializer had to be listed as an input and was a constant all the same;
/// from then on one that is listed can be fed, so a runtime no longer optimises with its values.
pub(crate) fn frees_initializers(model: &Model, insertion: &Insertion) -> bool {
    !insertion.functions.is_empty() && model.ir_version().is_some_and(|version| version < 4)
}

/// Makes an input an entry of `value_info`, which has the same message, after `inserted`.
fn no_longer_an_input(model: &Model, input: &Input, mut inserted: Vec<u8>) -> Replacement {
    let end = if model.skeleton.names.is(&input.value.name, Use::ValueInfo) {
        input.field.end
    } else {
        varint(&mut inserted, u64::from(field::GRAPH_VALUE_INFO) << 3 | 2);
        input.field.after_tag
    };
    Replacement::new(input.field.start, end - input.field.start, inserted)
}

/// The new outputs behind the last one of the model, so that no output changes its position.
fn more_outputs(model: &Model, insertion: &Insertion) -> Result<Option<Replacement>> {
    if insertion.outputs.is_empty() {
        return Ok(None);
    }
    let last = model
        .skeleton
        .output_fields
        .last()
        .ok_or_else(|| Error::new("outputs", "the model has none"))?;
    // In the place of the last one and not behind it, which may be behind the graph.
    let mut inserted = model.range(last.start, last.end, MAX_REPLACED)?;
    for output in &insertion.outputs {
        bytes_field(&mut inserted, field::GRAPH_OUTPUT, &encode(output)?);
    }
    Ok(Some(Replacement::new(
        last.start,
        last.end - last.start,
        inserted,
    )))
}

/// What comes after the last byte of the original, before the record.
fn appended(model: &Model, insertion: &Insertion) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for (domain, version) in &insertion.opset_imports {
        // Whatever version it imports: the name of an op carries its version, and ONNX Runtime, which ignores this
        // one for custom ops, writes 1000 into models that it saves while the op library is loaded.
        if !model.opsets().iter().any(|(present, _)| present == domain) {
            let mut opset = Vec::new();
            bytes_field(&mut opset, field::PAIR_FIRST, domain.as_bytes());
            varint_field(&mut opset, field::PAIR_SECOND, *version as u64);
            bytes_field(&mut out, field::MODEL_OPSET_IMPORT, &opset);
        }
    }
    for function in &insertion.functions {
        bytes_field(&mut out, field::MODEL_FUNCTIONS, &encode(function)?);
    }
    for (key, value) in &insertion.metadata {
        metadata_entry(&mut out, key, value);
    }
    Ok(out)
}
