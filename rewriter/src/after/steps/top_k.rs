//! The classes with the highest scores.

use prep_onnx_pipeline::Result;
use prep_onnx_pipeline::steps::KeyInfo;
use serde::{Deserialize, Serialize};

use super::{OUTPUT, ThenKind, check_count, optional};
use crate::after::Role;
use crate::after::builder::{Builder, Want};
use crate::after::flow::Flow;
use crate::model::{Dimension, ElementType};

/// How many are given where nobody says it.
const USUAL: usize = 5;

/// float32 [N, classes] to the highest scores and their classes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopK {
    /// How many: all of them where there are fewer.
    #[serde(default)]
    pub k: Option<usize>,
    /// The output of the model.
    #[serde(default, deserialize_with = "super::name")]
    pub output: Option<String>,
}

impl ThenKind for TopK {
    const NAME: &'static str = "top_k";
    const SUMMARY: &'static str = "the highest of [N, classes], highest first, and their classes: torch.topk";
    const EXAMPLE: &'static str = "--then softmax --then top_k=5";
    const DESCRIPTION: &'static str = "Gives `scores` float32 [N, K] and `indices` int64 [N, K]; of equal scores the first class comes first. \
        Nothing follows it.";
    const MAIN: Option<&'static str> = Some("k");
    const KEYS: &'static [KeyInfo] = &[
        optional(
            "k",
            "a number",
            "5",
            "how many, or all where there are fewer classes",
        ),
        OUTPUT,
    ];

    fn check(&self) -> Result<()> {
        check_count("k", self.k)
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
        let k = self.k.unwrap_or(USUAL);
        let graph = &mut builder.graph;
        let wanted = graph.ints(&[k as i64]);
        let (count, extent) = match tensor.fixed(1) {
            Some(classes) => {
                let count = classes.min(k as i64);
                (graph.ints(&[count]), Dimension::Fixed(count))
            }
            None => {
                let classes = graph.extent(&tensor.value, 1);
                (graph.smaller(&classes, &wanted), Dimension::Unknown)
            }
        };
        let [scores, indices] = graph.highest(&tensor.value, &count);
        let images = tensor
            .shape
            .as_ref()
            .and_then(|shape| shape.first().cloned())
            .unwrap_or(Dimension::Unknown);
        let shape = vec![images, extent];
        builder.give(Role::Scores, scores, ElementType::FLOAT32, shape.clone());
        builder.give(Role::Indices, indices, ElementType::INT64, shape);
        builder.flow = Flow::Done;
        Ok(Self {
            k: Some(k),
            output: self.output.clone(),
        })
    }
}
