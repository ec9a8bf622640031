//! An image of three channels turned by 90 degrees clockwise.

use std::arch::x86_64::*;
use std::ops::Range;

use prep_onnx_pipeline::CHANNELS;

use crate::x86::prefetch;

/// Pixels of a side of the squares that vectors turn.
const EIGHT: usize = 8;

/// Rows that are read at a time, from their start to their end: few enough that their lines stay in the cache, and enough that
/// what becomes of them fills lines.
const STRIP: usize = 64;

/// How far ahead of what is turned a row is asked for, in bytes.
const AHEAD: usize = 256;

/// Bytes of a row of a square.
const SQUARE: usize = EIGHT * CHANNELS;

/// Bytes that the loads of such a row take.
const LOADED: usize = SQUARE / 2 + 16;

/// `out` has the `width` rows of `height` pixels of the turned image.
#[target_feature(enable = "avx2,fma")]
pub(super) fn turn(pixels: &[u8], (height, width): (usize, usize), out: &mut [u8]) {
    assert!(
        pixels.len() == height * width * CHANNELS && out.len() == pixels.len(),
        "an image of the size"
    );
    let (rows, columns) = (width / EIGHT * EIGHT, height / EIGHT * EIGHT);
    for left in (0..columns).step_by(STRIP) {
        for row in (0..rows).step_by(EIGHT) {
            for column in (left..(left + STRIP).min(columns)).step_by(EIGHT) {
                let from = ((height - 1 - column) * width + row) * CHANNELS;
                let to = (row * height + column) * CHANNELS;
                if from + LOADED <= pixels.len() {
                    // SAFETY: the rows of the square begin at `from` and before it, each a row above the last one, and it is
                    // turned into rows from `to` on: all of them in the image of the size asserted above.
                    unsafe { square(pixels, (from, width), out, (to, height)) }
                } else {
                    plainly(
                        pixels,
                        (height, width),
                        out,
                        (row..row + EIGHT, column..column + EIGHT),
                    );
                }
            }
        }
    }
    plainly(pixels, (height, width), out, (0..rows, columns..height));
    plainly(pixels, (height, width), out, (rows..width, 0..height));
}

/// Some rows and columns of the turned image.
fn plainly(
    pixels: &[u8],
    (height, width): (usize, usize),
    out: &mut [u8],
    (rows, columns): (Range<usize>, Range<usize>),
) {
    for row in rows {
        let out = &mut out[(row * height + columns.start) * CHANNELS..][..columns.len() * CHANNELS];
        for (column, pixel) in columns.clone().zip(out.chunks_exact_mut(CHANNELS)) {
            let from = ((height - 1 - column) * width + row) * CHANNELS;
            pixel.copy_from_slice(&pixels[from..from + CHANNELS]);
        }
    }
}

/// Eight rows of eight pixels. The first one begins at byte `from`, each next one `width` pixels before the last one; what they
/// become begins at byte `to`, each next row `height` pixels further.
///
/// # Safety
/// [`LOADED`] bytes of `pixels` from the first row on, and as many of `out` as [`SQUARE`] from each row on, are there.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn square(pixels: &[u8], (from, width): (usize, usize), out: &mut [u8], (to, height): (usize, usize)) {
    // Of each half four pixels to dwords, and back, to the start and to the end of the half.
    let apart = _mm256_setr_epi8(
        0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10,
        11, -1,
    );
    let start = _mm256_setr_epi8(
        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1,
        -1, -1, -1,
    );
    let end = _mm256_setr_epi8(
        -1, -1, -1, -1, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, 0, 1, 2, 4, 5, 6, 8, 9, 10,
        12, 13, 14,
    );
    let row = |index: usize| {
        let at = from - index * width * CHANNELS;
        debug_assert!(at + LOADED <= pixels.len());
        prefetch(pixels.as_ptr(), at + AHEAD);
        // SAFETY: promised by the caller.
        let [low, high] =
            [at, at + SQUARE / 2].map(|at| unsafe { _mm_loadu_si128(pixels.as_ptr().add(at).cast()) });
        _mm256_shuffle_epi8(
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high),
            apart,
        )
    };
    // Of each four rows, a vector for pixels 0 and 4, 1 and 5, 2 and 6, 3 and 7.
    let four = |first: usize| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|index| row(first + index));
        let [low, high] = [_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)];
        let [next_low, next_high] = [_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d)];
        [
            _mm256_unpacklo_epi64(low, next_low),
            _mm256_unpackhi_epi64(low, next_low),
            _mm256_unpacklo_epi64(high, next_high),
            _mm256_unpackhi_epi64(high, next_high),
        ]
    };
    for (pixel, (first, second)) in four(0).into_iter().zip(four(4)).enumerate() {
        let begin = _mm256_shuffle_epi8(first, start);
        // The last four bytes of the first pixels, and the second ones.
        let rest = _mm256_alignr_epi8::<12>(
            _mm256_shuffle_epi8(second, start),
            _mm256_shuffle_epi8(first, end),
        );
        let mut store = |pixel: usize, begin: __m128i, rest: __m128i| {
            let at = to + pixel * height * CHANNELS;
            debug_assert!(at + SQUARE <= out.len());
            // SAFETY: promised by the caller.
            unsafe {
                _mm_storeu_si128(out.as_mut_ptr().add(at).cast(), begin);
                _mm_storeu_si128(out.as_mut_ptr().add(at + SQUARE - 16).cast(), rest);
            }
        };
        store(pixel, _mm256_castsi256_si128(begin), _mm256_castsi256_si128(rest));
        store(
            pixel + 4,
            _mm256_extracti128_si256::<1>(begin),
            _mm256_extracti128_si256::<1>(rest),
        );
    }
}
