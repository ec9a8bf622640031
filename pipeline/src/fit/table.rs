//! From the table of 256 values of each channel to the steps that compute it, bit for bit. No constant is guessed: each follows
//! from the table, and a form counts only where it gives every bit.

use half::f16;

use crate::steps::Step;
use crate::{Dtype, Operation};

/// The value of each pixel value in each output channel, as far as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) values: Vec<[Option<f32>; 256]>,
    pub(super) dtype: Dtype,
}

impl Table {
    pub(super) fn new(channels: usize, dtype: Dtype) -> Self {
        Self {
            values: vec![[None; 256]; channels],
            dtype,
        }
    }

    /// Notes a value; whether it is the one that was seen before.
    pub(super) fn note(&mut self, channel: usize, pixel: u8, value: f32) -> bool {
        let known = &mut self.values[channel][usize::from(pixel)];
        known.get_or_insert(value).to_bits() == value.to_bits()
    }

    /// The pixel values of a channel that were not seen.
    pub(super) fn unseen(&self, channel: usize) -> Vec<u8> {
        (0..=255)
            .filter(|pixel| self.values[channel][usize::from(*pixel)].is_none())
            .collect()
    }

    /// The value of a pixel value.
    pub(super) fn value(&self, channel: usize, pixel: u8) -> Option<f32> {
        self.values[channel][usize::from(pixel)]
    }

    /// The steps that compute the table; `None` where no known arithmetic does.
    pub(super) fn steps(&self) -> Option<Vec<Step>> {
        let plain = |_: usize| Some(Vec::new());
        if self
            .channels()
            .all(|channel| self.is(channel, &plain(channel).unwrap_or_default()))
        {
            return Some(Vec::new());
        }
        if self.dtype == Dtype::Uint8 {
            return None;
        }
        self.float32().or_else(|| self.float64())
    }

    pub(super) fn channels(&self) -> std::ops::Range<usize> {
        0..self.values.len()
    }

    /// Whether a chain with these operands gives what was seen of a channel.
    pub(super) fn is(&self, channel: usize, chain: &[Operation]) -> bool {
        // The ends first: most chains are wrong there.
        let order = [255, 0, 128, 1, 77, 200].into_iter().chain(0..256);
        order
            .into_iter()
            .all(|pixel: usize| match self.values[channel][pixel] {
                None => true,
                Some(value) => {
                    let got = Operation::chain(chain, pixel as f32, 0);
                    match self.dtype {
                        Dtype::Float32 | Dtype::Uint8 => got.to_bits() == value.to_bits(),
                        Dtype::Float16 => f16::from_f32(got).to_f32().to_bits() == value.to_bits(),
                    }
                }
            })
    }

    /// The line `slope * pixel + intercept` through a channel's values.
    pub(super) fn line(&self, channel: usize) -> (f64, f64) {
        let seen: Vec<(f64, f64)> = self.values[channel]
            .iter()
            .enumerate()
            .filter_map(|(pixel, value)| Some((pixel as f64, f64::from((*value)?))))
            .collect();
        // A rounded value is off by a part of its size.
        let largest = seen.iter().map(|point| point.1.abs()).fold(0.0, f64::max);
        let weight = |point: &(f64, f64)| match self.dtype {
            Dtype::Float16 => (point.1.abs() + largest * 1e-3).powi(-2),
            Dtype::Float32 | Dtype::Uint8 => 1.0,
        };
        let total: f64 = seen.iter().map(weight).sum();
        let x = seen.iter().map(|point| weight(point) * point.0).sum::<f64>() / total;
        let y = seen.iter().map(|point| weight(point) * point.1).sum::<f64>() / total;
        let covariance: f64 = seen
            .iter()
            .map(|point| weight(point) * (point.0 - x) * (point.1 - y))
            .sum();
        let variance: f64 = seen
            .iter()
            .map(|point| weight(point) * (point.0 - x).powi(2))
            .sum();
        let slope = covariance / variance.max(f64::MIN_POSITIVE);
        (slope, y - slope * x)
    }
}
