//! From the pixels of the last stage to the values of the output.

use serde::{Deserialize, Serialize};

use super::quantize::Quantize;
use crate::named::named_enum;
use crate::{Operation, ValueTable};

named_enum! {
    /// Whose integers make gray of red, green and blue.
    pub enum GrayRule("rule") {
        /// `PIL.Image.convert("L")`: `(19595 r + 38470 g + 7471 b + 32768) >> 16`.
        Pillow = "pillow",
        /// `cv2.cvtColor(COLOR_RGB2GRAY)`: `(9798 r + 19235 g + 3735 b + 16384) >> 15`.
        Opencv = "opencv",
        /// `torchvision.transforms.v2.functional.rgb_to_grayscale` of a uint8 tensor: `0.2989 r + 0.587 g + 0.114 b` in
        /// float32, cut to a whole number.
        Torchvision = "torchvision",
    }
}

impl GrayRule {
    /// The gray of one pixel.
    pub fn gray(self, [red, green, blue]: [u8; 3]) -> u8 {
        let [r, g, b] = [red, green, blue].map(u32::from);
        match self {
            Self::Pillow => ((19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16) as u8,
            Self::Opencv => ((9_798 * r + 19_235 * g + 3_735 * b + 16_384) >> 15) as u8,
            Self::Torchvision => {
                let [r, g, b] = [red, green, blue].map(f32::from);
                (r * 0.2989 + 0.587 * g + 0.114 * b) as u8
            }
        }
    }
}

/// What happens to the values of each pixel, whatever its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Values {
    /// Three channels become one, after the last stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gray: Option<GrayRule>,
    /// For each output channel the channel of the image that it is: a permutation of 0, 1, 2; `[0]` or `[0, 0, 0]` for
    /// a gray image.
    pub channels: Vec<usize>,
    /// Float operations, in the order of the output's channels. With one channel only the first operand counts.
    pub operations: Vec<Operation>,
    /// Bytes in the place of the values, as a quantised model takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantize: Option<Quantize>,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            gray: None,
            channels: vec![0, 1, 2],
            operations: Vec::new(),
            quantize: None,
        }
    }
}

impl Values {
    /// The value of each pixel value in each output channel.
    pub fn table(&self) -> ValueTable {
        ValueTable::new(&self.operations)
    }
}
