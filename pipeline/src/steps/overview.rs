//! A picture of the whole beside the tiles.

use serde::{Deserialize, Serialize};

use super::keys::{KeyInfo, check_size, is_false, is_true, yes};
use super::{Context, Pixels, PlanBuilder, Resize, StepKind};
use crate::named::named_enum;
use crate::plan::OverviewPlace;
use crate::{Filter, Resampler, Result, SizeRule};

named_enum! {
    /// What a picture of the whole is made of.
    pub enum OverviewOf("of") {
        /// The image as it is read (and turned).
        Source = "source",
        /// What the steps before have made of it.
        Here = "here",
    }
}

/// Resizes the whole image to the size of a tile and puts it beside the tiles; the image itself stays as it is for later
/// steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overview {
    /// Height and width of a tile.
    pub size: [usize; 2],
    /// The resampling filter.
    pub filter: Filter,
    /// Whose arithmetic is meant.
    #[serde(default = "pillow")]
    pub resampler: Resampler,
    /// Whether the kernel widens with the scale.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub antialias: bool,
    /// What it is made of.
    #[serde(default = "source")]
    pub of: OverviewOf,
    /// Where it stands among the tiles.
    #[serde(default = "last")]
    pub place: OverviewPlace,
    /// Whether an image of one tile has it, too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub always: bool,
}

fn pillow() -> Resampler {
    Resampler::Pillow
}

fn source() -> OverviewOf {
    OverviewOf::Source
}

fn last() -> OverviewPlace {
    OverviewPlace::Last
}

impl Overview {
    /// The resize that makes it.
    pub(crate) fn resize(&self) -> Resize {
        let [height, width] = self.size;
        Resize {
            size: SizeRule::Exact { height, width },
            filter: self.filter,
            resampler: self.resampler,
            antialias: self.antialias,
        }
    }
}

impl StepKind for Overview {
    const NAME: &'static str = "overview";
    const SUMMARY: &'static str = "a smaller picture of the whole as one more tile: Idefics3, SmolVLM";
    const FORMULA: &'static str =
        "tiles of the output = those of blocks, and resize(image, size) as one more of them, before or after";
    const EXAMPLE: &'static str =
        "step = \"overview\"\nsize = [364, 364]\nfilter = \"lanczos\"\nof = \"here\"\nplace = \"last\"";
    const DESCRIPTION: &'static str = "Goes with `blocks` of `tiles` of the same size: the output then has one more tile. With `of = \"here\"` it is made \
        of what the steps before have made, which ends with a resize. Of an image that is one tile itself there is none, \
        unless `always = true`.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::required("size", "[height, width]", "the size of a tile"),
        KeyInfo::required(
            "filter",
            "nearest, nearest_exact, bilinear, bicubic, lanczos, box, hamming, area",
            "the filter; each resampler has some of them",
        ),
        KeyInfo::optional(
            "resampler",
            "pillow, pillow12, torchvision, opencv",
            "pillow",
            "whose arithmetic is meant",
        ),
        KeyInfo::optional(
            "antialias",
            "true, false",
            "true",
            "whether the kernel widens with the scale",
        ),
        KeyInfo::optional(
            "of",
            "source, here",
            "source",
            "what it is made of: the image as it is read, or what the steps before have made",
        ),
        KeyInfo::optional("place", "first, last", "last", "where it stands among the tiles"),
        KeyInfo::optional(
            "always",
            "true, false",
            "false",
            "whether an image of one tile has it, too",
        ),
    ];

    fn check(&self) -> Result<()> {
        check_size("size", self.size)?;
        self.resize().check()
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        let of_source = self.of == OverviewOf::Source;
        let resample = self.resize().resample()?;
        plan.overview(Self::NAME, resample, of_source, (self.place, self.always))
    }

    /// The picture is made apart: `Pipeline::reference`.
    fn apply(&self, pixels: Pixels, _: &Context) -> Result<Pixels> {
        Ok(pixels)
    }
}
