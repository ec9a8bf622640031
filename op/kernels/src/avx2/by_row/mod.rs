//! The horizontal pass where windows have many taps: a lane is a row.
//!
//! The pixels of eight rows are turned once, so that a vector holds two neighbouring pixels of one channel in all of them
//! ([`turn`]); every window that reads them then takes them as they are, and its weights are the same for all lanes ([`weigh`],
//! [`sums`]). How both lie is [`layout`]'s. A row is done in [`tiles`], whose turned pixels stay in the first level of the cache.

mod layout;
mod sums;
mod tiles;
mod turn;
mod weigh;

use prep_onnx_pipeline::Layout;

use super::group::Group;
pub(super) use tiles::Tiles;

use crate::Lanes;

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
            turn::turn(tiles, tile, [first, last], turned);
            weigh::weigh(tiles, tile, out, groups, turned);
        }
    }
}
