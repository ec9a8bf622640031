//! What is above a score.

use prep_onnx_pipeline::steps::KeyInfo;
use prep_onnx_pipeline::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{OUTPUT, ThenKind, check_count, optional};
use crate::after::Role;
use crate::after::builder::{Builder, Want};
use crate::after::flow::Flow;
use crate::after::select;
use crate::model::ElementType;
use onnx_protobuf::tensor_proto::DataType;

/// The threshold of a map where nobody says it.
const USUAL: f64 = 0.5;

/// What is above a score: of a map where, of a detector that leaves no duplicates the detections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The score, which what remains is above.
    #[serde(default)]
    pub score: Option<f64>,
    /// The most detections of an image.
    #[serde(default)]
    pub max: Option<usize>,
    /// The output of the model.
    #[serde(default, deserialize_with = "super::name")]
    pub output: Option<String>,
}

impl ThenKind for Threshold {
    const NAME: &'static str = "threshold";
    const SUMMARY: &'static str =
        "what is above a score: of a detector without duplicates its detections, of a map where";
    const EXAMPLE: &'static str = "--then detections=detr --then threshold=0.7";
    const DESCRIPTION: &'static str = "After `detections` it keeps the boxes whose score is above the threshold, in the model's order. Of any other \
        output it makes uint8 of the same shape, 1 where the value is above. The threshold becomes an input of the new file, \
        `score_threshold` float32 [1], with the given value where it is not fed.";
    const MAIN: Option<&'static str> = Some("score");
    const KEYS: &'static [KeyInfo] = &[
        optional(
            "score",
            "0 to 1",
            "the family's, or 0.5",
            "what remains has a higher score",
        ),
        optional(
            "max",
            "a number",
            "the family's",
            "the most detections of an image: the first ones",
        ),
        OUTPUT,
    ];

    fn check(&self) -> Result<()> {
        check_count("max", self.max)?;
        match self.score {
            Some(score) if !score.is_finite() => {
                Err(Error::new("score", "is not a finite number").expected_got("a number", score))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
        if let Flow::Candidates(candidates) = &builder.flow {
            let candidates = candidates.clone();
            let score = self.score.unwrap_or(candidates.usual.score);
            super::check_part("score", Some(score))?;
            let max = self.max.unwrap_or(candidates.usual.max);
            let threshold = builder.threshold("score_threshold", score as f32);
            let selected = select::above(builder, &candidates, &threshold, max)?;
            builder.flow = Flow::Selected(Box::new(selected));
            return Ok(Self {
                score: Some(score),
                max: Some(max),
                output: None,
            });
        }
        if self.max.is_some() {
            return Err(Error::new("threshold.max", "is for detections alone")
                .expected_got("a step detections before it", builder.flow.in_words()));
        }
        let want = Want {
            step: Self::NAME,
            key: Some("output"),
            shape: "of any shape",
            fits: |_| true,
        };
        let tensor = builder.tensor(&want, self.output.as_deref())?;
        let score = self.score.unwrap_or(USUAL);
        let threshold = builder.threshold("score_threshold", score as f32);
        let above = builder.graph.op("Greater", &[&tensor.value, &threshold]);
        let above = builder.graph.cast(&above, DataType::UINT8);
        let shape = tensor.shape.unwrap_or_default();
        builder.give(Role::Above, above, ElementType::UINT8, shape);
        builder.flow = Flow::Done;
        Ok(Self {
            score: Some(score),
            max: None,
            output: self.output.clone(),
        })
    }
}
