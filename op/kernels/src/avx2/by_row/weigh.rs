//! Sums of the windows of a tile, packed.

use prep_onnx_pipeline::Layout;

use super::bounded::Bounded;
use super::numbers::{ANY, with_numbers};
use super::tiles::{Tile, Tiles};
use super::windows::{TileWindows, Whole};
use crate::Lanes;
use crate::avx2::group::Group;
use crate::avx2::turned::{Packed, fours};
use crate::turned::bounds::Bounds;

macro_rules! dispatch {
    ([$($whole:literal)*] [$($bounded:literal)*]) => {
        /// The columns of a tile, as lanes of each group: `out` is their layout and how many all tiles have.
        ///
        /// # Safety
        /// The processor has AVX2, the turned pixels of each window lie in `turned`, and the lanes of each group are three planes of
        /// the columns.
        #[target_feature(enable = "avx2")]
        pub(super) unsafe fn weigh(
            tiles: &Tiles,
            tile: &Tile,
            out: (Layout, usize),
            groups: &[Group<'_>],
            turned: &[Lanes],
        ) {
            let packed = Packed::new(out, groups);
            // SAFETY: promised by the caller.
            unsafe {
                match (&tile.bounds, tile.pairs) {
                    $((None, $whole) => whole::<$whole>(tiles, tile, turned, packed),)*
                    (None, _) => whole::<ANY>(tiles, tile, turned, packed),
                    $((Some(bounds), $bounded) => bounded::<$bounded>(tiles, tile, bounds, turned, packed),)*
                    (Some(bounds), _) => bounded::<ANY>(tiles, tile, bounds, turned, packed),
                }
            }
        }
    };
}
with_numbers!(dispatch);

/// # Safety
/// As for [`weigh`].
#[inline(never)]
#[target_feature(enable = "avx2")]
unsafe fn whole<const PAIRS: usize>(tiles: &Tiles, tile: &Tile, turned: &[Lanes], packed: Packed<'_>) {
    let windows = Whole::<PAIRS>(TileWindows::new(tiles, tile, turned));
    // SAFETY: there are weights for each pair of every window; the rest is promised by the caller.
    unsafe { fours(windows, tile.columns.start, &tile.firsts, packed) }
}

/// # Safety
/// As for [`weigh`]; `bounds` are those of the tile.
#[inline(never)]
#[target_feature(enable = "avx2")]
unsafe fn bounded<const PAIRS: usize>(
    tiles: &Tiles,
    tile: &Tile,
    bounds: &[Bounds],
    turned: &[Lanes],
    packed: Packed<'_>,
) {
    let windows = TileWindows::new(tiles, tile, turned);
    // SAFETY: there are weights for each pair of every window, and bounds; the rest is promised by the caller.
    unsafe { Bounded::<PAIRS>::new(windows, tile, bounds, tiles.shift).pack(packed) }
}
