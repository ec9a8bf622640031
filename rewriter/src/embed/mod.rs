//! Putting a pipeline into a model: open, decide, lower, insert, write.

mod decide;
mod half;
mod inputs;
mod op;
mod options;
mod outputs;

use prep_onnx_pipeline::{
    DOMAIN, DOMAIN_VERSION, Dtype, Error, ErrorKind, OutputKind, Pipeline, Plan, Result, Signature,
};
use serde::Serialize;

use crate::edit::Edit;
use crate::image_input::ImageInput;
use crate::insert::{Insertion, check_model, frees_initializers, insert};
use crate::inspect::External;
use crate::lowering::Lowering;
use crate::metadata::{ASSUMED_KEY, IMAGE_INPUT_KEY, PIPELINE_KEY, QUANTISED_KEY, VERSION_KEY};
use crate::model::{Model, Value};
use crate::portable::Portable;
use crate::quantised::{Bytes, Found, Quantised};
use decide::{Decision, decide};
use half::rounds_to_half;
use op::Op;

pub(crate) use inputs::proto;
pub use options::{EmbedOptions, Feed};

/// The usual name of the custom node, and what the names of standard ops begin with.
const NODE_NAME: &str = "prep_onnx";

/// A model with a pipeline, ready to be written.
#[derive(Debug)]
pub struct Embedding {
    /// The new file.
    pub edit: Edit,
    /// What was done.
    pub report: Report,
}

/// What embedding did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The input whose place the new one takes.
    pub image_input: ImageInput,
    /// The inputs that take its place.
    pub inputs: Vec<Value>,
    /// What of the preprocessing takes the place of other inputs of the model.
    pub feeds: Vec<Feed>,
    /// The inputs of the model beside the image, which a caller has to feed as before.
    pub other_inputs: Vec<Value>,
    /// The outputs that come after the model's own.
    pub outputs: Vec<Value>,
    /// The names of the values of the graph that hold outputs of the preprocessing besides the tensor.
    #[serde(skip)]
    pub values: Vec<(OutputKind, String)>,
    /// The data files that the new file refers to, which must lie beside it.
    pub external_data: Vec<External>,
    /// The custom op with its domain; none for [`Lowering::Standard`].
    pub op: Option<String>,
    /// How the pipeline lies in the model.
    pub lowering: Lowering,
    /// Which standard ops do the same without the library.
    pub portable: Portable,
    /// The number of these; 0 for [`Lowering::Fused`].
    pub portable_nodes: usize,
    /// The standard operator set of the model, which they are written for.
    pub opset: i64,
    /// The pipeline, its output as the model takes it.
    #[serde(skip)]
    pub pipeline: Pipeline,
    /// What the op executes.
    pub plan: Plan,
    /// What becomes of the floats of a quantised model; none of other models.
    pub quantised: Option<Quantisation>,
    /// What was left open and how it was decided, one line each.
    pub assumptions: Vec<String>,
}

/// What becomes of the image of a model that quantises it at once.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Quantisation {
    /// The preprocessing gives the bytes.
    Bytes {
        /// What takes them.
        #[serde(flatten)]
        quantised: Quantised,
        /// A model of the nodes that went, from the image input to the bytes.
        #[serde(skip)]
        part: Vec<u8>,
        /// All values of the image input: [1, C, 16, 16] or [1, 16, 16, C] in its order, of each pixel value in each channel.
        #[serde(skip)]
        floats: Vec<f32>,
        /// What they have to become there; of int8, the bits.
        #[serde(skip)]
        bytes: Vec<u8>,
    },
    /// It stays as it is.
    Kept {
        /// Why.
        kept: String,
    },
}

/// `model` with `pipeline` in front of its image input.
///
/// The new inputs take N images, N as in the model; [`Accept`](prep_onnx_pipeline::Accept) has their shapes. Axis order and
/// element type of the pipeline's output follow from the model where the pipeline leaves them open.
///
/// # Errors
/// Those of [`ImageInput::find_for`] and [`insert`]; a pipeline whose output has another size, axis order or
/// element type than the model takes; an input name that is taken or not between 1 and 255 bytes long; an input that does
/// not take what is to be fed to it.
pub fn embed(model: &Model, pipeline: &Pipeline, options: &EmbedOptions) -> Result<Embedding> {
    let within = |error: Error| error.within(model.path().display()).or_kind(ErrorKind::Model);
    // First, since an embedded model has another image input and errors about that would mislead.
    model.check_plain()?;
    let standard = options.lowering != Lowering::Fused || !options.feeds.is_empty();
    check_model(model, standard).map_err(within)?;
    let mut decision = decide(model, pipeline, options)?;
    let op = Op {
        name: Signature::of(&decision.plan, options.accept).name(),
        plan: &decision.plan,
        rounds_to_half: decision.image_input.dtype == Dtype::Float32 && rounds_to_half(model),
        opset: model.standard_opset().unwrap_or_default(),
        options,
    };
    let (insertion, portable_nodes) = lower(model, &decision, &op).map_err(within)?;
    let listed = model.initializers_among_inputs().count();
    if listed > 0 && frees_initializers(model, &insertion) {
        decision.assumptions.push(format!(
            "the IR version is raised for the function: {listed} initializers are no longer listed as inputs and stay constants"
        ));
    }
    let edit = insert(model, &decision.image_input.name, &insertion)?;
    let op_title = (options.lowering != Lowering::Standard).then(|| format!("{DOMAIN}::{}", op.name));
    let opset = op.opset;
    let Decision {
        image_input,
        pipeline,
        plan,
        inputs,
        extras,
        floats,
        found,
        assumptions,
    } = decision;
    let quantised = match found {
        Found::Floats => None,
        Found::Kept(kept) => Some(Quantisation::Kept { kept }),
        Found::Bytes(bytes) => {
            let (values, table) = bytes.enumeration(&floats, image_input.layout);
            Some(Quantisation::Bytes {
                quantised: bytes.quantised,
                part: bytes.part,
                floats: values,
                bytes: table,
            })
        }
    };
    let is_other = |input: &&Value| input.name != image_input.name && !extras.fed.contains(&input.name);
    let report = Report {
        inputs: inputs.values(),
        feeds: options.feeds.clone(),
        other_inputs: model.inputs().filter(is_other).cloned().collect(),
        outputs: extras.values(),
        values: extras.kinds(),
        external_data: External::all(edit.external_files(), model.path()),
        op: op_title,
        lowering: options.lowering,
        portable: options.portable,
        portable_nodes,
        opset,
        pipeline,
        plan,
        quantised,
        assumptions,
        image_input,
    };
    Ok(Embedding { edit, report })
}

/// What is put into the model, and the number of standard nodes of the preprocessing.
fn lower(model: &Model, decision: &Decision, op: &Op<'_>) -> Result<(Insertion, usize)> {
    let Decision {
        image_input,
        pipeline,
        inputs,
        extras,
        found,
        ..
    } = decision;
    let bytes = match found {
        Found::Bytes(bytes) => Some(&**bytes),
        Found::Floats | Found::Kept(_) => None,
    };
    let options = op.options;
    let mut insertion = Insertion {
        inputs: inputs.protos(),
        outputs: extras.protos(),
        fed: extras.fed.clone(),
        folded: bytes.map(|bytes| bytes.folded.clone()),
        metadata: metadata(pipeline, image_input, bytes, options)?,
        single_file: options.single_file,
        forgets_type: options.lowering == Lowering::Standard && options.image_size.is_some(),
        ..Insertion::default()
    };
    let mut outputs = vec![
        bytes
            .map_or(&image_input.name, |bytes| &bytes.quantised.value)
            .clone(),
    ];
    outputs.extend(extras.names());
    let mut portable_nodes = 0;
    if options.lowering == Lowering::Standard {
        let prefix = model.free_prefix(NODE_NAME);
        insertion.nodes = op.body(&prefix, &inputs.names(), &outputs)?;
        portable_nodes = insertion.nodes.len();
    } else {
        let name = model.free_name(NODE_NAME);
        insertion.nodes = vec![op.node(name, inputs.names(), outputs)];
        insertion.opset_imports = vec![(DOMAIN.to_owned(), DOMAIN_VERSION)];
    }
    insertion.nodes.extend(extras.casts.iter().cloned());
    if options.lowering == Lowering::OneFile {
        let function = op.function()?;
        portable_nodes = function.node.len();
        insertion.functions = vec![function];
    }
    Ok((insertion, portable_nodes))
}

fn metadata(
    pipeline: &Pipeline,
    image_input: &ImageInput,
    bytes: Option<&Bytes>,
    options: &EmbedOptions,
) -> Result<Vec<(String, String)>> {
    let quantised = bytes
        .map(|bytes| serde_json::to_string(&bytes.quantised))
        .transpose();
    let quantised = quantised.map_err(|error| Error::new("", format_args!("cannot be encoded: {error}")))?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    // Of several inputs that the preprocessing takes the place of, this one is the image.
    let image = (!options.feeds.is_empty()).then(|| image_input.name.clone());
    let entries = [
        (PIPELINE_KEY, Some(pipeline.to_json())),
        (VERSION_KEY, Some(version)),
        (IMAGE_INPUT_KEY, image),
        (QUANTISED_KEY, quantised),
        (ASSUMED_KEY, options.assumed.clone()),
    ];
    let present = |(key, value): (&str, Option<String>)| Some((key.to_owned(), value?));
    Ok(entries.into_iter().filter_map(present).collect())
}
