//! Resize with antialiasing.

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::{CenterCrop, Pixels, StepKind, only_uint8};
use crate::plan::PlanBuilder;
use crate::{Filter, Resampler, Result, SizeRule, resample};

/// Resizes the image, as `PIL.Image.resize` or torchvision's `resize` on uint8 does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// How the new size follows from the old one.
    pub size: SizeRule,
    /// The resampling filter.
    pub filter: Filter,
    /// Whose arithmetic is meant.
    #[serde(default = "default_resampler")]
    pub resampler: Resampler,
}

fn default_resampler() -> Resampler {
    Resampler::Pillow
}

impl StepKind for Resize {
    const NAME: &'static str = "resize";
    const SUMMARY: &'static str = "resize with antialiasing: PIL.Image.resize, torchvision Resize";
    const EXAMPLE: &'static str =
        "step = \"resize\"\nsize = { shortest_edge = 256 }\nfilter = \"bilinear\"\nresampler = \"pillow\"";

    fn check(&self) -> Result<()> {
        self.size.check().map_err(|error| error.within_key("size"))?;
        self.resampler.check_filter(self.filter)
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.resize(*self)
    }

    fn apply(&self, pixels: Pixels) -> Result<Pixels> {
        let image: Array3<u8> = only_uint8(Self::NAME, pixels)?;
        let to = self.size.output_size(image.shape()[0], image.shape()[1])?;
        Ok(Pixels::Uint8(resample::resize(
            image.view(),
            to,
            self.filter,
            self.resampler,
        )))
    }
}

impl Resize {
    /// What [`StepKind::apply`] and that of `crop` give one after the other, without the pixels outside the crop.
    pub(crate) fn apply_cropped(&self, pixels: Pixels, crop: &CenterCrop) -> Result<Pixels> {
        let image: Array3<u8> = only_uint8(Self::NAME, pixels)?;
        let to = self.size.output_size(image.shape()[0], image.shape()[1])?;
        let [(rows, top), (columns, left)] =
            [(to.0, crop.size[0]), (to.1, crop.size[1])].map(|(size, cropped)| {
                let first = crop.offset.offset(size, cropped);
                let end = usize::try_from(first + cropped as i64).unwrap_or(0).min(size);
                let start = usize::try_from(first).unwrap_or(0);
                (start..end, (start as i64 - first) as usize)
            });
        let part = (rows.clone(), columns.clone());
        let resized = resample::resize_part(image.view(), to, self.filter, self.resampler, part);
        let mut cropped = Array3::zeros((crop.size[0], crop.size[1], resized.shape()[2]));
        for ((row, column, channel), value) in resized.indexed_iter() {
            cropped[[top + row, left + column, channel]] = *value;
        }
        Ok(Pixels::Uint8(cropped))
    }
}
