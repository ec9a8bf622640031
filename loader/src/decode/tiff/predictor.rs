//! Undoing the differences that are stored in place of samples, row by row, as libtiff does.

use super::super::ifd::Order;
use crate::ImageError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// Differences of whole samples of 8, 16 or 32 bits.
    Horizontal {
        bytes: usize,
    },
    /// Differences of bytes, and the bytes of one weight together, of 32-bit floats.
    Float,
}

impl Predictor {
    pub(super) fn from_tag(value: u64, bits: usize, float: bool) -> Result<Self, ImageError> {
        match (value, bits) {
            (1, _) => Ok(Self::None),
            (2, 8 | 16 | 32) => Ok(Self::Horizontal { bytes: bits / 8 }),
            (3, 32) if float => Ok(Self::Float),
            _ => Err(ImageError::unsupported(format_args!(
                "TIFF: predictor {value} of {bits}-bit samples"
            ))),
        }
    }

    /// `samples` is how many lie between a sample and the one that it differs from.
    pub(super) fn undo(self, row: &mut [u8], samples: usize, order: Order, spare: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Horizontal { bytes: 1 } => add_bytes(row, samples),
            Self::Horizontal { bytes } => add_samples(row, samples * bytes, bytes, order),
            Self::Float => {
                add_bytes(row, samples);
                spare.clear();
                spare.extend_from_slice(row);
                // The bytes of the highest weight come first, whatever the order of the file.
                let values = row.len() / 4;
                for (i, value) in row.chunks_exact_mut(4).enumerate() {
                    for (weight, byte) in value.iter_mut().enumerate() {
                        let plane = if order == Order::Big { weight } else { 3 - weight };
                        *byte = spare[plane * values + i];
                    }
                }
            }
        }
    }
}

fn add_bytes(row: &mut [u8], stride: usize) {
    for i in stride..row.len() {
        row[i] = row[i].wrapping_add(row[i - stride]);
    }
}

fn add_samples(row: &mut [u8], stride: usize, bytes: usize, order: Order) {
    for at in (stride..row.len() / bytes * bytes).step_by(bytes) {
        let before = order.unsigned(&row[at - stride..][..bytes]) as u32;
        let sum = before.wrapping_add(order.unsigned(&row[at..][..bytes]) as u32);
        let target = &mut row[at..][..bytes];
        match order {
            Order::Little => target.copy_from_slice(&sum.to_le_bytes()[..bytes]),
            Order::Big => target.copy_from_slice(&sum.to_be_bytes()[4 - bytes..]),
        }
    }
}
