//! Putting a pipeline into a model.

use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::tensor_shape_proto::{Dimension as DimensionProto, dimension};
use onnx_protobuf::{
    AttributeProto, FunctionProto, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};
use prep_onnx_pipeline::{
    Accept, CHANNELS, DOMAIN, DOMAIN_VERSION, Error, FusedPlan, Output, PLAN_ATTRIBUTE, Pipeline, Result,
    op_name,
};
use protobuf::MessageField;
use serde::Serialize;

use crate::edit::Edit;
use crate::image_input::ImageInput;
use crate::insert::{Insertion, check_model, insert};
use crate::lowering::Lowering;
use crate::metadata::{PIPELINE_KEY, VERSION_KEY};
use crate::model::{Dimension, ElementType, Model, ValueType};
use crate::portable;

/// The usual name of the new input.
const INPUT_NAME: &str = "image";
/// The usual name of the custom node, and what the names of standard ops begin with.
const NODE_NAME: &str = "prep_onnx";
/// The longest name of an input, in bytes.
const MAX_INPUT_NAME: usize = 255;

/// How to embed.
#[derive(Debug, Clone, Default)]
pub struct EmbedOptions {
    /// Which input takes the image; needed only where several can.
    pub input: Option<String>,
    /// The name of the new input; `image` where it is not given, or a name like it where that is taken.
    pub input_name: Option<String>,
    /// How the pipeline lies in the model.
    pub lowering: Lowering,
}

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
    /// The name of the new input, uint8 [N, H, W, 3].
    pub input_name: String,
    /// The custom op with its domain; none for [`Lowering::Standard`].
    pub op: Option<String>,
    /// How the pipeline lies in the model.
    pub lowering: Lowering,
    /// The number of standard ops that do the same without the library.
    pub portable_nodes: usize,
    /// The standard operator set of the model, which they are written for.
    pub opset: i64,
    /// The pipeline, its output as the model takes it.
    #[serde(skip)]
    pub pipeline: Pipeline,
    /// What the op executes.
    pub plan: FusedPlan,
    /// What was left open and how it was decided, one line each.
    pub assumptions: Vec<String>,
}

/// `model` with `pipeline` in front of its image input.
///
/// The new input takes uint8 [N, H, W, 3], RGB, images of one size; N is that of the model. Axis order
/// and element type of the pipeline's output follow from the model where the pipeline leaves them open.
///
/// # Errors
/// Those of [`ImageInput::find`] and [`insert`]; a pipeline whose output has another size, axis order or
/// element type than the model takes; an input name that is taken or not between 1 and 255 bytes long.
pub fn embed(model: &Model, pipeline: &Pipeline, options: &EmbedOptions) -> Result<Embedding> {
    let within = |error: Error| error.within(model.path().display());
    // First, since an embedded model has another image input and errors about that would mislead.
    check_model(model).map_err(within)?;
    let mut image_input = ImageInput::find(model, options.input.as_deref())?;
    if let Some(layout) = pipeline.output.layout {
        image_input = image_input.with_layout(layout);
    }
    check_output(pipeline.output, &image_input).map_err(within)?;
    let (layout, dtype) = (image_input.layout, image_input.dtype);
    let plan = pipeline.plan(layout, dtype).map_err(within)?;
    check_size(&plan, &image_input).map_err(within)?;

    let mut assumptions = image_input.assumptions.clone();
    let input_name = input_name(model, options, &mut assumptions).map_err(within)?;
    let pipeline = Pipeline {
        output: Output {
            layout: Some(layout),
            dtype: Some(dtype),
        },
        ..pipeline.clone()
    };
    let opset = model.standard_opset().unwrap_or_default();
    let op = op_name(Accept::Batch, dtype);
    let mut insertion = Insertion {
        inputs: vec![batch_input(model, &input_name, image_input.batch())],
        metadata: vec![
            (PIPELINE_KEY.to_owned(), pipeline.to_json()),
            (VERSION_KEY.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ],
        ..Insertion::default()
    };
    let portable_nodes = match options.lowering {
        Lowering::Standard => {
            let prefix = model.free_prefix(NODE_NAME);
            insertion.nodes = portable::exact(&plan, &prefix, &input_name, &image_input.name);
            insertion.nodes.len()
        }
        Lowering::OneFile | Lowering::Fused => {
            insertion.nodes = vec![custom_node(model, &op, &plan, &input_name, &image_input.name)];
            insertion.opset_imports = vec![(DOMAIN.to_owned(), DOMAIN_VERSION)];
            if options.lowering == Lowering::OneFile {
                insertion.functions = vec![function(&op, &plan, opset)];
            }
            insertion
                .functions
                .first()
                .map_or(0, |function| function.node.len())
        }
    };
    let edit = insert(model, &image_input.name, &insertion)?;
    let report = Report {
        image_input,
        input_name,
        op: (options.lowering != Lowering::Standard).then(|| format!("{DOMAIN}::{op}")),
        lowering: options.lowering,
        portable_nodes,
        opset,
        pipeline,
        plan,
        assumptions,
    };
    Ok(Embedding { edit, report })
}

fn check_output(output: Output, input: &ImageInput) -> Result<()> {
    let subject = |key: &str| format!("output.{key}");
    let differs = |key: &str| {
        Error::new(
            subject(key),
            format!("differs from that of the model's input `{}`", input.name),
        )
    };
    if let Some(layout) = output.layout.filter(|layout| *layout != input.layout) {
        return Err(differs("layout")
            .expected_got(input.layout, layout)
            .fix("leave output.layout out: it follows from the model"));
    }
    if let Some(dtype) = output.dtype.filter(|dtype| *dtype != input.dtype) {
        return Err(differs("dtype")
            .expected_got(input.dtype, dtype)
            .fix("leave output.dtype out: it follows from the model"));
    }
    Ok(())
}

/// Checks that the model takes the size of image that the plan makes.
fn check_size(plan: &FusedPlan, input: &ImageInput) -> Result<()> {
    let (height, width) = input.size();
    let made = plan.fixed_output();
    let fits = |dimension: &Dimension, made: Option<usize>| match (dimension.fixed(), made) {
        (Some(taken), Some(made)) => i64::try_from(made) == Ok(taken),
        (Some(_), None) => false,
        (None, _) => true,
    };
    if fits(height, made.map(|size| size.0)) && fits(width, made.map(|size| size.1)) {
        return Ok(());
    }
    let got = match made {
        Some((height, width)) => format!("{height} x {width}"),
        None => "a size that depends on the image".to_owned(),
    };
    let error = Error::new(
        format!("input `{}`", input.name),
        "the pipeline makes images of another size (height x width)",
    );
    Err(error
        .expected_got(format!("{height} x {width}"), got)
        .fix("give the pipeline an exact resize or a centre crop of the model's size, or use the pipeline that this model was trained with"))
}

fn input_name(model: &Model, options: &EmbedOptions, assumptions: &mut Vec<String>) -> Result<String> {
    let Some(wanted) = &options.input_name else {
        let free = model.free_name(INPUT_NAME);
        if free != INPUT_NAME {
            assumptions.push(format!(
                "the name `{INPUT_NAME}` is taken in the model: the new input is called `{free}`"
            ));
        }
        return Ok(free);
    };
    if wanted.is_empty() || wanted.len() > MAX_INPUT_NAME {
        return Err(Error::new("input name", "has an unusable length")
            .expected_got(format!("1 to {MAX_INPUT_NAME} bytes"), wanted.len())
            .fix("give a shorter name to --input-name"));
    }
    Ok(wanted.clone())
}

/// uint8 [N, H, W, 3].
fn batch_input(model: &Model, name: &str, batch: &Dimension) -> ValueInfoProto {
    let batch = match batch {
        Dimension::Unknown => Dimension::Symbolic(free_dimension(model, &format!("{name}_batch"))),
        known => known.clone(),
    };
    let open = |axis: &str| Dimension::Symbolic(free_dimension(model, &format!("{name}_{axis}")));
    let shape = [
        batch,
        open("height"),
        open("width"),
        Dimension::Fixed(CHANNELS as i64),
    ];
    let mut shape_proto = TensorShapeProto::new();
    shape_proto.dim = shape.into_iter().map(dimension_proto).collect();
    let mut tensor = type_proto::Tensor::new();
    tensor.elem_type = ElementType::UINT8.0;
    tensor.shape = MessageField::some(shape_proto);
    let mut value_type = TypeProto::new();
    value_type.value = Some(type_proto::Value::TensorType(tensor));
    let mut input = ValueInfoProto::new();
    input.name = name.to_owned();
    input.type_ = MessageField::some(value_type);
    input
}

fn dimension_proto(dimension: Dimension) -> DimensionProto {
    let mut proto = DimensionProto::new();
    proto.value = match dimension {
        Dimension::Fixed(size) => Some(dimension::Value::DimValue(size)),
        Dimension::Symbolic(name) => Some(dimension::Value::DimParam(name)),
        Dimension::Unknown => None,
    };
    proto
}

/// A name for a dimension that no input or output uses: equal names mean equal sizes.
fn free_dimension(model: &Model, wanted: &str) -> String {
    let shapes = model
        .inputs()
        .chain(model.outputs())
        .filter_map(|value| match &value.value_type {
            ValueType::Tensor { shape, .. } => shape.as_ref(),
            ValueType::Other { .. } => None,
        });
    let used: Vec<_> = shapes.flatten().collect();
    let mut name = wanted.to_owned();
    while used
        .iter()
        .any(|dimension| **dimension == Dimension::Symbolic(name.clone()))
    {
        name.push('_');
    }
    name
}

fn custom_node(model: &Model, op: &str, plan: &FusedPlan, input: &str, output: &str) -> NodeProto {
    let mut attribute = AttributeProto::new();
    attribute.name = PLAN_ATTRIBUTE.to_owned();
    attribute.s = plan.to_json().into_bytes();
    attribute.type_ = AttributeType::STRING.into();
    let mut node = NodeProto::new();
    node.name = model.free_name(NODE_NAME);
    node.op_type = op.to_owned();
    node.domain = DOMAIN.to_owned();
    node.input = vec![input.to_owned()];
    node.output = vec![output.to_owned()];
    node.attribute = vec![attribute];
    node
}

/// The function that stands in for the op where the library is not loaded.
fn function(op: &str, plan: &FusedPlan, opset: i64) -> FunctionProto {
    const OUTPUT: &str = "tensor";
    let mut standard = OperatorSetIdProto::new();
    // ONNX Runtime reads the body at the model's own operator set whatever stands here.
    standard.version = opset;
    let mut function = FunctionProto::new();
    function.name = op.to_owned();
    function.domain = DOMAIN.to_owned();
    function.input = vec![INPUT_NAME.to_owned()];
    function.output = vec![OUTPUT.to_owned()];
    function.attribute = vec![PLAN_ATTRIBUTE.to_owned()];
    function.node = portable::exact(plan, "", INPUT_NAME, OUTPUT);
    function.opset_import = vec![standard];
    function
}
