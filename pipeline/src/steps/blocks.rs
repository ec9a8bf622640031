//! Cut the output into tiles or patches.

use serde::{Deserialize, Serialize};

use super::keys::{KeyInfo, check_size, is_false};
use super::{Context, Pixels, PlanBuilder, StepKind};
use crate::plan;
use crate::plan::PatchOrder;
use crate::size::check_edge;
use crate::{Error, Result};

/// Cuts the output into tiles or patches, or gives it an axis for frames: exactly one of `tiles`, `patches` and `frame` is given. The pixels stay where they are for
/// later steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocks {
    /// Height and width of a tile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiles: Option<[usize; 2]>,
    /// Edge of a patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patches: Option<usize>,
    /// Whether the image stays whole, with an axis of 1 for frames before it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub frame: bool,
    /// Whether channels that come first stand before that axis.
    #[serde(default, skip_serializing_if = "is_false")]
    pub after_channels: bool,
    /// The number of tiles or rows that the blocks of an image are filled up to with 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Whether an axis of 1 stands before the tiles.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sample: bool,
    /// Edge of a group of patches that come together.
    #[serde(default = "one")]
    pub merge: usize,
    /// How often each channel of a patch is repeated.
    #[serde(default = "one")]
    pub repeat: usize,
    /// The order within a patch.
    #[serde(default = "channels_first")]
    pub order: PatchOrder,
    /// Whether the blocks of all images lie on one axis.
    #[serde(default, skip_serializing_if = "is_false")]
    pub joined: bool,
}

fn one() -> usize {
    1
}

fn channels_first() -> PatchOrder {
    PatchOrder::ChannelsFirst
}

impl Blocks {
    fn blocks(&self) -> plan::Blocks {
        match (self.tiles, self.patches) {
            (Some([height, width]), _) => plan::Blocks::Tiles {
                height,
                width,
                joined: self.joined,
                rows: self.rows,
                sample: self.sample,
            },
            (None, None) if self.frame => plan::Blocks::Frame {
                after_channels: self.after_channels,
            },
            (None, size) => plan::Blocks::Patches {
                size: size.unwrap_or(1),
                merge: self.merge,
                repeat: self.repeat,
                order: self.order,
                joined: self.joined,
                rows: self.rows,
            },
        }
    }
}

impl StepKind for Blocks {
    const NAME: &'static str = "blocks";
    const SUMMARY: &'static str =
        "cut the output into tiles or patches: Qwen2-VL, SigLIP 2, Idefics3, InternVL";
    const FORMULA: &'static str = "tiles: out[row * columns + column] = image[row * tile height ..., column * tile width ...]; patches: the same with a patch as one row of values, in groups of merge x merge";
    const EXAMPLE: &'static str = "step = \"blocks\"\npatches = 14\nmerge = 2\nrepeat = 2\njoined = true";
    const DESCRIPTION: &'static str = "The last of the steps that move pixels. Tiles give [N, tiles, 3, height, width], row by row. Patches give \
        [N, patches, 3 * repeat * edge * edge]: with `merge = 2` groups of 2 x 2 neighbours follow each other, and \
        `repeat = 2` has each channel twice, as Qwen2-VL writes a still image as two frames. `joined` puts the blocks of all \
        images on the first axis. `rows = 256` adds rows of 0 to those of the patches, as SigLIP 2 has them, and refuses an image \
        of more patches; with tiles it gives [N, rows, 3, height, width]. `sample = true` gives [N, 1, tiles, 3, height, width], as Mllama \
        has the images of a sample. `frame = true` gives [N, 1, 3, height, width], with `after_channels = true` [N, 3, 1, height, width], as \
        torchvision's models of videos have it.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::optional(
            "tiles",
            "[height, width]",
            "none",
            "the size of a tile; one of tiles, patches and frame",
        ),
        KeyInfo::optional("patches", "a number of pixels", "none", "the edge of a patch"),
        KeyInfo::optional(
            "frame",
            "true, false",
            "false",
            "whether the image stays whole, with an axis for frames",
        ),
        KeyInfo::optional(
            "after_channels",
            "true, false",
            "false",
            "whether the axis for frames stands behind that of channels that come first",
        ),
        KeyInfo::optional(
            "rows",
            "a number of tiles or patches",
            "none",
            "what the blocks of an image are filled up to with 0",
        ),
        KeyInfo::optional(
            "sample",
            "true, false",
            "false",
            "whether an axis of 1 stands before the tiles",
        ),
        KeyInfo::optional(
            "merge",
            "a number of patches",
            "1",
            "the edge of a group of patches",
        ),
        KeyInfo::optional(
            "repeat",
            "a number",
            "1",
            "how often each channel of a patch stands in its row",
        ),
        KeyInfo::optional(
            "order",
            "channels_first, channels_last",
            "channels_first",
            "the order within a patch",
        ),
        KeyInfo::optional(
            "joined",
            "true, false",
            "false",
            "whether the blocks of all images lie on one axis",
        ),
    ];

    fn check(&self) -> Result<()> {
        let plain = (self.merge, self.repeat) == (1, 1);
        let unfilled = self.rows.is_none() && !self.sample;
        if let Some(rows) = self.rows {
            check_edge("rows", rows)?;
            if self.joined {
                return Err(
                    Error::new("rows", "are of images with an axis of their own").fix("leave joined out")
                );
            }
        }
        if self.sample && (self.tiles.is_none() || self.joined) {
            return Err(Error::new("sample", "is an axis before the tiles of an image")
                .fix("give tiles, and leave joined out"));
        }
        if self.after_channels && !self.frame {
            return Err(
                Error::new("after_channels", "is where an axis for frames stands").fix("write frame = true")
            );
        }
        match (self.tiles, self.patches) {
            (Some(tiles), None) if plain && !self.frame => check_size("tiles", tiles),
            (None, None) if self.frame && plain && unfilled && !self.joined => Ok(()),
            (None, None) if self.frame => {
                Err(Error::new("frame", "is one whole image").fix("leave merge, repeat, rows and joined out"))
            }
            (Some(_), None) if !self.frame => {
                Err(Error::new("tiles", "are not merged and not repeated").fix("leave merge and repeat out"))
            }
            (None, Some(patches)) if !self.frame => {
                check_edge("patches", patches)?;
                check_edge("merge", self.merge)?;
                check_edge("repeat", self.repeat)
            }
            (Some(_), _) | (_, Some(_)) | (None, None) => Err(Error::new(
                "blocks",
                "takes exactly one of tiles, patches and frame",
            )
            .fix("write patches = 14, or tiles = [448, 448]")),
        }
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.blocks(Self::NAME, self.blocks())
    }

    fn apply(&self, pixels: Pixels, _: &Context) -> Result<Pixels> {
        Ok(pixels)
    }
}
