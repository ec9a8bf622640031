//! The outputs of the op: the one list that embedding, shape inference, callbacks and the program read.

use crate::named::named_enum;

named_enum! {
    /// An output of the op. Where several are there, they are in this order.
    pub enum OutputKind("outputs") {
        /// The model's input.
        Tensor = "tensor",
        /// int64 `[N]`: `ImageStatus::code` of each encoded image.
        Status = "status",
        /// float32 `[N, 6]`: source height, source width, vertical scale, horizontal scale, top, left, so that
        /// `source = (model - offset) / scale`.
        Geometry = "geometry",
        /// int64 `[N, H, W]`: 1 where there is image, 0 where the last canvas is filled.
        Mask = "mask",
        /// int64 `[N, 2]`: height and width of the image inside the last canvas.
        Sizes = "sizes",
        /// int64 `[N, 3]`: frames (1), rows and columns of blocks.
        Grid = "grid",
    }
}

/// An element type of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputElement {
    /// That of the plan.
    OfPlan,
    /// float32.
    Float32,
    /// int64.
    Int64,
}

/// An extent of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputExtent {
    /// Images.
    Images,
    /// Height of the output, before blocks.
    Height,
    /// Width of the output, before blocks.
    Width,
    /// A number.
    Fixed(usize),
}

impl OutputKind {
    /// The outputs that a plan can ask for.
    pub const EXTRA: &'static [Self] = &[Self::Geometry, Self::Mask, Self::Sizes, Self::Grid];

    /// Its element type.
    pub const fn element(self) -> OutputElement {
        match self {
            Self::Tensor => OutputElement::OfPlan,
            Self::Geometry => OutputElement::Float32,
            Self::Status | Self::Mask | Self::Sizes | Self::Grid => OutputElement::Int64,
        }
    }

    /// Its extents; `None` for the tensor, whose extents are those of `Plan::output_shape`.
    pub const fn extents(self) -> Option<&'static [OutputExtent]> {
        use OutputExtent::{Fixed, Height, Images, Width};
        match self {
            Self::Tensor => None,
            Self::Status => Some(&[Images]),
            Self::Geometry => Some(&[Images, Fixed(6)]),
            Self::Mask => Some(&[Images, Height, Width]),
            Self::Sizes => Some(&[Images, Fixed(2)]),
            Self::Grid => Some(&[Images, Fixed(3)]),
        }
    }
}
