//! Which numbers a resize computes, apart from which windows it reads.

use std::ops::Range;

use ndarray::{Array3, ArrayView3, Axis, Slice};
use serde::{Deserialize, Serialize};

use super::{Windows, passes};
use crate::Filter;
use crate::named::named_enum;

mod opencv;
mod opencv_area;
mod opencv_cubic;
mod torch;

pub use opencv::{LinearAxis, nearest_index};
pub use opencv_area::area_axes;
pub use opencv_cubic::cubic_axis;
pub use torch::{FloatAxis, FloatTap, resize_floats};

named_enum! {
    /// A filter of `cv2.resize`.
    pub enum OpencvFilter("filter") {
        /// `INTER_NEAREST`.
        Nearest = "nearest",
        /// `INTER_LINEAR`.
        Linear = "linear",
        /// `INTER_CUBIC`, a = -0.75.
        Cubic = "cubic",
        /// `INTER_AREA`.
        Area = "area",
    }
}

/// How far a host that does not add as [`Arithmetic::Torch`] does is from it, by the largest value that is resized: one that fuses
/// no product with its addition, as WebAssembly, or adds in another order.
///
/// Measured on 34,965,216 values of 44 images between two such orders: bilinear 2.4e-7, without antialiasing 1.2e-7; bicubic 1.3e-6
/// and 1.7e-6. Providers that round factors to 11 bits (TF32) are farther off.
pub const fn torch_bound(filter: Filter) -> f64 {
    match filter {
        Filter::Bicubic => 2e-6,
        Filter::Nearest
        | Filter::NearestExact
        | Filter::Box
        | Filter::Bilinear
        | Filter::Hamming
        | Filter::Lanczos
        | Filter::Area => 8.4e-7,
    }
}

/// How far torch on one thread was from torch on several, bilinear without antialiasing, of values from 0 to 1 and edges up to 1536:
/// it rounds positions once there, and twice on several threads, which is what [`Arithmetic::Torch`] does. For results whose height
/// and width add up to at most 128 it does so on any number of threads.
pub const TORCH_ONE_THREAD: f64 = 3e-5;

/// The arithmetic of a resize. Backends match on it without a `_` arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "arithmetic", rename_all = "snake_case", deny_unknown_fields)]
pub enum Arithmetic {
    /// One pass of [`AxisWeights`](super::AxisWeights) along each axis, each rounded to uint8.
    Passes {
        /// Whose weights and pass order.
        windows: Windows,
        /// The filter.
        filter: Filter,
        /// Whether the kernel widens with the scale; always for Pillow, and for the nearest filters.
        antialias: bool,
    },
    /// `cv2.resize` of uint8. `nearest` and `linear` have its bits; `cubic` and `area` were apart by 1 in 3.3 % and 2.4 % of
    /// 811,008 values of 44 images (OpenCV 5.0 with AVX-512), and never more.
    Opencv {
        /// The filter.
        filter: OpencvFilter,
    },
    /// `torch.nn.functional.interpolate` of float32, `align_corners=False`: horizontal first. The result for uint8 pixels is
    /// rounded half to even and clamped once, at the end.
    ///
    /// Torch's bits on a CPU with AVX2 or AVX-512 (torch 2.15), bilinear without antialiasing those that it has on several threads:
    /// see [`TORCH_ONE_THREAD`].
    Torch {
        /// Bilinear or bicubic.
        filter: Filter,
        /// Whether the kernel widens with the scale.
        antialias: bool,
    },
}

impl Arithmetic {
    /// Whether the vertical pass comes first for an image of `from` = (height, width) resized to `to`.
    pub fn vertical_first(self, from: (usize, usize), to: (usize, usize)) -> bool {
        match self {
            Self::Passes { windows, .. } => windows.vertical_first(from, to),
            Self::Opencv { .. } | Self::Torch { .. } => false,
        }
    }

    /// Whether [`Arithmetic::resize_part`] needs the memory of the part alone.
    pub(crate) const fn has_parts(self) -> bool {
        match self {
            Self::Passes { .. } => true,
            Self::Opencv { .. } | Self::Torch { .. } => false,
        }
    }

    /// The rows and columns `part` of what [`Arithmetic::resize`] gives.
    pub fn resize_part(
        self,
        image: ArrayView3<'_, u8>,
        to: (usize, usize),
        (rows, columns): (Range<usize>, Range<usize>),
    ) -> Array3<u8> {
        match self {
            Self::Passes {
                windows,
                filter,
                antialias,
            } => passes::resize_part(image, to, filter, windows, antialias, (rows, columns)),
            Self::Opencv { .. } | Self::Torch { .. } => {
                let mut resized = self.resize(image, to);
                resized.slice_axis_inplace(Axis(0), Slice::from(rows));
                resized.slice_axis_inplace(Axis(1), Slice::from(columns));
                resized
            }
        }
    }

    /// Resizes a uint8 HWC image to `to` = (height, width), both at least 1: the plain definition.
    pub fn resize(self, image: ArrayView3<'_, u8>, to: (usize, usize)) -> Array3<u8> {
        match self {
            Self::Passes {
                windows,
                filter,
                antialias,
            } => passes::resize(image, to, filter, windows, antialias),
            // `cv2.resize` copies then; so do the others, but only these would change anything.
            Self::Opencv { .. } | Self::Torch { .. } if (image.dim().0, image.dim().1) == to => {
                image.to_owned()
            }
            Self::Opencv { filter } => match filter {
                OpencvFilter::Nearest => opencv::nearest(image, to),
                OpencvFilter::Linear => opencv::linear(image, to),
                OpencvFilter::Cubic => opencv_cubic::cubic(image, to),
                OpencvFilter::Area => opencv_area::area(image, to),
            },
            Self::Torch { filter, antialias } => {
                let floats = image.mapv(f32::from);
                resize_floats(floats.view(), to, filter, antialias)
                    .mapv(|value| value.round_ties_even().clamp(0.0, 255.0) as u8)
            }
        }
    }
}
