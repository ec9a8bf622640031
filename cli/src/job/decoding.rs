//! Exact and fast decode, and what the fast one costs.

use std::path::Path;

use clap::ValueEnum;
use prep_onnx_loader::decode::ScaleRule;
use prep_onnx_loader::{DecodeOptions, Scratch, Source, decode};
use prep_onnx_pipeline::{FusedPlan, Result};
use serde::Serialize;

use crate::embedded::EmbeddedModel;
use crate::seen::Seen;

/// How images are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Decode {
    /// The pixels of Pillow
    Exact,
    /// JPEGs at 1/4 or 1/8 where the pipeline makes them smaller anyway; says what that costs
    Fast,
}

impl Decode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Fast => "fast",
        }
    }
}

/// Settings of the decoder for one pipeline.
pub(crate) struct Decoding {
    seen: Seen,
    exact: DecodeOptions,
    pub(crate) options: DecodeOptions,
    fast: bool,
}

/// How far the fast decode is off in what the model sees, in steps of the 8-bit pixel value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Cost {
    /// Images that were measured.
    images: usize,
    /// Those among them that are decoded smaller than they are stored.
    scaled: usize,
    max_lsb: u8,
    mean_lsb: f64,
}

impl Cost {
    pub(crate) fn in_words(&self) -> String {
        let Self {
            images,
            scaled,
            max_lsb,
            mean_lsb,
        } = self;
        format!(
            "up to {max_lsb} LSB off, {mean_lsb:.2} on average, in the first {images} images ({scaled} scaled)"
        )
    }
}

/// Images that the cost is measured on.
pub(crate) const MEASURED: usize = 8;

impl Decoding {
    /// The decoder's settings for a model.
    ///
    /// # Errors
    /// A pipeline that has no plan.
    pub(crate) fn new(how: Decode, embedded: &EmbeddedModel) -> Result<Self> {
        let seen = Seen::of(&embedded.pipeline)?;
        let exact = DecodeOptions::default().background(embedded.background());
        let mut options = exact.clone();
        let fast = how == Decode::Fast;
        // Of what only version 2 says, some follows from the size of the file's own image: decoded whole.
        if let (true, Ok(plan)) = (fast, seen.plan().to_v1()) {
            options = options.scale(rule(plan));
        }
        Ok(Self {
            seen,
            exact,
            options,
            fast,
        })
    }

    /// Measures what the fast decode costs in these images; `None` for the exact one, which costs nothing.
    /// Images that cannot be read, or that are no files, are left out.
    pub(crate) fn cost(&self, sources: &[Source]) -> Option<Cost> {
        if !self.fast {
            return None;
        }
        let (mut sum, mut values) = (0_u64, 0_u64);
        let mut cost = Cost {
            images: 0,
            scaled: 0,
            max_lsb: 0,
            mean_lsb: 0.0,
        };
        let differences = sources.iter().filter_map(|source| {
            let file = source.file()?;
            let size = std::fs::metadata(file).ok()?.len();
            (size <= self.options.limits.max_file_bytes).then(|| self.differences(file))?
        });
        for (scaled, differences) in differences {
            cost.images += 1;
            cost.scaled += usize::from(scaled);
            values += differences.len() as u64;
            for difference in differences {
                sum += u64::from(difference);
                cost.max_lsb = cost.max_lsb.max(difference);
            }
        }
        cost.mean_lsb = sum as f64 / values.max(1) as f64;
        Some(cost)
    }

    /// The difference of each value that the model sees.
    fn differences(&self, path: &Path) -> Option<(bool, Vec<u8>)> {
        let bytes = std::fs::read(path).ok()?;
        let see = |options: &DecodeOptions| {
            let image = decode(&bytes, options, &mut Scratch::default(), Vec::new()).ok()?;
            let size = (image.height, image.width);
            let pixels = ndarray::Array3::from_shape_vec((size.0, size.1, 3), image.data).ok()?;
            Some((size, self.seen.pixels(pixels.view()).ok()?))
        };
        let (exact_size, exact) = see(&self.exact)?;
        let (fast_size, fast) = see(&self.options)?;
        if exact.dim() != fast.dim() {
            return None;
        }
        let differences = exact.iter().zip(&fast).map(|(a, b)| a.abs_diff(*b));
        Some((exact_size != fast_size, differences.collect()))
    }
}

/// The least denominator that saves time: at 1/2 the decoder is slower than with all pixels.
const LEAST_DENOMINATOR: usize = 4;

/// As large as the resize makes the image.
fn rule(plan: FusedPlan) -> ScaleRule {
    ScaleRule::new(move |height, width| {
        let resized = plan.geometry(height, width).map(|geometry| geometry.resized);
        let pays = |needed: &(usize, usize)| {
            height.div_ceil(LEAST_DENOMINATOR) >= needed.0 && width.div_ceil(LEAST_DENOMINATOR) >= needed.1
        };
        resized.ok().filter(pays).unwrap_or((height, width))
    })
}
