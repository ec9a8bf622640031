//! The outputs of a detector as boxes, scores and classes.

use prep_onnx_pipeline::steps::KeyInfo;
use prep_onnx_pipeline::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::{ThenKind, check_count, optional, required};
use crate::after::builder::Builder;
use crate::after::families;
use crate::after::flow::Flow;

/// What a detector of a family says, as boxes with scores and classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detections {
    /// The family: one of [`families::FAMILIES`].
    pub family: String,
    /// The number of classes, where the output has more channels behind them.
    #[serde(default)]
    pub classes: Option<usize>,
    /// Points and numbers of each: `17x3`.
    #[serde(default)]
    pub keypoints: Option<String>,
    /// The output that holds everything, or the boxes.
    #[serde(default, deserialize_with = "super::name")]
    pub boxes: Option<String>,
    /// The output that holds the scores or logits, where it is another one.
    #[serde(default, deserialize_with = "super::name")]
    pub scores: Option<String>,
}

impl Detections {
    /// Points and numbers of each.
    pub(crate) fn points(&self) -> Result<Option<(i64, i64)>> {
        let Some(text) = &self.keypoints else {
            return Ok(None);
        };
        let parsed = text
            .split_once('x')
            .and_then(|(points, numbers)| Some((points.parse().ok()?, numbers.parse().ok()?)));
        match parsed {
            Some((points @ 1..=1000, numbers @ 2..=3)) => Ok(Some((points, numbers))),
            _ => Err(
                Error::new("keypoints", "is no number of points and of numbers for each")
                    .expected_got("such as 17x3: 1 to 1000, and 2 or 3", format_args!("{text:?}")),
            ),
        }
    }
}

impl ThenKind for Detections {
    const NAME: &'static str = "detections";
    const SUMMARY: &'static str =
        "the outputs of a detector as boxes, scores and classes; the family says how they lie";
    const EXAMPLE: &'static str = "--then detections=yolov8";
    const DESCRIPTION: &'static str = "Without further steps, what is usual for the family follows: nms or a threshold, unmap, and masks where the \
        family has them. The answer of every family is `boxes` float32 [M, 4] (x1 y1 x2 y2 in pixels of the source image), `scores` float32 [M], \
        `labels` int64 [M] and `image` int64 [M], which image of the batch (`image_index` where an input has that name). Pose models give \
        `keypoints` too, obb models `rotated`, segmentation models `masks`.";
    const MAIN: Option<&'static str> = Some("family");
    const KEYS: &'static [KeyInfo] = &[
        required(
            "family",
            families::NAMES,
            "how the outputs of the model lie; `prep-onnx steps detections` says what each takes",
        ),
        optional(
            "classes",
            "a number",
            "what the shape says; of pose 1",
            "the number of classes, of outputs with more channels behind them",
        ),
        optional(
            "keypoints",
            "such as 17x3",
            "what the shape says, three numbers each",
            "points and numbers of each",
        ),
        optional(
            "boxes",
            "a name",
            "the only one that fits",
            "the output with the boxes, or with all",
        ),
        optional(
            "scores",
            "a name",
            "the only one that fits",
            "the output with the scores or logits",
        ),
    ];
    const NEEDS_GEOMETRY: bool = true;

    fn check(&self) -> Result<()> {
        families::family(&self.family)?;
        self.points()?;
        check_count("classes", self.classes)
    }

    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
        if !matches!(builder.flow, Flow::Outputs) {
            return Err(Error::new(Self::NAME, "is the first step of a detector")
                .expected_got("the outputs of the model", builder.flow.in_words()));
        }
        let family = families::family(&self.family)?;
        let candidates = (family.decode)(builder, self).map_err(|error| {
            let error = error.or_kind(ErrorKind::Model);
            if error.help().is_some() {
                return error;
            }
            error.fix(format_args!(
                "detections={} takes {}; prep-onnx steps detections lists the families",
                family.name, family.takes
            ))
        })?;
        builder.flow = Flow::Candidates(Box::new(candidates));
        Ok(self.clone())
    }
}
