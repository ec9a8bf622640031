//! Whose arithmetic a resize means.

use crate::named::named_enum;
use crate::resample::{Arithmetic, OpencvFilter, Windows};
use crate::{Error, Filter, Result};

named_enum! {
    /// The library whose resize is meant. They agree on few filters and differ in rounding and pass order.
    pub enum Resampler("resampler") {
        /// `PIL.Image.resize` of Pillow 13: 22-bit weights; vertical first where that is much less work.
        Pillow = "pillow",
        /// `PIL.Image.resize` of Pillow 12.2 and 12.3: 22-bit weights; horizontal first, except in images over 100 times as
        /// high as wide.
        Pillow12 = "pillow12",
        /// `torchvision.transforms.v2.functional.resize` of a uint8 CPU tensor: 16-bit weights, horizontal first.
        Torchvision = "torchvision",
        /// `cv2.resize` of a uint8 image: never antialiased, but for `area`.
        Opencv = "opencv",
        /// `torch.nn.functional.interpolate` of float32: torchvision's `resize` of a float tensor, and of a uint8
        /// tensor through float32 (`torchvision.transforms`, version 1).
        Torch = "torch",
    }
}

impl From<Windows> for Resampler {
    fn from(windows: Windows) -> Self {
        match windows {
            Windows::Pillow => Self::Pillow,
            Windows::Pillow12 => Self::Pillow12,
            Windows::Torchvision => Self::Torchvision,
        }
    }
}

impl Resampler {
    /// The arithmetic of a filter, antialiased or not.
    ///
    /// # Errors
    /// When the library has no such filter; names the filters that it has.
    pub fn arithmetic(self, filter: Filter, antialias: bool) -> Result<Arithmetic> {
        self.find(filter, antialias).ok_or_else(|| {
            let names: Vec<_> = Filter::ALL
                .iter()
                .filter(|f| self.find(**f, antialias).is_some())
                .map(|f| f.name())
                .collect();
            if names.is_empty() {
                return Error::new(
                    "antialias",
                    format_args!("cannot be turned off for resampler {self}"),
                )
                .expected_got(true, false)
                .fix("leave it out, or choose resampler torchvision, torch or opencv");
            }
            let plain = if antialias { "" } else { " without antialiasing" };
            Error::new(
                "filter",
                format_args!("resampler {self} has no such filter{plain}"),
            )
            .expected_got(format_args!("one of {}", names.join(", ")), filter)
            .fix("choose another filter, or another resampler")
        })
    }

    /// Whether the library has this filter, antialiased where it can be.
    ///
    /// # Errors
    /// Names the filters that it has.
    pub fn check_filter(self, filter: Filter) -> Result<()> {
        self.arithmetic(filter, true).map(drop)
    }

    fn find(self, filter: Filter, antialias: bool) -> Option<Arithmetic> {
        let windows = match self {
            Self::Pillow => Windows::Pillow,
            Self::Pillow12 => Windows::Pillow12,
            Self::Torchvision => Windows::Torchvision,
            Self::Opencv => {
                // OpenCV never antialiases: the key says nothing.
                return Some(Arithmetic::Opencv {
                    filter: match filter {
                        Filter::Nearest => OpencvFilter::Nearest,
                        Filter::Bilinear => OpencvFilter::Linear,
                        Filter::Bicubic => OpencvFilter::Cubic,
                        Filter::Area => OpencvFilter::Area,
                        Filter::NearestExact | Filter::Lanczos | Filter::Box | Filter::Hamming => {
                            return None;
                        }
                    },
                });
            }
            Self::Torch => {
                return match filter {
                    Filter::Bilinear | Filter::Bicubic => Some(Arithmetic::Torch { filter, antialias }),
                    Filter::Nearest
                    | Filter::NearestExact
                    | Filter::Lanczos
                    | Filter::Box
                    | Filter::Hamming
                    | Filter::Area => None,
                };
            }
        };
        let has = match (windows, filter) {
            (_, Filter::Area) => false,
            (Windows::Pillow | Windows::Pillow12, Filter::NearestExact) => false,
            (Windows::Torchvision, Filter::Box | Filter::Hamming) => false,
            (Windows::Pillow | Windows::Pillow12, _) => antialias,
            (Windows::Torchvision, Filter::Lanczos) => antialias,
            (
                Windows::Torchvision,
                Filter::Nearest | Filter::NearestExact | Filter::Bilinear | Filter::Bicubic,
            ) => true,
        };
        // A nearest filter has nothing to widen.
        let antialias = antialias || filter.support().is_none();
        has.then_some(Arithmetic::Passes {
            windows,
            filter,
            antialias,
        })
    }
}
