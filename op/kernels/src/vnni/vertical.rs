//! Row groups to one output row.

use std::arch::x86_64::*;

use super::Vnni;
use super::dot::{Dot, Encoding, Evex, Vex, with_encoding};
use crate::avx2::vertical::{load, values};
use crate::elements::{RowSums, Run, write_row};
use crate::finish::AffineForm;
use crate::windows::GroupWindows;
use crate::x86::{self, Bytes, InTurn, ROUNDING, Sink, Uniform, digits};
use crate::{Axis, Finish, Lanes, Ring, RowOut};

/// The digits of the weights of a group's rows.
type GroupWeights = [i32; 3];

/// Tables of the vertical pass.
pub struct Rows {
    windows: GroupWindows<GroupWeights>,
    clamp: bool,
}

impl Rows {
    pub(super) fn new(axis: &Axis, first: usize) -> Self {
        let windows = GroupWindows::new(axis, first, |[first, second, third, fourth]| {
            // Rows are packed in this order.
            let digits = [first, third, second, fourth].map(digits);
            [0, 1, 2].map(|digit| i32::from_le_bytes(digits.map(|digits| digits[digit])))
        });
        Self {
            windows,
            clamp: axis.clamp,
        }
    }
}

pub(super) fn resize(
    isa: Vnni,
    rows: &Rows,
    row: usize,
    ring: &Ring<'_>,
    finish: &Finish,
    out: &mut RowOut<'_>,
) {
    let window = Window::new(isa, &rows.windows, row, rows.clamp, ring);
    write_row(&window, finish, out);
}

/// The window of one output row.
type Window<'a> = x86::Window<'a, Vnni, GroupWeights>;

impl RowSums for Window<'_> {
    fn floats(&self, form: &AffineForm, runs: &mut [Run<'_, f32>]) -> bool {
        // SAFETY: `isa` proves the features.
        unsafe {
            match runs.len() {
                1 => with_encoding!(self.isa.encoding, sum, [, InTurn<'_>], (self, runs, &InTurn(form))),
                _ => with_encoding!(self.isa.encoding, sum, [, Uniform<'_>], (self, runs, &Uniform(form))),
            }
        }
        true
    }

    fn bytes(&self, runs: &mut [Run<'_, u8>]) {
        // SAFETY: `isa` proves the features.
        unsafe { with_encoding!(self.isa.encoding, sum, [, Bytes], (self, runs, &Bytes)) }
    }
}

/// Sums the window's row groups for every run.
///
/// # Safety
/// The processor has AVX2, FMA and the encoding.
#[target_feature(enable = "avx2,fma")]
unsafe fn sum<D: Dot, S: Sink<[__m256i; 2]>>(
    window: &Window<'_>,
    runs: &mut [Run<'_, S::Element>],
    sink: &S,
) {
    for run in &*runs {
        assert!(
            run.first + run.blocks() <= window.ring.blocks_per_group,
            "blocks of a group"
        );
    }
    // SAFETY: promised by the caller.
    unsafe {
        match window.weights.len() {
            1 => few::<1, D, S>(window, runs, sink),
            2 => few::<2, D, S>(window, runs, sink),
            3 => few::<3, D, S>(window, runs, sink),
            4 => few::<4, D, S>(window, runs, sink),
            _ => many::<D, S>(window, runs, sink),
        }
    }
}

/// `GROUPS` row groups. There are as many blocks as the runs take.
///
/// # Safety
/// As for [`sum`].
#[target_feature(enable = "avx2,fma")]
unsafe fn few<const GROUPS: usize, D: Dot, S: Sink<[__m256i; 2]>>(
    window: &Window<'_>,
    runs: &mut [Run<'_, S::Element>],
    sink: &S,
) {
    let clamp = window.clamp;
    let groups = &window.weights[..GROUPS];
    let weights: [[__m256i; GROUPS]; 3] =
        std::array::from_fn(|digit| std::array::from_fn(|group| _mm256_set1_epi32(groups[group][digit])));
    for (index, run) in runs.iter_mut().enumerate() {
        // SAFETY: this function enables the features.
        let held = unsafe { sink.held(index) };
        let starts: [*const Lanes; GROUPS] =
            std::array::from_fn(|group| window.starts[group].wrapping_add(run.first));
        for at in 0..run.blocks() {
            let mut sums = [_mm256_set1_epi32(ROUNDING); 2];
            for (half, sum) in sums.iter_mut().enumerate() {
                let mut packed = [_mm256_setzero_si256(); GROUPS];
                for (packed, start) in packed.iter_mut().zip(&starts) {
                    // SAFETY: the group has as many blocks from `first` on as the run takes.
                    *packed = unsafe { load(start.add(at), half) };
                }
                for (digit, weights) in weights.iter().enumerate() {
                    if digit > 0 {
                        *sum = _mm256_slli_epi32::<8>(*sum);
                    }
                    for (packed, weights) in packed.iter().zip(weights) {
                        // SAFETY: promised by the caller.
                        *sum = unsafe { D::add(*sum, *packed, *weights) };
                    }
                }
            }
            // SAFETY: this function enables the features, and there are as many blocks as the run takes.
            unsafe { sink.store(&held, run.out, at, values(sums, clamp)) }
        }
    }
}

/// Any number of groups.
///
/// # Safety
/// As for [`sum`].
#[target_feature(enable = "avx2,fma")]
unsafe fn many<D: Dot, S: Sink<[__m256i; 2]>>(
    window: &Window<'_>,
    runs: &mut [Run<'_, S::Element>],
    sink: &S,
) {
    let ring = window.ring;
    let from = window.group % ring.slots;
    let zero = _mm256_setzero_si256();
    for (index, run) in runs.iter_mut().enumerate() {
        // SAFETY: this function enables the features.
        let held = unsafe { sink.held(index) };
        for at in 0..run.blocks() {
            let mut sums = [[_mm256_set1_epi32(ROUNDING), zero, zero]; 2];
            let mut slot = from;
            for weights in window.weights {
                let block = &ring.blocks[slot * ring.blocks_per_group + run.first + at];
                for (half, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: a block.
                    let packed = unsafe { load(block, half) };
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        // SAFETY: promised by the caller.
                        *sum = unsafe { D::add(*sum, packed, _mm256_set1_epi32(*weights)) };
                    }
                }
                slot = ring.next(slot);
            }
            let mut whole = [zero; 2];
            for (whole, [high, middle, low]) in whole.iter_mut().zip(sums) {
                let upper = _mm256_add_epi32(_mm256_slli_epi32::<8>(high), middle);
                *whole = _mm256_add_epi32(_mm256_slli_epi32::<8>(upper), low);
            }
            // SAFETY: this function enables the features, and there are as many blocks as the run takes.
            unsafe { sink.store(&held, run.out, at, values(whole, true)) }
        }
    }
}
