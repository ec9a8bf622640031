//! Rows that are not resized: pixels to lanes of bytes, and lanes to elements.

use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::Avx2;
use super::sinks::by_phase;
use crate::kernel::elements::{RowSums, RunConstants, write_row};
use crate::kernel::x86::{Bytes, InTurn, Sink, Uniform};
use crate::kernel::{Lanes, RowOut, plane_blocks};
use crate::run::Finish;

/// Pixels that are taken apart at a time.
const STEP: usize = 16;

/// The bytes of a row of `columns` pixels in lanes: a plane for each channel, or all channels in turn.
pub(crate) fn lane_bytes(layout: Layout, columns: usize) -> usize {
    match layout {
        Layout::Nchw => CHANNELS * plane_blocks(columns) * Lanes::COUNT,
        Layout::Nhwc => (CHANNELS * columns).next_multiple_of(Lanes::COUNT),
    }
}

/// Where the pixels of a row go in its lanes.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) layout: Layout,
    /// Columns of the output.
    pub(crate) columns: usize,
    /// The column of the first pixel.
    pub(crate) first: usize,
    /// The image's channel of each channel of the output.
    pub(crate) channels: [usize; CHANNELS],
}

impl Avx2 {
    /// Puts the pixels of `row` into `lanes`, which has [`lane_bytes`] bytes. The others stay.
    pub(crate) fn spread(self, row: &[u8], spread: Spread, lanes: &mut [u8]) {
        match spread.layout {
            Layout::Nchw => {
                let plane = plane_blocks(spread.columns) * Lanes::COUNT;
                let mut planes = lanes.chunks_exact_mut(plane.max(1));
                let planes: [&mut [u8]; CHANNELS] =
                    std::array::from_fn(|_| planes.next().map_or(&mut [][..], |plane| plane));
                let planes = planes.map(|plane| &mut plane[spread.first..][..row.len() / CHANNELS]);
                // SAFETY: `self` proves the features.
                unsafe { take_apart(row, spread.channels, planes) }
            }
            Layout::Nhwc => {
                let lanes = &mut lanes[spread.first * CHANNELS..][..row.len()];
                if spread.channels == [0, 1, 2] {
                    lanes.copy_from_slice(row);
                } else {
                    let pixels = lanes.chunks_exact_mut(CHANNELS).zip(row.chunks_exact(CHANNELS));
                    for (to, from) in pixels {
                        to.copy_from_slice(&spread.channels.map(|channel| from[channel]));
                    }
                }
            }
        }
    }

    /// Writes the elements of a row from its lanes.
    pub(crate) fn finish_lanes(self, lanes: &[u8], finish: &Finish, out: &mut RowOut<'_>) {
        write_row(&Copied { isa: self, lanes }, finish, out);
    }
}

/// For each channel and each of three loads, which of its bytes are the channel's, in the places of their pixels.
const fn masks() -> [[[i8; 16]; 3]; CHANNELS] {
    let mut masks = [[[-1; 16]; 3]; CHANNELS];
    let mut channel = 0;
    while channel < CHANNELS {
        let mut pixel = 0;
        while pixel < STEP {
            let at = pixel * CHANNELS + channel;
            masks[channel][at / 16][pixel] = (at % 16) as i8;
            pixel += 1;
        }
        channel += 1;
    }
    masks
}

const MASKS: [[[i8; 16]; 3]; CHANNELS] = masks();

#[target_feature(enable = "avx2,fma")]
fn take_apart(row: &[u8], channels: [usize; CHANNELS], planes: [&mut [u8]; CHANNELS]) {
    let mut done = 0;
    let [first, second, third] = planes;
    let mut planes = [first, second, third];
    for pixels in row.chunks_exact(STEP * CHANNELS) {
        // SAFETY: `pixels` has the bytes of three vectors.
        let loads = [0, 1, 2].map(|at| unsafe { _mm_loadu_si128(pixels.as_ptr().add(16 * at).cast()) });
        for (plane, channel) in planes.iter_mut().zip(channels) {
            let part = |at: usize| {
                // SAFETY: a mask has sixteen bytes.
                let mask = unsafe { _mm_loadu_si128(MASKS[channel][at].as_ptr().cast()) };
                _mm_shuffle_epi8(loads[at], mask)
            };
            let bytes = _mm_or_si128(_mm_or_si128(part(0), part(1)), part(2));
            let out = &mut plane[done..][..STEP];
            // SAFETY: `out` has sixteen bytes.
            unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), bytes) }
        }
        done += STEP;
    }
    for pixel in row[done * CHANNELS..].chunks_exact(CHANNELS) {
        for (plane, channel) in planes.iter_mut().zip(channels) {
            plane[done] = pixel[channel];
        }
        done += 1;
    }
}

/// Lanes of bytes as the sums of a row.
struct Copied<'a> {
    isa: Avx2,
    lanes: &'a [u8],
}

impl RowSums for Copied<'_> {
    fn floats(&self, first: usize, constants: &RunConstants, out: &mut [f32]) {
        let Avx2(()) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe { self.write_floats(first, constants, out) }
    }

    fn bytes(&self, first: usize, out: &mut [u8]) {
        let length = out.len();
        Bytes { out }
            .out
            .copy_from_slice(&self.lanes[first * Lanes::COUNT..][..length]);
    }
}

impl Copied<'_> {
    #[target_feature(enable = "avx2,fma")]
    fn write_floats(&self, first: usize, constants: &RunConstants, out: &mut [f32]) {
        match constants {
            RunConstants::Uniform(values) => {
                let constants = values.map(|value| _mm256_set1_ps(value));
                self.store(first, &mut Uniform { constants, out });
            }
            RunConstants::InTurn(values) => {
                let constants = by_phase(values);
                self.store(first, &mut InTurn { constants, out });
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn store<S: Sink<[__m256i; 2]>>(&self, first: usize, sink: &mut S) {
        for at in 0..sink.length().div_ceil(Lanes::COUNT) {
            let bytes = &self.lanes[(first + at) * Lanes::COUNT..][..Lanes::COUNT];
            // SAFETY: `bytes` has the sixteen bytes of a vector.
            let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
            let values = [
                _mm256_cvtepu8_epi32(bytes),
                _mm256_cvtepu8_epi32(_mm_srli_si128::<8>(bytes)),
            ];
            // SAFETY: this function enables the features, and the block is inside the sink.
            unsafe { sink.store(at, values) }
        }
    }
}
