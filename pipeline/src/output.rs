//! The form of the finished tensor.

use half::f16;

use crate::named::named_enum;

named_enum! {
    /// Order of the axes of the finished tensor.
    pub enum Layout("layout") {
        /// Batch, channel, height, width.
        Nchw = "nchw",
        /// Batch, height, width, channel.
        Nhwc = "nhwc",
    }
}

named_enum! {
    /// Element type of the finished tensor.
    pub enum Dtype("dtype") {
        /// IEEE 754 binary32.
        Float32 = "float32",
        /// IEEE 754 binary16, rounded from float32 to nearest, ties to even.
        Float16 = "float16",
        /// The resized pixels themselves; only for a pipeline without arithmetic.
        Uint8 = "uint8",
    }
}

/// The elements of a finished tensor, in C order.
#[derive(Clone, Debug, PartialEq)]
pub enum Elements {
    /// Elements of [`Dtype::Float32`].
    Float32(Vec<f32>),
    /// Elements of [`Dtype::Float16`].
    Float16(Vec<f16>),
    /// Elements of [`Dtype::Uint8`].
    Uint8(Vec<u8>),
}

/// The finished tensor of one image: [1, C, H, W] or [1, H, W, C].
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Extent of each axis.
    pub shape: [usize; 4],
    /// The elements.
    pub elements: Elements,
}

impl Tensor {
    /// The element type.
    pub fn dtype(&self) -> Dtype {
        match self.elements {
            Elements::Float32(_) => Dtype::Float32,
            Elements::Float16(_) => Dtype::Float16,
            Elements::Uint8(_) => Dtype::Uint8,
        }
    }

    /// The elements as little-endian bytes.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        match &self.elements {
            Elements::Float32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Elements::Float16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Elements::Uint8(values) => values.clone(),
        }
    }
}
