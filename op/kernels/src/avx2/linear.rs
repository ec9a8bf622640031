//! INTER_LINEAR of `cv2.resize`, three channels.
//!
//! A line has four 16-bit lanes for each pixel, the last one unused: the six bytes of a pixel's two taps are one load,
//! and one multiply-add gives its three sums.

use std::arch::x86_64::*;

use crate::rows::{PIXEL_LANES as LANES, Tap};

/// Pixels that a step of [`across`] takes.
const FOUR: usize = 4;

/// Pixels that a step of [`down`] takes.
const EIGHT: usize = 8;

/// Bytes that one load takes, of which the taps of a pixel are the first six.
const LOAD: usize = 16;

/// Bytes that a step of [`down`] stores: twice sixteen, of which twelve count.
const STORED: usize = 12 + 16;

/// The taps of an output row.
pub struct Taps {
    /// The byte at which each pixel's taps begin.
    starts: Vec<[u32; FOUR]>,
    /// For four pixels, in the order 0, 2, 1, 3: both weights, once a lane.
    weights: Vec<[i16; FOUR * 2 * LANES]>,
    /// Steps whose loads lie inside a row.
    inside: usize,
    /// Bytes of a row.
    row_bytes: usize,
}

impl Taps {
    pub fn new(row_bytes: usize, taps: &[Tap]) -> Self {
        let steps = taps.len().div_ceil(FOUR);
        let mut starts = vec![[0; FOUR]; steps];
        let mut weights = vec![[0; FOUR * 2 * LANES]; steps];
        for (column, (left, pair)) in taps.iter().enumerate() {
            starts[column / FOUR][column % FOUR] = (left * 3) as u32;
            let place = [0, 2, 1, 3][column % FOUR];
            for lane in 0..LANES - 1 {
                let at = (place * LANES + lane) * 2;
                weights[column / FOUR][at] = pair[0] as i16;
                weights[column / FOUR][at + 1] = pair[1] as i16;
            }
        }
        let reaches = |starts: &[u32; FOUR]| starts.iter().all(|start| *start as usize + LOAD <= row_bytes);
        let inside = starts.iter().take_while(|starts| reaches(starts)).count();
        Self {
            starts,
            weights,
            inside,
            row_bytes,
        }
    }
}

/// The bytes of a pixel's two taps, as far as the row has them.
#[inline(always)]
fn load_rest(row: &[u8], start: u32) -> [u8; LOAD] {
    let mut bytes = [0; LOAD];
    for (to, at) in bytes.iter_mut().zip(start as usize..) {
        if let Some(byte) = row.get(at) {
            *to = *byte;
        }
    }
    bytes
}

/// `line` has the lanes of all pixels.
#[target_feature(enable = "avx2,fma")]
pub(super) fn across(row: &[u8], taps: &Taps, line: &mut [i16]) {
    assert!(row.len() >= taps.row_bytes, "rows as wide as the tables");
    let steps = taps.starts.iter().zip(&taps.weights);
    let mut steps = steps.zip(line.chunks_exact_mut(FOUR * LANES));
    for ((starts, weights), out) in steps.by_ref().take(taps.inside) {
        // SAFETY: the loads of the first steps lie inside a row, which is as wide as the tables: asserted above.
        let loads = starts.map(|start| unsafe { row.as_ptr().add(start as usize) });
        // SAFETY: as above.
        unsafe { four(loads, weights, out) }
    }
    for ((starts, weights), out) in steps {
        let bytes = starts.map(|start| load_rest(row, start));
        // SAFETY: there are sixteen bytes of each pixel.
        unsafe { four(bytes.each_ref().map(|bytes| bytes.as_ptr()), weights, out) }
    }
}

/// # Safety
/// There are sixteen bytes at each of `loads`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn four(loads: [*const u8; FOUR], weights: &[i16; FOUR * 2 * LANES], out: &mut [i16]) {
    // From left, right of both pixels to pairs of left and right.
    let order = _mm256_setr_epi8(
        0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, 0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1,
        -1, -1, -1, -1,
    );
    let sums = |first: usize, second: usize, at: usize| {
        // SAFETY: promised by the caller.
        let [low, high] = [first, second].map(|pixel| unsafe { _mm_loadu_si128(loads[pixel].cast()) });
        let pair = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high);
        let values = _mm256_shuffle_epi8(pair, order);
        let weights = &weights[at..at + FOUR * LANES];
        // SAFETY: `weights` has as many elements as the vector.
        let weights = unsafe { _mm256_loadu_si256(weights.as_ptr().cast()) };
        _mm256_srai_epi32::<4>(_mm256_madd_epi16(values, weights))
    };
    // Packing interleaves the halves: pixels 0, 1, 2, 3 come out.
    let packed = _mm256_packs_epi32(sums(0, 2, 0), sums(1, 3, FOUR * LANES));
    let out = &mut out[..FOUR * LANES];
    // SAFETY: `out` has as many elements as the vector.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), packed) }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn down(lines: [&[i16]; 2], [c, d]: [i32; 2], out: &mut [u8]) {
    let (c, d) = (_mm256_set1_epi16(c as i16), _mm256_set1_epi16(d as i16));
    let two = _mm256_set1_epi16(2);
    // The three channels of four pixels together.
    let compact = _mm256_setr_epi8(
        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1,
        -1, -1, -1,
    );
    let steps = lines[0]
        .chunks_exact(EIGHT * LANES)
        .zip(lines[1].chunks_exact(EIGHT * LANES));
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
        let store = |out: &mut [u8; STORED]| {
            // SAFETY: `out` has the 16 bytes from 0 on and from 12 on.
            unsafe {
                _mm_storeu_si128(out.as_mut_ptr().cast(), _mm256_castsi256_si128(bytes));
                _mm_storeu_si128(
                    out.as_mut_ptr().add(12).cast(),
                    _mm256_extracti128_si256::<1>(bytes),
                );
            }
        };
        let Some(out) = out.get_mut(step * EIGHT * 3..) else {
            return;
        };
        match out.first_chunk_mut() {
            Some(out) => store(out),
            // The last pixels of a row have no room behind them.
            None => {
                let mut last = [0; STORED];
                store(&mut last);
                for (to, from) in out.iter_mut().zip(&last[..EIGHT * 3]) {
                    *to = *from;
                }
            }
        }
    }
}
