//! Which bytes each half of a vector loads in the horizontal pass, and the weights beside them.
//!
//! A vector is [`Straight`] where each of its halves loads the bytes of pair after pair at a fixed distance, with the same indices:
//! few tables, which stay in registers over the rows. Near the end of a row, and in rows hardly longer than a window, such loads
//! would leave the row: these vectors are of [`Edge`].

use prep_onnx_pipeline::CHANNELS;

/// Bytes of the load of half a vector.
pub(super) const LOAD: usize = 16;

/// Halves of a vector.
pub(super) const HALVES: usize = 2;

/// Bytes from a tap pair to the next one.
pub(super) const PAIR_BYTES: usize = 2 * CHANNELS;

/// 32 table bytes, aligned for a vector load.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(super) struct HalfBlock(pub(super) [u8; 32]);

impl HalfBlock {
    pub(super) const ZERO: Self = Self([0; 32]);
    /// Indices that give zero bytes.
    pub(super) const NOTHING: Self = Self([0x80; 32]);

    /// Puts 16-bit element `side` of lane `lane` of a half.
    pub(super) fn put(&mut self, half: usize, lane: usize, side: usize, value: [u8; 2]) {
        let at = half * LOAD + lane * 4 + side * 2;
        self.0[at..at + 2].copy_from_slice(&value);
    }

    /// Puts the index of the byte of such an element.
    pub(super) fn point(&mut self, half: usize, lane: usize, side: usize, index: u8) {
        self.put(half, lane, side, [index, 0x80]);
    }
}

/// For one vector and two taps of every lane: byte indices, upper and lower part of the weights.
pub(super) type PairTable = [HalfBlock; 3];

/// Tables of vectors of neighbouring columns.
pub(super) struct ByColumn {
    /// The first vectors.
    pub(super) straight: Straight,
    /// Those behind them.
    pub(super) edge: Edge,
    pub(super) clamp: bool,
    /// How many lanes are written.
    pub(super) lanes: usize,
}

/// Where the halves of a vector store and load.
#[derive(Clone, Copy)]
pub(super) struct Head {
    /// The first lane of each half.
    pub(super) starts: [u32; HALVES],
    /// The first byte of the first pair.
    pub(super) bases: [u32; HALVES],
    /// That of the light pair.
    pub(super) light: [u32; HALVES],
}

/// Vectors whose pairs lie at a fixed distance.
pub(super) struct Straight {
    /// How many tap pairs one load serves, 1 or 2.
    pub(super) per_load: usize,
    /// Tap pairs, without the light one.
    pub(super) pairs: usize,
    /// Whether there is one more pair, of one tap whose weight has no upper part.
    pub(super) light: bool,
    pub(super) heads: Vec<Head>,
    /// [`Self::blocks`] for each vector: the indices of the pairs of a load; of each pair the upper and the lower parts; of the
    /// light pair the indices and the lower parts.
    pub(super) tables: Vec<HalfBlock>,
}

impl Straight {
    pub(super) const fn blocks(per_load: usize, pairs: usize, light: bool) -> usize {
        per_load + 2 * pairs + 2 * light as usize
    }
}

/// Vectors each pair of which has its own place and indices.
pub(super) struct Edge {
    /// Tap pairs, with the light one.
    pub(super) pairs: usize,
    pub(super) starts: Vec<[u32; HALVES]>,
    /// For each vector and pair, the first byte of each half.
    pub(super) bases: Vec<[u32; HALVES]>,
    /// For each vector and pair.
    pub(super) tables: Vec<PairTable>,
}

/// Lanes of half a vector, at most.
pub(super) const HALF_LANES: usize = 4;
