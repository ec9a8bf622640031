//! Scaled JPEG decode: the decoder's own 1/2, 1/4 and 1/8 inverse transforms.

use std::fmt;
use std::sync::Arc;

/// The size that a caller needs for a source of a given size, both as (height, width).
type Needed = dyn Fn(usize, usize) -> (usize, usize) + Send + Sync;

/// Decides how far a JPEG may be decoded smaller than it is stored. Other formats ignore it.
///
/// The rule gets the upright height and width of the source in pixels and answers the height and
/// width that the next step makes of it. The decoder then takes the largest of the denominators
/// 8, 4, 2 and 1 whose result is at least that large on both axes, so nothing is ever enlarged that
/// was large enough. The pixels are those of Pillow's `Image.draft`, not of a full decode and a resize.
#[derive(Clone)]
pub struct ScaleRule(Arc<Needed>);

impl ScaleRule {
    /// A rule from a function of (height, width) to the needed (height, width).
    pub fn new(needed: impl Fn(usize, usize) -> (usize, usize) + Send + Sync + 'static) -> Self {
        Self(Arc::new(needed))
    }

    /// The denominator for an upright source: 1, 2, 4 or 8.
    pub(super) fn denominator(&self, height: usize, width: usize) -> u32 {
        let (need_height, need_width) = (self.0)(height, width);
        [8, 4, 2]
            .into_iter()
            .find(|&d| height.div_ceil(d) >= need_height.max(1) && width.div_ceil(d) >= need_width.max(1))
            .unwrap_or(1) as u32
    }
}

impl fmt::Debug for ScaleRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScaleRule")
    }
}
