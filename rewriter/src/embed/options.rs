//! How to embed.

use prep_onnx_pipeline::{Accept, OnBadImage, OutputKind};
use serde::Serialize;

use crate::lowering::Lowering;
use crate::portable::Portable;

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
    /// Further outputs of the preprocessing that the model gives after its own: those of
    /// [`OutputKind::EXTRA`], in their order, called like the kind or like it where that name is taken.
    pub outputs: Vec<OutputKind>,
    /// Outputs of the preprocessing that take the place of inputs of the model, which nobody feeds afterwards.
    pub feeds: Vec<Feed>,
    /// Whether the floats of a quantised model stay, and its `QuantizeLinear` with them.
    pub keep_floats: bool,
    /// Whether a model that reads int8 bytes by `DequantizeLinear` gets them, too: ONNX Runtime on x86 optimises what comes
    /// after them otherwise than after a `QuantizeLinear`, which may change the model's outputs by a step of their scale.
    pub fold_int8: bool,
    /// Outputs of the preprocessing that stay inside of the model, for what comes after it.
    pub inner: Vec<OutputKind>,
}

/// An output of the preprocessing that takes the place of an input of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feed {
    /// One of [`OutputKind::EXTRA`].
    #[serde(serialize_with = "crate::text::as_text")]
    pub kind: OutputKind,
    /// The name of the input: int64, int32, bool, float32 or float16 of as many axes.
    pub input: String,
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
            outputs: Vec::new(),
            feeds: Vec::new(),
            keep_floats: false,
            fold_int8: false,
            inner: Vec::new(),
        }
    }
}
