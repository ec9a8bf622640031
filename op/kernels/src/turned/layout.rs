//! How turned pixels lie.

/// Pixels of a quad, which one load of a row holds.
pub(crate) const QUAD: usize = 4;

/// The order of a quad's bytes: those of each pair are 16-bit elements once the others are cleared or shifted out.
pub(crate) const ORDER: [usize; QUAD] = [0, 2, 1, 3];

/// Pairs of a quad.
pub(crate) const PAIRS: usize = QUAD / 2;

/// Columns that are packed together.
pub(crate) const FOUR: usize = 4;
