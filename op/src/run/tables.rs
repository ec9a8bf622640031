//! The prepared axes of an image size.

use std::ops::Range;
use std::sync::Arc;

use prep_onnx_pipeline::{CHANNELS, FusedPlan, Geometry, Result};

use super::cache::{Cache, Extent, Key};
use super::memory::room;
use crate::kernel::Axis;
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
    pub(crate) axis: Arc<Axis>,
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

/// The most columns of an image or an output whose offsets in a row fit the tables of every level.
const MAX_COLUMNS: usize = (u32::MAX as usize - SPARE) / CHANNELS;

/// Offsets that tables hold beyond a row, at most: one vector or load.
const SPARE: usize = 64;

/// Whether the offsets of an image fit the tables of every level.
fn offsets_fit(of: &Geometry) -> bool {
    of.image.1 <= MAX_COLUMNS && of.output.1 <= MAX_COLUMNS
}

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
    /// The weights that tables of all levels and extents are made of, each made once.
    column_axes: Cache<Axis>,
    row_axes: Cache<Axis>,
}

fn axis_of(plan: &FusedPlan, input: usize, resized: usize, offset: i64, output: usize) -> Result<Axis> {
    let resize = plan.resize.map(|resize| (resize.resampler, resize.filter));
    room(Axis::bytes(resize, input, resized, output))?;
    Ok(Axis::new(resize, input, resized, offset, output))
}

fn column_axis(plan: &FusedPlan, of: &Geometry) -> Result<Axis> {
    axis_of(plan, of.image.1, of.resized.1, of.offset.1, of.output.1)
}

fn row_axis(plan: &FusedPlan, of: &Geometry) -> Result<Axis> {
    axis_of(plan, of.image.0, of.resized.0, of.offset.0, of.output.0)
}

impl<I: Isa> Tables<I> {
    pub(crate) fn new(isa: I) -> Self {
        Self {
            level: Level::new(isa),
            wide: Level::new(Scalar),
            column_axes: Cache::new(),
            row_axes: Cache::new(),
        }
    }

    /// # Errors
    /// When there is not enough memory for them.
    pub(crate) fn get(&self, plan: &FusedPlan, of: &Geometry, extent: Extent) -> Result<AnyPrepared<I>> {
        let (columns, rows) = keys(of, Extent::Whole);
        let axes = Axes {
            columns: self.column_axes.get(columns, || column_axis(plan, of))?,
            rows: self.row_axes.get(rows, || row_axis(plan, of))?,
        };
        if !offsets_fit(of) || axes.columns.wide || axes.rows.wide {
            Ok(AnyPrepared::Wide(self.wide.get(plan, of, &axes, extent)?))
        } else {
            Ok(AnyPrepared::Level(self.level.get(plan, of, &axes, extent)?))
        }
    }
}

/// The weights of one image.
struct Axes {
    columns: Arc<Axis>,
    rows: Arc<Axis>,
}

fn keys(of: &Geometry, extent: Extent) -> (Key, Key) {
    let key = |axis: fn((usize, usize)) -> usize, offset: i64| Key {
        input: axis(of.image),
        resized: axis(of.resized),
        offset,
        output: axis(of.output),
        vertical_first: of.vertical_first,
        extent,
    };
    (key(|size| size.1, of.offset.1), key(|size| size.0, of.offset.0))
}

impl<I: Isa> Level<I> {
    fn new(isa: I) -> Self {
        Self {
            isa,
            columns: Cache::new(),
            rows: Cache::new(),
        }
    }

    fn get(&self, plan: &FusedPlan, of: &Geometry, axes: &Axes, extent: Extent) -> Result<Prepared<I>> {
        let (columns, rows) = keys(of, extent);
        Ok(Prepared {
            columns: self
                .columns
                .get(columns, || self.columns(plan, of, &axes.columns, extent))?,
            rows: self.rows.get(rows, || self.rows(of, &axes.rows, extent))?,
        })
    }

    fn columns(&self, plan: &FusedPlan, of: &Geometry, axis: &Axis, extent: Extent) -> Result<Columns<I>> {
        room(table_bytes(axis))?;
        let span = axis.span();
        let source = extent.source(&span, of.image.1);
        let read = if of.vertical_first { &span } else { &source };
        Ok(Columns {
            tables: self.isa.columns(axis, read.clone(), plan.channels, plan.layout),
            span,
            source,
        })
    }

    fn rows(&self, of: &Geometry, axis: &Arc<Axis>, extent: Extent) -> Result<Rows<I>> {
        room(table_bytes(axis))?;
        let copy = Axis::identity(of.output.0);
        let grouped = if of.vertical_first { &copy } else { axis.as_ref() };
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
        Ok(Rows {
            tables: self.isa.rows(grouped, first),
            source: extent.source(&axis.span(), of.image.0),
            axis: Arc::clone(axis),
            first,
            groups,
            slots,
        })
    }
}

/// The most bytes that the tables of an axis take at any level: of each of the three lanes of a position, some, and
/// some for each of its taps and those that fill up its last load.
fn table_bytes(axis: &Axis) -> usize {
    const LANE_BYTES: usize = 64;
    const TAP_BYTES: usize = 32;
    const FILLED_UP: usize = 8;
    let lane = (axis.max_taps() + FILLED_UP) * TAP_BYTES + LANE_BYTES;
    (axis.len() * CHANNELS).saturating_mul(lane)
}

/// Bytes of one row that the horizontal pass reads when the vertical pass comes first.
pub(crate) fn span_bytes(span: &Range<usize>) -> usize {
    span.len() * CHANNELS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_levels_hold_offsets_of_32_bits() {
        let geometry = |image: usize, output: usize| Geometry {
            image: (1, image),
            resized: (1, output),
            offset: (0, 0),
            output: (1, output),
            vertical_first: false,
        };
        assert!(MAX_COLUMNS * CHANNELS + SPARE <= u32::MAX as usize);
        assert!(offsets_fit(&geometry(1, MAX_COLUMNS)));
        assert!(offsets_fit(&geometry(MAX_COLUMNS, 1)));
        assert!(!offsets_fit(&geometry(1, MAX_COLUMNS + 1)));
        assert!(!offsets_fit(&geometry(MAX_COLUMNS + 1, 1)));
    }
}
