//! Which of two ways to load takes less on this processor, measured once.
//!
//! Loads of [`Loads::PerQuad`] cross lines of the cache more often, which AMD's processors wait for; [`Loads::Wide`] permutes two vectors,
//! of which Intel's make three operations, two of them for the one port that permutes.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use prep_onnx_pipeline::{CHANNELS, Filter, Layout, Windows};

use super::Avx512;
use super::even::ROWS;
use super::horizontal::{AT_ONCE, resize, scratch};
use super::loads::{Loads, MAX_QUADS};
use super::tables::Columns;
use crate::{Axis, Lanes, plane_blocks};

/// How often each way is timed; the least time counts.
const ROUNDS: usize = 7;

/// How often rows are resized in a round, for the resolution of the clock.
const REPEATS: usize = 2;

/// Output columns.
const COLUMNS: usize = 224;

/// Whether [`Loads::PerQuad`] takes clearly less than [`Loads::Wide`] of windows of so many quads. The first call for each number of
/// quads takes 0.12 to 0.22 ms (Zen 5).
pub(super) fn per_quad_pays(isa: Avx512, quads: usize) -> bool {
    static PAYS: [OnceLock<bool>; MAX_QUADS + 1] = [const { OnceLock::new() }; MAX_QUADS + 1];
    let pays = PAYS.get(quads).filter(|_| Loads::PerQuad.suits(quads));
    pays.is_some_and(|pays| {
        *pays.get_or_init(|| {
            let [per_quad, wide] = times(isa, quads);
            per_quad + wide / 32 < wide
        })
    })
}

/// An axis of such windows, of which either way has the bytes.
fn axis(quads: usize) -> Axis {
    let (filter, input) = match quads {
        ..=2 => (Filter::Bilinear, 720),
        3 => (Filter::Bilinear, 945),
        _ => (Filter::Bicubic, 746),
    };
    Axis::new(Some((Windows::Pillow, filter)), input, COLUMNS, 0, COLUMNS)
}

/// The least times of both ways.
pub(super) fn times(isa: Avx512, quads: usize) -> [Duration; 2] {
    let axis = axis(quads);
    let mut ways = [None, None];
    for columns in Columns::each_way(&axis, axis.span(), [0, 1, 2], Layout::Nchw, true) {
        match columns.loads {
            Loads::PerQuad if ways[0].is_none() => ways[0] = Some(columns),
            Loads::Wide if ways[1].is_none() => ways[1] = Some(columns),
            Loads::Pair | Loads::Shared | Loads::PerQuad | Loads::Wide => {}
        }
        if ways.iter().all(Option::is_some) {
            break;
        }
    }
    let mut least = [Duration::MAX; 2];
    for round in 0..2 * ROUNDS {
        if let Some(columns) = &ways[round % 2] {
            least[round % 2] = time(isa, columns).min(least[round % 2]);
        }
    }
    least
}

/// What it takes to resize rows of ones.
fn time(isa: Avx512, columns: &Columns) -> Duration {
    let bytes = vec![1; ROWS * AT_ONCE * columns.row_bytes];
    let rows: Vec<&[u8]> = bytes.chunks_exact(columns.row_bytes).collect();
    let mut lanes = vec![Lanes::ZERO; AT_ONCE * CHANNELS * plane_blocks(COLUMNS)];
    let mut groups: Vec<_> = lanes.chunks_exact_mut(CHANNELS * plane_blocks(COLUMNS)).collect();
    let mut room = vec![Lanes::ZERO; scratch(columns)];
    let start = Instant::now();
    for _ in 0..REPEATS {
        let Avx512(..) = isa;
        // SAFETY: `isa` proves the features.
        unsafe { resize(columns, &rows, &[], &mut room, &mut groups) }
    }
    start.elapsed()
}

#[cfg(test)]
mod tests {
    use super::super::tests::required;
    use super::{Duration, MAX_QUADS, times};

    #[test]
    fn both_ways_are_timed() {
        let Some(isa) = required() else { return };
        for quads in 2..=MAX_QUADS {
            let [per_quad, wide] = times(isa, quads);
            eprintln!("{quads} quads: a load for each {per_quad:?}, two loads {wide:?}");
            assert!(per_quad < Duration::MAX && wide < Duration::MAX, "{quads} quads");
        }
    }
}
