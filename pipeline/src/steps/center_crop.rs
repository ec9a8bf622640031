//! Crop around the centre.

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::{Pixels, StepKind, only_uint8};
use crate::plan::PlanBuilder;
use crate::size::MAX_EDGE;
use crate::{CropRule, Error, Result};

/// Cuts height x width pixels out of the centre; a smaller image is surrounded by zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {
    /// Height and width of the crop, in pixels.
    pub size: [usize; 2],
    /// Whose rule places the crop.
    #[serde(default = "default_offset")]
    pub offset: CropRule,
}

fn default_offset() -> CropRule {
    CropRule::Torchvision
}

impl StepKind for CenterCrop {
    const NAME: &'static str = "center_crop";
    const SUMMARY: &'static str =
        "crop around the centre, zeros outside: torchvision CenterCrop, Hugging Face center_crop";
    const EXAMPLE: &'static str = "step = \"center_crop\"\nsize = [224, 224]\noffset = \"torchvision\"";

    fn check(&self) -> Result<()> {
        for (index, edge) in self.size.into_iter().enumerate() {
            if !(1..=MAX_EDGE).contains(&edge) {
                return Err(
                    Error::new(format_args!("size[{index}]"), "is not a size in pixels")
                        .expected_got(format_args!("1 to {MAX_EDGE}"), edge),
                );
            }
        }
        Ok(())
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.crop(*self)
    }

    fn apply(&self, pixels: Pixels) -> Result<Pixels> {
        let image: Array3<u8> = only_uint8(Self::NAME, pixels)?;
        let (height, width, channels) = image.dim();
        let [top, left] = [
            self.offset.offset(height, self.size[0]),
            self.offset.offset(width, self.size[1]),
        ];
        let pixel = |(row, column, channel): (usize, usize, usize)| {
            let row = usize::try_from(row as i64 + top).ok()?;
            let column = usize::try_from(column as i64 + left).ok()?;
            image.get((row, column, channel)).copied()
        };
        let crop = Array3::from_shape_fn((self.size[0], self.size[1], channels), |at| {
            pixel(at).unwrap_or(0)
        });
        Ok(Pixels::Uint8(crop))
    }
}
