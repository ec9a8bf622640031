//! Row groups to one output row.

use std::arch::x86_64::*;

use super::sinks::by_phase;
use super::{Avx512, digits};
use crate::elements::{RowSums, RunConstants, write_row};
use crate::x86::{Bytes, InTurn, Sink, Uniform};
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
    fn floats(&self, first: usize, constants: RunConstants<'_>, out: &mut [f32]) {
        let Avx512(..) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe { self.write_floats(first, constants, out) }
    }

    fn bytes(&self, first: usize, out: &mut [u8]) {
        let Avx512(..) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe { sum(self, first, &mut Bytes { out }) }
    }
}

impl Sums<'_> {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    fn write_floats(&self, first: usize, constants: RunConstants<'_>, out: &mut [f32]) {
        match constants {
            RunConstants::Uniform(values) => {
                let constants = values.map(|value| _mm512_set1_ps(value));
                sum(self, first, &mut Uniform { constants, out });
            }
            RunConstants::InTurn(values) => {
                let constants = by_phase(values);
                sum(self, first, &mut InTurn { constants, out });
            }
        }
    }
}

/// Sums the window's row groups from block `first` on, as many lanes as the sink takes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn sum<S: Sink<__m512i>>(sums: &Sums<'_>, first: usize, sink: &mut S) {
    let window = sums.window;
    let blocks = sink.length().div_ceil(Lanes::COUNT);
    assert!(first + blocks <= sums.ring.blocks_per_group, "blocks of a group");
    // A macro, because the counts pick among constants.
    macro_rules! unrolled {
        ($($groups:literal $quads:literal),*) => {
            match (window.groups, window.quads) {
                $(($groups, $quads) => few::<$groups, $quads, S>(sums, first, sink),)*
                _ => many(sums, first, sink),
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

/// The rounding term, before the two shifts by 8.
const ROUNDING: i32 = 32;

/// The value of a sum.
#[inline]
#[target_feature(enable = "avx512f")]
fn value(sum: __m512i, clamp: bool) -> __m512i {
    if clamp {
        let positive = _mm512_max_epi32(sum, _mm512_setzero_si512());
        _mm512_min_epi32(_mm512_srli_epi32::<PRECISION>(positive), _mm512_set1_epi32(255))
    } else {
        _mm512_srli_epi32::<PRECISION>(sum)
    }
}

/// There are as many blocks from block `first` on as the sink takes.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn few<const GROUPS: usize, const QUADS: usize, S: Sink<__m512i>>(
    sums: &Sums<'_>,
    first: usize,
    sink: &mut S,
) {
    let Sums { rows, window, .. } = sums;
    let digits = &rows.digits[window.first_digits..][..QUADS];
    let weights: [[__m512i; QUADS]; 3] =
        std::array::from_fn(|digit| std::array::from_fn(|quad| _mm512_set1_epi32(digits[quad][digit])));
    let skip = _mm512_set1_epi32(8 * window.skip as i32);
    let starts: [*const Lanes; GROUPS] = std::array::from_fn(|group| sums.starts[group].wrapping_add(first));
    for at in 0..sink.length().div_ceil(Lanes::COUNT) {
        // SAFETY: each group has as many blocks from `first` on as the sink takes.
        let packed: [__m512i; GROUPS] = std::array::from_fn(|group| unsafe { load(starts[group].add(at)) });
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
        // SAFETY: this function enables the features, and there are as many blocks as the sink takes.
        unsafe { sink.store(at, value(sum, rows.clamp)) }
    }
}

/// Any number of groups, none realigned.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn many<S: Sink<__m512i>>(sums: &Sums<'_>, first: usize, sink: &mut S) {
    let Sums {
        rows, window, ring, ..
    } = *sums;
    let digits = &rows.digits[window.first_digits..][..window.quads];
    let from = window.group % ring.slots;
    for at in 0..sink.length().div_ceil(Lanes::COUNT) {
        let zero = _mm512_setzero_si512();
        let mut sums = [_mm512_set1_epi32(ROUNDING), zero, zero];
        let mut slot = from;
        for digits in digits {
            // SAFETY: a block.
            let packed = unsafe { load(&ring.blocks[slot * ring.blocks_per_group + first + at]) };
            slot = ring.next(slot);
            for (sum, digit) in sums.iter_mut().zip(digits) {
                *sum = _mm512_dpbusd_epi32(*sum, packed, _mm512_set1_epi32(*digit));
            }
        }
        let upper = _mm512_add_epi32(_mm512_slli_epi32::<8>(sums[0]), sums[1]);
        let sum = _mm512_add_epi32(_mm512_slli_epi32::<8>(upper), sums[2]);
        // SAFETY: this function enables the features, and there are as many blocks as the sink takes.
        unsafe { sink.store(at, value(sum, true)) }
    }
}
