//! What a host can do otherwise.

use crate::named::named_enum;

named_enum! {
    /// A kind of difference between what a host does and what the pipeline says.
    pub enum Mistake("mistake") {
        /// Another element type.
        ElementType = "element_type",
        /// Values that went through float16.
        Float16 = "float16",
        /// The axes in another order: NHWC for NCHW or the reverse.
        Layout = "layout",
        /// Memory of one order of axes under the shape of the other: reshaped, not transposed.
        MemoryOrder = "memory_order",
        /// Height and width exchanged.
        Transposed = "transposed",
        /// The image as it is stored, without its EXIF orientation, or turned or mirrored otherwise.
        Orientation = "orientation",
        /// Red and blue exchanged, or another order.
        ChannelOrder = "channel_order",
        /// Gray where colour is meant.
        Gray = "gray",
        /// An output of another size.
        Size = "size",
        /// The whole image squeezed into the output.
        Squash = "squash",
        /// The image fitted into the output, with a border.
        Letterbox = "letterbox",
        /// The shorter edge resized to the crop itself, without the margin that the crop cuts off.
        NoMargin = "no_margin",
        /// A resize to another size before the crop.
        ResizedSize = "resized_size",
        /// A crop at another place.
        CropOffset = "crop_offset",
        /// A crop without a resize.
        NoResize = "no_resize",
        /// A crop before the resize.
        CropFirst = "crop_first",
        /// A pad to a square before the resize.
        PadFirst = "pad_first",
        /// Another colour or value around the image.
        BorderColor = "border_color",
        /// Another filter.
        Filter = "filter",
        /// No antialiasing where it is meant, or the reverse.
        Antialias = "antialias",
        /// The same filter with the rounding of another library.
        Resampler = "resampler",
        /// Values between those of 8-bit pixels: floats were resized, or the result was not rounded.
        FloatResize = "float_resize",
        /// No division by 255.
        RescaleMissing = "rescale_missing",
        /// Divided by 255 twice.
        RescaleTwice = "rescale_twice",
        /// Another scale than the pipeline's.
        Scale = "scale",
        /// The mean is not subtracted.
        MeanMissing = "mean_missing",
        /// Not divided by the deviation.
        StdMissing = "std_missing",
        /// Neither mean nor deviation.
        NormalizeMissing = "normalize_missing",
        /// Mean and deviation twice.
        NormalizeTwice = "normalize_twice",
        /// Mean or deviation in the order of other channels.
        ConstantsOrder = "constants_order",
        /// Another mean or deviation.
        Constants = "constants",
        /// Other last bits: another order or type of float operations.
        Arithmetic = "arithmetic",
    }
}

/// One thing that a host does otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind it is of.
    pub mistake: Mistake,
    /// What the host does, and what the pipeline says.
    pub text: String,
}

impl Finding {
    pub(super) fn new(mistake: Mistake, text: impl std::fmt::Display) -> Self {
        Self {
            mistake,
            text: text.to_string(),
        }
    }
}
