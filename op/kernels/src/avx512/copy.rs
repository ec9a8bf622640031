//! Rows of bytes: pixels to lanes, two rows to one of half the size, and lanes to elements.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use super::Avx512;
use super::sinks::Values;
use crate::Lanes;
use crate::elements::{RowSums, Run, copy_lanes};
use crate::finish::AffineForm;
use crate::x86::{Block, InTurn, Sink, Uniform};

/// Pixels that are taken apart at a time: three vectors.
const STEP: usize = Block::BYTES;

/// Of each channel, which bytes of two vectors are its pixels', then which of the third, and from which pixel on these are.
static PLANES: [([Block; 2], __mmask64); CHANNELS] = {
    let mut tables = [([Block::ZERO; 2], 0); CHANNELS];
    let mut channel = 0;
    while channel < CHANNELS {
        let mut pixel = 0;
        while pixel < STEP {
            let byte = pixel * CHANNELS + channel;
            if byte < 2 * STEP {
                tables[channel].0[0].0[pixel] = byte as u8;
            } else {
                tables[channel].0[1].0[pixel] = (byte - 2 * STEP) as u8;
                tables[channel].1 |= 1 << pixel;
            }
            pixel += 1;
        }
        channel += 1;
    }
    tables
};

/// The first `length` of 64 bytes.
fn first(length: usize) -> __mmask64 {
    match length {
        0 => 0,
        1..STEP => !0 >> (STEP - length),
        _ => !0,
    }
}

/// The bytes of at most 64 pixels.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn load(pixels: &[u8]) -> [__m512i; 3] {
    [0, 1, 2].map(|at| {
        let mask = first(pixels.len().saturating_sub(at * STEP));
        // SAFETY: the mask leaves out what lies behind the last pixel.
        unsafe { _mm512_maskz_loadu_epi8(mask, pixels.as_ptr().wrapping_add(at * STEP).cast()) }
    })
}

/// A channel's bytes of 64 pixels.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn plane(loads: [__m512i; 3], channel: usize) -> __m512i {
    let ([two, third], mask) = &PLANES[channel];
    // SAFETY: a block is 64 bytes, aligned to 64.
    let [two, third] = [two, third].map(|block| unsafe { _mm512_load_si512(block.0.as_ptr().cast()) });
    let bytes = _mm512_permutex2var_epi8(loads[0], two, loads[1]);
    _mm512_mask_permutexvar_epi8(bytes, *mask, third, loads[2])
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn take_apart(row: &[u8], channels: [usize; CHANNELS], mut planes: [&mut [u8]; CHANNELS]) {
    for (step, pixels) in row.chunks(STEP * CHANNELS).enumerate() {
        let loads = load(pixels);
        for (out, channel) in planes.iter_mut().zip(channels) {
            let out = &mut out[step * STEP..][..pixels.len() / CHANNELS];
            // SAFETY: the mask leaves out what lies behind `out`.
            unsafe {
                _mm512_mask_storeu_epi8(out.as_mut_ptr().cast(), first(out.len()), plane(loads, channel));
            }
        }
    }
}

/// The rounded mean of every two pixels of two rows, each of which has twice the pixels of a plane.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn halve(rows: [&[u8]; 2], channels: [usize; CHANNELS], mut planes: [&mut [u8]; CHANNELS]) {
    let [ones, two] = [_mm512_set1_epi8(1), _mm512_set1_epi16(2)];
    let steps = rows[0]
        .chunks(STEP * CHANNELS)
        .zip(rows[1].chunks(STEP * CHANNELS));
    for (step, (top, bottom)) in steps.enumerate() {
        let loads = [load(top), load(bottom)];
        for (out, channel) in planes.iter_mut().zip(channels) {
            let pairs = loads.map(|loads| _mm512_maddubs_epi16(plane(loads, channel), ones));
            let sum = _mm512_add_epi16(_mm512_add_epi16(pairs[0], pairs[1]), two);
            let bytes = _mm512_cvtepi16_epi8(_mm512_srli_epi16::<2>(sum));
            let out = &mut out[step * STEP / 2..][..top.len() / (2 * CHANNELS)];
            // SAFETY: the mask leaves out what lies behind `out`.
            unsafe {
                _mm256_mask_storeu_epi8(out.as_mut_ptr().cast(), first(out.len()) as __mmask32, bytes);
            }
        }
    }
}

/// Lanes of bytes as the sums of a row.
pub(super) struct Copied<'a> {
    pub(super) isa: Avx512,
    pub(super) lanes: &'a [u8],
}

impl RowSums for Copied<'_> {
    fn floats(&self, form: &AffineForm, runs: &mut [Run<'_, f32>]) -> bool {
        let Avx512(..) = self.isa;
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
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    fn store<S: Sink<Values<0>>>(&self, runs: &mut [Run<'_, S::Element>], sink: &S) {
        for (index, run) in runs.iter_mut().enumerate() {
            // SAFETY: this function enables the features.
            let held = unsafe { sink.held(index) };
            let blocks = self.lanes[run.first * Lanes::COUNT..].chunks_exact(Lanes::COUNT);
            for (at, bytes) in blocks.take(run.blocks()).enumerate() {
                // SAFETY: `bytes` has the sixteen bytes of a vector.
                let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
                let values = Values(_mm512_cvtepu8_epi32(bytes));
                // SAFETY: this function enables the features, and the block is inside the run.
                unsafe { sink.store(&held, run.out, at, values) }
            }
        }
    }
}
