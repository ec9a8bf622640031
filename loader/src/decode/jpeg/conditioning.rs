//! What a file says of its arithmetic coder.

/// Conditioning of the coder, one of 16 each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditioning {
    /// Bounds of small differences of averages, L and U of T.81.
    pub(super) low: [u8; 16],
    pub(super) high: [u8; 16],
    /// The last coefficient that counts as low, Kx.
    pub(super) last_low: [u8; 16],
}

impl Default for Conditioning {
    fn default() -> Self {
        Self {
            low: [0; 16],
            high: [1; 16],
            last_low: [5; 16],
        }
    }
}
