//! From the samples of rows of MCUs to pixels, with the arithmetic of libjpeg's `jdsample.c` and the row kernels of
//! `libjpeg-turbo-rs`.

use std::ops::Range;

use libjpeg_turbo_rs::simd::SimdRoutines;

use super::super::{Window, grown};
use super::frame::BLOCK;
use super::stream::Samples;

/// Fewest chroma columns that libjpeg upsamples with a filter.
const FEWEST_FILTERED: usize = 3;

/// How the chroma planes are smaller than the image.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Chroma {
    /// Gray.
    None,
    Full,
    HalfWidth,
    Quarter,
}

impl Chroma {
    /// Whether images of so many columns are converted here.
    pub(super) fn converts(self, width: usize) -> bool {
        match self {
            Self::None | Self::Full => true,
            Self::HalfWidth | Self::Quarter => width.div_ceil(2) >= FEWEST_FILTERED,
        }
    }

    /// Rows and columns of pixels in an MCU.
    pub(super) fn mcu(self) -> (usize, usize) {
        match self {
            Self::None | Self::Full => (BLOCK, BLOCK),
            Self::HalfWidth => (BLOCK, 2 * BLOCK),
            Self::Quarter => (2 * BLOCK, 2 * BLOCK),
        }
    }

    /// Rows around a pixel's own that it is made of, of pixels or of MCUs.
    pub(super) fn margin(self) -> usize {
        match self {
            Self::None | Self::Full | Self::HalfWidth => 0,
            Self::Quarter => 1,
        }
    }

    /// The rows that `rows` are made of; they may end outside the image.
    pub(super) fn rows_around(self, rows: &Range<usize>) -> Range<usize> {
        rows.start.saturating_sub(self.margin())..rows.end + self.margin()
    }

    /// The columns that `columns`, of `width`, are made of.
    pub(super) fn columns_around(self, columns: &Range<usize>, width: usize) -> Range<usize> {
        match self {
            Self::None | Self::Full => columns.clone(),
            Self::HalfWidth | Self::Quarter => {
                let (source, _) = halved(columns, width.div_ceil(2));
                2 * source.start..2 * source.end
            }
        }
    }
}

/// A row of MCUs and the one above it.
pub(super) struct Converter<'s> {
    pub(super) chroma: Chroma,
    /// Rows and columns of pixels.
    pub(super) size: (usize, usize),
    pub(super) row: usize,
    pub(super) before: &'s Samples,
    pub(super) now: &'s Samples,
    pub(super) strides: [usize; 3],
}

impl Converter<'_> {
    /// Writes those rows of `window` that are complete now, and were not with the rows before.
    pub(super) fn convert(
        &self,
        routines: &SimdRoutines,
        window: &Window,
        out: &mut [u8],
        (lines, sums): (&mut [Vec<u8>; 2], &mut Vec<u16>),
    ) {
        let (height, width) = self.size;
        let (of_mcu, margin) = (self.chroma.mcu().0, self.chroma.margin());
        let first = (self.row * of_mcu).saturating_sub(margin).max(window.rows.start);
        let end = match (self.row + 1) * of_mcu {
            end if end >= height => height,
            end => end - margin,
        };
        let columns = window.columns.len();
        // The chroma columns that the window's pixels are made of, and where the window begins in what they become.
        let (source, skipped) = match self.chroma {
            Chroma::None | Chroma::Full => (window.columns.clone(), 0),
            Chroma::HalfWidth | Chroma::Quarter => halved(&window.columns, width.div_ceil(2)),
        };
        for row in first..end.min(window.rows.end) {
            let out = &mut out[(row - window.rows.start) * columns * 3..][..columns * 3];
            let luma = self.samples(0, row, &window.columns);
            let [blue, red] = &mut *lines;
            match self.chroma {
                Chroma::None => {
                    for (pixel, &value) in out.as_chunks_mut::<3>().0.iter_mut().zip(luma) {
                        *pixel = [value; 3];
                    }
                    continue;
                }
                Chroma::Full => {
                    let [blue, red] = [1, 2].map(|component| self.samples(component, row, &source));
                    routines.ycbcr_to_rgb_row(luma, blue, red, out, columns);
                    continue;
                }
                Chroma::HalfWidth => {
                    for (component, upsampled) in [(1, &mut *blue), (2, &mut *red)] {
                        let upsampled = grown(upsampled, 2 * source.len());
                        routines.fancy_upsample_h2v1(
                            self.samples(component, row, &source),
                            source.len(),
                            upsampled,
                        );
                    }
                }
                Chroma::Quarter => {
                    let near = row / 2;
                    let far = match row % 2 {
                        0 => near.saturating_sub(1),
                        _ => (near + 1).min(height.div_ceil(2) - 1),
                    };
                    if sums.len() < source.len() {
                        sums.resize(source.len(), 0);
                    }
                    for (component, upsampled) in [(1, &mut *blue), (2, &mut *red)] {
                        let upsampled = grown(upsampled, 2 * source.len());
                        let [near, far] = [near, far].map(|row| self.samples(component, row, &source));
                        upsample_quarter(near, far, &mut sums[..source.len()], upsampled);
                    }
                }
            }
            routines.ycbcr_to_rgb_row(luma, &blue[skipped..], &red[skipped..], out, columns);
        }
    }

    /// Samples of a component in a row of its plane.
    fn samples(&self, component: usize, row: usize, columns: &Range<usize>) -> &[u8] {
        // In a row of MCUs, chroma has one row of blocks.
        let of_mcu = if component == 0 {
            self.chroma.mcu().0
        } else {
            BLOCK
        };
        let samples = if row / of_mcu == self.row {
            self.now
        } else {
            self.before
        };
        &samples[component][row % of_mcu * self.strides[component]..][columns.clone()]
    }
}

/// The chroma columns, out of `count`, for `columns` of twice as many, and where these begin in what becomes
/// of them. A filter looks one column to each side, and treats the ends in its own way: one more is taken
/// at each side that is not an end of the plane, and thrown away.
fn halved(columns: &Range<usize>, count: usize) -> (Range<usize>, usize) {
    let mut start = (columns.start / 2).saturating_sub(1);
    let mut end = (columns.end.div_ceil(2) + 1).min(count);
    if end - start < FEWEST_FILTERED {
        start = end.saturating_sub(FEWEST_FILTERED);
        end = (start + FEWEST_FILTERED).min(count);
    }
    (start..end, columns.start - 2 * start)
}

/// libjpeg's `h2v2_fancy_upsample` for one output row: 3/4 of the nearer chroma row and column, 1/4 of the
/// farther. `sums` has the length of a chroma row, `out` twice that.
fn upsample_quarter(near: &[u8], far: &[u8], sums: &mut [u16], out: &mut [u8]) {
    for (sum, (near, far)) in sums.iter_mut().zip(near.iter().zip(far)) {
        *sum = 3 * u16::from(*near) + u16::from(*far);
    }
    let (Some(first), Some(last), [start, between @ .., end]) = (sums.first(), sums.last(), out) else {
        return;
    };
    *start = ((4 * first + 8) >> 4) as u8;
    *end = ((4 * last + 7) >> 4) as u8;
    // Each pair of neighbours makes the two pixels between their centres. Both in one store is what the
    // compiler vectorises.
    let pairs = sums.iter().zip(sums.iter().skip(1));
    for ((left, right), out) in pairs.zip(between.as_chunks_mut::<2>().0) {
        let two = (3 * left + right + 7) >> 4 | ((3 * right + left + 8) >> 4) << 8;
        *out = two.to_le_bytes();
    }
}
