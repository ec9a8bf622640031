//! Masks of detections.

use prep_onnx_pipeline::steps::KeyInfo;
use prep_onnx_pipeline::{Error, Result};
use serde::{Deserialize, Serialize};

use super::ThenKind;
use crate::after::builder::Builder;
use crate::after::flow::Flow;
use crate::after::masks;

/// uint8 [M, rows, columns] in the size of the source image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masks {}

impl ThenKind for Masks {
    const NAME: &'static str = "masks";
    const SUMMARY: &'static str = "a mask for each detection in the size of the source image: Ultralytics' process_mask_native (retina_masks)";
    const EXAMPLE: &'static str = "--then detections=seg --then nms --then unmap --then masks";
    const DESCRIPTION: &'static str = "Weighs the model's prototypes, resizes the part of them that shows the image to its size (bilinear), and keeps \
        what is above 0 inside of the box: uint8 [M, rows, columns], 1 where the object is. Where the images of a batch have different sizes, rows \
        and columns are those of the largest, and 0 is outside. Each mask takes rows x columns x 5 bytes while it is made.";
    const MAIN: Option<&'static str> = None;
    const KEYS: &'static [KeyInfo] = &[];
    const NEEDS_GEOMETRY: bool = true;

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
        let Flow::Selected(selected) = &builder.flow else {
            return Err(
                Error::new(Self::NAME, "works on detections that are selected and unmapped")
                    .expected_got("a step unmap before it", builder.flow.in_words()),
            );
        };
        let selected = selected.clone();
        let masked = masks::masks(builder, *selected)?;
        builder.flow = Flow::Selected(Box::new(masked));
        Ok(*self)
    }
}
