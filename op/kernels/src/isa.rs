//! What a SIMD level provides. The driver of the op calls it row by row.

use std::marker::PhantomData;
use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Dtype, Layout};

use crate::{Axis, Finish};

/// Sixteen 32-bit lanes on a cache line: the unit of intermediate rows.
///
/// A lane belongs to one (column, channel) of the output and packs the horizontally resized values of
/// [`Isa::GROUP`] neighbouring source rows.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Lanes(pub [i32; Lanes::COUNT]);

impl Lanes {
    pub const COUNT: usize = 16;
    pub const ZERO: Self = Self([0; Self::COUNT]);
}

/// The lanes of several blocks as one slice.
pub fn as_lanes(blocks: &[Lanes]) -> &[i32] {
    // SAFETY: `Lanes` is `repr(C)` around an array whose size is its alignment: no padding, every byte
    // belongs to an i32 of the borrowed slice.
    unsafe { std::slice::from_raw_parts(blocks.as_ptr().cast(), blocks.len() * Lanes::COUNT) }
}

/// The lanes of several blocks as one mutable slice.
pub fn lanes_of(blocks: &mut [Lanes]) -> &mut [i32] {
    // SAFETY: as in `as_lanes`; the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(blocks.as_mut_ptr().cast(), blocks.len() * Lanes::COUNT) }
}

/// Blocks of one channel's plane of a row of `columns` pixels; a row of three planes has three times as many.
pub fn plane_blocks(columns: usize) -> usize {
    columns.div_ceil(Lanes::COUNT)
}

/// The horizontally resized row groups that a window can reach.
pub struct Ring<'a> {
    pub blocks: &'a [Lanes],
    pub slots: usize,
    pub blocks_per_group: usize,
}

impl<'a> Ring<'a> {
    /// The lanes of row group `group`.
    pub fn group(&self, group: usize) -> &'a [Lanes] {
        &self.blocks[group % self.slots * self.blocks_per_group..][..self.blocks_per_group]
    }

    /// Where the first `MOST` of `count` neighbouring row groups begin, the first of which is `first`. The others are null.
    ///
    /// Without closures and always inlined: what is called from a function with more instructions than the build has makes it put
    /// all its vectors aside.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub fn starts<const MOST: usize>(&self, first: usize, count: usize) -> [*const Lanes; MOST] {
        assert!(
            self.blocks.len() >= self.slots * self.blocks_per_group,
            "room for all groups"
        );
        let mut starts = [std::ptr::null(); MOST];
        let mut slot = first % self.slots;
        for start in starts.iter_mut().take(count) {
            *start = self.blocks.as_ptr().wrapping_add(slot * self.blocks_per_group);
            slot = self.next(slot);
        }
        starts
    }

    /// The slot behind another one.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub fn next(&self, slot: usize) -> usize {
        if slot + 1 == self.slots { 0 } else { slot + 1 }
    }
}

/// Where one finished row goes: a plane per channel (NCHW), or all channels of a pixel together (NHWC).
pub struct RowOut<'a> {
    rows: [*mut u8; CHANNELS],
    columns: usize,
    layout: Layout,
    dtype: Dtype,
    exclusive: PhantomData<&'a mut [u8]>,
}

impl RowOut<'_> {
    /// # Safety
    /// For the lifetime of the value, each used pointer is valid for writing one row of elements of
    /// `dtype` and aligned for them, and nothing else reads or writes there: `columns` elements at all
    /// three for NCHW, `3 * columns` at the first for NHWC.
    pub unsafe fn new(rows: [*mut u8; CHANNELS], columns: usize, layout: Layout, dtype: Dtype) -> Self {
        Self {
            rows,
            columns,
            layout,
            dtype,
            exclusive: PhantomData,
        }
    }

    /// How many contiguous runs of elements the row consists of, and how long each is.
    pub fn runs(&self) -> (usize, usize) {
        match self.layout {
            Layout::Nchw => (CHANNELS, self.columns),
            Layout::Nhwc => (1, CHANNELS * self.columns),
        }
    }

    /// The elements of each run, none where there is no such run.
    ///
    /// # Panics
    /// As for [`RowOut::run`].
    pub fn every_run<T: Element>(&mut self) -> [&mut [T]; CHANNELS] {
        assert_eq!(T::DTYPE, self.dtype, "the element type of the output");
        let (runs, length) = self.runs();
        std::array::from_fn(|run| {
            if run < runs {
                // SAFETY: as in `run`; the rows lie apart, as `new` promised.
                unsafe { std::slice::from_raw_parts_mut(self.rows[run].cast(), length) }
            } else {
                &mut []
            }
        })
    }

    /// The elements of run `run`.
    ///
    /// # Panics
    /// When `T` has another size than the element type.
    pub fn run<T: Element>(&mut self, run: usize) -> &mut [T] {
        assert_eq!(T::DTYPE, self.dtype, "the element type of the output");
        let (runs, length) = self.runs();
        assert!(run < runs, "a run of the layout");
        // SAFETY: `new` promised `length` writable, aligned elements of this type at each used pointer,
        // borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.rows[run].cast(), length) }
    }
}

/// A Rust type that is an element type of the output.
pub trait Element: Copy {
    const DTYPE: Dtype;
}

impl Element for f32 {
    const DTYPE: Dtype = Dtype::Float32;
}

impl Element for half::f16 {
    const DTYPE: Dtype = Dtype::Float16;
}

impl Element for u8 {
    const DTYPE: Dtype = Dtype::Uint8;
}

/// A SIMD level. A value of the type is the proof that the processor has it.
pub trait Isa: Copy + Send + Sync + 'static {
    /// How many source rows a lane packs.
    const GROUP: usize;

    /// Tables of the horizontal pass.
    type Columns: Send + Sync;

    /// Tables of the vertical pass.
    type Rows: Send + Sync;

    /// Prepares the horizontal pass over rows that hold the source columns `source`. `axis` is not wide.
    fn columns(
        self,
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Self::Columns;

    /// Prepares the vertical pass over row groups, the first of which begins at source row `first`.
    fn rows(self, axis: &Axis, first: usize) -> Self::Rows;

    /// How many row groups [`Isa::horizontal`] makes at a time, at most, with these tables.
    fn at_once(self, _columns: &Self::Columns) -> usize {
        1
    }

    /// How many blocks `scratch` of [`Isa::horizontal`] has to have for these tables, where more than is said there.
    fn scratch(self, _columns: &Self::Columns) -> usize {
        0
    }

    /// Whether [`Isa::horizontal`] should ask for the rows ahead of `source`, all that is read: where they are in a cache already,
    /// that would be work for nothing.
    fn asks_for(self, _columns: &Self::Columns, _source: &[u8]) -> bool {
        true
    }

    /// Resizes [`Isa::GROUP`] rows for each of `groups` horizontally and packs them, planes apart for NCHW.
    ///
    /// `ahead` are rows that are read soon and asked for, none or as many as `rows`. A group holds at least three planes of the output's columns, `scratch` one block more
    /// for each of [`Isa::at_once`].
    fn horizontal(
        self,
        columns: &Self::Columns,
        rows: &[&[u8]],
        ahead: &[&[u8]],
        scratch: &mut [Lanes],
        groups: &mut [&mut [Lanes]],
    );

    /// Resizes the window of output row `row` vertically and finishes it.
    fn vertical(self, rows: &Self::Rows, row: usize, ring: &Ring<'_>, finish: &Finish, out: &mut RowOut<'_>);

    /// `out[i]` = the rounded sum over taps of `weights[tap] * source[tap * stride + i]`.
    fn weigh_rows(self, source: &[u8], stride: usize, weights: &[i32], out: &mut [u8]);
}
