//! Which pixels of a PNG are transparent, by Pillow's rules.

use png::{BitDepth, ColorType};

use crate::ImageError;

pub(super) enum Transparent {
    /// By a channel: the bytes of a pixel, and which of them is alpha. Of 16 bits the high byte.
    Channel { pixel: usize, at: usize },
    /// By the index of the colour.
    Palette(Box<[u8; 256]>),
    /// All of one colour, as RGB of 8 bits.
    Colour([u8; 3]),
}

impl Transparent {
    /// `None` where all pixels are opaque. `chunk` is `tRNS`.
    pub(super) fn of(
        color: ColorType,
        depth: BitDepth,
        chunk: Option<&[u8]>,
    ) -> Result<Option<Self>, ImageError> {
        let bytes = if depth == BitDepth::Sixteen { 2 } else { 1 };
        let channel = |channels: usize| Self::Channel {
            pixel: channels * bytes,
            at: (channels - 1) * bytes,
        };
        let short = || ImageError::corrupt("PNG: the chunk tRNS is too short");
        Ok(match (color, chunk) {
            (ColorType::GrayscaleAlpha, _) => Some(channel(2)),
            (ColorType::Rgba, _) => Some(channel(4)),
            (ColorType::Grayscale | ColorType::Rgb | ColorType::Indexed, None) => None,
            (ColorType::Indexed, Some(table)) => {
                let mut alphas = Box::new([255; 256]);
                for (alpha, &given) in alphas.iter_mut().zip(table) {
                    *alpha = given;
                }
                Some(Self::Palette(alphas))
            }
            // Pillow compares the low byte of what the chunk has with the pixel as it has made it: of 2 and 4 bits
            // scaled, of 16 bits the high byte of a colour, and a gray that is clipped.
            (ColorType::Grayscale, Some(key)) => {
                let &[high, low] = key.first_chunk::<2>().ok_or_else(short)?;
                let value = match depth {
                    BitDepth::One if (high, low) != (0, 0) => 255,
                    _ => low,
                };
                Some(Self::Colour([value; 3]))
            }
            (ColorType::Rgb, Some(key)) => {
                let &[_, red, _, green, _, blue] = key.first_chunk::<6>().ok_or_else(short)?;
                Some(Self::Colour([red, green, blue]))
            }
        })
    }
}
