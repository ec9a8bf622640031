//! The form of the finished tensor.

use serde::{Deserialize, Serialize};

use crate::named::named_enum;
use crate::{Dtype, Error, Layout, Result};

named_enum! {
    /// The order of the values of one patch.
    pub enum PatchOrder("order") {
        /// Channel, repeat, row, column: Qwen2-VL.
        ChannelsFirst = "channels_first",
        /// Row, column, channel: SigLIP 2.
        ChannelsLast = "channels_last",
    }
}

const fn is_false(value: &bool) -> bool {
    !*value
}

/// A cut of the output into blocks. Height and width are multiples of what a block spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Blocks {
    /// Tiles of height x width, row by row: [N, tiles, C, height, width] or [N, tiles, height, width, C].
    Tiles {
        /// Height of a tile.
        height: usize,
        /// Width of a tile.
        width: usize,
        /// Whether the tiles of all images lie on one axis: [N * tiles, …].
        joined: bool,
        /// The number of tiles that each image has, those after its own 0, which comes after the arithmetic: [N, rows, …].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<usize>,
        /// Whether an axis of 1 stands before the tiles, the images of a sample: [N, 1, tiles, …].
        #[serde(default, skip_serializing_if = "is_false")]
        sample: bool,
    },
    /// Patches of size x size, one row of the output each: [N, patches, C * repeat * size * size]. They come in groups of
    /// merge x merge neighbours, groups row by row, patches in a group row by row.
    Patches {
        /// Edge of a patch.
        size: usize,
        /// Edge of a group, in patches; 1 for plain order.
        merge: usize,
        /// How often each channel's values stand in a row: Qwen2-VL repeats a still image twice, as two frames.
        repeat: usize,
        /// The order within a patch.
        order: PatchOrder,
        /// Whether the patches of all images lie on one axis: [N * patches, …].
        joined: bool,
        /// The number of rows that each image has, those after its patches 0, which comes after the arithmetic: [N, rows, …].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<usize>,
    },
    /// The image whole, with an axis for frames: [N, 1, C, H, W] or [N, 1, H, W, C].
    Frame {
        /// Whether channels that come first stand before the axis for frames: [N, C, 1, H, W].
        #[serde(default, skip_serializing_if = "is_false")]
        after_channels: bool,
    },
}

impl Blocks {
    /// (height, width) that output extents are multiples of.
    pub const fn unit(self) -> (usize, usize) {
        match self {
            Self::Tiles { height, width, .. } => (height, width),
            Self::Patches { size, merge, .. } => (size * merge, size * merge),
            Self::Frame { .. } => (1, 1),
        }
    }

    /// Rows and columns of blocks (patches, not groups) in an output of `size`.
    pub const fn grid(self, size: (usize, usize)) -> (usize, usize) {
        match self {
            Self::Tiles { height, width, .. } => (size.0 / height, size.1 / width),
            Self::Patches { size: edge, .. } => (size.0 / edge, size.1 / edge),
            Self::Frame { .. } => (1, 1),
        }
    }

    /// Whether the blocks of all images lie on one axis.
    pub const fn is_joined(self) -> bool {
        match self {
            Self::Tiles { joined, .. } | Self::Patches { joined, .. } => joined,
            Self::Frame { .. } => false,
        }
    }

    /// The number of rows that each image has, where it has one.
    pub const fn rows(self) -> Option<usize> {
        match self {
            Self::Patches { rows, .. } | Self::Tiles { rows, .. } => rows,
            Self::Frame { .. } => None,
        }
    }

    /// Whether an axis of 1 stands before the tiles.
    pub const fn has_sample(self) -> bool {
        match self {
            Self::Tiles { sample, .. } => sample,
            Self::Patches { .. } | Self::Frame { .. } => false,
        }
    }

    /// Frames in the grid output: always 1, a still image.
    pub const FRAMES: i64 = 1;
}

/// Axis order, element type and blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Axis order.
    pub layout: Layout,
    /// Element type.
    pub dtype: Dtype,
    /// A cut into blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Blocks>,
}

impl Form {
    /// The extents of the tensor of `images` images of `channels` channels and (height, width).
    pub fn shape(&self, images: usize, channels: usize, size: (usize, usize)) -> Vec<usize> {
        let Some(blocks) = self.blocks else {
            return match self.layout {
                Layout::Nchw => vec![images, channels, size.0, size.1],
                Layout::Nhwc => vec![images, size.0, size.1, channels],
            };
        };
        let (rows, columns) = blocks.grid(size);
        let (joined, block) = match (blocks, self.layout) {
            (
                Blocks::Tiles {
                    height,
                    width,
                    joined,
                    ..
                },
                Layout::Nchw,
            ) => (joined, vec![channels, height, width]),
            (
                Blocks::Tiles {
                    height,
                    width,
                    joined,
                    ..
                },
                Layout::Nhwc,
            ) => (joined, vec![height, width, channels]),
            (
                Blocks::Patches {
                    size, repeat, joined, ..
                },
                _,
            ) => (joined, vec![channels * repeat * size * size]),
            (Blocks::Frame { after_channels: true }, Layout::Nchw) => {
                return vec![images, channels, 1, size.0, size.1];
            }
            (Blocks::Frame { .. }, Layout::Nchw) => (false, vec![channels, size.0, size.1]),
            (Blocks::Frame { .. }, Layout::Nhwc) => (false, vec![size.0, size.1, channels]),
        };
        let mut shape = if joined {
            vec![images * rows * columns]
        } else {
            vec![images, blocks.rows().unwrap_or(rows * columns)]
        };
        if blocks.has_sample() {
            shape.insert(1, 1);
        }
        shape.extend(block);
        shape
    }

    /// Checks that an output of `size` can be cut into blocks.
    ///
    /// # Errors
    /// Names the sizes.
    pub fn check_size(&self, (height, width): (usize, usize)) -> Result<()> {
        let Some((rows, columns)) = self.blocks.map(Blocks::unit) else {
            return Ok(());
        };
        if rows > 0 && columns > 0 && height % rows == 0 && width % columns == 0 {
            return self.check_rows((height, width));
        }
        Err(Error::new("blocks", "do not divide the image").expected_got(
            format_args!("multiples of {rows} x {columns}"),
            format_args!("{height} x {width}"),
        ))
    }

    fn check_rows(&self, size: (usize, usize)) -> Result<()> {
        let Some(blocks) = self.blocks else {
            return Ok(());
        };
        let (down, across) = blocks.grid(size);
        match blocks.rows() {
            Some(rows) if down * across > rows => Err(Error::new("rows", "are fewer than the blocks")
                .expected_got(format_args!("at most {rows} blocks"), down * across)
                .with_kind(crate::ErrorKind::Image)),
            _ => Ok(()),
        }
    }
}
