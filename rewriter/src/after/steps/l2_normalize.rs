//! Embeddings of length 1.

use prep_onnx_pipeline::Result;
use prep_onnx_pipeline::steps::KeyInfo;
use serde::{Deserialize, Serialize};

use super::{OUTPUT, ThenKind};
use crate::after::Role;
use crate::after::builder::{Builder, Want};
use crate::after::flow::Flow;
use crate::after::ops::Reduction;

/// The smallest length that is divided by, as in torch.
const SMALLEST: f32 = 1e-12;

/// float32 [N, D] to rows of length 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct L2Normalize {
    /// The output of the model.
    #[serde(default, deserialize_with = "super::name")]
    pub output: Option<String>,
}

impl ThenKind for L2Normalize {
    const NAME: &'static str = "l2_normalize";
    const SUMMARY: &'static str = "embeddings [N, D] to length 1: torch.nn.functional.normalize(x, dim=-1)";
    const EXAMPLE: &'static str = "--then l2_normalize";
    const DESCRIPTION: &'static str = "Divides each row by the root of the sum of its squares, which is at least 1e-12, as torch does; a product of \
        two such rows is their cosine.";
    const MAIN: Option<&'static str> = Some("output");
    const KEYS: &'static [KeyInfo] = &[OUTPUT];

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
        let want = Want {
            step: Self::NAME,
            key: Some("output"),
            shape: "[N, D]",
            fits: |shape| shape.len() == 2,
        };
        let tensor = builder.tensor(&want, self.output.as_deref())?;
        let graph = &mut builder.graph;
        let squares = graph.op("Mul", &[&tensor.value, &tensor.value]);
        let sum = graph.reduce(Reduction::Sum, &squares, 1, true);
        let length = graph.op("Sqrt", &[&sum]);
        let length = graph.with_float("Max", &length, SMALLEST);
        let value = graph.op("Div", &[&tensor.value, &length]);
        builder.flow = Flow::Tensor(tensor.made(Role::Embeddings, value));
        Ok(self.clone())
    }
}
