//! Which pixels are turned together, and the windows on them.

use std::ops::Range;

use super::layout::FOUR;
use crate::Axis;

/// The pixels that are turned together are so many times those of a window.
const WINDOWS: usize = 8;

/// The fewest pairs of them, where they are not the last, and the most if four columns need no more. AVX2 makes 9 KB of the fewest.
const PAIRS: [usize; 2] = [64, 512];

/// The most pixels that are turned together, so that they stay in the first level of the cache.
pub(crate) fn few_pixels(axis: &Axis) -> usize {
    let [least, most] = PAIRS;
    2 * (axis.max_taps() * WINDOWS / 2).clamp(least, most)
}

/// Columns whose windows lie in pixels that are turned together.
pub(crate) struct Run {
    /// A multiple of four of them.
    pub(crate) columns: Range<usize>,
    /// Source pixels, from the first one of a row on.
    pub(crate) pixels: Range<usize>,
}

/// The windows of columns: source pixels, from the first one of a row on, and weights.
#[derive(Clone, Copy)]
pub(crate) struct Windows<'a> {
    pub(crate) axis: &'a Axis,
    pub(crate) origin: usize,
}

impl<'a> Windows<'a> {
    /// That of `column`, or of the last one.
    pub(crate) fn of(self, column: usize) -> Option<(Range<usize>, &'a [i32])> {
        let (start, weights) = self.axis.window(column.min(self.axis.len() - 1));
        let start = start.checked_sub(self.origin)?;
        (!weights.is_empty()).then(|| (start..start + weights.len(), weights))
    }

    /// Columns by fours, as many as share `most` pixels, and these.
    pub(crate) fn runs(self, most: usize) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for four in (0..self.axis.len()).step_by(FOUR) {
            let columns = four..four + FOUR;
            let windows = columns.clone().filter_map(|column| self.of(column));
            let pixels = windows.fold(None, |all: Option<Range<usize>>, (next, _)| {
                let all = all.unwrap_or(next.clone());
                Some(all.start.min(next.start)..all.end.max(next.end))
            });
            match (runs.last_mut(), pixels) {
                (Some(last), None) => last.columns.end = columns.end,
                (Some(last), Some(pixels)) if last.pixels.is_empty() => {
                    last.columns.end = columns.end;
                    last.pixels = pixels;
                }
                (Some(last), Some(pixels)) if pixels.end - last.pixels.start <= most => {
                    last.columns.end = columns.end;
                    last.pixels.end = last.pixels.end.max(pixels.end);
                }
                (_, pixels) => runs.push(Run {
                    columns,
                    pixels: pixels.unwrap_or_default(),
                }),
            }
        }
        runs
    }
}
