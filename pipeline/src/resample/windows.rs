//! Which source positions an output position is made of, and in which order the two passes run.

use crate::named::named_enum;

named_enum! {
    /// Whose integer weights and pass order are meant. All of these round to uint8 after each pass.
    pub enum Windows("windows") {
        /// Pillow 13: 22-bit weights; vertical first where that is much less work.
        Pillow = "pillow",
        /// Pillow 12.2 and 12.3: 22-bit weights; horizontal first, except in images over 100 times as high as wide.
        Pillow12 = "pillow12",
        /// torchvision on uint8 CPU tensors: 16-bit weights, horizontal first.
        Torchvision = "torchvision",
    }
}

impl Windows {
    /// Whether the vertical pass comes first for an image of `from` = (height, width) resized to `to`.
    pub fn vertical_first(self, from: (usize, usize), to: (usize, usize)) -> bool {
        match self {
            Self::Torchvision => false,
            // `Image.resize` of these versions has this case for narrow images.
            Self::Pillow12 => from.0 > from.1.saturating_mul(100) && to.0 < from.0,
            Self::Pillow => {
                let rows = from.0 as i128 - to.0 as i128;
                let columns = from.1 as i128 - to.1 as i128;
                rows > 0 && rows > 2 * columns
            }
        }
    }
}
