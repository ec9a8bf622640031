//! How the bytes of a row become those of each channel.

use prep_onnx_pipeline::CHANNELS;

use super::layout::ORDER;

/// Bytes of a load.
pub(crate) const LOAD: usize = 16;

/// The indices of a shuffle of two loads: of each the four bytes of channel after channel, and zeros.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct Order(pub(crate) [u8; 2 * LOAD]);

/// Rows of pixels.
pub(crate) struct Source {
    /// For loads that begin so many bytes before their quad.
    pub(crate) orders: Vec<Order>,
    /// How many bytes a row must have for all loads to lie inside.
    pub(crate) row_bytes: usize,
}

impl Source {
    /// Rows of `columns` pixels. `channels`: the image's channel of each channel of the output.
    pub(crate) fn new(channels: [usize; CHANNELS], columns: usize) -> Self {
        Self {
            orders: (0..LOAD).map(|before| order(channels, before)).collect(),
            row_bytes: (columns * CHANNELS).max(LOAD),
        }
    }
}

fn order(channels: [usize; CHANNELS], before: usize) -> Order {
    let mut order = Order([0x80; 2 * LOAD]);
    for half in order.0.chunks_exact_mut(LOAD) {
        for (lane, channel) in channels.into_iter().enumerate() {
            for (byte, pixel) in ORDER.into_iter().enumerate() {
                let index = before + pixel * CHANNELS + channel;
                if index < LOAD {
                    half[lane * 4 + byte] = index as u8;
                }
            }
        }
    }
    order
}
