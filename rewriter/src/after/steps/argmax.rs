//! The class with the highest score, of an image or of each place.

use prep_onnx_pipeline::Result;
use prep_onnx_pipeline::steps::KeyInfo;
use serde::{Deserialize, Serialize};

use super::{OUTPUT, ThenKind};
use crate::after::Role;
use crate::after::builder::{Builder, Want};
use crate::after::flow::Flow;
use crate::model::ElementType;

/// float32 `[N, classes]` or `[N, classes, h, w]` to int64 `[N]` or `[N, h, w]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Argmax {
    /// The output of the model.
    #[serde(default, deserialize_with = "super::name")]
    pub output: Option<String>,
}

impl ThenKind for Argmax {
    const NAME: &'static str = "argmax";
    const SUMMARY: &'static str =
        "the class with the highest score, of an image or of each place: torch.argmax(x, 1)";
    const EXAMPLE: &'static str = "--then resize_to_image --then argmax";
    const DESCRIPTION: &'static str = "Of [N, classes] it gives `labels` int64 [N], of [N, classes, rows, columns] `classes` int64 [N, rows, \
        columns]; of equal scores the first class. Nothing follows it.";
    const MAIN: Option<&'static str> = Some("output");
    const KEYS: &'static [KeyInfo] = &[OUTPUT];

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
        let want = Want {
            step: Self::NAME,
            key: Some("output"),
            shape: "[N, classes] or [N, classes, rows, columns]",
            fits: |shape| matches!(shape.len(), 2 | 4),
        };
        let tensor = builder.tensor(&want, self.output.as_deref())?;
        builder.tells_apart(tensor.fixed(1));
        let value = builder.graph.index_of_highest(&tensor.value, 1);
        let mut shape = tensor.shape.unwrap_or_default();
        let role = if shape.len() == 2 {
            Role::Labels
        } else {
            Role::Classes
        };
        shape.remove(1);
        builder.give(role, value, ElementType::INT64, shape);
        builder.flow = Flow::Done;
        Ok(self.clone())
    }
}
