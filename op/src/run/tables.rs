//! The prepared axes of an image size.

use std::ops::Range;
use std::sync::Arc;

use prep_onnx_pipeline::{CHANNELS, FusedPlan, Geometry};

use super::axis::Axis;
use super::cache::{Cache, Key};
use crate::kernel::Isa;
use crate::kernel::scalar::Scalar;

/// The columns of one image width.
pub(crate) struct Columns<I: Isa> {
    pub(crate) tables: I::Columns,
    /// The source columns that are read.
    pub(crate) span: Range<usize>,
    /// The source columns that the pixels hold.
    pub(crate) source: Range<usize>,
}

/// The rows of one image height.
pub(crate) struct Rows<I: Isa> {
    /// The weights; the vertical pass before the horizontal one reads them directly.
    pub(crate) axis: Axis,
    pub(crate) tables: I::Rows,
    /// The source rows that the pixels hold.
    pub(crate) source: Range<usize>,
    /// Where the row groups begin, in the rows that the horizontal pass reads.
    pub(crate) first: usize,
    /// For each output row, the first group of its window and how many there are.
    pub(crate) groups: Vec<(usize, usize)>,
    /// How many groups must be kept.
    pub(crate) slots: usize,
}

/// Which pixels of an image there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    /// The rows and columns that are read, and no others.
    Part,
}

impl Extent {
    /// The source positions that the pixels hold, of `all` where `span` is read. Where nothing is read,
    /// there is no part.
    fn source(self, span: &Range<usize>, all: usize) -> Range<usize> {
        match self {
            Self::Part if !span.is_empty() => span.clone(),
            Self::Whole | Self::Part => 0..all,
        }
    }
}

/// The tables of one image.
pub(crate) struct Prepared<I: Isa> {
    pub(crate) columns: Arc<Columns<I>>,
    pub(crate) rows: Arc<Rows<I>>,
}

/// The most columns of an image whose byte offsets in a row fit the tables of every level.
const MAX_COLUMNS: usize = u32::MAX as usize / CHANNELS;

/// The tables of one image, at the level or where it is too wide for it.
pub(crate) enum AnyPrepared<I: Isa> {
    Level(Prepared<I>),
    Wide(Prepared<Scalar>),
}

/// Tables at one level.
struct Level<I: Isa> {
    isa: I,
    columns: Cache<Columns<I>>,
    rows: Cache<Rows<I>>,
}

/// The tables of recent image sizes.
pub(crate) struct Tables<I: Isa> {
    level: Level<I>,
    wide: Level<Scalar>,
    /// Whether the sums of a size are wide: by axis, since this is asked before tables are made.
    columns_wide: Cache<bool>,
    rows_wide: Cache<bool>,
}

fn axis_of(plan: &FusedPlan, input: usize, resized: usize, offset: i64, output: usize) -> Axis {
    let resize = plan.resize.map(|resize| (resize.resampler, resize.filter));
    Axis::new(resize, input, resized, offset, output)
}

fn column_axis(plan: &FusedPlan, of: &Geometry) -> Axis {
    axis_of(plan, of.image.1, of.resized.1, of.offset.1, of.output.1)
}

fn row_axis(plan: &FusedPlan, of: &Geometry) -> Axis {
    axis_of(plan, of.image.0, of.resized.0, of.offset.0, of.output.0)
}

impl<I: Isa> Tables<I> {
    pub(crate) fn new(isa: I) -> Self {
        Self {
            level: Level::new(isa),
            wide: Level::new(Scalar),
            columns_wide: Cache::new(),
            rows_wide: Cache::new(),
        }
    }

    pub(crate) fn get(&self, plan: &FusedPlan, of: &Geometry, extent: Extent) -> AnyPrepared<I> {
        let (columns, rows) = keys(of, Extent::Whole);
        let wide = of.image.1 > MAX_COLUMNS
            || *self.columns_wide.get(columns, || column_axis(plan, of).wide)
            || *self.rows_wide.get(rows, || row_axis(plan, of).wide);
        if wide {
            AnyPrepared::Wide(self.wide.get(plan, of, extent))
        } else {
            AnyPrepared::Level(self.level.get(plan, of, extent))
        }
    }
}

fn keys(of: &Geometry, extent: Extent) -> (Key, Key) {
    (
        (of.image.1, of.resized.1, of.vertical_first, extent),
        (of.image.0, of.resized.0, of.vertical_first, extent),
    )
}

impl<I: Isa> Level<I> {
    fn new(isa: I) -> Self {
        Self {
            isa,
            columns: Cache::new(),
            rows: Cache::new(),
        }
    }

    fn get(&self, plan: &FusedPlan, of: &Geometry, extent: Extent) -> Prepared<I> {
        let (columns, rows) = keys(of, extent);
        Prepared {
            columns: self.columns.get(columns, || self.columns(plan, of, extent)),
            rows: self.rows.get(rows, || self.rows(plan, of, extent)),
        }
    }

    fn columns(&self, plan: &FusedPlan, of: &Geometry, extent: Extent) -> Columns<I> {
        let axis = column_axis(plan, of);
        let span = axis.span();
        let source = extent.source(&span, of.image.1);
        let read = if of.vertical_first { &span } else { &source };
        Columns {
            tables: self.isa.columns(&axis, read.clone(), plan.channels, plan.layout),
            span,
            source,
        }
    }

    fn rows(&self, plan: &FusedPlan, of: &Geometry, extent: Extent) -> Rows<I> {
        let axis = row_axis(plan, of);
        let copy = Axis::identity(of.output.0);
        let grouped = if of.vertical_first { &copy } else { &axis };
        let first = grouped.span().start;
        let mut groups = Vec::with_capacity(grouped.len());
        let (mut slots, mut furthest) = (1, 0);
        for row in 0..grouped.len() {
            let (start, weights) = grouped.window(row);
            if weights.is_empty() {
                groups.push((furthest, 0));
                continue;
            }
            let group = (start - first) / I::GROUP;
            let end = (start - first + weights.len()).div_ceil(I::GROUP);
            furthest = furthest.max(end);
            slots = slots.max(furthest - group);
            groups.push((group, end - group));
        }
        Rows {
            tables: self.isa.rows(grouped, first),
            source: extent.source(&axis.span(), of.image.0),
            axis,
            first,
            groups,
            slots,
        }
    }
}

/// Bytes of one row that the horizontal pass reads when the vertical pass comes first.
pub(crate) fn span_bytes(span: &Range<usize>) -> usize {
    span.len() * CHANNELS
}
