//! What an embedded model takes: one row a form, from which embedding, callbacks, feeds and the program derive.

use crate::named::named_enum;
use crate::plan::SourceFormat;

named_enum! {
    /// What the embedded model takes.
    pub enum Accept("accept") {
        /// `image`: uint8 [N, H, W, 3], images of one size.
        Batch = "batch",
        /// `pixels`: uint8 `[total]` and `shapes`: int64 `[N, 3]`, images of mixed sizes.
        Ragged = "ragged",
        /// `bytes`: uint8 `[total]` and `lengths`: int64 `[N]`, encoded files.
        Encoded = "encoded",
    }
}

/// An element type of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputElement {
    /// uint8.
    Uint8,
    /// int64.
    Int64,
}

/// An extent of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputExtent {
    /// Images.
    Images,
    /// Rows of an image's tensor: its height, and half as much again where chroma follows.
    Rows,
    /// Columns of an image.
    Columns,
    /// Values of a pixel, by the source format.
    SourceChannels,
    /// As many as the images have together.
    Total,
    /// A number.
    Fixed(usize),
}

/// One input tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputTensor {
    /// The usual name.
    pub name: &'static str,
    /// What is put behind the first input's name where a user names that.
    pub suffix: &'static str,
    /// Element type.
    pub element: InputElement,
    /// The extents.
    pub extents: &'static [InputExtent],
    /// Whether the numbers decide about the launch, so that they must lie in host memory.
    pub in_host_memory: bool,
}

/// A form of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputForm {
    /// Its name.
    pub accept: Accept,
    /// What it is called in the op's name.
    pub op_word: &'static str,
    /// The tensors, in order.
    pub inputs: &'static [InputTensor],
    /// The input whose first extent is the number of images.
    pub counts_images: usize,
    /// Whether images of mixed sizes can be in one call.
    pub mixes_sizes: bool,
    /// Whether the op decodes, which no standard op does.
    pub decodes: bool,
}

const BATCH: &InputForm = &InputForm {
    accept: Accept::Batch,
    op_word: "ImageBatch",
    inputs: &[InputTensor {
        name: "image",
        suffix: "",
        element: InputElement::Uint8,
        extents: &[
            InputExtent::Images,
            InputExtent::Rows,
            InputExtent::Columns,
            InputExtent::SourceChannels,
        ],
        in_host_memory: false,
    }],
    counts_images: 0,
    mixes_sizes: false,
    decodes: false,
};

const RAGGED: &InputForm = &InputForm {
    accept: Accept::Ragged,
    op_word: "ImageRagged",
    inputs: &[
        InputTensor {
            name: "pixels",
            suffix: "",
            element: InputElement::Uint8,
            extents: &[InputExtent::Total],
            in_host_memory: false,
        },
        InputTensor {
            name: "shapes",
            suffix: "_shapes",
            element: InputElement::Int64,
            extents: &[InputExtent::Images, InputExtent::Fixed(3)],
            in_host_memory: true,
        },
    ],
    counts_images: 1,
    mixes_sizes: true,
    decodes: false,
};

const ENCODED: &InputForm = &InputForm {
    accept: Accept::Encoded,
    op_word: "ImageEncoded",
    inputs: &[
        InputTensor {
            name: "bytes",
            suffix: "",
            element: InputElement::Uint8,
            extents: &[InputExtent::Total],
            in_host_memory: false,
        },
        InputTensor {
            name: "lengths",
            suffix: "_lengths",
            element: InputElement::Int64,
            extents: &[InputExtent::Images],
            in_host_memory: true,
        },
    ],
    counts_images: 1,
    mixes_sizes: true,
    decodes: true,
};

impl Accept {
    /// Its row.
    pub const fn form(self) -> &'static InputForm {
        match self {
            Self::Batch => BATCH,
            Self::Ragged => RAGGED,
            Self::Encoded => ENCODED,
        }
    }

    /// Whether images of this format can be handed over in this form. Decoders give RGB.
    pub const fn takes(self, source: SourceFormat) -> bool {
        match self {
            Self::Batch | Self::Ragged => true,
            Self::Encoded => matches!(source, SourceFormat::Rgb),
        }
    }
}
