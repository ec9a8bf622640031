//! Columns of turned pixels, packed by fours.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use prep_onnx_pipeline::{CHANNELS, Layout};

use crate::avx2::group::Group;
use crate::turned::layout::FOUR;
use crate::{Lanes, plane_blocks};

/// What columns are made of, one after the other.
pub(crate) trait Column {
    /// The values of the next column in each row, not clamped. `first` says where its window begins.
    ///
    /// # Safety
    /// The processor has AVX2, there is a next column, and its window lies in the turned pixels.
    unsafe fn next(&mut self, first: u32) -> [__m256i; CHANNELS];
}

/// The columns from `first` on, a window of each of `firsts`.
///
/// # Safety
/// The processor has AVX2, `of` gives as many columns, and `packed` has them.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) unsafe fn fours<C: Column>(mut of: C, first: usize, firsts: &[u32], packed: Packed<'_>) {
    let (firsts, _) = firsts.as_chunks::<FOUR>();
    for (four, firsts) in firsts.iter().enumerate() {
        // Zeros in their place would be stored for every four.
        let mut values = [const { MaybeUninit::uninit() }; FOUR];
        for (values, first) in values.iter_mut().zip(firsts) {
            // SAFETY: promised by the caller.
            values.write(unsafe { of.next(*first) });
        }
        // SAFETY: each was written: there are as many as `firsts`; the rest is promised by the caller.
        unsafe {
            let values = values.map(|values| values.assume_init());
            packed.four(first + four * FOUR, values);
        }
    }
}

/// Where columns are packed: the lanes of each group.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'a> {
    groups: &'a [Group<'a>],
    layout: Layout,
    /// Lanes of a plane.
    plane: usize,
}

impl<'a> Packed<'a> {
    /// `out` is the layout and how many columns all are.
    #[inline(always)]
    pub(crate) fn new((layout, columns): (Layout, usize), groups: &'a [Group<'a>]) -> Self {
        Self {
            groups,
            layout,
            plane: plane_blocks(columns) * Lanes::COUNT,
        }
    }

    /// Four columns from `column` on.
    ///
    /// # Safety
    /// The processor has AVX2, and the lanes of each group are three planes of all columns, and these are among them.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) unsafe fn four(self, column: usize, values: [[__m256i; CHANNELS]; FOUR]) {
        let halves = [words(values[0], values[1]), words(values[2], values[3])];
        let mut lanes = [
            _mm256_packus_epi16(halves[0][0], halves[1][0]),
            _mm256_packus_epi16(halves[0][1], halves[1][1]),
            _mm256_packus_epi16(halves[0][2], halves[1][2]),
        ];
        let (first, step) = match self.layout {
            Layout::Nchw => (column, self.plane),
            Layout::Nhwc => {
                lanes = in_turn(lanes);
                (column * CHANNELS, FOUR)
            }
        };
        for (channel, lanes) in lanes.into_iter().enumerate() {
            // SAFETY: four lanes of three planes of the columns, promised by the caller.
            unsafe {
                let to = first + channel * step;
                _mm_storeu_si128(self.groups[0].lanes.add(to).cast(), _mm256_castsi256_si128(lanes));
                if let Some(group) = self.groups.get(1) {
                    _mm_storeu_si128(group.lanes.add(to).cast(), _mm256_extracti128_si256::<1>(lanes));
                }
            }
        }
    }

    /// One column.
    ///
    /// # Safety
    /// As for [`Self::four`].
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) unsafe fn one(self, column: usize, values: [__m256i; CHANNELS]) {
        let (first, step) = match self.layout {
            Layout::Nchw => (column, self.plane),
            Layout::Nhwc => (column * CHANNELS, 1),
        };
        for (channel, values) in values.into_iter().enumerate() {
            let words = _mm256_packs_epi32(values, values);
            let lanes = _mm256_packus_epi16(words, words);
            // SAFETY: a lane of three planes of the columns, promised by the caller.
            unsafe {
                let to = first + channel * step;
                self.groups[0]
                    .lanes
                    .add(to)
                    .write(_mm256_extract_epi32::<0>(lanes));
                if let Some(group) = self.groups.get(1) {
                    group.lanes.add(to).write(_mm256_extract_epi32::<4>(lanes));
                }
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn words(first: [__m256i; CHANNELS], second: [__m256i; CHANNELS]) -> [__m256i; CHANNELS] {
    [
        _mm256_packs_epi32(first[0], second[0]),
        _mm256_packs_epi32(first[1], second[1]),
        _mm256_packs_epi32(first[2], second[2]),
    ]
}

/// Four columns of each channel as columns of all channels in turn, in both halves.
#[inline]
#[target_feature(enable = "avx2")]
fn in_turn([red, green, blue]: [__m256i; CHANNELS]) -> [__m256i; CHANNELS] {
    // Each column is at the place that it has in one of the results.
    let red = _mm256_shuffle_epi32::<0b01_10_11_00>(red);
    let green = _mm256_shuffle_epi32::<0b10_11_00_01>(green);
    let blue = _mm256_shuffle_epi32::<0b11_00_01_10>(blue);
    const SECOND: i32 = 0b0010_0010;
    const THIRD: i32 = 0b0100_0100;
    [
        _mm256_blend_epi32::<THIRD>(_mm256_blend_epi32::<SECOND>(red, green), blue),
        _mm256_blend_epi32::<THIRD>(_mm256_blend_epi32::<SECOND>(green, blue), red),
        _mm256_blend_epi32::<THIRD>(_mm256_blend_epi32::<SECOND>(blue, red), green),
    ]
}
