//! `cv2.resize` with INTER_LINEAR: two 11-bit weights an axis, rounded between the passes.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

#[cfg(target_arch = "x86_64")]
use prep_onnx_pipeline::CHANNELS;
use prep_onnx_pipeline::Result;
use prep_onnx_pipeline::resample::LinearAxis;

use super::pixels::Pixels;
use crate::SimdLevel;
#[cfg(target_arch = "x86_64")]
use crate::kernel::avx2::Avx2;
use crate::run::{BANDS_PER_THREAD, Executor, LEAST_ROWS, each, grow, room};

/// Bytes that the positions and weights of one output position take while an axis is made.
const POSITION_BYTES: usize = 64;

/// The rows and columns `part` of the image resized to `to`.
pub(super) fn resize(
    level: SimdLevel,
    image: &Pixels<'_>,
    to: (usize, usize),
    (rows, columns): (Range<usize>, Range<usize>),
    executor: &dyn Executor,
) -> Result<Pixels<'static>> {
    let size = (rows.len(), columns.len());
    let channels = image.channels;
    let mut bytes = Vec::new();
    grow(&mut bytes, size.0 * size.1 * channels, 0)?;
    let source_length = image.size.1 * channels;
    if image.size == to {
        // OpenCV copies then.
        for (out, row) in bytes.chunks_exact_mut((size.1 * channels).max(1)).zip(rows) {
            out.copy_from_slice(
                &image.bytes[row * source_length + columns.start * channels..][..size.1 * channels],
            );
        }
        return Pixels::new(size, channels, bytes);
    }
    room((to.0 + to.1) * POSITION_BYTES)?;
    let axes = Axes {
        vertical: LinearAxis::rows(image.size.0, to.0),
        horizontal: LinearAxis::columns(image.size.1, to.1),
        rows,
        columns,
    };
    let bands = Bands::new(&mut bytes, size.1 * channels, executor.threads());
    #[cfg(target_arch = "x86_64")]
    if channels == CHANNELS
        && matches!(level, SimdLevel::Avx2 | SimdLevel::Avx512)
        && source_length <= i32::MAX as usize
        && let Some(avx2) = Avx2::new()
    {
        axes.resize_avx2(avx2, image, (&bands, executor))?;
        return Pixels::new(size, channels, bytes);
    }
    let _ = level;
    axes.resize(
        image,
        size.1 * channels,
        (&bands, executor),
        |row, line| across(row, channels, &axes.horizontal, axes.columns.clone(), line),
        |lines, weights, out| down(lines, weights, &mut out[..size.1 * channels]),
    )?;
    Pixels::new(size, channels, bytes)
}

/// The output in parts of neighbouring rows, of which each is one thread's.
struct Bands<'a> {
    parts: Vec<Mutex<&'a mut [u8]>>,
    /// Rows of every part but the last one.
    rows: usize,
    /// Bytes of a row.
    length: usize,
}

impl<'a> Bands<'a> {
    fn new(bytes: &'a mut [u8], length: usize, threads: usize) -> Self {
        let length = length.max(1);
        let all = bytes.len() / length;
        let rows = match threads {
            0 | 1 => all,
            _ => all.div_ceil(threads * BANDS_PER_THREAD).max(LEAST_ROWS),
        };
        Self {
            parts: bytes.chunks_mut((rows * length).max(1)).map(Mutex::new).collect(),
            rows,
            length,
        }
    }
}

/// Both axes, and the part of them that is wanted.
struct Axes {
    vertical: LinearAxis,
    horizontal: LinearAxis,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Axes {
    /// Of each band, calls `across` for each source row that is needed, once, and `down` for each output row, with what is behind it.
    fn resize(
        &self,
        image: &Pixels<'_>,
        lanes: usize,
        (bands, executor): (&Bands<'_>, &dyn Executor),
        across: impl Fn(&[u8], &mut [i16]) + Sync,
        down: impl Fn([&[i16]; 2], [i32; 2], &mut [u8]) + Sync,
    ) -> Result<()> {
        let source_length = image.size.1 * image.channels;
        each(bands.parts.len(), executor, |band| {
            // Two source rows, resized horizontally, and which they are.
            let mut lines: [Vec<i16>; 2] = Default::default();
            let mut held = [usize::MAX; 2];
            for line in &mut lines {
                grow(line, lanes, 0)?;
            }
            let mut part = bands.parts[band].lock().unwrap_or_else(PoisonError::into_inner);
            let count = part.len() / bands.length;
            let first = self.rows.start + band * bands.rows;
            for (at, row) in (first..first + count).enumerate() {
                let wanted = self.vertical.positions[row];
                if held[1] == wanted[0] && held[0] != wanted[0] {
                    lines.swap(0, 1);
                    held.swap(0, 1);
                }
                for (which, source) in wanted.into_iter().enumerate() {
                    if held[which] != source {
                        across(
                            &image.bytes[source * source_length..][..source_length],
                            &mut lines[which],
                        );
                        held[which] = source;
                    }
                }
                down(
                    [&lines[0], &lines[1]],
                    self.vertical.weights[row],
                    &mut part[at * bands.length..],
                );
            }
            Ok(())
        })
    }

    #[cfg(target_arch = "x86_64")]
    fn resize_avx2(
        &self,
        avx2: Avx2,
        image: &Pixels<'_>,
        (bands, executor): (&Bands<'_>, &dyn Executor),
    ) -> Result<()> {
        use crate::kernel::avx2::linear::{SPARE, Taps, line_lanes};
        let lefts = self.horizontal.positions[self.columns.clone()].iter();
        let weights = &self.horizontal.weights[self.columns.clone()];
        let taps = Taps::new(lefts.zip(weights).map(|([left, _], weights)| (*left, *weights)));
        let length = bands.length;
        room(length + SPARE)?;
        self.resize(
            image,
            line_lanes(self.columns.len()),
            (bands, executor),
            |row, line| avx2.linear_across(row, &taps, line),
            |lines, weights, out| match out.get_mut(..length + SPARE) {
                Some(out) => avx2.linear_down(lines, weights, out),
                // The last rows of a band have no room behind them.
                None => {
                    let mut row = vec![0; length + SPARE];
                    avx2.linear_down(lines, weights, &mut row);
                    out[..length].copy_from_slice(&row[..length]);
                }
            },
        )
    }
}

/// One row, horizontally, without its lowest 4 bits.
fn across(row: &[u8], channels: usize, axis: &LinearAxis, columns: Range<usize>, out: &mut [i16]) {
    let taps = axis.positions[columns.clone()].iter().zip(&axis.weights[columns]);
    for (pixel, ([left, right], [a, b])) in out.chunks_exact_mut(channels).zip(taps) {
        for (channel, value) in pixel.iter_mut().enumerate() {
            let tap = |at: usize| i32::from(row[at * channels + channel]);
            *value = ((tap(*left) * a + tap(*right) * b) >> 4) as i16;
        }
    }
}

/// Two rows, vertically.
fn down([top, bottom]: [&[i16]; 2], [c, d]: [i32; 2], out: &mut [u8]) {
    for ((out, top), bottom) in out.iter_mut().zip(top).zip(bottom) {
        let sum = ((c * i32::from(*top)) >> 16) + ((d * i32::from(*bottom)) >> 16);
        *out = ((sum + 2) >> 2) as u8;
    }
}
