//! What is known about the image processors of transformers: their defaults and what each does
//! other than the rest, as in version 5.24. A file is a kind of models, a row is a class, and what
//! makes steps of its keys is the function of its family (`../families`).

mod classification;
mod contrastive;
mod dense;
mod detection;
mod documents;
mod language;
mod patches;

use super::families::{Family, usual};
use crate::CHANNELS;

/// A size in the sense of the `size` key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size {
    /// `height` and `width`.
    Exact([usize; 2]),
    /// `shortest_edge`.
    Shortest(usize),
    /// `longest_edge`.
    Longest(usize),
    /// `shortest_edge` and `longest_edge`.
    Both([usize; 2]),
    /// `max_height` and `max_width`.
    Within([usize; 2]),
    /// `min_pixels` and `max_pixels`.
    Pixels([usize; 2]),
}

/// The implementations that a class has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Backends {
    Both,
    TorchvisionOnly,
    PillowOnly,
}

/// What a class makes of `size`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Resizing {
    /// What it says.
    Plain,
    /// What it says, and only `height` and `width`.
    ExactOnly,
    /// Only `height` and `width`, rounded to `ensure_multiple_of`.
    Multiple,
    /// Below 384: resize to the size divided by `crop_pct`, then crop; else squash.
    ConvNext,
    /// Resize to the size divided by `crop_pct`.
    PoolFormer,
    /// Resize to 256 / 224 of a shortest edge.
    Levit,
}

/// Whether a class heeds `do_center_crop`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cropping {
    Heeded,
    Ignored,
    /// The torchvision backend crops, the Pillow backend does not.
    TorchvisionOnly,
}

/// What a class makes of `do_pad`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Padding {
    Ignored,
    /// To `pad_size`, or to the largest image of the batch, after everything else.
    End,
    /// Around the centre to a multiple of `size_divisor`, after everything else.
    Divisor,
    /// Around the centre to a square of the mean colour, before everything else.
    Square,
    /// In a way that no step has: the reason.
    Refused(&'static str),
}

/// What a class does to the values of the pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Values {
    /// Rescale and normalise.
    Usual,
    /// `rescale_offset` subtracts 1, `include_top` divides by the deviation again.
    EfficientNet,
    /// Rescale; then `do_flip_channel_order`.
    MobileVit,
    /// Rescale.
    RescaleOnly,
    /// BGR pixels without arithmetic.
    Bgr,
}

/// The defaults of one image processor, and what is special about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processor {
    /// The class name without `ImageProcessor`.
    pub name: &'static str,
    /// What makes steps of its keys.
    pub family: Family,
    pub backends: Backends,
    /// `resample`, as Pillow numbers the filters.
    pub resample: u64,
    /// `size`.
    pub size: Size,
    /// `default_to_square`: whether a `size` that is one number means a square.
    pub square: bool,
    pub resizing: Resizing,
    /// `do_center_crop`.
    pub center_crop: bool,
    /// `crop_size`.
    pub crop: Option<[usize; 2]>,
    pub cropping: Cropping,
    /// `do_rescale`.
    pub rescale: bool,
    /// `rescale_factor`.
    pub factor: Option<f64>,
    /// `do_normalize`.
    pub normalize: bool,
    /// `image_mean` and `image_std`.
    pub statistics: Option<[[f64; CHANNELS]; 2]>,
    pub values: Values,
    pub padding: Padding,
    /// `do_pad`.
    pub pads: bool,
    /// `pad_size`.
    pub pad_to: Option<[usize; 2]>,
    /// Switches that it heeds, of those that other classes may only have off.
    pub heeds: &'static [&'static str],
    /// `do_convert_rgb`.
    pub converts: bool,
    /// Whether a null `size`, `crop_size`, `image_mean` or `image_std` means the default.
    pub null_is_default: bool,
    /// Keys of its own that do not change the pixels.
    pub harmless: &'static [&'static str],
}

pub(super) const HALF: [[f64; CHANNELS]; 2] = [[0.5; CHANNELS]; 2];
pub(super) const IMAGENET: [[f64; CHANNELS]; 2] = [crate::import::IMAGENET_MEAN, crate::import::IMAGENET_STD];
pub(super) const OPENAI: [[f64; CHANNELS]; 2] = [crate::import::OPENAI_MEAN, crate::import::OPENAI_STD];
const LANCZOS: u64 = 1;
const BILINEAR: u64 = 2;
const BICUBIC: u64 = 3;

/// The attributes of the library's base class, with the values that most classes share.
const BASE: Processor = Processor {
    name: "",
    family: usual,
    backends: Backends::Both,
    resample: BILINEAR,
    size: Size::Exact([224, 224]),
    square: true,
    resizing: Resizing::Plain,
    center_crop: false,
    crop: None,
    cropping: Cropping::Heeded,
    rescale: true,
    factor: Some(1.0 / 255.0),
    normalize: true,
    statistics: Some(HALF),
    values: Values::Usual,
    padding: Padding::End,
    pads: false,
    pad_to: None,
    heeds: &[],
    converts: false,
    null_is_default: false,
    harmless: &[],
};

/// [`BASE`] with a shortest edge and a centre crop of it.
const CROPPED: Processor = Processor {
    resample: BICUBIC,
    size: Size::Shortest(224),
    square: false,
    center_crop: true,
    crop: Some([224, 224]),
    statistics: Some(OPENAI),
    ..BASE
};

const KINDS: [&[Processor]; 7] = [
    classification::ROWS,
    contrastive::ROWS,
    dense::ROWS,
    detection::ROWS,
    documents::ROWS,
    language::ROWS,
    patches::ROWS,
];

/// Every image processor that can be expressed.
pub(super) fn all() -> impl Iterator<Item = &'static Processor> {
    KINDS.into_iter().flatten()
}

/// The image processor of this class name without `ImageProcessor`.
pub(super) fn find(stem: &str) -> Option<&'static Processor> {
    all().find(|processor| processor.name == stem)
}
