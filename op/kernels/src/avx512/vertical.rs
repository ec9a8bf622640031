//! Row groups to one output row.

use std::arch::x86_64::*;

use super::Avx512;
use super::sinks::{Fractions, Values};
use prep_onnx_pipeline::CHANNELS;

use crate::elements::{RowSums, Run, write_row};
use crate::finish::{AffineForm, Scaling};
use crate::x86::{Bytes, InTurn, ROUNDING, Sink, Uniform, digits};
use crate::{Axis, Finish, PRECISION};
use crate::{Lanes, Ring, RowOut};

/// The vertical window of one output row.
struct Window {
    /// First row group.
    group: usize,
    /// Row groups that are read.
    groups: usize,
    /// Quads of taps: as many as groups, or one less when the window is realigned.
    quads: usize,
    /// By how many rows the window starts inside its first group, when it is realigned.
    skip: u32,
    /// Where its digits start.
    first_digits: usize,
}

/// The most row groups of a window with code of its own.
const MOST_GROUPS: usize = 8;

/// Tables of the vertical pass.
pub struct Rows {
    windows: Vec<Window>,
    /// For each quad, the three digits of four weights, the first row's in the lowest byte.
    digits: Vec<[i32; 3]>,
    clamp: bool,
}

impl Rows {
    pub(super) fn new(axis: &Axis, first: usize) -> Self {
        let mut rows = Self {
            windows: Vec::with_capacity(axis.len()),
            digits: Vec::new(),
            clamp: axis.clamp,
        };
        for row in 0..axis.len() {
            let (start, weights) = axis.window(row);
            let start = start.saturating_sub(first);
            let (group, inside) = (start / 4, start % 4);
            let groups = (inside + weights.len()).div_ceil(4);
            let quads = weights.len().div_ceil(4);
            // Shifting whole groups pays while one multiplication less per digit does.
            let realign = quads < groups && groups <= 3;
            rows.windows.push(Window {
                group,
                groups,
                quads: if realign { quads } else { groups },
                skip: if realign { inside as u32 } else { 0 },
                first_digits: rows.digits.len(),
            });
            let before = if realign { 0 } else { inside };
            let quads = (before + weights.len()).div_ceil(4);
            let at = rows.digits.len();
            rows.digits.resize(at + quads, [0; 3]);
            for (tap, weight) in weights.iter().enumerate() {
                let (quad, byte) = ((before + tap) / 4, (before + tap) % 4);
                for (digit, value) in rows.digits[at + quad].iter_mut().zip(digits(*weight)) {
                    *digit |= i32::from(value) << (8 * byte);
                }
            }
        }
        rows
    }
}

pub(super) fn resize(
    isa: Avx512,
    rows: &Rows,
    row: usize,
    ring: &Ring<'_>,
    finish: &Finish,
    out: &mut RowOut<'_>,
) {
    let window = &rows.windows[row];
    let sums = Sums {
        isa,
        rows,
        window,
        starts: ring.starts(window.group, window.groups),
        ring,
    };
    write_row(&sums, finish, out);
}

/// The sums of one output row.
struct Sums<'a> {
    isa: Avx512,
    rows: &'a Rows,
    window: &'a Window,
    /// Where the first groups begin.
    starts: [*const Lanes; MOST_GROUPS],
    ring: &'a Ring<'a>,
}

impl RowSums for Sums<'_> {
    fn floats(&self, form: &AffineForm, runs: &mut [Run<'_, f32>]) -> bool {
        let Avx512(..) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe {
            match runs.as_mut_array() {
                Some(planes) if form.scaling == Scaling::Bytes => {
                    sum::<CHANNELS, _>(self, 0, planes, &Fractions(form));
                }
                Some(planes) => each(self, planes, &Uniform(form)),
                None => each(self, runs, &InTurn(form)),
            }
        }
        true
    }

    fn bytes(&self, runs: &mut [Run<'_, u8>]) {
        let Avx512(..) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe { each(self, runs, &Bytes) }
    }
}

/// [`sum`] for one run after the other.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn each<S: Sink<Values<PRECISION>>>(sums: &Sums<'_>, runs: &mut [Run<'_, S::Element>], sink: &S) {
    for (index, run) in runs.iter_mut().enumerate() {
        sum(sums, index, std::array::from_mut(run), sink);
    }
}

/// Sums the window's row groups for runs of one length. Together they take less than one by one: a plane is a loop of few blocks.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn sum<const RUNS: usize, S: Sink<Values<PRECISION>>>(
    sums: &Sums<'_>,
    run: usize,
    runs: &mut [Run<'_, S::Element>; RUNS],
    sink: &S,
) {
    let window = sums.window;
    let blocks = runs[0].blocks();
    for run in &*runs {
        assert!(run.blocks() == blocks, "runs of one length");
        assert!(
            run.first + blocks <= sums.ring.blocks_per_group,
            "blocks of a group"
        );
    }
    // A macro, because the counts pick among constants.
    macro_rules! unrolled {
        ($($groups:literal $quads:literal),*) => {
            match (window.groups, window.quads) {
                $(($groups, $quads) => few::<$groups, $quads, RUNS, S>(sums, run, blocks, runs, sink),)*
                _ => many(sums, run, blocks, runs, sink),
            }
        };
    }
    unrolled!(1 1, 2 1, 2 2, 3 2, 3 3, 4 4, 5 5, 6 6, 7 7, 8 8);
}

/// # Safety
/// `block` is a block.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load(block: *const Lanes) -> __m512i {
    // SAFETY: `Lanes` is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(block.cast()) }
}

/// The values of sums.
#[inline]
#[target_feature(enable = "avx512f")]
fn values(sums: __m512i, clamp: bool) -> Values<PRECISION> {
    if !clamp {
        return Values(sums);
    }
    let positive = _mm512_max_epi32(sums, _mm512_setzero_si512());
    Values(_mm512_min_epi32(
        positive,
        _mm512_set1_epi32((256 << PRECISION) - 1),
    ))
}

/// There are as many blocks as the runs take.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn few<const GROUPS: usize, const QUADS: usize, const RUNS: usize, S: Sink<Values<PRECISION>>>(
    sums: &Sums<'_>,
    run: usize,
    blocks: usize,
    runs: &mut [Run<'_, S::Element>; RUNS],
    sink: &S,
) {
    let Sums { rows, window, .. } = sums;
    let clamp = rows.clamp;
    let digits = &rows.digits[window.first_digits..][..QUADS];
    let weights: [[__m512i; QUADS]; 3] =
        std::array::from_fn(|digit| std::array::from_fn(|quad| _mm512_set1_epi32(digits[quad][digit])));
    let skip = _mm512_set1_epi32(8 * window.skip as i32);
    // SAFETY: this function enables the features.
    let held: [S::Held; RUNS] = std::array::from_fn(|index| unsafe { sink.held(run + index) });
    let starts: [[*const Lanes; GROUPS]; RUNS] = std::array::from_fn(|run| {
        std::array::from_fn(|group| sums.starts[group].wrapping_add(runs[run].first))
    });
    for at in 0..blocks {
        for (run, (held, starts)) in runs.iter_mut().zip(held.iter().zip(starts)) {
            // SAFETY: each group has as many blocks from `first` on as the run takes.
            let packed: [__m512i; GROUPS] =
                std::array::from_fn(|group| unsafe { load(starts[group].add(at)) });
            let taps: [__m512i; QUADS] = std::array::from_fn(|quad| {
                if GROUPS == QUADS {
                    packed[quad]
                } else {
                    _mm512_shrdv_epi32(packed[quad], packed[quad + 1], skip)
                }
            });
            let mut sum = _mm512_set1_epi32(ROUNDING);
            for (digit, weights) in weights.iter().enumerate() {
                if digit > 0 {
                    sum = _mm512_slli_epi32::<8>(sum);
                }
                for (taps, weights) in taps.iter().zip(weights) {
                    sum = _mm512_dpbusd_epi32(sum, *taps, *weights);
                }
            }
            // SAFETY: this function enables the features, and there are as many blocks as the run takes.
            unsafe { sink.store(held, run.out, at, values(sum, clamp)) }
        }
    }
}

/// Any number of groups, none realigned.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn many<const RUNS: usize, S: Sink<Values<PRECISION>>>(
    sums: &Sums<'_>,
    run: usize,
    blocks: usize,
    runs: &mut [Run<'_, S::Element>; RUNS],
    sink: &S,
) {
    let Sums {
        rows, window, ring, ..
    } = *sums;
    let digits = &rows.digits[window.first_digits..][..window.quads];
    let from = window.group % ring.slots;
    for (index, Run { first, out }) in runs.iter_mut().enumerate() {
        // SAFETY: this function enables the features.
        let held = unsafe { sink.held(run + index) };
        for at in 0..blocks {
            let zero = _mm512_setzero_si512();
            let mut sums = [_mm512_set1_epi32(ROUNDING), zero, zero];
            let mut slot = from;
            for digits in digits {
                // SAFETY: a block.
                let packed = unsafe { load(&ring.blocks[slot * ring.blocks_per_group + *first + at]) };
                slot = ring.next(slot);
                for (sum, digit) in sums.iter_mut().zip(digits) {
                    *sum = _mm512_dpbusd_epi32(*sum, packed, _mm512_set1_epi32(*digit));
                }
            }
            let upper = _mm512_add_epi32(_mm512_slli_epi32::<8>(sums[0]), sums[1]);
            let sum = _mm512_add_epi32(_mm512_slli_epi32::<8>(upper), sums[2]);
            // SAFETY: this function enables the features, and there are as many blocks as the run takes.
            unsafe { sink.store(&held, out, at, values(sum, true)) }
        }
    }
}
