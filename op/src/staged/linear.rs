//! `cv2.resize` with INTER_LINEAR: two 11-bit weights an axis, rounded between the passes.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use prep_onnx_pipeline::Result;
use prep_onnx_pipeline::resample::LinearAxis;
#[cfg(target_arch = "x86_64")]
use prep_onnx_pipeline::{CHANNELS, Geometry, Layout};

use super::pixels::Pixels;
use crate::SimdLevel;
use crate::kernel::pixels;
#[cfg(target_arch = "x86_64")]
use crate::kernel::rows::{RowKernels, Spread, Tap, line_lanes};
#[cfg(target_arch = "x86_64")]
use crate::kernel::with_row_kernels;
use crate::run::{BANDS_PER_THREAD, Executor, LEAST_ROWS, each, grow, room};
#[cfg(target_arch = "x86_64")]
use crate::run::{OutputMut, Preprocessor, RowSource};

/// Bytes that the positions and weights of one output position take while an axis is made.
const POSITION_BYTES: usize = 64;

/// Bytes that an output column takes in the tables of a level.
#[cfg(target_arch = "x86_64")]
const TAP_BYTES: usize = 64;

/// The rows and columns `part` of the image resized to `to`.
pub(super) fn resize(
    level: SimdLevel,
    image: &Pixels<'_>,
    to: (usize, usize),
    part: (Range<usize>, Range<usize>),
    executor: &dyn Executor,
) -> Result<Pixels<'static>> {
    let (rows, columns) = part.clone();
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
    let axes = Axes::new(image.size, to, part)?;
    let bands = Bands::new(&mut bytes, size.1 * channels, executor.threads());
    #[cfg(target_arch = "x86_64")]
    if fits(image) {
        let done = with_row_kernels!(level, kernels => axes.resize_rows(kernels, image, (&bands, executor)));
        if let Some(done) = done {
            done?;
            return Pixels::new(size, channels, bytes);
        }
    }
    let _ = level;
    let taps = (
        &axes.horizontal.positions[axes.columns.clone()],
        &axes.horizontal.weights[axes.columns.clone()],
    );
    axes.resize(
        image,
        size.1 * channels,
        (&bands, executor),
        |row, line| pixels::across(row, channels, taps, line),
        pixels::down,
    )?;
    Pixels::new(size, channels, bytes)
}

/// [`resize`], and what `plain` makes of its rows on the output of `geometry`, whose image they are. `None` where the level has no
/// row kernels for that.
#[cfg(target_arch = "x86_64")]
pub(super) fn finish(
    (level, plain): (SimdLevel, &Preprocessor),
    image: &Pixels<'_>,
    to: (usize, usize),
    part: (Range<usize>, Range<usize>),
    geometry: &Geometry,
    (output, executor): (OutputMut<'_>, &dyn Executor),
) -> Result<Option<()>> {
    if !fits(image) || image.size == to {
        return Ok(None);
    }
    let axes = Axes::new(image.size, to, part)?;
    let done = with_row_kernels!(level, kernels => {
        let rows = Rows::new(kernels, &axes, image, plain.plan().layout)?;
        plain.run_rows(kernels, &rows, geometry, output, executor)
    });
    done.transpose()
}

/// Whether the row kernels take the image.
#[cfg(target_arch = "x86_64")]
fn fits(image: &Pixels<'_>) -> bool {
    image.channels == CHANNELS && image.size.1 * CHANNELS <= i32::MAX as usize
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

/// Two source rows, resized horizontally, and which they are.
struct Lines {
    lines: [Vec<i16>; 2],
    held: [usize; 2],
}

impl Lines {
    fn new(lanes: usize) -> Result<Self> {
        let mut lines: [Vec<i16>; 2] = Default::default();
        for line in &mut lines {
            grow(line, lanes, 0)?;
        }
        Ok(Self {
            lines,
            held: [usize::MAX; 2],
        })
    }

    /// Those of row `row` of the resized image; `across` makes what is not held of a source row. One that weighs nothing is any.
    fn of(
        &mut self,
        axis: &LinearAxis,
        row: usize,
        mut across: impl FnMut(usize, &mut [i16]),
    ) -> ([&[i16]; 2], [i32; 2]) {
        let (wanted, weights) = (axis.positions[row], axis.weights[row]);
        let Self { lines, held } = self;
        if held[1] == wanted[0] && held[0] != wanted[0] {
            lines.swap(0, 1);
            held.swap(0, 1);
        }
        for (which, source) in wanted.into_iter().enumerate() {
            if held[which] != source && weights[which] != 0 {
                across(source, &mut lines[which]);
                held[which] = source;
            }
        }
        ([&lines[0], &lines[1]], weights)
    }
}

impl Axes {
    fn new(from: (usize, usize), to: (usize, usize), part: (Range<usize>, Range<usize>)) -> Result<Self> {
        room((to.0 + to.1) * POSITION_BYTES)?;
        Ok(Self {
            vertical: LinearAxis::rows(from.0, to.0),
            horizontal: LinearAxis::columns(from.1, to.1),
            rows: part.0,
            columns: part.1,
        })
    }

    /// Of each band, calls `across` for each source row that is needed, once, and `down` for each output row.
    fn resize(
        &self,
        image: &Pixels<'_>,
        lanes: usize,
        (bands, executor): (&Bands<'_>, &dyn Executor),
        across: impl Fn(&[u8], &mut [i16]) + Sync,
        down: impl Fn([&[i16]; 2], [i32; 2], &mut [u8]) + Sync,
    ) -> Result<()> {
        each(bands.parts.len(), executor, |band| {
            let mut lines = Lines::new(lanes)?;
            let mut part = bands.parts[band].lock().unwrap_or_else(PoisonError::into_inner);
            let first = self.rows.start + band * bands.rows;
            for (at, out) in part.chunks_exact_mut(bands.length).enumerate() {
                let (lines, weights) = lines.of(&self.vertical, first + at, |source, line| {
                    across(image.row(source), line);
                });
                down(lines, weights, out);
            }
            Ok(())
        })
    }
}

#[cfg(target_arch = "x86_64")]
impl Axes {
    fn taps<K: RowKernels>(&self, kernels: K, image: &Pixels<'_>) -> Result<K::Taps> {
        room(self.columns.len() * (TAP_BYTES + size_of::<Tap>()))?;
        let lefts = self.horizontal.positions[self.columns.clone()].iter();
        let weights = &self.horizontal.weights[self.columns.clone()];
        let taps: Vec<Tap> = (lefts.zip(weights))
            .map(|([left, _], weights)| (*left, *weights))
            .collect();
        Ok(kernels.taps(image.size.1 * CHANNELS, &taps))
    }

    fn resize_rows<K: RowKernels>(
        &self,
        kernels: K,
        image: &Pixels<'_>,
        (bands, executor): (&Bands<'_>, &dyn Executor),
    ) -> Result<()> {
        let taps = self.taps(kernels, image)?;
        self.resize(
            image,
            line_lanes(self.columns.len()),
            (bands, executor),
            |row, line| kernels.across(row, &taps, line),
            |lines, weights, out| kernels.down(lines, weights, out),
        )
    }

    /// Whether each output pixel is the mean of a square of four.
    fn halves(&self) -> bool {
        /// Half of a weight.
        const HALF: i32 = 1 << 10;
        let halves = |axis: &LinearAxis, part: &Range<usize>| {
            let mut of_part = part.clone().map(|at| (at, axis.positions[at], axis.weights[at]));
            of_part
                .all(|(at, positions, weights)| positions == [2 * at, 2 * at + 1] && weights == [HALF, HALF])
        };
        halves(&self.vertical, &self.rows) && halves(&self.horizontal, &self.columns)
    }
}

/// The rows of the resized part of an image, one after the other.
#[cfg(target_arch = "x86_64")]
struct Rows<'a, K: RowKernels> {
    axes: &'a Axes,
    image: &'a Pixels<'a>,
    /// `None` where each output pixel is the mean of a square of four, and planes are asked for.
    taps: Option<K::Taps>,
}

#[cfg(target_arch = "x86_64")]
impl<'a, K: RowKernels> Rows<'a, K> {
    fn new(kernels: K, axes: &'a Axes, image: &'a Pixels<'a>, layout: Layout) -> Result<Self> {
        let means = layout == Layout::Nchw && axes.halves();
        Ok(Self {
            axes,
            image,
            taps: match means {
                true => None,
                false => Some(axes.taps(kernels, image)?),
            },
        })
    }
}

#[cfg(target_arch = "x86_64")]
impl<K: RowKernels> RowSource<K> for Rows<'_, K> {
    /// The lines, and the bytes of a row.
    type Cursor = (Lines, Vec<u8>);

    fn cursor(&self) -> Result<Self::Cursor> {
        let columns = self.axes.columns.len();
        let mut row = Vec::new();
        grow(&mut row, columns * CHANNELS, 0)?;
        Ok((Lines::new(line_lanes(columns))?, row))
    }

    fn spread(
        &self,
        kernels: K,
        (lines, bytes): &mut Self::Cursor,
        row: usize,
        spread: Spread,
        lanes: &mut [u8],
    ) {
        let Axes {
            vertical,
            rows,
            columns,
            ..
        } = self.axes;
        let row = rows.start + row;
        match &self.taps {
            None => {
                let squares = 2 * columns.start * CHANNELS..2 * columns.end * CHANNELS;
                let two = vertical.positions[row].map(|source| &self.image.row(source)[squares.clone()]);
                kernels.halve(two, spread, lanes);
            }
            Some(taps) => {
                let (lines, weights) = lines.of(vertical, row, |source, line| {
                    kernels.across(self.image.row(source), taps, line);
                });
                kernels.down_spread(lines, weights, bytes, spread, lanes);
            }
        }
    }
}
