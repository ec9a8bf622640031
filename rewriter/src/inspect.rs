//! What is inside a model, embedded or not.

use std::path::Path;

use prep_onnx_pipeline::{Accept, DOMAIN, ON_BAD_IMAGE_ATTRIBUTE, OnBadImage, PLAN_ATTRIBUTE, Signature};
use serde::Serialize;
use serde_json::Value as Json;

use crate::after::{Recorded, recorded};
use crate::image_input::ImageInput;
use crate::lowering::Lowering;
use crate::metadata::{ASSUMED_KEY, PIPELINE_KEY, STRIP_KEY, VERSION_KEY, embedded_trace};
use crate::model::{ExternalFile, Model, Value, string_attribute};
use crate::quantised::Quantised;
use crate::strip::strip;

/// The largest node of ours that is read.
const MAX_NODE: u64 = 1 << 20;

/// What is inside a model.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The file.
    pub path: String,
    /// Its size in bytes, without external data.
    pub bytes: u64,
    /// The IR version.
    pub ir_version: Option<i64>,
    /// The tool that wrote the model.
    pub producer: String,
    /// The imported operator sets; the standard one has an empty domain.
    pub opsets: Vec<Opset>,
    /// The inputs that a caller has to feed.
    pub inputs: Vec<Value>,
    /// The outputs.
    pub outputs: Vec<Value>,
    /// The number of nodes of the main graph.
    pub nodes: u64,
    /// The number of initializers of the main graph.
    pub initializers: u64,
    /// The model-local functions.
    pub functions: Vec<Function>,
    /// The external data files.
    pub external_data: Vec<External>,
    /// The keys of `metadata_props`.
    pub metadata_keys: Vec<String>,
    /// The embedded pipeline; `None` in a model without one.
    pub embedded: Option<Embedded>,
    /// What comes after the model; `None` where nothing does, or where it cannot be read.
    pub after: Option<Recorded>,
    /// Why it cannot be read.
    pub after_problem: Option<String>,
    /// The image input of a model without a pipeline.
    pub image_input: Option<ImageInput>,
    /// Why no image input was found, in a model without a pipeline.
    pub image_input_problem: Option<String>,
}

/// An imported operator set.
#[derive(Debug, Clone, Serialize)]
pub struct Opset {
    /// Its domain.
    pub domain: String,
    /// Its version.
    pub version: i64,
}

/// A model-local function.
#[derive(Debug, Clone, Serialize)]
pub struct Function {
    /// Its domain.
    pub domain: String,
    /// Its name.
    pub name: String,
    /// The number of nodes of its body.
    pub nodes: u64,
}

/// An external data file.
#[derive(Debug, Clone, Serialize)]
pub struct External {
    /// The path as the model has it.
    pub location: String,
    /// How many tensors refer to it.
    pub tensors: u64,
    /// Its size in bytes; none where it cannot be used.
    pub bytes: Option<u64>,
    /// What is wrong with it: it is missing, too short, or outside of the model's folder.
    pub problem: Option<String>,
}

impl External {
    /// The state of `files`, seen from a model `model`.
    pub(crate) fn all(files: &[ExternalFile], model: &Path) -> Vec<Self> {
        let state = |file: &ExternalFile| {
            let checked = file.check(model);
            Self {
                location: file.location.clone(),
                tensors: file.tensors,
                bytes: checked.as_ref().ok().copied(),
                problem: checked.err().map(|error| error.to_string()),
            }
        };
        files.iter().map(state).collect()
    }
}

/// An embedded pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct Embedded {
    /// The version of prep-onnx that embedded it.
    pub version: Option<String>,
    /// The pipeline.
    pub pipeline: Option<Json>,
    /// What was assumed when it was embedded, where nobody named it.
    pub assumed: Option<String>,
    /// The name of the op, with its domain.
    pub op: Option<String>,
    /// What the model takes; none where no custom op says it.
    pub accept: Option<Accept>,
    /// What becomes of encoded images that cannot be read.
    pub on_bad_image: Option<OnBadImage>,
    /// The fused plan of the op.
    pub plan: Option<Json>,
    /// What a quantised model takes, where the preprocessing gives its bytes.
    pub quantised: Option<Quantised>,
    /// How it lies in the model.
    pub lowering: Lowering,
    /// The number of nodes of the portable body, where it is a function.
    pub function_nodes: Option<u64>,
    /// Whether `strip` restores the original.
    pub can_strip: bool,
    /// Why it does not.
    pub strip_problem: Option<String>,
}

/// What is inside `model`.
pub fn inspect(model: &Model) -> Summary {
    let embedded = embedded_trace(model).map(|_| embedded(model));
    let (image_input, image_input_problem) = match (&embedded, ImageInput::find(model, None)) {
        (Some(_), _) => (None, None),
        (None, Ok(input)) => (Some(input), None),
        (None, Err(error)) => (None, Some(error.to_string())),
    };
    let (after, after_problem) = match recorded(model) {
        Ok(after) => (after, None),
        Err(error) => (None, Some(error.to_string())),
    };
    Summary {
        path: model.path().display().to_string(),
        bytes: model.bytes(),
        ir_version: model.ir_version(),
        producer: model.producer().to_owned(),
        opsets: model
            .opsets()
            .iter()
            .map(|(domain, version)| Opset {
                domain: domain.clone(),
                version: *version,
            })
            .collect(),
        inputs: model.inputs().cloned().collect(),
        outputs: model.outputs().to_vec(),
        nodes: model.nodes(),
        initializers: model.initializers(),
        functions: functions(model).collect(),
        external_data: External::all(model.external_files(), model.path()),
        metadata_keys: model.metadata().map(|(key, _)| key.to_owned()).collect(),
        embedded,
        after,
        after_problem,
        image_input,
        image_input_problem,
    }
}

fn functions(model: &Model) -> impl Iterator<Item = Function> {
    model.functions().map(|(domain, name, nodes)| Function {
        domain: domain.to_owned(),
        name: name.to_owned(),
        nodes,
    })
}

fn embedded(model: &Model) -> Embedded {
    let node = model.skeleton.own_nodes.first();
    let function = functions(model)
        .find(|function| function.domain == DOMAIN && node.is_none_or(|node| node.op_type == function.name));
    let lowering = match (node, &function) {
        (None, _) => Lowering::Standard,
        (Some(_), Some(_)) => Lowering::OneFile,
        (Some(_), None) => Lowering::Fused,
    };
    let attribute = |name: &str| {
        let node = node?;
        let bytes = model.range(node.field.payload, node.field.end, MAX_NODE).ok()?;
        string_attribute(&bytes, name).ok()?
    };
    let plan = attribute(PLAN_ATTRIBUTE).and_then(|plan| serde_json::from_slice(&plan).ok());
    let accept = node.and_then(|node| accept_of(&node.op_type));
    let on_bad_image = match attribute(ON_BAD_IMAGE_ATTRIBUTE) {
        Some(name) => String::from_utf8(name).ok().and_then(|name| name.parse().ok()),
        None => (accept == Some(Accept::Encoded)).then_some(OnBadImage::Fail),
    };
    let problem = strip(model).err().map(|error| error.to_string());
    Embedded {
        version: model.metadata_value(VERSION_KEY).map(str::to_owned),
        pipeline: model
            .metadata_value(PIPELINE_KEY)
            .and_then(|text| serde_json::from_str(text).ok()),
        assumed: model.metadata_value(ASSUMED_KEY).map(str::to_owned),
        op: node.map(|node| format!("{DOMAIN}::{}", node.op_type)),
        accept,
        on_bad_image,
        plan,
        quantised: Quantised::of(model),
        lowering,
        function_nodes: function.map(|function| function.nodes),
        can_strip: problem.is_none() && model.metadata_value(STRIP_KEY).is_some(),
        strip_problem: problem,
    }
}

/// The form of input that an op takes, of any version.
pub(crate) fn accept_of(op: &str) -> Option<Accept> {
    Signature::all()
        .find(|signature| signature.name() == op)
        .map(|signature| signature.accept)
}
