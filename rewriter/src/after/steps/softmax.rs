//! Probabilities of classes that exclude each other.

use prep_onnx_pipeline::Result;
use prep_onnx_pipeline::steps::KeyInfo;
use serde::{Deserialize, Serialize};

use super::{OUTPUT, ThenKind};
use crate::after::Role;
use crate::after::builder::{Builder, Want};
use crate::after::flow::Flow;
use crate::portable::graph::int;

/// float32 [N, classes] to probabilities that sum up to 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softmax {
    /// The output of the model.
    #[serde(default, deserialize_with = "super::name")]
    pub output: Option<String>,
}

impl ThenKind for Softmax {
    const NAME: &'static str = "softmax";
    const SUMMARY: &'static str =
        "logits [N, classes] to probabilities that sum up to 1: torch.softmax(logits, -1)";
    const EXAMPLE: &'static str = "--then softmax";
    const DESCRIPTION: &'static str = "Takes an output of two axes, one row of logits for each image. The exponentials are those of ONNX Runtime, \
        which differ from torch's in the last bits.";
    const MAIN: Option<&'static str> = Some("output");
    const KEYS: &'static [KeyInfo] = &[OUTPUT];

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
        let want = Want {
            step: Self::NAME,
            key: Some("output"),
            shape: "[N, classes]",
            fits: |shape| shape.len() == 2,
        };
        let tensor = builder.tensor(&want, self.output.as_deref())?;
        builder.tells_apart(tensor.fixed(1));
        // Of two axes, the last one means the same before operator set 13 and after.
        let value = builder
            .graph
            .op_with("Softmax", &[&tensor.value], vec![int("axis", -1)]);
        builder.flow = Flow::Tensor(tensor.made(Role::Probabilities, value));
        Ok(self.clone())
    }
}
