//! Putting a pipeline into a model.

use onnx_protobuf::{FunctionProto, NodeProto, OperatorSetIdProto};
use prep_onnx_pipeline::{
    Accept, DOMAIN, DOMAIN_VERSION, Dtype, Error, ErrorKind, FusedPlan, MAX_PIXELS, OnBadImage, Output,
    PLAN_ATTRIBUTE, Pipeline, Result, op_name,
};
use serde::Serialize;

use crate::edit::Edit;
use crate::half::rounds_to_half;
use crate::image_input::ImageInput;
use crate::insert::{Insertion, check_model, frees_initializers, insert};
use crate::inspect::External;
use crate::lowering::Lowering;
use crate::metadata::{ASSUMED_KEY, PIPELINE_KEY, VERSION_KEY};
use crate::model::{Dimension, Model, Value};
use crate::new_input::{NewInputs, usual_names};
use crate::on_bad_image;
use crate::portable::{self, End, Form, Portable, Values};

/// The usual name of the custom node, and what the names of standard ops begin with.
const NODE_NAME: &str = "prep_onnx";

/// How to embed.
#[derive(Debug, Clone)]
pub struct EmbedOptions {
    /// Which input takes the image; needed only where several can.
    pub input: Option<String>,
    /// The name of the new input. Where it is not given, the name is the usual one of `accept`, or one
    /// like it where that is taken. A second input is called like the first one with `_shapes` or
    /// `_lengths` after it.
    pub input_name: Option<String>,
    /// What the model takes afterwards.
    pub accept: Accept,
    /// How the pipeline lies in the model.
    pub lowering: Lowering,
    /// Which standard ops stand in where the library is not loaded.
    pub portable: Portable,
    /// What becomes of encoded images that cannot be read. [`OnBadImage::Zero`] adds an output with a status
    /// for each image, called `status` or like it, after the model's own.
    pub on_bad_image: OnBadImage,
    /// What was assumed, where nobody named the pipeline: recorded in the file.
    pub assumed: Option<String>,
    /// Takes the external data of the model in, so that one file holds all: up to 2 GiB.
    pub single_file: bool,
    /// (height, width) of every image, where it is known: the standard ops are then far fewer and simpler, and
    /// the model takes no other size. With [`Accept::Batch`] only.
    pub image_size: Option<(usize, usize)>,
}

impl Default for EmbedOptions {
    fn default() -> Self {
        Self {
            input: None,
            input_name: None,
            accept: Accept::Batch,
            lowering: Lowering::OneFile,
            portable: Portable::Exact,
            on_bad_image: OnBadImage::Fail,
            assumed: None,
            single_file: false,
            image_size: None,
        }
    }
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
    /// The inputs that take its place.
    pub inputs: Vec<Value>,
    /// The inputs of the model beside the image, which a caller has to feed as before.
    pub other_inputs: Vec<Value>,
    /// The outputs that come after the model's own.
    pub outputs: Vec<Value>,
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
    pub plan: FusedPlan,
    /// What was left open and how it was decided, one line each.
    pub assumptions: Vec<String>,
}

/// `model` with `pipeline` in front of its image input.
///
/// The new inputs take N images, N as in the model; [`Accept`] has their shapes. Axis order and element
/// type of the pipeline's output follow from the model where the pipeline leaves them open.
///
/// # Errors
/// Those of [`ImageInput::find`] and [`insert`]; a pipeline whose output has another size, axis order or
/// element type than the model takes; an input name that is taken or not between 1 and 255 bytes long.
pub fn embed(model: &Model, pipeline: &Pipeline, options: &EmbedOptions) -> Result<Embedding> {
    let within = |error: Error| error.within(model.path().display()).or_kind(ErrorKind::Model);
    // First, since an embedded model has another image input and errors about that would mislead.
    model.check_plain()?;
    check_model(model, options.lowering != Lowering::Fused).map_err(within)?;
    let mut image_input = ImageInput::find(model, options.input.as_deref())?;
    if let Some(layout) = pipeline.output.layout {
        image_input = image_input.with_layout(layout);
    }
    check_output(pipeline.output, &image_input).map_err(within)?;
    let (layout, dtype) = (image_input.layout, image_input.dtype);
    let plan = pipeline.plan(layout, dtype).map_err(within)?;
    check_size(&plan, &image_input).map_err(within)?;

    check_accept(&plan, options).map_err(within)?;
    if let Some(size) = options.image_size {
        check_image_size(&plan, size, options.accept).map_err(within)?;
    }
    on_bad_image::check(options).map_err(within)?;

    let mut assumptions = image_input.assumptions.clone();
    let inputs = NewInputs::of(model, options, image_input.batch(), &mut assumptions).map_err(within)?;
    let (status, status_proto) =
        on_bad_image::status_output(model, options, &inputs.batch, &mut assumptions).unzip();
    let pipeline = Pipeline {
        output: Output {
            layout: Some(layout),
            dtype: Some(dtype),
        },
        ..pipeline.clone()
    };
    let op = Op {
        name: op_name(options.accept, dtype, FusedPlan::VERSION),
        plan: &plan,
        rounds_to_half: dtype == Dtype::Float32 && rounds_to_half(model),
        opset: model.standard_opset().unwrap_or_default(),
        options,
    };
    let mut insertion = Insertion {
        inputs: inputs.protos(),
        outputs: status_proto.into_iter().collect(),
        metadata: metadata(&pipeline, options),
        single_file: options.single_file,
        ..Insertion::default()
    };
    let mut portable_nodes = 0;
    if options.lowering == Lowering::Standard {
        let prefix = model.free_prefix(NODE_NAME);
        insertion.nodes = op
            .body(&prefix, &inputs.names(), &image_input.name)
            .map_err(within)?;
        portable_nodes = insertion.nodes.len();
    } else {
        let mut node = op.node(model.free_name(NODE_NAME), inputs.names(), &image_input.name);
        on_bad_image::add_to_node(&mut node, options.on_bad_image, status.as_ref());
        insertion.nodes = vec![node];
        insertion.opset_imports = vec![(DOMAIN.to_owned(), DOMAIN_VERSION)];
    }
    if options.lowering == Lowering::OneFile {
        let function = op.function().map_err(within)?;
        portable_nodes = function.node.len();
        insertion.functions = vec![function];
    }
    let listed = model.initializers_among_inputs().count();
    if listed > 0 && frees_initializers(model, &insertion) {
        assumptions.push(format!(
            "the IR version is raised for the function: {listed} initializers are no longer listed as inputs and stay constants"
        ));
    }
    let edit = insert(model, &image_input.name, &insertion)?;
    let is_other = |input: &&Value| input.name != image_input.name;
    let other_inputs = model.inputs().filter(is_other).cloned().collect();
    let report = Report {
        image_input,
        inputs: inputs.values(),
        other_inputs,
        outputs: status.into_iter().collect(),
        external_data: External::all(edit.external_files(), model.path()),
        op: (options.lowering != Lowering::Standard).then(|| format!("{DOMAIN}::{}", op.name)),
        lowering: options.lowering,
        portable: options.portable,
        portable_nodes,
        opset: op.opset,
        pipeline,
        plan,
        assumptions,
    };
    Ok(Embedding { edit, report })
}

fn metadata(pipeline: &Pipeline, options: &EmbedOptions) -> Vec<(String, String)> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let entries = [
        (PIPELINE_KEY, Some(pipeline.to_json())),
        (VERSION_KEY, Some(version)),
        (ASSUMED_KEY, options.assumed.clone()),
    ];
    let present = |(key, value): (&str, Option<String>)| Some((key.to_owned(), value?));
    entries.into_iter().filter_map(present).collect()
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

/// Images of mixed sizes are one batch only where all get one size.
fn check_accept(plan: &FusedPlan, options: &EmbedOptions) -> Result<()> {
    if options.accept == Accept::Batch || plan.fixed_output().is_some() {
        return Ok(());
    }
    Err(
        Error::new("pipeline", "makes tensors whose size depends on the image")
            .why("tensors of mixed sizes cannot be one batch")
            .fix("end it with a center_crop or an exact resize, or use --accept batch"),
    )
}

/// Checks that images of the size that all are said to have can be preprocessed.
fn check_image_size(plan: &FusedPlan, (height, width): (usize, usize), accept: Accept) -> Result<()> {
    let subject = "image size";
    if accept != Accept::Batch {
        return Err(Error::new(subject, format!("does not go with --accept {accept}"))
            .with_kind(ErrorKind::Usage)
            .expected_got("--accept batch", format!("--accept {accept}"))
            .why("only images of one size can be of a known size")
            .fix("leave --image-size or --accept out"));
    }
    if height.checked_mul(width).is_none_or(|pixels| pixels > MAX_PIXELS) {
        return Err(Error::new(subject, "has too many pixels")
            .expected_got(format!("at most {MAX_PIXELS}"), format!("{height} x {width}")));
    }
    plan.geometry(height, width)
        .map(drop)
        .map_err(|error| error.within(subject))
}

/// The preprocessing op: a node, and what stands in for it.
struct Op<'a> {
    name: String,
    plan: &'a FusedPlan,
    /// Whether the model rounds to 16 bits inside.
    rounds_to_half: bool,
    opset: i64,
    options: &'a EmbedOptions,
}

impl Op<'_> {
    /// Standard ops from `inputs` to `output`.
    fn body(&self, prefix: &str, inputs: &[String], output: &str) -> Result<Vec<NodeProto>> {
        let EmbedOptions {
            portable,
            accept,
            image_size,
            lowering,
            ..
        } = *self.options;
        let form = Form {
            portable,
            accept,
            opset: self.opset,
            image_size,
            // Flat ops are for other runtimes, whose compilers compute with constants in their own way.
            values: match lowering {
                Lowering::Standard if image_size.is_some() => Values::Table,
                Lowering::OneFile | Lowering::Standard | Lowering::Fused => Values::Arithmetic,
            },
        };
        let end = if self.rounds_to_half {
            End::Apart
        } else {
            End::Joined
        };
        portable::lower_to(self.plan, form, prefix, inputs, output, end)
    }

    fn node(&self, name: String, inputs: Vec<String>, output: &str) -> NodeProto {
        let mut node = NodeProto::new();
        node.name = name;
        node.op_type.clone_from(&self.name);
        node.domain = DOMAIN.to_owned();
        node.input = inputs;
        node.output = vec![output.to_owned()];
        node.attribute = vec![on_bad_image::plan(self.plan.to_json())];
        node
    }

    /// The function that stands in for the op where the library is not loaded.
    fn function(&self) -> Result<FunctionProto> {
        const OUTPUT: &str = "tensor";
        let mut standard = OperatorSetIdProto::new();
        // ONNX Runtime reads the body at the model's own operator set whatever stands here.
        standard.version = self.opset;
        let mut function = FunctionProto::new();
        function.name.clone_from(&self.name);
        function.domain = DOMAIN.to_owned();
        function.input = usual_names(self.options.accept)
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        function.output = vec![OUTPUT.to_owned()];
        function.attribute = vec![PLAN_ATTRIBUTE.to_owned()];
        function.node = self.body("", &function.input, OUTPUT)?;
        function.opset_import = vec![standard];
        Ok(function)
    }
}
