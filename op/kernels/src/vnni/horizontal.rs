//! Four source rows to one group of packed lanes, two groups at a time.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use super::dot::{Dot, Encoding, Evex, Vex, with_encoding};
use crate::avx2::group::{Group, ROWS};
use crate::avx2::turned::{Bytes, Column, Packed, TURNED, everywhere, fours, load, open, turn};
use crate::turned::layout::{ORDER, QUAD};
use crate::turned::orders::LOAD;
use crate::turned::quads::{self, HALF_QUAD};
use crate::x86::{ROUNDING, digits, grouped, padded};
use crate::{Lanes, PRECISION, as_lanes, lanes_of};

/// The digits of four weights, the highest ones first, as bits.
pub(crate) type QuadWeights = [f32; 3];

pub(super) type Columns = quads::Columns<QuadWeights>;
type Tile = quads::Tile<QuadWeights>;

/// Those of a quad's weights.
pub(crate) fn quad_weights(weights: [i32; QUAD]) -> QuadWeights {
    let digits = ORDER.map(|pixel| digits(weights[pixel]));
    [0, 1, 2].map(|digit| f32::from_le_bytes(digits.map(|digits| digits[digit])))
}

/// How many blocks [`resize`] needs.
pub(super) fn scratch(columns: &Columns) -> usize {
    columns.scratch(CHANNELS, TURNED)
}

/// Row groups that are resized at a time.
pub(super) const AT_ONCE: usize = 2;

/// # Safety
/// The processor has AVX2, FMA and the encoding.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn resize(
    encoding: Encoding,
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    scratch: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    // SAFETY: promised by the caller.
    unsafe {
        if rows.first().is_some_and(|row| row.len() < LOAD) {
            narrow(encoding, columns, rows, scratch, groups);
        } else {
            wide(encoding, columns, rows, ahead, scratch, groups);
        }
    }
}

/// [`resize`] of rows shorter than a load.
///
/// # Safety
/// As for [`resize`].
#[cold]
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
unsafe fn narrow(
    encoding: Encoding,
    columns: &Columns,
    rows: &[&[u8]],
    scratch: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    let mut copies = [[0; LOAD]; ROWS * AT_ONCE];
    let copied: [&[u8]; ROWS * AT_ONCE] = padded(rows, &mut copies);
    // SAFETY: promised by the caller.
    unsafe { wide(encoding, columns, &copied[..rows.len()], &[], scratch, groups) }
}

/// [`resize`] of rows as wide as the tables.
///
/// # Safety
/// As for [`resize`].
#[target_feature(enable = "avx2,fma")]
unsafe fn wide(
    encoding: Encoding,
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    blocks: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    let count = groups.len();
    assert!((1..=AT_ONCE).contains(&count), "as many groups as have scratch");
    let rows = grouped::<ROWS>(rows, ahead, count, columns.source.row_bytes);
    let Some(open) = open(rows, groups, columns.columns) else {
        return;
    };
    assert!(blocks.len() >= scratch(columns), "room for the pixels of a tile");
    for tile in &columns.tiles {
        let (vectors, _) = lanes_of(blocks).as_chunks_mut::<TURNED>();
        let quads = &mut vectors.as_chunks_mut::<CHANNELS>().0[..tile.quads];
        // SAFETY: the rows are as wide as the tables, asserted above; the rest is promised by the caller, and by `columns` what the
        // windows of a tile read.
        unsafe {
            let groups = [&open[0], &open[1]];
            if columns.dense {
                turn::<HALF_QUAD, Bytes>(&columns.source, tile.first_byte, groups, quads);
            } else {
                turn::<QUAD, Bytes>(&columns.source, tile.first_byte, groups, quads);
            }
            with_encoding!(encoding, weigh, [], (columns, tile, &open[..count], blocks));
        }
    }
}

/// The columns of a tile.
///
/// # Safety
/// The processor has AVX2 and the encoding, the turned pixels of all windows lie in `turned`, and the lanes of each group are three
/// planes of the columns.
#[inline(never)]
#[target_feature(enable = "avx2")]
unsafe fn weigh<D: Dot>(columns: &Columns, tile: &Tile, groups: &[Group<'_>], turned: &[Lanes]) {
    let (vectors, _) = as_lanes(turned).as_chunks::<TURNED>();
    let (quads, _) = vectors.as_chunks::<CHANNELS>();
    let packed = Packed::new((columns.layout, columns.columns), groups);
    macro_rules! dispatch {
        ($($window:literal),*) => {
            match tile.window {
                $($window => fours(
                    Weighing::<D, $window>::new(quads, tile), tile.columns.start, &tile.firsts, packed,
                ),)*
                _ => fours(Weighing::<D, MANY>::new(quads, tile), tile.columns.start, &tile.firsts, packed),
            }
        };
    }
    // SAFETY: promised by the caller.
    unsafe { dispatch!(1, 2, 3, 4, 5) }
}

/// In place of a number of quads: as many as there are.
const MANY: usize = 0;

/// Windows of `QUADS` quads.
struct Weighing<D, const QUADS: usize> {
    quads: *const Bytes,
    /// Of the next column.
    weights: *const QuadWeights,
    window: usize,
    dot: std::marker::PhantomData<D>,
}

impl<D, const QUADS: usize> Weighing<D, QUADS> {
    #[inline(always)]
    fn new(quads: &[Bytes], tile: &Tile) -> Self {
        Self {
            quads: quads.as_ptr(),
            weights: tile.weights.as_ptr(),
            window: tile.window,
            dot: std::marker::PhantomData,
        }
    }
}

impl<D: Dot, const QUADS: usize> Column for Weighing<D, QUADS> {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn next(&mut self, first: u32) -> [__m256i; CHANNELS] {
        let count = if QUADS == MANY { self.window } else { QUADS };
        let zero = _mm256_setzero_si256();
        let mut sums = [[_mm256_set1_epi32(ROUNDING), zero, zero]; CHANNELS];
        let quads = self.quads.wrapping_add(first as usize);
        for at in 0..count {
            // SAFETY: so many quads lie in the turned pixels, and there are as many weights.
            let (pixels, weights) = unsafe { (&*quads.add(at), &*self.weights.add(at)) };
            let weights = [
                everywhere(&weights[0]),
                everywhere(&weights[1]),
                everywhere(&weights[2]),
            ];
            for (sums, pixels) in sums.iter_mut().zip(pixels) {
                let pixels = load(pixels);
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    // SAFETY: promised by the caller.
                    *sum = unsafe { D::add(*sum, pixels, weights) };
                }
            }
        }
        self.weights = self.weights.wrapping_add(count);
        let mut values = [zero; CHANNELS];
        for (value, [high, middle, low]) in values.iter_mut().zip(sums) {
            let upper = _mm256_add_epi32(_mm256_slli_epi32::<8>(high), middle);
            let sum = _mm256_add_epi32(_mm256_slli_epi32::<8>(upper), low);
            *value = _mm256_srai_epi32::<{ PRECISION as i32 }>(sum);
        }
        values
    }
}
