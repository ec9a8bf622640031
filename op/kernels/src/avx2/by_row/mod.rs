//! The horizontal pass where windows have many taps: a lane is a row.
//!
//! Pixels are [turned](super::turned) to pairs, vectors of two neighbouring pixels of one channel, which [`windows`] take
//! ([`weigh`], [`sums`]), some with code of their own ([`numbers`]). A weight has two parts, and where the upper ones alone mostly
//! say what a sum is rounded to, they are added alone ([`bounded`]). A row is done in [`tiles`], whose turned pixels stay in the
//! first level of the cache.

mod bounded;
mod numbers;
mod sums;
mod tiles;
mod weigh;
mod windows;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::group::Group;
use super::turned::{Pairs, TURNED, turn};
pub(super) use tiles::Tiles;

use crate::turned::layout::{PAIRS, QUAD};
use crate::{Lanes, lanes_of};

/// Resizes two groups or one. `out` is the layout of their lanes, and how many columns these have.
///
/// # Safety
/// The processor has AVX2. The rows of each group have the `row_bytes` of the tiles, and its lanes are three planes of the columns.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn resize(tiles: &Tiles, out: (Layout, usize), groups: &[Group<'_>], turned: &mut [Lanes]) {
    let (Some(first), Some(last)) = (groups.first(), groups.last()) else {
        return;
    };
    assert!(turned.len() >= tiles.scratch(), "room for the pixels of a tile");
    for tile in &tiles.tiles {
        // SAFETY: promised by the caller.
        unsafe {
            let (vectors, _) = lanes_of(turned).as_chunks_mut::<TURNED>();
            let quads = &mut vectors.as_chunks_mut::<{ PAIRS * CHANNELS }>().0[..tile.quads];
            turn::<QUAD, Pairs>(&tiles.source, tile.first_byte, [first, last], quads);
            weigh::weigh(tiles, tile, out, groups, turned);
        }
    }
}
