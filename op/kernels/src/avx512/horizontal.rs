//! Four source rows to one group of packed lanes.

use std::arch::asm;
use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::tables::{Columns, LOAD, Loads, MAX_SHORT, Mode, Packing, QuadTable};
use crate::PRECISION;
use crate::x86::{Block, grouped, padded, prefetch};
use crate::{Lanes, lanes_of, plane_blocks};

const ROWS: usize = 4;

/// Row groups that are resized at a time: each table is read once for both.
pub(super) const AT_ONCE: usize = 2;

/// From four bytes of each of four rows to the rows' bytes of each lane.
const TRANSPOSED: [i32; 4] = [0x0c08_0400, 0x0d09_0501, 0x0e0a_0602, 0x0f0b_0703];

/// For each byte of two lanes, where in them the value of a sum begins that is not in the top byte.
const VALUES: i64 = i64::from_le_bytes([22, 22, 22, 22, 54, 54, 54, 54]);

/// The bytes of lanes 6 to 11.
const SECOND_SIX: __mmask64 = 0xffff_ff00_0000;

/// Four rows on their way to packed lanes.
struct Group<'a> {
    rows: &'a [&'a [u8]; ROWS],
    ahead: &'a [&'a [u8]; ROWS],
    lanes: &'a mut [i32],
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn resize(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    scratch: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    if rows.first().is_some_and(|row| row.len() < LOAD) {
        narrow(columns, rows, scratch, groups);
    } else {
        wide(columns, rows, ahead, scratch, groups);
    }
}

/// [`resize`] of rows shorter than a load.
#[cold]
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn narrow(columns: &Columns, rows: &[&[u8]], scratch: &mut [Lanes], groups: &mut [&mut [Lanes]]) {
    let mut copies = [[0; LOAD]; ROWS * AT_ONCE];
    let copied: [&[u8]; ROWS * AT_ONCE] = padded(rows, &mut copies);
    wide(columns, &copied[..rows.len()], &[], scratch, groups);
}

/// [`resize`] of rows as wide as the tables.
///
/// Without arrays that the rows are sorted into: the compiler makes a gather and a scatter of that.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
fn wide(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    scratch: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    let count = groups.len();
    assert!((1..=AT_ONCE).contains(&count), "as many groups as have scratch");
    let (rows, ahead) = grouped::<ROWS>(rows, ahead, count, columns.row_bytes);
    let last = columns.vectors.saturating_sub(1) * columns.lanes;
    let (first, second) = scratch.split_at_mut(scratch.len() / AT_ONCE);
    let mut resized = [first, second];
    let [first, second] = &mut resized;
    let mut open = [
        Group {
            rows: &rows[0],
            ahead: &ahead[0],
            lanes: lanes_of(first),
        },
        Group {
            rows: &rows[count - 1],
            ahead: &ahead[count - 1],
            lanes: lanes_of(second),
        },
    ];
    for group in &open {
        assert!(group.lanes.len() >= last + Lanes::COUNT, "room for every vector");
    }
    let open = &mut open[..count];
    // SAFETY: the rows are as wide as the tables and the lanes have room for every vector: asserted above.
    unsafe {
        match columns.loads {
            Loads::Pairs => pairs(columns, open),
            Loads::Wide if columns.quads > MAX_SHORT => long::<true>(columns, open),
            Loads::Wide => dispatch::<true>(columns, open),
            Loads::PerQuad if columns.quads > MAX_SHORT => long::<false>(columns, open),
            Loads::Shared | Loads::PerQuad => dispatch::<false>(columns, open),
        }
    }
    for (scratch, group) in resized.iter().zip(groups) {
        match columns.layout {
            Layout::Nchw => planes(scratch, group, plane_blocks(columns.columns)),
            Layout::Nhwc => {
                let blocks = group.len();
                group.copy_from_slice(&scratch[..blocks]);
            }
        }
    }
}

/// Picks the constants of [`short`].
///
/// # Safety
/// As for [`short`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn dispatch<const WIDE: bool>(columns: &Columns, groups: &mut [Group<'_>]) {
    macro_rules! arms {
        ($($quads:literal $tail:literal),*) => {
            match (columns.quads, columns.tail) {
                $(($quads, $tail) => short::<$quads, $tail, WIDE>(columns, groups),)*
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

/// The rounding term, before the two shifts by 8.
#[inline]
#[target_feature(enable = "avx512f")]
fn rounding(mode: Mode) -> __m512i {
    _mm512_set1_epi32(if mode == Mode::Top { 128 } else { 32 })
}

/// The values of four rows' sums, the first row's in the lowest byte of each lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
fn pack(sums: [__m512i; ROWS], packing: Packing) -> __m512i {
    if packing.mode == Mode::Clamp {
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
    if packing.mode == Mode::Shift {
        let bits = _mm512_set1_epi64(VALUES);
        for (sum, bytes) in sums.into_iter().zip(packing.bytes) {
            packed = _mm512_mask_multishift_epi64_epi8(packed, bytes, bits, sum);
        }
        return packed;
    }
    for sum in sums.into_iter().rev() {
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

/// The bytes of one quad's lanes in `mask`, of which `WIDE` reads two loads.
///
/// # Safety
/// As many bytes lie in `row` from `base` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn quad<const WIDE: bool>(row: &[u8], base: usize, indices: __m512i, mask: __mmask64) -> __m512i {
    // SAFETY: promised by the caller.
    unsafe {
        let bytes = load(row, base);
        if WIDE {
            _mm512_maskz_permutex2var_epi8(mask, bytes, indices, load(row, base + LOAD))
        } else {
            _mm512_maskz_permutexvar_epi8(mask, indices, bytes)
        }
    }
}

/// At most four quads: tables stay in registers over the rows.
///
/// # Safety
/// Every row has the `row_bytes` of `columns`, and `lanes` of each group room for each of its vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn short<const QUADS: usize, const TAIL: bool, const WIDE: bool>(
    columns: &Columns,
    groups: &mut [Group<'_>],
) {
    let full = if TAIL { QUADS - 1 } else { QUADS };
    let packing = columns.packing;
    let mode = packing.mode;
    let even = columns.even;
    let bases = columns.bases.chunks_exact(QUADS);
    let tables = columns.tables.chunks_exact(QUADS);
    for (vector, (bases, tables)) in bases.zip(tables).enumerate() {
        let part =
            |part: usize| -> [__m512i; QUADS] { std::array::from_fn(|quad| block(&tables[quad][part])) };
        let [indices, high, middle, low] = [part(0), part(1), part(2), part(3)];
        for group in &mut *groups {
            let mut sums = [_mm512_setzero_si512(); ROWS];
            for row in (0..ROWS).rev() {
                prefetch(group.ahead[row].as_ptr(), bases[0] as usize);
                let taps: [__m512i; QUADS] = std::array::from_fn(|at| {
                    let mask = if TAIL && at == QUADS - 1 { even } else { !0 };
                    // SAFETY: `Columns::filled` keeps every base a load, or two where they are wide, before
                    // `row_bytes`, and the caller promises that the rows have as many bytes.
                    unsafe { quad::<WIDE>(group.rows[row], bases[at] as usize, indices[at], mask) }
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
            unsafe { store(group.lanes, vector * columns.lanes, pack(sums, packing)) }
        }
    }
}

/// The sums of the digits of four rows, the rounding term in the highest ones.
#[inline]
#[target_feature(enable = "avx512f")]
fn digit_sums(mode: Mode) -> [[__m512i; 3]; ROWS] {
    let zero = _mm512_setzero_si512();
    [[rounding(mode), zero, zero]; ROWS]
}

/// Adds a quad of taps to the sums of one row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add(sums: &mut [__m512i; 3], taps: __m512i, [_, high, middle, low]: &QuadTable) {
    sums[0] = _mm512_dpbusd_epi32(sums[0], taps, block(high));
    sums[1] = _mm512_dpbusd_epi32(sums[1], taps, block(middle));
    sums[2] = _mm512_dpbusd_epi32(sums[2], taps, block(low));
}

/// Stores what the sums of four rows are, from lane `at` on.
///
/// # Safety
/// There is room for a vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn finish(sums: [[__m512i; 3]; ROWS], packing: Packing, lanes: &mut [i32], at: usize) {
    let mut whole = [_mm512_setzero_si512(); ROWS];
    for (whole, [high, middle, low]) in whole.iter_mut().zip(sums) {
        let upper = _mm512_add_epi32(_mm512_slli_epi32::<8>(high), middle);
        *whole = _mm512_add_epi32(_mm512_slli_epi32::<8>(upper), low);
    }
    // SAFETY: promised by the caller.
    unsafe { store(lanes, at, pack(whole, packing)) }
}

/// Any number of quads: an accumulator per digit and row.
///
/// # Safety
/// As for [`short`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn long<const WIDE: bool>(columns: &Columns, groups: &mut [Group<'_>]) {
    let bases = columns.bases.chunks_exact(columns.quads);
    let tables = columns.tables.chunks_exact(columns.quads);
    for (vector, (bases, tables)) in bases.zip(tables).enumerate() {
        for group in &mut *groups {
            let mut sums = digit_sums(columns.packing.mode);
            for (at, (base, table)) in bases.iter().zip(tables).enumerate() {
                let base = *base as usize;
                let indices = block(&table[0]);
                for (row, sums) in sums.iter_mut().enumerate() {
                    if at < 3 {
                        prefetch(group.ahead[row].as_ptr(), base + at % 2 * 47);
                    }
                    // SAFETY: as in `short`.
                    let taps = unsafe { quad::<WIDE>(group.rows[row], base, indices, !0) };
                    add(sums, taps, table);
                }
            }
            // SAFETY: the caller promises room for all vectors of the table.
            unsafe { finish(sums, columns.packing, group.lanes, vector * columns.lanes) }
        }
    }
}

/// Any number of quads, two of which take their bytes from one load for each six lanes.
///
/// # Safety
/// As for [`short`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn pairs(columns: &Columns, groups: &mut [Group<'_>]) {
    let bases = columns.bases.chunks_exact(columns.quads);
    let tables = columns.tables.chunks_exact(columns.quads);
    for (vector, (bases, tables)) in bases.zip(tables).enumerate() {
        for group in &mut *groups {
            let mut sums = digit_sums(columns.packing.mode);
            for (at, (bases, tables)) in bases.chunks_exact(2).zip(tables.chunks_exact(2)).enumerate() {
                let [first, second] = [bases[0] as usize, bases[1] as usize];
                let mut bytes = [[_mm512_setzero_si512(); 2]; ROWS];
                for (row, bytes) in bytes.iter_mut().enumerate() {
                    if at < 2 {
                        prefetch(group.ahead[row].as_ptr(), first);
                        prefetch(group.ahead[row].as_ptr(), first + 47);
                    }
                    // SAFETY: as in `short`.
                    *bytes = unsafe { [load(group.rows[row], first), load(group.rows[row], second)] };
                }
                for table in tables {
                    let indices = block(&table[0]);
                    for (sums, [first, second]) in sums.iter_mut().zip(bytes) {
                        let first = _mm512_permutexvar_epi8(indices, first);
                        let taps = _mm512_mask_permutexvar_epi8(first, SECOND_SIX, indices, second);
                        add(sums, taps, table);
                    }
                }
            }
            // SAFETY: the caller promises room for all vectors of the table.
            unsafe { finish(sums, columns.packing, group.lanes, vector * columns.lanes) }
        }
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
    let (first, others) = group.split_at_mut(blocks);
    let (second, third) = others.split_at_mut(blocks);
    let (interleaved, _) = interleaved.as_chunks::<CHANNELS>();
    let planes = first.iter_mut().zip(second).zip(third);
    for (three, ((first, second), third)) in interleaved.iter().zip(planes) {
        let [one, two, three] = [lanes(&three[0]), lanes(&three[1]), lanes(&three[2])];
        for (out, [from_two, from_third]) in [first, second, third].into_iter().zip(tables) {
            let plane = _mm512_permutex2var_epi32(one, from_two, two);
            let plane = _mm512_permutex2var_epi32(plane, from_third, three);
            // SAFETY: as for the loads.
            unsafe { _mm512_store_si512(out.0.as_mut_ptr().cast(), plane) }
        }
    }
}
