//! Four source rows to one group of packed lanes.

use std::arch::asm;
use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::tables::{Columns, DIGITS, LOAD, Loads, MAX_SHORT, Mode, QUAD_BYTES, Source};
use crate::PRECISION;
use crate::x86::{Block, padded, prefetch};
use crate::{Lanes, lanes_of, plane_blocks};

const ROWS: usize = 4;

/// Even bytes: a 16-bit element with one tap.
const EVEN: __mmask64 = 0x5555_5555_5555_5555;

/// Spreads the first two index bytes of each lane over the places of 16-bit elements.
const SPREAD: [i32; 4] = [0x0001_0000, 0x0005_0004, 0x0009_0008, 0x000d_000c];

/// From four bytes of each of four rows to the rows' bytes of each lane.
const TRANSPOSED: [i32; 4] = [0x0c08_0400, 0x0d09_0501, 0x0e0a_0602, 0x0f0b_0703];

/// The bytes of lanes 6 to 11.
const SECOND_SIX: __mmask64 = 0xffff_ff00_0000;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn resize(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    scratch: &mut [Lanes],
    group: &mut [Lanes],
) {
    let mut copies = [[0; LOAD]; ROWS];
    let rows: [&[u8]; ROWS] = padded(rows, &mut copies);
    assert!(
        rows.iter().all(|row| row.len() >= columns.row_bytes),
        "rows as wide as the tables"
    );
    let ahead: [&[u8]; ROWS] = std::array::from_fn(|row| ahead.get(row).copied().unwrap_or(&[]));
    let lanes = lanes_of(scratch);
    let last = columns.vectors.saturating_sub(1) * columns.lanes;
    assert!(lanes.len() >= last + Lanes::COUNT, "room for every vector");
    // SAFETY: the rows are as wide as the tables and the lanes have room for every vector: asserted above.
    unsafe {
        match columns.loads {
            Loads::Pairs => long::<PAIRS>(columns, &rows, &ahead, lanes),
            Loads::Wide if columns.quads > MAX_SHORT => long::<WIDE>(columns, &rows, &ahead, lanes),
            Loads::Wide => dispatch::<true>(columns, &rows, &ahead, lanes),
            Loads::PerQuad if columns.quads > MAX_SHORT => long::<PER_QUAD>(columns, &rows, &ahead, lanes),
            Loads::Shared | Loads::PerQuad => dispatch::<false>(columns, &rows, &ahead, lanes),
        }
    }
    match columns.layout {
        Layout::Nchw => planes(scratch, group, plane_blocks(columns.columns)),
        Layout::Nhwc => {
            let blocks = group.len();
            group.copy_from_slice(&scratch[..blocks]);
        }
    }
}

/// Picks the constants of [`short`].
///
/// # Safety
/// As for [`short`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn dispatch<const WIDE: bool>(
    columns: &Columns,
    rows: &[&[u8]; ROWS],
    ahead: &[&[u8]; ROWS],
    lanes: &mut [i32],
) {
    macro_rules! arms {
        ($($quads:literal $tail:literal),*) => {
            match (columns.quads, columns.tail) {
                $(($quads, $tail) => short::<$quads, $tail, WIDE>(columns, rows, ahead, lanes),)*
                _ => unreachable!("tables of at most four quads, of one without a tail"),
            }
        };
    }
    // SAFETY: promised by the caller.
    unsafe { arms!(1 false, 2 false, 2 true, 3 false, 3 true, 4 false, 4 true) }
}

/// # Safety
/// A load from byte `base` on lies inside `row`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn load(row: &[u8], base: usize) -> __m512i {
    debug_assert!(base + LOAD <= row.len());
    // SAFETY: promised by the caller.
    unsafe { _mm512_loadu_si512(row.as_ptr().add(base).cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn block(block: &Block) -> __m512i {
    // SAFETY: a block is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(block.0.as_ptr().cast()) }
}

/// # Safety
/// From lane `at` on there is room for a vector in `lanes`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn store(lanes: &mut [i32], at: usize, value: __m512i) {
    debug_assert!(at + Lanes::COUNT <= lanes.len());
    // SAFETY: promised by the caller.
    unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().add(at).cast(), value) }
}

/// What a load adds to the indices of its vector's first quad.
#[inline]
#[target_feature(enable = "avx512f")]
fn shift(source: &Source) -> __m512i {
    _mm512_set1_epi32(source.shift as i32)
}

/// For each digit, from a quad's weights by pixel to those by lane; the sixteenth lane has none.
#[inline]
#[target_feature(enable = "avx512f")]
fn expansions() -> [__m512i; 3] {
    static EXPANSIONS: [Lanes; 3] = {
        let mut tables = [Lanes::ZERO; 3];
        let mut digit = 0;
        while digit < 3 {
            let mut lane = 0;
            while lane < Lanes::COUNT {
                let last = lane == Lanes::COUNT - 1;
                tables[digit].0[lane] = if last {
                    lane
                } else {
                    DIGITS[digit] + lane / CHANNELS
                } as i32;
                lane += 1;
            }
            digit += 1;
        }
        tables
    };
    // SAFETY: `Lanes` is 64 bytes, aligned to 64.
    EXPANSIONS
        .each_ref()
        .map(|table| unsafe { _mm512_load_si512(table.0.as_ptr().cast()) })
}

/// The rounding term, before the two shifts by 8.
#[inline]
#[target_feature(enable = "avx512f")]
fn rounding(mode: Mode) -> __m512i {
    _mm512_set1_epi32(if mode == Mode::Top { 128 } else { 32 })
}

/// The values of four rows' sums, the first row's in the lowest byte of each lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
fn pack(sums: [__m512i; ROWS], mode: Mode) -> __m512i {
    if mode == Mode::Clamp {
        // Both packs saturate, which is the clamp: values lie in -512 to 511.
        let mut values = sums;
        for value in &mut values {
            *value = _mm512_srai_epi32::<PRECISION>(*value);
        }
        let [a, b, c, d] = values;
        let bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
        let [first, second, third, fourth] = TRANSPOSED;
        return _mm512_shuffle_epi8(bytes, _mm512_set4_epi32(fourth, third, second, first));
    }
    let mut packed = _mm512_setzero_si512();
    for mut sum in sums.into_iter().rev() {
        if mode != Mode::Top {
            sum = _mm512_slli_epi32::<2>(sum);
        }
        packed = _mm512_shldi_epi32::<8>(packed, sum);
    }
    packed
}

/// `sum` plus both products of 16-bit elements in each lane: `_mm512_dpwssd_epi32`, of which the compiler makes a product and
/// an addition where it takes no processor in particular.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn add_words(mut sum: __m512i, taps: __m512i, weights: __m512i) -> __m512i {
    // SAFETY: the instruction is one of AVX-512 VNNI, which this function enables, and reads and writes its registers alone.
    unsafe {
        asm!(
            "vpdpwssd {sum}, {taps}, {weights}",
            sum = inout(zmm_reg) sum,
            taps = in(zmm_reg) taps,
            weights = in(zmm_reg) weights,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// At most four quads: tables stay in registers over the rows.
///
/// # Safety
/// Every row has the `row_bytes` of `columns`, and `lanes` room for each of its vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn short<const QUADS: usize, const TAIL: bool, const WIDE: bool>(
    columns: &Columns,
    rows: &[&[u8]; ROWS],
    ahead: &[&[u8]; ROWS],
    lanes: &mut [i32],
) {
    let full = if TAIL { QUADS - 1 } else { QUADS };
    let mode = columns.mode;
    let expand = expansions();
    let sources = columns.sources.chunks_exact(QUADS);
    let tables = columns.blocks.chunks_exact(1 + QUADS);
    for (vector, (sources, tables)) in sources.zip(tables).enumerate() {
        let first = block(&tables[0]);
        let indices: [__m512i; QUADS] = std::array::from_fn(|quad| {
            let first = if TAIL && quad == QUADS - 1 {
                _mm512_shuffle_epi8(
                    first,
                    _mm512_set4_epi32(SPREAD[3], SPREAD[2], SPREAD[1], SPREAD[0]),
                )
            } else {
                first
            };
            _mm512_add_epi8(first, shift(&sources[quad]))
        });
        let weights: [__m512i; QUADS] = std::array::from_fn(|quad| block(&tables[1 + quad]));
        let digit = |digit: usize| weights.map(|weights| _mm512_permutexvar_epi32(expand[digit], weights));
        let [high, middle, low] = [digit(0), digit(1), digit(2)];
        let mut sums = [_mm512_setzero_si512(); ROWS];
        for row in (0..ROWS).rev() {
            prefetch(ahead[row], sources[0].base as usize);
            let taps: [__m512i; QUADS] = std::array::from_fn(|quad| {
                let base = sources[quad].base as usize;
                // SAFETY: `Columns::filled` keeps every base a load, or two where they are wide, before
                // `row_bytes`, and the caller promises that the rows have as many bytes.
                let bytes = unsafe { load(rows[row], base) };
                let mask = if TAIL && quad == QUADS - 1 { EVEN } else { !0 };
                if WIDE {
                    // SAFETY: as above.
                    let next = unsafe { load(rows[row], base + LOAD) };
                    _mm512_maskz_permutex2var_epi8(mask, bytes, indices[quad], next)
                } else {
                    _mm512_maskz_permutexvar_epi8(mask, indices[quad], bytes)
                }
            });
            let mut sum = rounding(mode);
            for quad in 0..full {
                sum = _mm512_dpbusd_epi32(sum, taps[quad], high[quad]);
            }
            sum = _mm512_slli_epi32::<8>(sum);
            for quad in 0..full {
                sum = _mm512_dpbusd_epi32(sum, taps[quad], middle[quad]);
            }
            if TAIL {
                sum = add_words(sum, taps[QUADS - 1], high[QUADS - 1]);
            }
            sum = _mm512_slli_epi32::<8>(sum);
            for quad in 0..full {
                sum = _mm512_dpbusd_epi32(sum, taps[quad], low[quad]);
            }
            if TAIL {
                sum = add_words(sum, taps[QUADS - 1], middle[QUADS - 1]);
            }
            sums[row] = sum;
        }
        // SAFETY: the caller promises room for all vectors of the table.
        unsafe { store(lanes, vector * columns.lanes, pack(sums, mode)) }
    }
}

const PER_QUAD: u8 = Loads::PerQuad as u8;
const PAIRS: u8 = Loads::Pairs as u8;
const WIDE: u8 = Loads::Wide as u8;

/// Any number of quads: an accumulator per digit and row.
///
/// # Safety
/// As for [`short`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn long<const LOADS: u8>(
    columns: &Columns,
    rows: &[&[u8]; ROWS],
    ahead: &[&[u8]; ROWS],
    lanes: &mut [i32],
) {
    let quads = columns.quads;
    let mode = columns.mode;
    let zero = _mm512_setzero_si512();
    let expand = expansions();
    let sources = columns.sources.chunks_exact(quads);
    let tables = columns.blocks.chunks_exact(1 + quads);
    for (vector, (sources, tables)) in sources.zip(tables).enumerate() {
        let mut sums = [[rounding(mode), zero, zero]; ROWS];
        let first = block(&tables[0]);
        for (quad, weights) in tables[1..].iter().enumerate() {
            let weights = block(weights);
            let [high, middle, low] = expand.map(|expand| _mm512_permutexvar_epi32(expand, weights));
            let slot = if LOADS == PAIRS { quad & !1 } else { quad };
            let base = sources[slot].base as usize;
            let mut indices = _mm512_add_epi8(first, shift(&sources[slot]));
            if LOADS == PAIRS {
                let second = shift(&sources[slot + 1]);
                indices = _mm512_mask_add_epi8(indices, SECOND_SIX, first, second);
                if quad % 2 == 1 {
                    indices = _mm512_add_epi8(indices, _mm512_set1_epi8(QUAD_BYTES as i8));
                }
            }
            for row in 0..ROWS {
                if quad < 3 {
                    prefetch(ahead[row], base + quad % 2 * 47);
                }
                // SAFETY: as in `short`, also for the loads below.
                let bytes = unsafe { load(rows[row], base) };
                let taps = match LOADS {
                    PAIRS => {
                        // SAFETY: as above.
                        let second = unsafe { load(rows[row], sources[slot + 1].base as usize) };
                        _mm512_mask_permutexvar_epi8(
                            _mm512_permutexvar_epi8(indices, bytes),
                            SECOND_SIX,
                            indices,
                            second,
                        )
                    }
                    WIDE => {
                        // SAFETY: as above.
                        let next = unsafe { load(rows[row], base + LOAD) };
                        _mm512_permutex2var_epi8(bytes, indices, next)
                    }
                    _ => _mm512_permutexvar_epi8(indices, bytes),
                };
                let sums = &mut sums[row];
                sums[0] = _mm512_dpbusd_epi32(sums[0], taps, high);
                sums[1] = _mm512_dpbusd_epi32(sums[1], taps, middle);
                sums[2] = _mm512_dpbusd_epi32(sums[2], taps, low);
            }
        }
        let mut whole = [zero; ROWS];
        for (whole, [high, middle, low]) in whole.iter_mut().zip(sums) {
            let upper = _mm512_add_epi32(_mm512_slli_epi32::<8>(high), middle);
            *whole = _mm512_add_epi32(_mm512_slli_epi32::<8>(upper), low);
        }
        let packed = pack(whole, mode);
        // SAFETY: the caller promises room for all vectors of the table.
        unsafe { store(lanes, vector * columns.lanes, packed) }
    }
}

/// For each channel: where its 16 pixels lie in the first two of three blocks, then in the third.
static PLANE: [[Lanes; 2]; CHANNELS] = {
    let mut tables = [[Lanes::ZERO; 2]; CHANNELS];
    let mut channel = 0;
    while channel < CHANNELS {
        let mut pixel = 0;
        while pixel < Lanes::COUNT {
            let lane = pixel * CHANNELS + channel;
            if lane < 2 * Lanes::COUNT {
                tables[channel][0].0[pixel] = lane as i32;
                tables[channel][1].0[pixel] = pixel as i32;
            } else {
                tables[channel][1].0[pixel] = (lane - Lanes::COUNT) as i32;
            }
            pixel += 1;
        }
        channel += 1;
    }
    tables
};

/// Sorts interleaved lanes into a plane of `blocks` blocks for each channel.
#[inline]
#[target_feature(enable = "avx512f")]
fn planes(interleaved: &[Lanes], group: &mut [Lanes], blocks: usize) {
    let lanes = |lanes: &Lanes| {
        // SAFETY: `Lanes` is 64 bytes, aligned to 64.
        unsafe { _mm512_load_si512(lanes.0.as_ptr().cast()) }
    };
    let tables = PLANE.each_ref().map(|table| [lanes(&table[0]), lanes(&table[1])]);
    for (at, three) in interleaved.chunks_exact(CHANNELS).take(blocks).enumerate() {
        let [first, second, third] = [0, 1, 2].map(|index| lanes(&three[index]));
        for (channel, [from_two, from_third]) in tables.into_iter().enumerate() {
            let two = _mm512_permutex2var_epi32(first, from_two, second);
            let plane = _mm512_permutex2var_epi32(two, from_third, third);
            let out = &mut group[channel * blocks + at];
            // SAFETY: as for the loads.
            unsafe { _mm512_store_si512(out.0.as_mut_ptr().cast(), plane) }
        }
    }
}
