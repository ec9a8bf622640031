//! Boxes back to the image.

use prep_onnx_pipeline::steps::KeyInfo;
use prep_onnx_pipeline::{Error, Result};
use serde::{Deserialize, Serialize};

use super::ThenKind;
use crate::after::builder::Builder;
use crate::after::flow::Flow;
use crate::after::source;

/// Boxes, points and rotated boxes in pixels of the source image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unmap {}

impl ThenKind for Unmap {
    const NAME: &'static str = "unmap";
    const SUMMARY: &'static str = "boxes, points and angles in pixels of the source image: Ultralytics' scale_boxes and scale_coords, transformers' target_sizes";
    const EXAMPLE: &'static str = "--then detections=yolov8 --then nms --then unmap";
    const DESCRIPTION: &'static str = "Takes the offset of each image in the model's tensor away and divides by its scale, which the preprocessing \
        gives as its output geometry; what lies outside of the image is moved to its edge. Boxes that the model gives as parts of the image \
        (DETR) are multiplied by its size, and stay where they are. Without it, `detections` ends with it.";
    const MAIN: Option<&'static str> = None;
    const KEYS: &'static [KeyInfo] = &[];
    const NEEDS_GEOMETRY: bool = true;

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
        let Flow::Selected(selected) = &builder.flow else {
            return Err(Error::new(Self::NAME, "works on detections that are selected")
                .expected_got("a step nms or threshold before it", builder.flow.in_words())
                .fix("--then detections=FAMILY selects and unmaps by itself"));
        };
        let selected = selected.clone();
        let unmapped = source::unmap(builder, *selected)?;
        builder.flow = Flow::Selected(Box::new(unmapped));
        Ok(*self)
    }
}
