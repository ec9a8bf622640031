//! The ways to load what vectors of the horizontal pass are made of, and which of them pay.

use crate::x86::Block;

/// Bytes of a vector load.
pub(super) const LOAD: usize = Block::BYTES;

/// How a vector gets at the bytes of its lanes' windows. Four taps are a quad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loads {
    /// One load of 64 bytes serves two neighbouring vectors of one quad.
    Pair,
    /// One load of 64 bytes serves all quads.
    Shared,
    /// One load of 64 bytes for each quad.
    PerQuad,
    /// Two neighbouring loads of 64 bytes serve all quads.
    Wide,
}

impl Loads {
    /// Vectors that are loaded together.
    pub(super) fn vectors(self) -> usize {
        match self {
            Self::Pair => 2,
            Self::Shared | Self::PerQuad | Self::Wide => 1,
        }
    }

    /// Whether a vector of so many quads may be loaded so. One load has windows of [`MAX_QUADS`] only of images of at most 21 columns.
    pub(super) const fn suits(self, quads: usize) -> bool {
        match self {
            Self::Pair => quads == 1,
            Self::Shared => quads < MAX_QUADS,
            Self::PerQuad | Self::Wide => quads > 1,
        }
    }

    /// Into how many parts, each with a base of its own, the quads are loaded.
    pub(super) fn parts(self, quads: usize) -> usize {
        match self {
            Self::PerQuad => quads,
            Self::Pair | Self::Shared | Self::Wide => 1,
        }
    }

    /// Bytes that are loaded from a base on.
    pub(super) fn reach(self) -> usize {
        match self {
            Self::Pair | Self::Shared | Self::PerQuad => LOAD,
            Self::Wide => 2 * LOAD,
        }
    }
}

/// Most quads: their tables are held in registers.
pub(super) const MAX_QUADS: usize = 4;

/// How many of [`WAYS`], the first ones, pay for that many quads.
const WAYS_OF_MOST: usize = 7;

/// The ways to load, and how many lanes of a vector are used, the best first; lanes that a way has too few bytes for make the next one
/// tried.
const WAYS: [(Loads, usize); 14] = [
    (Loads::Pair, 16),
    (Loads::Shared, 16),
    (Loads::Shared, 15),
    (Loads::PerQuad, 16),
    (Loads::PerQuad, 15),
    (Loads::Wide, 16),
    (Loads::Wide, 15),
    (Loads::Wide, 12),
    (Loads::Wide, 9),
    (Loads::Shared, 12),
    (Loads::Shared, 9),
    (Loads::Wide, 6),
    (Loads::Shared, 6),
    (Loads::Shared, 3),
];

/// Those for so many quads; none where gathering the bytes of each lane does not pay.
pub(super) fn ways(quads: usize, per_quad: bool) -> impl Iterator<Item = (Loads, usize)> {
    let most = match quads {
        ..MAX_QUADS => WAYS.len(),
        MAX_QUADS => WAYS_OF_MOST,
        _ => 0,
    };
    let ways = WAYS[..most].iter().copied();
    ways.filter(move |(loads, _)| loads.suits(quads) && (per_quad || *loads != Loads::PerQuad))
}
