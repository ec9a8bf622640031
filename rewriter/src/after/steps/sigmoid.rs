//! Probabilities of classes that do not exclude each other.

use prep_onnx_pipeline::Result;
use prep_onnx_pipeline::steps::KeyInfo;
use serde::{Deserialize, Serialize};

use super::{OUTPUT, ThenKind};
use crate::after::Role;
use crate::after::builder::{Builder, Want};
use crate::after::flow::Flow;

/// Every float32 value to between 0 and 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sigmoid {
    /// The output of the model.
    #[serde(default, deserialize_with = "super::name")]
    pub output: Option<String>,
}

impl ThenKind for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const SUMMARY: &'static str = "each value to between 0 and 1: torch.sigmoid";
    const EXAMPLE: &'static str = "--then sigmoid";
    const DESCRIPTION: &'static str =
        "Takes an output of any shape: tags of an image, or a map of one class or several. The shape stays.";
    const MAIN: Option<&'static str> = Some("output");
    const KEYS: &'static [KeyInfo] = &[OUTPUT];

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
        let want = Want {
            step: Self::NAME,
            key: Some("output"),
            shape: "of any shape",
            fits: |_| true,
        };
        let tensor = builder.tensor(&want, self.output.as_deref())?;
        // Of more axes it may be of anything.
        builder.tells_apart(tensor.fixed(1).filter(|_| tensor.rank() == Some(2)));
        let value = builder.graph.op("Sigmoid", &[&tensor.value]);
        builder.flow = Flow::Tensor(tensor.made(Role::Probabilities, value));
        Ok(self.clone())
    }
}
