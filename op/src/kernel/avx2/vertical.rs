//! Row groups to one output row.

use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Dtype};

use super::{LOW_BITS, pair, split};
use crate::kernel::elements::finish_bytes;
use crate::kernel::{Lanes, Ring, RowOut, plane_blocks};
use crate::run::{Affine, Axis, Finish, HALF, PRECISION};

/// The vertical window of one output row.
struct Window {
    /// First row group.
    group: usize,
    /// Row groups that are read.
    groups: usize,
    /// Where its weights start.
    first_weight: usize,
}

/// Weights of the four rows of a group: upper parts of rows 0 and 2, lower parts, the same of rows 1 and 3.
type GroupWeights = [i32; 4];

/// Tables of the vertical pass.
pub(crate) struct Rows {
    windows: Vec<Window>,
    weights: Vec<GroupWeights>,
    clamp: bool,
}

impl Rows {
    pub(super) fn new(axis: &Axis, first: usize) -> Self {
        let mut rows = Self {
            windows: Vec::with_capacity(axis.len()),
            weights: Vec::new(),
            clamp: axis.clamp,
        };
        for row in 0..axis.len() {
            let (start, weights) = axis.window(row);
            let start = start.saturating_sub(first);
            let (group, inside) = (start / 4, start % 4);
            let groups = (inside + weights.len()).div_ceil(4);
            rows.windows.push(Window {
                group,
                groups,
                first_weight: rows.weights.len(),
            });
            for at in 0..groups {
                let weight = |row: usize| {
                    let tap = (4 * at + row).checked_sub(inside);
                    split(tap.and_then(|tap| weights.get(tap)).copied().unwrap_or(0))
                };
                let [[high0, low0], [high1, low1], [high2, low2], [high3, low3]] = [0, 1, 2, 3].map(weight);
                rows.weights.push([
                    pair(high0, high2),
                    pair(low0, low2),
                    pair(high1, high3),
                    pair(low1, low3),
                ]);
            }
        }
        rows
    }
}

/// Pixel values that are finished at a time where they do not go to the output at once.
const CHUNK: usize = 64 * Lanes::COUNT;

#[target_feature(enable = "avx2,fma")]
pub(super) fn resize(rows: &Rows, row: usize, ring: &Ring<'_>, finish: &Finish, out: &mut RowOut<'_>) {
    let window = &rows.windows[row];
    let (runs, length) = out.runs();
    for run in 0..runs {
        let block = run * plane_blocks(length);
        match (finish.dtype, &finish.affine) {
            (Dtype::Float32, Some(affine)) => {
                let channels = if runs == CHANNELS {
                    [run; CHANNELS]
                } else {
                    [0, 1, 2]
                };
                let constants = Constants::new(&channels.map(|channel| affine[channel]));
                sum(
                    rows,
                    window,
                    ring,
                    block,
                    &mut Floats {
                        constants,
                        out: out.run(run),
                    },
                );
            }
            (Dtype::Uint8, _) => sum(rows, window, ring, block, &mut Bytes { out: out.run(run) }),
            _ => {
                let mut bytes = [0; CHUNK];
                for start in (0..length).step_by(CHUNK) {
                    let bytes = &mut bytes[..CHUNK.min(length - start)];
                    sum(
                        rows,
                        window,
                        ring,
                        block + start / Lanes::COUNT,
                        &mut Bytes { out: bytes },
                    );
                    let channel = if runs == CHANNELS { Some(run) } else { None };
                    finish_bytes(bytes, finish, channel, start, out, run);
                }
            }
        }
    }
}

/// Where values go, a block of lanes at a time.
trait Sink {
    fn length(&self) -> usize;

    /// Stores the values 0 to 255 of block `block`.
    ///
    /// # Safety
    /// The processor has the features of this level.
    unsafe fn store(&mut self, block: usize, values: [__m256i; 2]);
}

struct Floats<'a> {
    constants: Constants,
    out: &'a mut [f32],
}

struct Bytes<'a> {
    out: &'a mut [u8],
}

/// Constants of the affine form by lane, for a vector whose first lane has channel 0, 1 and 2.
struct Constants([[__m256; 5]; CHANNELS]);

impl Constants {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(channels: &[Affine; CHANNELS]) -> Self {
        let values = channels.map(|affine| {
            [
                affine.first[0],
                affine.first[1],
                affine.shift,
                affine.second[0],
                affine.second[1],
            ]
        });
        Self(std::array::from_fn(|phase| {
            std::array::from_fn(|constant| {
                let at = |lane: usize| values[(phase + lane) % CHANNELS][constant];
                _mm256_setr_ps(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))
            })
        }))
    }
}

impl Sink for Floats<'_> {
    fn length(&self) -> usize {
        self.out.len()
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn store(&mut self, block: usize, values: [__m256i; 2]) {
        for (half, values) in values.into_iter().enumerate() {
            let vector = 2 * block + half;
            // Eight lanes on, the channel is two further.
            let [first, first_low, shift, second, second_low] = self.constants.0[2 * vector % CHANNELS];
            let pixel = _mm256_cvtepi32_ps(values);
            let scaled = _mm256_fmadd_ps(pixel, first, _mm256_mul_ps(pixel, first_low));
            let shifted = _mm256_sub_ps(scaled, shift);
            let result = _mm256_fmadd_ps(shifted, second, _mm256_mul_ps(shifted, second_low));
            let Some(out) = self.out.get_mut(vector * 8..) else {
                return;
            };
            if out.len() >= 8 {
                // SAFETY: `out` has eight elements.
                unsafe { _mm256_storeu_ps(out.as_mut_ptr(), result) }
            } else {
                let mut lanes = [0.0; 8];
                // SAFETY: eight floats.
                unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), result) }
                out.copy_from_slice(&lanes[..out.len()]);
            }
        }
    }
}

impl Sink for Bytes<'_> {
    fn length(&self) -> usize {
        self.out.len()
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store(&mut self, block: usize, values: [__m256i; 2]) {
        let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(values[0], values[1]));
        let bytes = _mm_packus_epi16(
            _mm256_castsi256_si128(words),
            _mm256_extracti128_si256::<1>(words),
        );
        let out = &mut self.out[block * Lanes::COUNT..];
        if out.len() >= Lanes::COUNT {
            // SAFETY: `out` has sixteen bytes.
            unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), bytes) }
        } else {
            let mut lanes = [0; Lanes::COUNT];
            // SAFETY: sixteen bytes.
            unsafe { _mm_storeu_si128(lanes.as_mut_ptr().cast(), bytes) }
            out.copy_from_slice(&lanes[..out.len()]);
        }
    }
}

/// Sums the window's row groups from block `first` on, as many lanes as the sink takes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sum<S: Sink>(rows: &Rows, window: &Window, ring: &Ring<'_>, first: usize, sink: &mut S) {
    if rows.clamp {
        sum_rows::<true, S>(rows, window, ring, first, sink);
    } else {
        sum_rows::<false, S>(rows, window, ring, first, sink);
    }
}

#[target_feature(enable = "avx2,fma")]
fn sum_rows<const CLAMP: bool, S: Sink>(
    rows: &Rows,
    window: &Window,
    ring: &Ring<'_>,
    first: usize,
    sink: &mut S,
) {
    let weights = &rows.weights[window.first_weight..][..window.groups];
    let low_bytes = _mm256_set1_epi32(0x00ff_00ff);
    let zero = _mm256_setzero_si256();
    for at in 0..sink.length().div_ceil(Lanes::COUNT) {
        let mut upper = [zero; 2];
        let mut lower = [_mm256_set1_epi32(HALF); 2];
        for (group, weights) in weights.iter().enumerate() {
            let lanes = &ring.group(window.group + group)[first + at];
            let [high_even, low_even, high_odd, low_odd] = weights.map(|weight| _mm256_set1_epi32(weight));
            for half in 0..2 {
                // SAFETY: `Lanes` is 64 bytes, aligned to 64: two vectors.
                let packed = unsafe { _mm256_load_si256(lanes.0.as_ptr().cast::<__m256i>().add(half)) };
                let even = _mm256_and_si256(packed, low_bytes);
                let odd = _mm256_and_si256(_mm256_srli_epi16::<8>(packed), low_bytes);
                upper[half] = _mm256_add_epi32(upper[half], _mm256_madd_epi16(even, high_even));
                lower[half] = _mm256_add_epi32(lower[half], _mm256_madd_epi16(even, low_even));
                upper[half] = _mm256_add_epi32(upper[half], _mm256_madd_epi16(odd, high_odd));
                lower[half] = _mm256_add_epi32(lower[half], _mm256_madd_epi16(odd, low_odd));
            }
        }
        let value = |half: usize| {
            let sum = _mm256_add_epi32(_mm256_slli_epi32::<{ LOW_BITS as i32 }>(upper[half]), lower[half]);
            if CLAMP {
                let value = _mm256_srai_epi32::<{ PRECISION as i32 }>(sum);
                _mm256_min_epi32(_mm256_max_epi32(value, zero), _mm256_set1_epi32(255))
            } else {
                _mm256_srli_epi32::<{ PRECISION as i32 }>(sum)
            }
        };
        // SAFETY: this function enables the features.
        unsafe { sink.store(at, [value(0), value(1)]) }
    }
}
