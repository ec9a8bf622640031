//! INTER_LINEAR of `cv2.resize`, three channels.
//!
//! A line has four 16-bit lanes for each pixel, the last one unused: the six bytes of a pixel's two taps are one load,
//! and one multiply-add gives its three sums.

use std::arch::x86_64::*;

use super::Avx2;

/// 16-bit lanes of a pixel.
const LANES: usize = 4;

/// Pixels that a step of either pass takes.
const STEP: usize = 8;

/// Bytes that one load takes.
const LOAD: usize = 8;

/// The lanes of a line of `columns` pixels.
pub(crate) fn line_lanes(columns: usize) -> usize {
    columns.next_multiple_of(STEP) * LANES
}

/// Bytes that an output row needs behind its pixels.
pub(crate) const SPARE: usize = 16 + STEP * 3;

/// The taps of an output row.
pub(crate) struct Taps {
    /// The byte at which each pixel's taps begin.
    starts: Vec<u32>,
    /// For four pixels, in the order 0, 2, 1, 3: both weights, once a lane.
    weights: Vec<[i16; 4 * 2 * LANES]>,
}

impl Taps {
    /// Of each output column its left source column, and the weights of that one and its right neighbour.
    pub(crate) fn new(taps: impl ExactSizeIterator<Item = (usize, [i32; 2])>) -> Self {
        let columns = taps.len().next_multiple_of(STEP);
        let mut starts = vec![0; columns];
        let mut weights = vec![[0; 4 * 2 * LANES]; columns / 4];
        for (column, (left, pair)) in taps.enumerate() {
            starts[column] = (left * 3) as u32;
            let place = [0, 2, 1, 3][column % 4];
            for lane in 0..LANES - 1 {
                let at = (place * LANES + lane) * 2;
                weights[column / 4][at] = pair[0] as i16;
                weights[column / 4][at + 1] = pair[1] as i16;
            }
        }
        Self { starts, weights }
    }
}

impl Avx2 {
    /// One row, horizontally, without its lowest 4 bits. `line` has [`line_lanes`] elements.
    pub(crate) fn linear_across(self, row: &[u8], taps: &Taps, line: &mut [i16]) {
        // SAFETY: `self` proves the features.
        unsafe { across(row, taps, line) }
    }

    /// Two lines, vertically. `out` has [`SPARE`] bytes more than the pixels, whose values are any afterwards.
    pub(crate) fn linear_down(self, lines: [&[i16]; 2], weights: [i32; 2], out: &mut [u8]) {
        // SAFETY: `self` proves the features.
        unsafe { down(lines, weights, out) }
    }
}

/// The bytes of a pixel's two taps, as far as the row has them.
#[target_feature(enable = "avx2,fma")]
fn load(row: &[u8], start: u32) -> __m128i {
    let start = start as usize;
    if let Some(bytes) = row.get(start..start + LOAD) {
        // SAFETY: `bytes` has as many bytes as the load.
        return unsafe { _mm_loadl_epi64(bytes.as_ptr().cast()) };
    }
    let mut bytes = [0_u8; LOAD];
    if let Some(rest) = row.get(start..) {
        bytes[..rest.len()].copy_from_slice(rest);
    }
    _mm_cvtsi64_si128(i64::from_le_bytes(bytes))
}

#[target_feature(enable = "avx2,fma")]
fn across(row: &[u8], taps: &Taps, line: &mut [i16]) {
    // From left, right of both pixels to pairs of left and right.
    let order = _mm_setr_epi8(0, 3, 1, 4, 2, 5, -1, -1, 8, 11, 9, 12, 10, 13, -1, -1);
    let four = taps.starts.chunks_exact(4).zip(&taps.weights);
    for ((starts, weights), out) in four.zip(line.chunks_exact_mut(4 * LANES)) {
        let sums = |first: usize, second: usize, at: usize| {
            let pair = _mm_unpacklo_epi64(load(row, starts[first]), load(row, starts[second]));
            let values = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(pair, order));
            let weights = &weights[at..at + 4 * LANES];
            // SAFETY: `weights` has as many elements as the vector.
            let weights = unsafe { _mm256_loadu_si256(weights.as_ptr().cast()) };
            _mm256_srai_epi32::<4>(_mm256_madd_epi16(values, weights))
        };
        // Packing interleaves the halves: pixels 0, 1, 2, 3 come out.
        let packed = _mm256_packs_epi32(sums(0, 2, 0), sums(1, 3, 4 * LANES));
        // SAFETY: `out` has as many elements as the vector.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), packed) }
    }
}

#[target_feature(enable = "avx2,fma")]
fn down(lines: [&[i16]; 2], [c, d]: [i32; 2], out: &mut [u8]) {
    let (c, d) = (_mm256_set1_epi16(c as i16), _mm256_set1_epi16(d as i16));
    let two = _mm256_set1_epi16(2);
    // The three channels of four pixels together.
    let compact = _mm256_setr_epi8(
        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1,
        -1, -1, -1,
    );
    let steps = lines[0]
        .chunks_exact(STEP * LANES)
        .zip(lines[1].chunks_exact(STEP * LANES));
    for (step, (top, bottom)) in steps.enumerate() {
        let value = |at: usize| {
            let (top, bottom) = (&top[at..at + 16], &bottom[at..at + 16]);
            // SAFETY: both have as many elements as the vector.
            let (top, bottom) = unsafe {
                (
                    _mm256_loadu_si256(top.as_ptr().cast()),
                    _mm256_loadu_si256(bottom.as_ptr().cast()),
                )
            };
            let sum = _mm256_add_epi16(_mm256_mulhi_epi16(top, c), _mm256_mulhi_epi16(bottom, d));
            _mm256_srai_epi16::<2>(_mm256_add_epi16(sum, two))
        };
        let packed = _mm256_packus_epi16(value(0), value(16));
        let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
        let bytes = _mm256_shuffle_epi8(packed, compact);
        let out = &mut out[step * STEP * 3..][..12 + 16];
        // SAFETY: `out` has the 16 bytes from 0 on and from 12 on.
        unsafe {
            _mm_storeu_si128(out.as_mut_ptr().cast(), _mm256_castsi256_si128(bytes));
            _mm_storeu_si128(
                out.as_mut_ptr().add(12).cast(),
                _mm256_extracti128_si256::<1>(bytes),
            );
        }
    }
}
