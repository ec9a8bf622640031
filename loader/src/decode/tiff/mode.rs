//! What the samples of a TIFF mean: the combinations of tags that Pillow reads (`OPEN_INFO`), and no other.

use super::super::ifd::Order;

/// The tags that decide, as Pillow derives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) order: Order,
    pub(super) photometric: u64,
    /// One number where all samples have the same format.
    pub(super) formats: Vec<u64>,
    pub(super) low_bit_first: bool,
    /// Of each sample of a pixel.
    pub(super) bits: Vec<u64>,
    pub(super) extra: Vec<u64>,
}

/// How a pixel becomes RGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// 1, 2, 4 or 8 bits, scaled to 0..=255; black may be the largest value.
    Gray {
        bits: u8,
        white_is_zero: bool,
    },
    Gray12,
    /// Clipped at 255, and not inverted where white is zero.
    Gray16,
    SignedGray16,
    Int32,
    Float32,
    /// 8 bits, then 8 bits that are dropped.
    GrayAlpha,
    /// `samples` of 8 or 16 bits, of which the first three are the colour.
    Rgb {
        wide: bool,
        samples: usize,
    },
    /// The fourth sample is the alpha by which the colour is multiplied.
    PremultipliedRgb {
        wide: bool,
        samples: usize,
    },
    Palette {
        bits: u8,
        samples: usize,
    },
    Cmyk {
        wide: bool,
        samples: usize,
    },
}

const UNSIGNED: u64 = 1;
const SIGNED: u64 = 2;
const FLOAT: u64 = 3;

impl Mode {
    /// `None` for what Pillow does not read either, and for YCbCr outside JPEG and L*a*b*.
    pub(super) fn of(key: &Key, jpeg: bool) -> Option<Self> {
        let little = key.order == Order::Little;
        let &[format] = key.formats.as_slice() else {
            return None;
        };
        let first = *key.bits.first()?;
        let even = key.bits.iter().all(|&bits| bits == first);
        let samples = key.bits.len();
        if !even || (key.low_bit_first && !Self::has_low_bit_first(key, format, first, samples)) {
            return None;
        }
        let photometric = key.photometric;
        match (photometric, format, first, samples, key.extra.as_slice()) {
            (0 | 1, UNSIGNED, 1 | 2 | 4 | 8, 1, []) => Some(Self::Gray {
                bits: first as u8,
                white_is_zero: photometric == 0,
            }),
            (1, SIGNED, 8, 1, []) | (6, UNSIGNED, 8, 1, []) => Some(Self::Gray {
                bits: 8,
                white_is_zero: false,
            }),
            (1, UNSIGNED, 12, 1, []) if little => Some(Self::Gray12),
            (0, UNSIGNED, 16, 1, []) if little => Some(Self::Gray16),
            (1, UNSIGNED, 16, 1, []) => Some(Self::Gray16),
            (1, SIGNED, 16, 1, []) => Some(Self::SignedGray16),
            (1, UNSIGNED, 32, 1, []) if little => Some(Self::Int32),
            (1, SIGNED, 32, 1, []) => Some(Self::Int32),
            (0 | 1, FLOAT, 32, 1, []) => Some(Self::Float32),
            (1, UNSIGNED, 8, 2, [0 | 2]) => Some(Self::GrayAlpha),
            (2, UNSIGNED, 8 | 16, 3 | 4, [])
            | (2, UNSIGNED, 8 | 16, 4, [0 | 2])
            | (2, UNSIGNED, 8, 4, [999])
            | (2, UNSIGNED, 8, 5, [0 | 2, 0])
            | (2, UNSIGNED, 8, 6, [0 | 2, 0, 0]) => Some(Self::Rgb {
                wide: first == 16,
                samples,
            }),
            // libjpeg makes RGB of it.
            (6, UNSIGNED, 8, 3, []) if jpeg => Some(Self::Rgb { wide: false, samples }),
            (2, UNSIGNED, 8 | 16, 4, [1]) | (2, UNSIGNED, 8, 5, [1, 0]) | (2, UNSIGNED, 8, 6, [1, 0, 0]) => {
                Some(Self::PremultipliedRgb {
                    wide: first == 16,
                    samples,
                })
            }
            (3, UNSIGNED, 1 | 2 | 4 | 8, 1, []) | (3, UNSIGNED, 8, 2, [0 | 2]) => Some(Self::Palette {
                bits: first as u8,
                samples,
            }),
            (5, UNSIGNED, 8 | 16, 4, []) | (5, UNSIGNED, 8, 5, [0]) | (5, UNSIGNED, 8, 6, [0, 0]) => {
                Some(Self::Cmyk {
                    wide: first == 16,
                    samples,
                })
            }
            _ => None,
        }
    }

    /// The same where each sample has a plane of its own. To libtiff a fourth sample of which nothing is said
    /// has an unspecified kind, and Pillow then divides the colour by it.
    pub(super) fn in_planes(self, unspecified: bool) -> Self {
        match self {
            Self::GrayAlpha => Self::Gray {
                bits: 8,
                white_is_zero: false,
            },
            Self::Palette { bits, .. } => Self::Palette { bits, samples: 1 },
            Self::Rgb { wide, samples: 4 } if unspecified => Self::PremultipliedRgb { wide, samples: 4 },
            other => other,
        }
    }

    /// The combinations that Pillow also knows with the lowest bit first.
    fn has_low_bit_first(key: &Key, format: u64, bits: u64, samples: usize) -> bool {
        let gray16 = key.photometric == 1 && bits == 16 && key.order == Order::Little;
        key.extra.is_empty()
            && format == UNSIGNED
            && match (key.photometric, samples) {
                (0 | 1, 1) => bits <= 8 || gray16,
                (2, 3) => bits == 8,
                (3, 1) => bits <= 8,
                _ => false,
            }
    }

    /// Bits of one sample.
    pub(super) fn bits(self) -> usize {
        match self {
            Self::Gray { bits, .. } | Self::Palette { bits, .. } => usize::from(bits),
            Self::GrayAlpha => 8,
            Self::Gray12 => 12,
            Self::Gray16 | Self::SignedGray16 => 16,
            Self::Int32 | Self::Float32 => 32,
            Self::Rgb { wide, .. } | Self::PremultipliedRgb { wide, .. } | Self::Cmyk { wide, .. } => {
                if wide { 16 } else { 8 }
            }
        }
    }

    /// How many of the samples of a pixel are needed, where each has a plane of its own.
    pub(super) fn planes(self) -> usize {
        match self {
            Self::Gray { .. }
            | Self::Gray12
            | Self::Gray16
            | Self::SignedGray16
            | Self::Int32
            | Self::Float32
            | Self::GrayAlpha
            | Self::Palette { .. } => 1,
            Self::Rgb { .. } => 3,
            Self::PremultipliedRgb { .. } | Self::Cmyk { .. } => 4,
        }
    }
}
