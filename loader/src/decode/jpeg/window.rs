//! A part of a JPEG, without the work for the rest.
//!
//! `libjpeg-turbo-rs` transforms the rows of a vertical crop and their neighbours only, but converts from
//! the first row on and into a buffer of its own. So the planes are taken as they come out of the transform,
//! and upsampled and converted here, with the arithmetic of libjpeg's `jdsample.c` and the row kernels of
//! the crate, for the rows and columns that are needed.

use std::ops::Range;

use libjpeg_turbo_rs::{ColorSpace, Decoder, FrameHeader, RawImage, simd};

use super::super::{Scratch, Window, grown};

/// Fewest chroma columns that libjpeg upsamples with a filter.
const FEWEST_FILTERED: usize = 3;

/// How the chroma planes are smaller than the image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chroma {
    Full,
    HalfWidth,
    Quarter,
}

/// Writes the pixels of `window` to `out`, or gives false where this frame, or its data, ask for the usual
/// way, which also finds the error.
pub(super) fn read(mut decoder: Decoder<'_>, window: &Window, out: &mut [u8], scratch: &mut Scratch) -> bool {
    if window.rows.is_empty() || window.columns.is_empty() {
        return false;
    }
    let Some(chroma) = chroma(&decoder) else {
        return false;
    };
    let size = (
        usize::from(decoder.header().height),
        usize::from(decoder.header().width),
    );
    if chroma != Chroma::Full && size.1.div_ceil(2) < FEWEST_FILTERED {
        return false;
    }
    decoder.set_crop_y(window.rows.start, window.rows.len());
    match decoder.decode_raw() {
        Ok(planes) => {
            convert(&planes, chroma, size, window, out, scratch);
            true
        }
        Err(_) => false,
    }
}

/// The sampling of a baseline YCbCr frame, where it is one that is handled here.
fn chroma(decoder: &Decoder<'_>) -> Option<Chroma> {
    let frame: &FrameHeader = decoder.header();
    let plain = !frame.is_progressive && !frame.is_lossless && frame.precision == 8;
    if !plain || decoder.jpeg_color_space() != ColorSpace::YCbCr {
        return None;
    }
    let factors: Vec<_> = frame
        .components
        .iter()
        .map(|component| (component.horizontal_sampling, component.vertical_sampling))
        .collect();
    match factors.as_slice() {
        [(1, 1), (1, 1), (1, 1)] => Some(Chroma::Full),
        [(2, 1), (1, 1), (1, 1)] => Some(Chroma::HalfWidth),
        [(2, 2), (1, 1), (1, 1)] => Some(Chroma::Quarter),
        _ => None,
    }
}

fn convert(
    planes: &RawImage,
    chroma: Chroma,
    (height, width): (usize, usize),
    window: &Window,
    out: &mut [u8],
    scratch: &mut Scratch,
) {
    let routines = simd::detect();
    let columns = window.columns.len();
    // The chroma columns that the window's pixels are made of, and where the window begins in what they become.
    let (source, skipped) = match chroma {
        Chroma::Full => (window.columns.clone(), 0),
        Chroma::HalfWidth | Chroma::Quarter => halved(&window.columns, width.div_ceil(2)),
    };
    let plane_row = |component: usize, row: usize, columns: &Range<usize>| -> &[u8] {
        &planes.planes[component][row * planes.plane_widths[component]..][columns.clone()]
    };
    let rows = out.chunks_exact_mut(columns * 3).zip(window.rows.clone());
    for (out, row) in rows {
        let luma = plane_row(0, row, &window.columns);
        if chroma == Chroma::Full {
            let [blue, red] = [1, 2].map(|component| plane_row(component, row, &source));
            routines.ycbcr_to_rgb_row(luma, blue, red, out, columns);
            continue;
        }
        let Scratch { rows, sums, .. } = &mut *scratch;
        let [blue, red] = rows;
        for (component, upsampled) in [(1, &mut *blue), (2, &mut *red)] {
            let upsampled = grown(upsampled, 2 * source.len());
            if chroma == Chroma::HalfWidth {
                routines.fancy_upsample_h2v1(plane_row(component, row, &source), source.len(), upsampled);
                continue;
            }
            let near = row / 2;
            let far = if row % 2 == 0 {
                near.saturating_sub(1)
            } else {
                (near + 1).min(height.div_ceil(2) - 1)
            };
            let [near, far] = [near, far].map(|row| plane_row(component, row, &source));
            if sums.len() < source.len() {
                sums.resize(source.len(), 0);
            }
            upsample_quarter(near, far, &mut sums[..source.len()], upsampled);
        }
        routines.ycbcr_to_rgb_row(luma, &blue[skipped..], &red[skipped..], out, columns);
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
