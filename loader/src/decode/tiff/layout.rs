//! Where the pixels of a TIFF lie: strips or tiles, in one plane or one for each sample.

use super::super::ifd::Ifd;
use super::tags;
use crate::ImageError;

/// Strips are tiles as wide as the image.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) height: usize,
    pub(super) width: usize,
    /// Rows and columns of one segment.
    pub(super) segment: (usize, usize),
    /// Whether each sample has a plane of its own.
    pub(super) planar: bool,
    offsets: Vec<u64>,
    /// `None` where the file does not say, and the data go on to its end.
    counts: Option<Vec<u64>>,
}

/// A part of the image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) top: usize,
    pub(super) left: usize,
    /// Rows and columns inside the image.
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Of the offset.
    index: usize,
}

impl Layout {
    pub(super) fn new(
        ifd: &Ifd<'_>,
        (height, width): (usize, usize),
        planes: usize,
        raw: bool,
    ) -> Result<Self, ImageError> {
        let size = |tag| ifd.unsigned(tag).and_then(|mut values| values.next());
        // Pillow reads raw data as strips wherever it finds some; libtiff looks at the tile size.
        let strips = if raw {
            ifd.contains(tags::STRIP_OFFSETS)
        } else {
            !ifd.contains(tags::TILE_WIDTH)
        };
        let (rows, columns, offsets, counts) = if strips {
            let rows = size(tags::ROWS_PER_STRIP).unwrap_or(u64::from(u32::MAX));
            let rows = usize::try_from(rows).unwrap_or(usize::MAX).min(height);
            (rows, width, tags::STRIP_OFFSETS, tags::STRIP_BYTE_COUNTS)
        } else {
            let side = |tag| size(tag).and_then(|side| usize::try_from(side).ok()).unwrap_or(0);
            let tile = (side(tags::TILE_LENGTH), side(tags::TILE_WIDTH));
            (tile.0, tile.1, tags::TILE_OFFSETS, tags::TILE_BYTE_COUNTS)
        };
        if rows == 0 || columns == 0 {
            return Err(ImageError::corrupt(format_args!(
                "TIFF: strips or tiles of {rows} rows and {columns} columns"
            )));
        }
        // To libtiff the tags of strips and tiles are the same.
        let either = |own, other| if raw || ifd.contains(own) { own } else { other };
        let (offsets, counts) = if strips {
            (
                either(offsets, tags::TILE_OFFSETS),
                either(counts, tags::TILE_BYTE_COUNTS),
            )
        } else {
            (
                either(offsets, tags::STRIP_OFFSETS),
                either(counts, tags::STRIP_BYTE_COUNTS),
            )
        };
        let offsets: Vec<u64> = ifd
            .unsigned(offsets)
            .ok_or_else(|| ImageError::corrupt("TIFF: the offsets of the pixels are missing"))?
            .collect();
        let counts: Option<Vec<u64>> = ifd.unsigned(counts).map(Iterator::collect);
        let mut layout = Self {
            height,
            width,
            segment: (rows, columns),
            planar: planes > 1,
            offsets,
            counts,
        };
        let needed = layout.per_plane().saturating_mul(planes);
        if layout.offsets.len() < needed {
            return Err(ImageError::corrupt("TIFF: too few strips or tiles")
                .map(|e| e.expected_got(needed, layout.offsets.len())));
        }
        if raw && needed == 1 {
            // Each further one would cover the image too, and Pillow takes the last.
            layout.offsets.drain(..layout.offsets.len() - 1);
        }
        let lone_zero = |counts: &Vec<u64>| needed == 1 && counts.first() == Some(&0);
        if raw
            || layout.counts.as_ref().is_some_and(lone_zero)
            || (layout.counts.is_none() && needed == planes)
        {
            layout.counts = None;
        } else if layout.counts.as_ref().is_none_or(|counts| counts.len() < needed) {
            return Err(ImageError::corrupt(
                "TIFF: the lengths of strips or tiles are missing",
            ));
        }
        Ok(layout)
    }

    fn per_plane(&self) -> usize {
        let (rows, columns) = self.segment;
        self.height
            .div_ceil(rows)
            .saturating_mul(self.width.div_ceil(columns))
    }

    /// The segments of a plane.
    pub(super) fn segments(&self, plane: usize) -> impl Iterator<Item = Segment> + '_ {
        let (rows, columns) = self.segment;
        let tops = (0..self.height).step_by(rows);
        let places = tops.flat_map(move |top| (0..self.width).step_by(columns).map(move |left| (top, left)));
        let first = plane * self.per_plane();
        places.enumerate().map(move |(i, (top, left))| Segment {
            top,
            left,
            rows: rows.min(self.height - top),
            columns: columns.min(self.width - left),
            index: first + i,
        })
    }

    /// The encoded bytes of a segment.
    pub(super) fn data<'a>(&self, file: &'a [u8], segment: Segment) -> Result<&'a [u8], ImageError> {
        let start = usize::try_from(self.offsets[segment.index]).ok();
        let rest = start.and_then(|start| file.get(start..));
        let data = match &self.counts {
            None => rest,
            Some(counts) => {
                let count = usize::try_from(counts[segment.index]).unwrap_or(usize::MAX);
                rest.and_then(|rest| rest.get(..count))
            }
        };
        data.ok_or_else(|| ImageError::truncated("the TIFF data end early"))
    }
}
