//! What the host hands over.

use serde::{Deserialize, Serialize};

use crate::named::named_enum;
use crate::{Error, Result};

named_enum! {
    /// The matrix of a YCbCr image.
    pub enum Matrix("matrix") {
        /// ITU-R BT.601.
        Bt601 = "bt601",
        /// ITU-R BT.709.
        Bt709 = "bt709",
    }
}

named_enum! {
    /// The range of luma and chroma values.
    pub enum Range("range") {
        /// Luma 16 to 235, chroma 16 to 240: video.
        Limited = "limited",
        /// 0 to 255: JPEG.
        Full = "full",
    }
}

/// The pixel format of the images that a plan takes. Every one becomes RGB, or gray, before anything else.
///
/// In a pipeline: `input = "gray"`, `input = { format = "rgba", over = [255, 255, 255] }`; RGB where there is no such key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case", deny_unknown_fields)]
pub enum SourceFormat {
    /// uint8 [height, width, 3]: red, green, blue.
    #[default]
    Rgb,
    /// uint8 [height, width, 3]: blue, green, red.
    Bgr,
    /// uint8 [height, width, 1]. The image has one channel from here on.
    Gray,
    /// uint8 [height, width, 4]: red, green, blue, alpha.
    Rgba {
        /// The colour below the image, as `PIL.Image.alpha_composite` puts it there; `None` drops alpha, as
        /// `convert("RGB")` does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        over: Option<[u8; 3]>,
    },
    /// uint8 [height * 3 / 2, width, 1]: luma, then rows of interleaved Cb and Cr at half the resolution. Height and
    /// width are even.
    Nv12 {
        /// The matrix.
        matrix: Matrix,
        /// The range.
        range: Range,
    },
    /// uint8 [height * 3 / 2, width, 1]: luma, then a plane of Cb and a plane of Cr at half the resolution. Height and width
    /// are even.
    I420 {
        /// The matrix.
        matrix: Matrix,
        /// The range.
        range: Range,
    },
}

impl SourceFormat {
    /// The last extent of the tensor that holds an image.
    pub const fn source_channels(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Gray | Self::Nv12 { .. } | Self::I420 { .. } => 1,
            Self::Rgba { .. } => 4,
        }
    }

    /// Channels of the image that is made of it: 3, or 1 for gray.
    pub const fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb | Self::Bgr | Self::Rgba { .. } | Self::Nv12 { .. } | Self::I420 { .. } => 3,
        }
    }

    /// Whether two thirds of the rows are luma and the others chroma.
    pub const fn is_planar(self) -> bool {
        match self {
            Self::Nv12 { .. } | Self::I420 { .. } => true,
            Self::Rgb | Self::Bgr | Self::Gray | Self::Rgba { .. } => false,
        }
    }

    /// (height, width) of the image in a tensor of `rows` x `columns` x [`SourceFormat::source_channels`].
    ///
    /// # Errors
    /// When there are no pixels, or the rows and columns cannot be those of the format.
    pub fn image_size(self, rows: usize, columns: usize) -> Result<(usize, usize)> {
        let wrong = |expected: &str| {
            Err(Error::new(
                "image",
                format_args!("is not an image in the format {}", self.name()),
            )
            .expected_got(expected, format_args!("{rows} x {columns}")))
        };
        if rows == 0 || columns == 0 {
            return wrong("a height and a width of at least 1");
        }
        if !self.is_planar() {
            return Ok((rows, columns));
        }
        if !rows.is_multiple_of(3) || !columns.is_multiple_of(2) {
            return wrong("height * 3 / 2 rows and an even width");
        }
        Ok((rows / 3 * 2, columns))
    }

    /// The rows of the tensor that holds an image of `height`.
    pub const fn rows(self, height: usize) -> usize {
        if self.is_planar() { height / 2 * 3 } else { height }
    }

    /// The name in a pipeline.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::Bgr => "bgr",
            Self::Gray => "gray",
            Self::Rgba { .. } => "rgba",
            Self::Nv12 { .. } => "nv12",
            Self::I420 { .. } => "i420",
        }
    }
}
