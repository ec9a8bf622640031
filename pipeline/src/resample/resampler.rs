//! Whose arithmetic a resize means.

use crate::named::named_enum;
use crate::{Error, Filter, Result};

named_enum! {
    /// The library whose uint8 resize is meant. They agree on the kernels and differ in rounding and pass order.
    pub enum Resampler("resampler") {
        /// `PIL.Image.resize` of Pillow 13: 22-bit weights; vertical first where that is much less work.
        Pillow = "pillow",
        /// `PIL.Image.resize` of Pillow 12.2 and 12.3: 22-bit weights; horizontal first, except in images over 100 times as
        /// high as wide.
        Pillow12 = "pillow12",
        /// `torchvision.transforms.v2.functional.resize(antialias=True)` of a uint8 CPU tensor: 16-bit weights, horizontal first.
        Torchvision = "torchvision",
    }
}

impl Resampler {
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

    /// Whether the library has this filter for uint8 images.
    ///
    /// # Errors
    /// Names the filters that it has.
    pub fn check_filter(self, filter: Filter) -> Result<()> {
        let has = |filter| match (self, filter) {
            (Self::Pillow | Self::Pillow12, Filter::NearestExact) => false,
            (Self::Torchvision, Filter::Box | Filter::Hamming) => false,
            (Self::Pillow | Self::Pillow12 | Self::Torchvision, _) => true,
        };
        if has(filter) {
            return Ok(());
        }
        let names: Vec<_> = Filter::ALL
            .iter()
            .filter(|f| has(**f))
            .map(|f| f.name())
            .collect();
        Err(
            Error::new("filter", format_args!("resampler {self} has no such filter"))
                .expected_got(format_args!("one of {}", names.join(", ")), filter)
                .fix("choose another filter, or another resampler"),
        )
    }
}
