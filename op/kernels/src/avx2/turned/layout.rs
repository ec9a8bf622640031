//! How turned pixels lie.

use prep_onnx_pipeline::CHANNELS;

/// Rows that are turned at a time: two groups.
pub(crate) const ROWS: usize = 8;

/// A row in each lane.
pub(crate) type Vector = [i32; ROWS];

/// Pixels of a quad, which one load of a row holds.
pub(crate) const QUAD: usize = 4;

/// The order of a quad's bytes: those of each pair are 16-bit elements once the others are cleared or shifted out.
pub(crate) const ORDER: [usize; QUAD] = [0, 2, 1, 3];

/// The bytes of a quad.
pub(crate) type Bytes = [Vector; CHANNELS];

/// Pairs of a quad.
pub(in crate::avx2) const PAIRS: usize = QUAD / 2;

/// The pairs of a quad.
pub(in crate::avx2) type Pairs = [Vector; PAIRS * CHANNELS];

/// Columns that are packed together.
pub(crate) const FOUR: usize = 4;
