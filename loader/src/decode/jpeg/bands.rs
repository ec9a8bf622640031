//! A JPEG with restart markers in bands of rows, on several threads.
//!
//! Nothing in a restart interval depends on another one, so rows of MCUs that begin with an interval are decoded alone.
//! Chroma of half the height is upsampled from the row above and the row below too: a band then also decodes these.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::super::{Scratch, Window, Workers};
use super::stream::{Rows, Stream};

/// Bands for each thread, so that threads of uneven speed finish together.
const PER_WORKER: usize = 2;

/// Most rows of MCUs in a group for more than one band a thread: each band decodes the group above it once more.
const FEW_ROWS: usize = 2;

/// Fewest groups in a band, where each also decodes the group above it and a row of MCUs below.
const LEAST_GROUPS: usize = 4;

/// Rows of MCUs that always begin with an interval.
struct Groups {
    /// The fewest rows of which that is true.
    rows: usize,
    /// The first byte of each group, and the end of the last.
    starts: Vec<usize>,
}

struct Band<'o> {
    groups: Range<usize>,
    rows: Range<usize>,
    out: &'o mut [u8],
}

/// Writes the pixels of `window` to `out`, or gives false where there is nothing to share, or not all of it could be
/// read: one thread alone then gives the pixels or finds the fault.
pub(super) fn read(stream: &Stream<'_>, window: &Window, out: &mut [u8], workers: &dyn Workers) -> bool {
    let count = workers.count();
    let Some(groups) = Groups::of(stream).filter(|_| count > 1) else {
        return false;
    };
    let margin = stream.mcu_rows().1;
    let wanted = match groups.rows * margin <= FEW_ROWS {
        true => count * PER_WORKER,
        false => count,
    };
    let ends = groups.ends(wanted, margin);
    if ends.len() < 2 {
        return false;
    }
    let (mut rest, mut from) = (out, 0);
    let mut bands = Vec::with_capacity(ends.len());
    for end in ends {
        let rows = within(&groups.pixels(from..end, stream), &window.rows);
        let (own, others) = rest.split_at_mut(rows.len() * window.columns.len() * 3);
        rest = others;
        bands.push(Mutex::new(Some(Band {
            groups: from..end,
            rows,
            out: own,
        })));
        from = end;
    }
    let (next, read) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = AtomicBool::new(false);
    // Relaxed: `workers` orders what its jobs write before its return.
    let work = |_: usize| {
        let mut scratch = Scratch::default();
        while !failed.load(Ordering::Relaxed)
            && let Some(band) = bands.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let band = band.lock().unwrap_or_else(PoisonError::into_inner).take();
            let good = band.is_some_and(|band| {
                let read = || groups.read(stream, band, window, &mut scratch);
                catch_unwind(AssertUnwindSafe(read)).unwrap_or(false)
            });
            if good {
                read.fetch_add(1, Ordering::Relaxed);
            } else {
                failed.store(true, Ordering::Relaxed);
            }
        }
    };
    workers.run(count.min(bands.len()), &work);
    read.into_inner() == bands.len()
}

impl Groups {
    /// `None` where there are not as many intervals as the size of the image asks for.
    fn of(stream: &Stream<'_>) -> Option<Self> {
        let (starts, end, interval) = stream.intervals();
        let (rows, columns) = stream.mcus();
        if starts.len() < 2 || starts.len() != (rows * columns).div_ceil(interval) {
            return None;
        }
        let common = greatest_common_divisor(interval, columns);
        let starts = starts.iter().copied().step_by(columns / common);
        Some(Self {
            rows: interval / common,
            starts: starts.chain([end]).collect(),
        })
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    fn read(&self, stream: &Stream<'_>, band: Band<'_>, window: &Window, scratch: &mut Scratch) -> bool {
        let margin = stream.mcu_rows().1;
        let first = band.groups.start.saturating_sub(margin);
        let last = (band.groups.end * self.rows + margin).min(stream.mcus().0);
        let rows = Rows {
            mcus: first * self.rows..last,
            data: self.starts[first]..self.starts[self.count()],
        };
        let part = Window {
            rows: band.rows,
            columns: window.columns.clone(),
        };
        stream.read_rows(rows, &part, band.out, scratch)
    }

    /// The rows of pixels of some groups.
    fn pixels(&self, groups: Range<usize>, stream: &Stream<'_>) -> Range<usize> {
        let row = |group: usize| (group * self.rows * stream.mcu_rows().0).min(stream.height());
        row(groups.start)..row(groups.end)
    }

    /// Where each of about `count` bands of equal work ends. Half of the work follows from the bytes of a group, half from its
    /// pixels.
    fn ends(&self, count: usize, margin: usize) -> Vec<usize> {
        let groups = self.count();
        let count = count.min(groups / (1 + (LEAST_GROUPS - 1) * margin));
        let bytes = self.starts[groups] - self.starts[0];
        let work = |group: usize| {
            (self.starts[group] - self.starts[0]) as u128 * groups as u128 + (group * bytes) as u128
        };
        let all = work(groups);
        let mut group = 0;
        let mut ends = Vec::new();
        for band in 1..=count {
            while group < groups && work(group) * (count as u128) < all * band as u128 {
                group += 1;
            }
            ends.push(group);
        }
        ends.dedup();
        ends
    }
}

/// What of `rows` is in `window`: an empty range inside `rows` if nothing is.
fn within(rows: &Range<usize>, window: &Range<usize>) -> Range<usize> {
    let start = window.start.clamp(rows.start, rows.end);
    start..window.end.clamp(start, rows.end)
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}
