//! The form of the finished tensor.

use half::f16;
use ndarray::Array2;

use crate::named::named_enum;
use crate::plan::{ImageGeometry, Plan};

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

/// The finished tensor of one image: [1, C, H, W] or [1, H, W, C], or the shape that blocks give it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Extent of each axis.
    pub shape: Vec<usize>,
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

/// What the outputs besides the tensor say of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Extras {
    /// The row of `geometry`: source height, source width, vertical scale, horizontal scale, top, left.
    pub geometry: [f32; 6],
    /// `mask`, [height, width] of the output: 1 where there is image, 0 where the last canvas is filled.
    pub mask: Array2<i64>,
    /// The row of `sizes`: height and width of the image inside the last canvas.
    pub sizes: [i64; 2],
    /// The row of `grid`: frames, rows and columns of blocks; one block where the plan has none.
    pub grid: [i64; 3],
}

impl Extras {
    /// What `plan` says of an image with this geometry.
    pub fn of(plan: &Plan, geometry: &ImageGeometry) -> Self {
        let [top, left, height, width] = geometry.inner();
        let inside = |at: usize, start: usize, length: usize| (start..start + length).contains(&at);
        let mask = Array2::from_shape_fn(geometry.output, |(row, column)| {
            i64::from(inside(row, top, height) && inside(column, left, width))
        });
        let (rows, columns) = plan
            .form
            .blocks
            .map_or((1, 1), |blocks| blocks.grid(geometry.output));
        Self {
            geometry: geometry.mapping(),
            mask,
            sizes: [height as i64, width as i64],
            grid: [crate::plan::Blocks::FRAMES, rows as i64, columns as i64],
        }
    }
}

/// Everything that a batch of images becomes, one entry an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// The tensors, each with a batch of 1. Where the output follows from the image and not from the batch, their shapes
    /// differ.
    pub tensors: Vec<Tensor>,
    /// The other outputs.
    pub extras: Vec<Extras>,
}
