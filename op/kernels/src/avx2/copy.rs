//! Rows of bytes: pixels to lanes, two rows to one of half the size, and lanes to elements.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use super::Avx2;
use crate::Lanes;
use crate::elements::{RowSums, Run, copy_lanes};
use crate::finish::AffineForm;
use crate::x86::{InTurn, Sink, Uniform};

/// Pixels that are taken apart at a time.
const STEP: usize = 16;

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

#[inline]
#[target_feature(enable = "avx2,fma")]
fn mask(channel: usize, part: usize) -> __m128i {
    // SAFETY: a mask has sixteen bytes.
    unsafe { _mm_loadu_si128(MASKS[channel][part].as_ptr().cast()) }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn take_apart(row: &[u8], channels: [usize; CHANNELS], mut planes: [&mut [u8]; CHANNELS]) {
    let mut done = 0;
    for pixels in row.chunks_exact(STEP * CHANNELS) {
        // SAFETY: `pixels` has the bytes of three vectors.
        let loads = [0, 1, 2].map(|at| unsafe { _mm_loadu_si128(pixels.as_ptr().add(16 * at).cast()) });
        for (plane, channel) in planes.iter_mut().zip(channels) {
            let part = |at: usize| _mm_shuffle_epi8(loads[at], mask(channel, at));
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

/// The rounded mean of every two pixels of two rows, each of which has twice the pixels of a plane.
#[target_feature(enable = "avx2,fma")]
pub(super) fn halve(rows: [&[u8]; 2], channels: [usize; CHANNELS], mut planes: [&mut [u8]; CHANNELS]) {
    /// Bytes of a row for sixteen bytes of each plane.
    const WIDE: usize = 2 * STEP * CHANNELS;
    let [ones, two] = [_mm256_set1_epi8(1), _mm256_set1_epi16(2)];
    let steps = rows[0].chunks_exact(WIDE).zip(rows[1].chunks_exact(WIDE));
    let mut done = 0;
    for (top, bottom) in steps {
        // The first and the last sixteen pixels, in the halves of a vector.
        let loads = [top, bottom].map(|row| {
            [0, 1, 2].map(|at| {
                // SAFETY: `row` has the bytes of six vectors.
                unsafe {
                    let low = _mm_loadu_si128(row.as_ptr().add(16 * at).cast());
                    let high = _mm_loadu_si128(row.as_ptr().add(WIDE / 2 + 16 * at).cast());
                    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
                }
            })
        });
        for (plane, channel) in planes.iter_mut().zip(channels) {
            let masks = [0, 1, 2].map(|part| _mm256_broadcastsi128_si256(mask(channel, part)));
            let pairs = loads.map(|loads| {
                let part = |at: usize| _mm256_shuffle_epi8(loads[at], masks[at]);
                let bytes = _mm256_or_si256(_mm256_or_si256(part(0), part(1)), part(2));
                _mm256_maddubs_epi16(bytes, ones)
            });
            let sum = _mm256_add_epi16(_mm256_add_epi16(pairs[0], pairs[1]), two);
            let words = _mm256_srli_epi16::<2>(sum);
            let bytes = _mm_packus_epi16(
                _mm256_castsi256_si128(words),
                _mm256_extracti128_si256::<1>(words),
            );
            let out = &mut plane[done..][..STEP];
            // SAFETY: `out` has sixteen bytes.
            unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), bytes) }
        }
        done += STEP;
    }
    for (plane, channel) in planes.iter_mut().zip(channels) {
        for (at, out) in plane.iter_mut().enumerate().skip(done) {
            let four = [0, 1].map(|column| {
                let byte = (2 * at + column) * CHANNELS + channel;
                u16::from(rows[0][byte]) + u16::from(rows[1][byte])
            });
            *out = ((four[0] + four[1] + 2) >> 2) as u8;
        }
    }
}

/// Lanes of bytes as the sums of a row.
pub(super) struct Copied<'a> {
    pub(super) isa: Avx2,
    pub(super) lanes: &'a [u8],
}

impl RowSums for Copied<'_> {
    fn floats(&self, form: &AffineForm, runs: &mut [Run<'_, f32>]) -> bool {
        let Avx2(()) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe {
            match runs.len() {
                1 => self.store(runs, &InTurn(form)),
                _ => self.store(runs, &Uniform(form)),
            }
        }
        true
    }

    fn bytes(&self, runs: &mut [Run<'_, u8>]) {
        copy_lanes(self.lanes, runs);
    }
}

impl Copied<'_> {
    #[target_feature(enable = "avx2,fma")]
    fn store<S: Sink<[__m256i; 2]>>(&self, runs: &mut [Run<'_, S::Element>], sink: &S) {
        for (index, run) in runs.iter_mut().enumerate() {
            // SAFETY: this function enables the features.
            let held = unsafe { sink.held(index) };
            let blocks = self.lanes[run.first * Lanes::COUNT..].chunks_exact(Lanes::COUNT);
            for (at, bytes) in blocks.take(run.blocks()).enumerate() {
                // SAFETY: `bytes` has the sixteen bytes of a vector.
                let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
                let values = [
                    _mm256_cvtepu8_epi32(bytes),
                    _mm256_cvtepu8_epi32(_mm_srli_si128::<8>(bytes)),
                ];
                // SAFETY: this function enables the features, and the block is inside the run.
                unsafe { sink.store(&held, run.out, at, values) }
            }
        }
    }
}
