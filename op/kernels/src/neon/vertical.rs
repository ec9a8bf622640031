//! Row groups to one output row.

use std::arch::aarch64::*;

use prep_onnx_pipeline::CHANNELS;

use super::tables::VECTOR;
use super::{Neon, bytes, lanes, spread, top_byte, top_bytes};
use crate::elements::{RowSums, Run, write_row};
use crate::finish::AffineForm;
use crate::windows::GroupWindows;
use crate::{Finish, HALF};
use crate::{Lanes, Ring, RowOut};

/// Vectors of a block of lanes.
const VECTORS: usize = Lanes::COUNT / VECTOR;

pub(super) fn resize(
    isa: Neon,
    rows: &GroupWindows<[i32; 4]>,
    row: usize,
    ring: &Ring<'_>,
    finish: &Finish,
    out: &mut RowOut<'_>,
) {
    let (group, weights) = rows.window(row);
    let window = Window {
        isa,
        group,
        weights,
        ring,
    };
    write_row(&window, finish, out);
}

/// The window of one output row.
struct Window<'a> {
    isa: Neon,
    /// First row group.
    group: usize,
    /// Weights of the rows of each group.
    weights: &'a [[i32; 4]],
    ring: &'a Ring<'a>,
}

/// The indices that take the byte of each packed row.
const ROWS: [[u8; 16]; 4] = [spread(0, 4), spread(1, 4), spread(2, 4), spread(3, 4)];

impl Window<'_> {
    /// Gives the values of the elements of `out` to `store`, in the top bytes of a block of lanes, with the
    /// elements of the block and its number.
    #[inline]
    #[target_feature(enable = "neon")]
    fn store<T>(
        &self,
        first: usize,
        out: &mut [T],
        mut store: impl FnMut(usize, &mut [T], [uint32x4_t; VECTORS]),
    ) {
        let rows = ROWS.map(|indices| bytes(&indices));
        let Ring {
            blocks,
            slots,
            blocks_per_group,
        } = *self.ring;
        let ring_end = slots * blocks_per_group;
        let start = self.group % slots * blocks_per_group + first;
        for (block, out) in out.chunks_mut(Lanes::COUNT).enumerate() {
            let mut sums = [vdupq_n_s32(HALF); VECTORS];
            let mut at = start + block;
            for weights in self.weights {
                let weights = lanes(weights);
                let packed = &blocks[at].0;
                sums = std::array::from_fn(|vector| {
                    let packed: &[i32; VECTOR] = &std::array::from_fn(|lane| packed[vector * VECTOR + lane]);
                    let packed = vreinterpretq_u8_s32(lanes(packed));
                    let [first, second, third, fourth] =
                        rows.map(|row| vreinterpretq_s32_u8(vqtbl1q_u8(packed, row)));
                    let sum = vmlaq_laneq_s32::<0>(sums[vector], first, weights);
                    let sum = vmlaq_laneq_s32::<1>(sum, second, weights);
                    let sum = vmlaq_laneq_s32::<2>(sum, third, weights);
                    vmlaq_laneq_s32::<3>(sum, fourth, weights)
                });
                at += blocks_per_group;
                if at >= ring_end {
                    at -= ring_end;
                }
            }
            store(block, out, sums.map(|sum| top_byte(sum)));
        }
    }

    /// `constants` are those of a vector whose first lane has channel 0, 1 and 2.
    #[target_feature(enable = "neon")]
    fn floats(&self, constants: &[[float32x4_t; 5]; CHANNELS], run: &mut Run<'_, f32>) {
        self.store(run.first, run.out, |block, out, values| {
            for (vector, (value, out)) in values.into_iter().zip(out.chunks_mut(VECTOR)).enumerate() {
                // Four lanes on, the channel is one further, as it is sixteen lanes on.
                let [first, first_low, shift, second, second_low] = constants[(block + vector) % CHANNELS];
                let pixel = vcvtq_f32_u32(vshrq_n_u32::<24>(value));
                let scaled = vfmaq_f32(vmulq_f32(pixel, first_low), pixel, first);
                let shifted = vsubq_f32(scaled, shift);
                let result = vfmaq_f32(vmulq_f32(shifted, second_low), shifted, second);
                if out.len() == VECTOR {
                    // SAFETY: `out` has four elements.
                    unsafe { vst1q_f32(out.as_mut_ptr(), result) }
                } else {
                    let mut lanes = [0.0; VECTOR];
                    // SAFETY: four floats.
                    unsafe { vst1q_f32(lanes.as_mut_ptr(), result) }
                    out.copy_from_slice(&lanes[..out.len()]);
                }
            }
        });
    }

    #[target_feature(enable = "neon")]
    fn bytes(&self, run: &mut Run<'_, u8>) {
        self.store(run.first, run.out, |_, out, values| {
            let values = top_bytes(values);
            if out.len() == Lanes::COUNT {
                // SAFETY: `out` has sixteen bytes.
                unsafe { vst1q_u8(out.as_mut_ptr(), values) }
            } else {
                let mut lanes = [0; Lanes::COUNT];
                // SAFETY: sixteen bytes.
                unsafe { vst1q_u8(lanes.as_mut_ptr(), values) }
                out.copy_from_slice(&lanes[..out.len()]);
            }
        });
    }
}

/// Constants of all channels by lane, for a vector whose first lane has channel 0, 1 and 2.
#[target_feature(enable = "neon")]
fn in_turn(values: &[[f32; 5]; CHANNELS]) -> [[float32x4_t; 5]; CHANNELS] {
    std::array::from_fn(|phase| {
        std::array::from_fn(|constant| {
            let lanes: [f32; VECTOR] =
                std::array::from_fn(|lane| values[(phase + lane) % CHANNELS][constant]);
            // SAFETY: four lanes of 32 bits.
            unsafe { vld1q_f32(lanes.as_ptr()) }
        })
    })
}

/// Constants of one channel by lane.
#[target_feature(enable = "neon")]
fn uniform(values: &[f32; 5]) -> [[float32x4_t; 5]; CHANNELS] {
    [values.map(|value| vdupq_n_f32(value)); CHANNELS]
}

impl RowSums for Window<'_> {
    fn floats(&self, form: &AffineForm, runs: &mut [Run<'_, f32>]) -> bool {
        let Neon(()) = self.isa;
        // SAFETY: `isa` proves the feature.
        unsafe {
            match runs {
                [all] => Window::floats(self, &in_turn(&form.constants), all),
                planes => {
                    for (run, constants) in planes.iter_mut().zip(&form.constants) {
                        Window::floats(self, &uniform(constants), run);
                    }
                }
            }
        }
        true
    }

    fn bytes(&self, runs: &mut [Run<'_, u8>]) {
        let Neon(()) = self.isa;
        for run in runs {
            // SAFETY: `isa` proves the feature.
            unsafe { Window::bytes(self, run) }
        }
    }
}
