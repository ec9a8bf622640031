//! INTER_LINEAR of `cv2.resize`, three channels.
//!
//! Eight pixels at a time: one or two loads, from which the taps of the even and of the odd pixels are picked, a multiply-add for
//! each, and a pack, which puts them in order. Lines are those of AVX2, which serves scales whose eight pixels lie further apart.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use super::Avx512;
use crate::avx2;
use crate::rows::{PIXEL_LANES as LANES, RowKernels, Tap};
use crate::x86::Block;

/// Pixels that a step of [`across`] takes.
const EIGHT: usize = 8;

/// Pixels that a step of [`down`] takes.
const SIXTEEN: usize = 16;

/// The bytes that hold the low halves of 16-bit lanes.
const EVEN: __mmask64 = 0x5555_5555_5555_5555;

/// The taps of an output row.
pub enum Taps {
    /// One load of 64 bytes, or two, for each eight pixels.
    Steps {
        two: bool,
        row_bytes: usize,
        steps: Vec<Step>,
    },
    /// A load for each pixel.
    Pixels(avx2::linear::Taps),
}

/// Eight pixels.
pub struct Step {
    /// The first byte that is loaded.
    base: usize,
    /// The bytes of both taps of each lane: in the even places those of pixels 0, 2, 4 and 6, in the odd ones those of the others.
    indices: Block,
    /// The weights beside them.
    weights: [Block; 2],
}

impl Step {
    /// Unless a load of `reach` bytes misses a tap.
    fn new(row_bytes: usize, reach: usize, taps: &[Tap]) -> Option<Self> {
        let least = taps.iter().map(|(left, _)| left * CHANNELS).min()?;
        let mut step = Self {
            base: least.min(row_bytes.checked_sub(reach)?),
            indices: Block::ZERO,
            weights: [Block::ZERO; 2],
        };
        for (pixel, (left, weights)) in taps.iter().enumerate() {
            let (lane, odd) = (pixel / 2, pixel % 2);
            for channel in 0..CHANNELS {
                let first = left * CHANNELS + channel - step.base;
                // Of one that weighs nothing there may be no pixel.
                let second = if weights[1] == 0 { first } else { first + CHANNELS };
                if second >= reach {
                    return None;
                }
                for (tap, (byte, weight)) in [first, second].into_iter().zip(weights).enumerate() {
                    let at = (lane * LANES + channel) * 4 + tap * 2;
                    step.indices.0[at + odd] = byte as u8;
                    step.weights[odd].0[at..at + 2].copy_from_slice(&(*weight as i16).to_le_bytes());
                }
            }
        }
        Some(step)
    }
}

impl Taps {
    pub(super) fn new(isa: Avx512, row_bytes: usize, taps: &[Tap]) -> Self {
        for two in [false, true] {
            let reach = if two { 2 } else { 1 } * Block::BYTES;
            let steps = taps.chunks(EIGHT).map(|taps| Step::new(row_bytes, reach, taps));
            if let Some(steps) = steps.collect() {
                return Self::Steps {
                    two,
                    row_bytes,
                    steps,
                };
            }
        }
        Self::Pixels(isa.avx2().taps(row_bytes, taps))
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn across(isa: Avx512, row: &[u8], taps: &Taps, line: &mut [i16]) {
    match taps {
        Taps::Steps {
            two,
            row_bytes,
            steps,
        } => {
            assert!(row.len() >= *row_bytes, "rows as wide as the tables");
            // SAFETY: `Step::new` keeps every load inside `row_bytes`.
            unsafe {
                match two {
                    true => eight::<true>(row, steps, line),
                    false => eight::<false>(row, steps, line),
                }
            }
        }
        Taps::Pixels(taps) => isa.avx2().across(row, taps, line),
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn block(block: &Block) -> __m512i {
    // SAFETY: a block is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(block.0.as_ptr().cast()) }
}

/// # Safety
/// `row` has one load from the base of each step on, or two.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn eight<const TWO: bool>(row: &[u8], steps: &[Step], line: &mut [i16]) {
    for (step, out) in steps.iter().zip(line.chunks_exact_mut(EIGHT * LANES)) {
        // SAFETY: promised by the caller, also for the second load.
        let first = unsafe { _mm512_loadu_si512(row.as_ptr().add(step.base).cast()) };
        let second = match TWO {
            // SAFETY: as above.
            true => unsafe { _mm512_loadu_si512(row.as_ptr().add(step.base + Block::BYTES).cast()) },
            false => first,
        };
        let sums = |indices: __m512i, weights: &Block| {
            let taps = match TWO {
                true => _mm512_maskz_permutex2var_epi8(EVEN, first, indices, second),
                false => _mm512_maskz_permutexvar_epi8(EVEN, indices, first),
            };
            _mm512_srai_epi32::<4>(_mm512_madd_epi16(taps, block(weights)))
        };
        let indices = block(&step.indices);
        let packed = _mm512_packs_epi32(
            sums(indices, &step.weights[0]),
            sums(_mm512_srli_epi16::<8>(indices), &step.weights[1]),
        );
        // SAFETY: `out` has as many elements as the vector.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), packed) }
    }
}

/// Where the first byte of each of sixteen pixels is after packing, which interleaves the quarters of two vectors.
static PACKED: [u8; SIXTEEN] = {
    let mut places = [0; SIXTEEN];
    let mut pixel = 0;
    while pixel < SIXTEEN {
        let (half, in_half) = (pixel / EIGHT, pixel % EIGHT);
        places[pixel] = (16 * (in_half / 2) + 8 * half + LANES * (in_half % 2)) as u8;
        pixel += 1;
    }
    places
};

/// The same for all channels in turn.
static IN_TURN: Block = {
    let mut places = Block::ZERO;
    let mut byte = 0;
    while byte < SIXTEEN * CHANNELS {
        places.0[byte] = PACKED[byte / CHANNELS] + (byte % CHANNELS) as u8;
        byte += 1;
    }
    places
};

/// The bytes of the sixteen pixels of two lines from lane `at` on, packed.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn sixteen(lines: [&[i16]; 2], [c, d]: [__m512i; 2], at: usize) -> __m512i {
    let value = |half: usize| {
        let [top, bottom] = lines.map(|line| {
            let lanes = &line[at + half * EIGHT * LANES..][..EIGHT * LANES];
            // SAFETY: `lanes` has as many elements as the vector.
            unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) }
        });
        let sum = _mm512_add_epi16(_mm512_mulhi_epi16(top, c), _mm512_mulhi_epi16(bottom, d));
        _mm512_srai_epi16::<2>(_mm512_add_epi16(sum, _mm512_set1_epi16(2)))
    };
    _mm512_packus_epi16(value(0), value(1))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn down(lines: [&[i16]; 2], weights: [i32; 2], out: &mut [u8]) {
    let weights = weights.map(|weight| _mm512_set1_epi16(weight as i16));
    let order = block(&IN_TURN);
    for (step, out) in out.chunks_mut(SIXTEEN * CHANNELS).enumerate() {
        let packed = sixteen(lines, weights, step * SIXTEEN * LANES);
        let bytes = _mm512_permutexvar_epi8(order, packed);
        // SAFETY: the mask leaves out what lies behind `out`.
        unsafe { _mm512_mask_storeu_epi8(out.as_mut_ptr().cast(), (1 << out.len()) - 1, bytes) }
    }
}

/// [`down`] into planes, of the channels `channels`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn down_planes(
    lines: [&[i16]; 2],
    weights: [i32; 2],
    channels: [usize; CHANNELS],
    planes: [&mut [u8]; CHANNELS],
) {
    let weights = weights.map(|weight| _mm512_set1_epi16(weight as i16));
    // A quarter of the vector for each plane.
    let [first, second, third] = channels.map(|channel| i64::from_ne_bytes([channel as u8; 8]));
    let of_channels = _mm512_setr_epi64(first, first, second, second, third, third, 0, 0);
    // SAFETY: sixteen bytes.
    let places = unsafe { _mm_loadu_si128(PACKED.as_ptr().cast()) };
    let order = _mm512_add_epi8(_mm512_broadcast_i32x4(places), of_channels);
    let length = planes[0].len();
    let [red, green, blue] = planes;
    let mut done = 0;
    while done < length {
        let packed = sixteen(lines, weights, done * LANES);
        let bytes = _mm512_permutexvar_epi8(order, packed);
        let quarters = [
            _mm512_castsi512_si128(bytes),
            _mm512_extracti32x4_epi32::<1>(bytes),
            _mm512_extracti32x4_epi32::<2>(bytes),
        ];
        let count = (length - done).min(SIXTEEN);
        let mask = ((1_u32 << count) - 1) as __mmask16;
        for (out, bytes) in [&mut *red, &mut *green, &mut *blue].into_iter().zip(quarters) {
            let out = &mut out[done..][..count];
            // SAFETY: the mask leaves out what lies behind `out`.
            unsafe { _mm_mask_storeu_epi8(out.as_mut_ptr().cast(), mask, bytes) }
        }
        done += SIXTEEN;
    }
}
