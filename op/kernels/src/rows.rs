//! What the x86 levels have for rows that the engine's two passes do not make: copied ones, and those of OpenCV's linear.

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::{Lanes, RowOut, plane_blocks};
use crate::Finish;

/// The bytes of a row of `columns` pixels in lanes: a plane for each channel, or all channels in turn.
pub fn lane_bytes(layout: Layout, columns: usize) -> usize {
    match layout {
        Layout::Nchw => CHANNELS * plane_blocks(columns) * Lanes::COUNT,
        Layout::Nhwc => (CHANNELS * columns).next_multiple_of(Lanes::COUNT),
    }
}

/// Where the pixels of a row go in its lanes.
#[derive(Clone, Copy)]
pub struct Spread {
    pub layout: Layout,
    /// Columns of the output.
    pub columns: usize,
    /// The column of the first pixel.
    pub first: usize,
    /// The image's channel of each channel of the output.
    pub channels: [usize; CHANNELS],
}

impl Spread {
    /// The places of `pixels` pixels in the planes.
    pub(super) fn planes(self, lanes: &mut [u8], pixels: usize) -> [&mut [u8]; CHANNELS] {
        let plane = plane_blocks(self.columns) * Lanes::COUNT;
        let mut planes = lanes.chunks_exact_mut(plane.max(1));
        let planes: [&mut [u8]; CHANNELS] =
            std::array::from_fn(|_| planes.next().map_or(&mut [][..], |plane| plane));
        planes.map(|plane| &mut plane[self.first..][..pixels])
    }

    /// Puts pixels into lanes in which channels take turns.
    #[inline(never)]
    pub(super) fn in_turn(self, row: &[u8], lanes: &mut [u8]) {
        let lanes = &mut lanes[self.first * CHANNELS..][..row.len()];
        if self.channels == [0, 1, 2] {
            lanes.copy_from_slice(row);
            return;
        }
        for (to, from) in lanes.chunks_exact_mut(CHANNELS).zip(row.chunks_exact(CHANNELS)) {
            to.copy_from_slice(&self.channels.map(|channel| from[channel]));
        }
    }
}

/// 16-bit lanes of a pixel in a line, the last one unused.
pub(super) const PIXEL_LANES: usize = 4;

/// Pixels of a line come in such numbers.
const LINE_PIXELS: usize = 16;

/// The lanes of a line of `columns` pixels.
pub fn line_lanes(columns: usize) -> usize {
    columns.next_multiple_of(LINE_PIXELS) * PIXEL_LANES
}

/// Of an output column of OpenCV's linear its left source column, and the weights of that one and its right neighbour.
pub type Tap = (usize, [i32; 2]);

/// A level. A value of the type is the proof that the processor has it.
pub trait RowKernels: Copy + Send + Sync + 'static {
    /// Tables of [`Self::across`].
    type Taps: Send + Sync;

    /// Puts the pixels of `row` into `lanes`, which has [`lane_bytes`] bytes. The others stay.
    fn spread(self, row: &[u8], spread: Spread, lanes: &mut [u8]);

    /// Writes the elements of a row from its lanes.
    fn finish(self, lanes: &[u8], finish: &Finish, out: &mut RowOut<'_>);

    /// The taps of output columns, in rows of `row_bytes` bytes.
    fn taps(self, row_bytes: usize, taps: &[Tap]) -> Self::Taps;

    /// One row, horizontally, without its lowest 4 bits. `line` has [`line_lanes`] lanes.
    fn across(self, row: &[u8], taps: &Self::Taps, line: &mut [i16]);

    /// Two lines, vertically: as many bytes as `out` takes.
    fn down(self, lines: [&[i16]; 2], weights: [i32; 2], out: &mut [u8]);

    /// [`Self::down`] and [`Self::spread`]; `row` is for the bytes between.
    fn down_spread(
        self,
        lines: [&[i16]; 2],
        weights: [i32; 2],
        row: &mut [u8],
        spread: Spread,
        lanes: &mut [u8],
    ) {
        self.down(lines, weights, row);
        self.spread(row, spread, lanes);
    }

    /// The rounded mean of every two columns of two rows, in planes.
    fn halve(self, rows: [&[u8]; 2], spread: Spread, lanes: &mut [u8]);

    /// The image of `size` = (height, width) turned by 90 degrees clockwise.
    fn turn(self, pixels: &[u8], size: (usize, usize), out: &mut [u8]);
}

/// `Some` of a call at the level, where it has row kernels.
#[macro_export]
macro_rules! with_row_kernels {
    ($level:expr, $kernels:ident => $call:expr) => {
        match $level {
            $crate::SimdLevel::Avx512 => $crate::avx512::Avx512::new().map(|$kernels| $call),
            $crate::SimdLevel::Avx2 | $crate::SimdLevel::Vnni => {
                $crate::avx2::Avx2::new().map(|$kernels| $call)
            }
            $crate::SimdLevel::Scalar | $crate::SimdLevel::Sse41 | $crate::SimdLevel::Neon => None,
        }
    };
}
