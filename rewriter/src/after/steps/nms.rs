//! Of boxes that overlap, the best.

use prep_onnx_pipeline::steps::KeyInfo;
use prep_onnx_pipeline::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{ThenKind, check_count, check_part, optional};
use crate::after::builder::Builder;
use crate::after::flow::Flow;
use crate::after::select;

/// Non-maximum suppression: of boxes of one class that overlap, the one with the highest score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nms {
    /// Two boxes whose intersection over union is above this are one object.
    #[serde(default)]
    pub iou: Option<f64>,
    /// What remains has a higher score.
    #[serde(default)]
    pub score: Option<f64>,
    /// The most detections of an image.
    #[serde(default)]
    pub max: Option<usize>,
    /// Whether boxes of different classes suppress each other.
    #[serde(default)]
    pub agnostic: Option<bool>,
}

impl ThenKind for Nms {
    const NAME: &'static str = "nms";
    const SUMMARY: &'static str =
        "of boxes that overlap the best: torchvision.ops.batched_nms, Ultralytics' non_max_suppression";
    const EXAMPLE: &'static str = "--then detections=yolov8 --then nms=score=0.25,iou=0.7,max=300";
    const DESCRIPTION: &'static str = "After `detections` it keeps, by falling score, the boxes that overlap no better one of their class. Score and \
        overlap become inputs of the new file, `score_threshold` and `iou_threshold` float32 [1], with the given values where they are not fed. A \
        box remains where its score is above the threshold, and goes where the overlap is above it. Rotated boxes overlap as Ultralytics measures \
        them (probiou, fast NMS).";
    const MAIN: Option<&'static str> = None;
    const KEYS: &'static [KeyInfo] = &[
        optional(
            "score",
            "0 to 1",
            "the family's",
            "what remains has a higher score",
        ),
        optional(
            "iou",
            "0 to 1",
            "the family's",
            "boxes whose intersection over union is above it are one object",
        ),
        optional(
            "max",
            "a number",
            "the family's",
            "the most detections of an image",
        ),
        optional(
            "agnostic",
            "true or false",
            "the family's",
            "whether boxes of different classes suppress each other",
        ),
    ];

    fn check(&self) -> Result<()> {
        check_part("score", self.score)?;
        check_part("iou", self.iou)?;
        check_count("max", self.max)
    }

    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
        let Flow::Candidates(candidates) = &builder.flow else {
            return Err(Error::new(Self::NAME, "works on the candidates of a detector")
                .expected_got("a step detections before it", builder.flow.in_words())
                .fix(
                    "add --then detections=FAMILY before it: prep-onnx steps detections lists the families",
                ));
        };
        let candidates = candidates.clone();
        let usual = &candidates.usual;
        let said = Self {
            iou: Some(self.iou.or(usual.iou).unwrap_or(select::USUAL_IOU)),
            score: Some(self.score.unwrap_or(usual.score)),
            max: Some(self.max.unwrap_or(usual.max)),
            agnostic: Some(self.agnostic.unwrap_or(usual.agnostic)),
        };
        let selected = select::nms(builder, &candidates, &said)?;
        builder.flow = Flow::Selected(Box::new(selected));
        Ok(said)
    }
}
