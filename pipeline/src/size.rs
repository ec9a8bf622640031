//! Output-size rules of a resize.

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// The largest height or width that an image or a target may have.
pub const MAX_EDGE: usize = 65_535;

/// How the size of a resized image follows from the size of the image. All sizes are in pixels.
///
/// In a pipeline: `size = { exact = [224, 224] }`, `{ shortest_edge = 256 }`,
/// `{ shortest_edge = 800, max_edge = 1333 }`, `{ longest_edge = 1024 }`, `{ cover = [160, 224] }` or
/// `{ target = [224, 224], crop_pct = 0.875 }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SizeKeys", into = "SizeKeys")]
pub enum SizeRule {
    /// This height and width, whatever the image: `Resize((height, width))`.
    Exact {
        /// Height.
        height: usize,
        /// Width.
        width: usize,
    },
    /// The shorter edge becomes `size`, the longer one `size * long / short` rounded down: `Resize(size)`.
    ShortestEdge {
        /// Target of the shorter edge.
        size: usize,
        /// If the longer edge would exceed this, it becomes this and the shorter edge follows,
        /// rounded down: `Resize(size, max_size=max)`.
        max: Option<usize>,
    },
    /// The longer edge becomes `size`, the shorter one is rounded half up: Hugging Face's SAM.
    LongestEdge {
        /// Target of the longer edge.
        size: usize,
    },
    /// The smallest size of the same aspect ratio that covers height x width, rounded half to even:
    /// timm's `ResizeKeepRatio`.
    Cover {
        /// Height to cover.
        height: usize,
        /// Width to cover.
        width: usize,
    },
    /// timm's `crop_pct` of a later centre crop to height x width: the target divided by the
    /// fraction, rounded down, then [`SizeRule::ShortestEdge`] for a square and [`SizeRule::Cover`] otherwise.
    CropPct {
        /// Height of the later crop.
        height: usize,
        /// Width of the later crop.
        width: usize,
        /// The fraction of the resized image that the crop keeps, above 0, at most 1.
        fraction: f64,
    },
}

/// A rule without [`SizeRule::CropPct`]: what the plan and every backend know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolvedSize {
    /// See [`SizeRule::Exact`].
    Exact(usize, usize),
    /// See [`SizeRule::ShortestEdge`].
    ShortestEdge(usize, Option<usize>),
    /// See [`SizeRule::LongestEdge`].
    LongestEdge(usize),
    /// See [`SizeRule::Cover`].
    Cover(usize, usize),
}

impl SizeRule {
    /// The rule with `crop_pct` worked out.
    pub fn resolve(self) -> ResolvedSize {
        match self {
            Self::Exact { height, width } => ResolvedSize::Exact(height, width),
            Self::ShortestEdge { size, max } => ResolvedSize::ShortestEdge(size, max),
            Self::LongestEdge { size } => ResolvedSize::LongestEdge(size),
            Self::Cover { height, width } => ResolvedSize::Cover(height, width),
            Self::CropPct {
                height,
                width,
                fraction,
            } => {
                let [height, width] = [height, width].map(|edge| (edge as f64 / fraction) as usize);
                if height == width {
                    ResolvedSize::ShortestEdge(height, None)
                } else {
                    ResolvedSize::Cover(height, width)
                }
            }
        }
    }

    /// The (height, width) that an image of `height` x `width` is resized to.
    ///
    /// # Errors
    /// When the image has no pixels, or the rule gives an edge of 0 or over [`MAX_EDGE`] squared pixels in total.
    pub fn output_size(self, height: usize, width: usize) -> Result<(usize, usize)> {
        self.resolve().output_size(height, width)
    }

    /// Checks that every number is one that a size can have.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(self) -> Result<()> {
        let edge = |key: &str, value: usize| {
            if (1..=MAX_EDGE).contains(&value) {
                return Ok(());
            }
            Err(Error::new(key, "is not a size in pixels")
                .expected_got(format_args!("1 to {MAX_EDGE}"), value))
        };
        match self {
            Self::Exact { height, width } => edge("exact[0]", height).and(edge("exact[1]", width)),
            Self::ShortestEdge { size, max } => {
                edge("shortest_edge", size)?;
                let Some(max) = max else { return Ok(()) };
                edge("max_edge", max)?;
                if max > size {
                    return Ok(());
                }
                Err(Error::new("max_edge", "is not above shortest_edge")
                    .expected_got(format_args!("more than {size}"), max)
                    .why("torchvision's Resize demands it"))
            }
            Self::LongestEdge { size } => edge("longest_edge", size),
            Self::Cover { height, width } => edge("cover[0]", height).and(edge("cover[1]", width)),
            Self::CropPct {
                height,
                width,
                fraction,
            } => {
                edge("target[0]", height)?;
                edge("target[1]", width)?;
                if !(fraction > 0.0 && fraction <= 1.0) {
                    return Err(Error::new("crop_pct", "is not a fraction")
                        .expected_got("above 0, at most 1", fraction));
                }
                let longer = height.max(width) as f64 / fraction;
                if longer > MAX_EDGE as f64 {
                    return Err(Error::new("crop_pct", "makes the resized image too large")
                        .expected_got(format_args!("an edge of at most {MAX_EDGE} pixels"), longer));
                }
                Ok(())
            }
        }
    }
}

impl ResolvedSize {
    /// See [`SizeRule::output_size`].
    pub fn output_size(self, height: usize, width: usize) -> Result<(usize, usize)> {
        if height == 0 || width == 0 {
            return Err(Error::new("image", "has no pixels")
                .expected_got(
                    "a height and a width of at least 1",
                    format_args!("{height} x {width}"),
                )
                .with_kind(ErrorKind::Image));
        }
        let (out_height, out_width) = match self {
            Self::Exact(height, width) => (height, width),
            Self::ShortestEdge(size, max) => {
                let (short, long) = (height.min(width), height.max(width));
                // In 128 bits no product of two sizes overflows.
                let scaled = |size: usize, by: usize, of: usize| {
                    usize::try_from(size as u128 * by as u128 / of as u128).unwrap_or(usize::MAX)
                };
                let (mut new_short, mut new_long) = (size, scaled(size, long, short));
                if let Some(max) = max.filter(|max| new_long > *max) {
                    (new_short, new_long) = (scaled(max, new_short, new_long), max);
                }
                if width <= height {
                    (new_long, new_short)
                } else {
                    (new_short, new_long)
                }
            }
            Self::LongestEdge(size) => {
                let scale = size as f64 / height.max(width) as f64;
                let edge = |edge: usize| (edge as f64 * scale + 0.5) as usize;
                (edge(height), edge(width))
            }
            Self::Cover(target_height, target_width) => {
                let ratio = (height as f64 / target_height as f64).min(width as f64 / target_width as f64);
                let edge = |edge: usize| (edge as f64 / ratio).round_ties_even() as usize;
                (edge(height), edge(width))
            }
        };
        if out_height == 0 || out_width == 0 {
            return Err(Error::new(
                "image",
                format_args!("of {height} x {width} would be resized to {out_height} x {out_width}"),
            )
            .why("the size rule keeps the aspect ratio, and one edge rounds to 0")
            .fix("use a less extreme image, or a pipeline with an exact size")
            .with_kind(ErrorKind::Image));
        }
        let fits = |pixels: usize| pixels <= MAX_EDGE * MAX_EDGE;
        if !out_height.checked_mul(out_width).is_some_and(fits) {
            return Err(Error::new(
                "image",
                format_args!("of {height} x {width} would be resized to {out_height} x {out_width}"),
            )
            .expected_got(
                format_args!("at most {} pixels", MAX_EDGE * MAX_EDGE),
                format_args!("{out_height} x {out_width}"),
            )
            .with_kind(ErrorKind::Image));
        }
        Ok((out_height, out_width))
    }
}

/// The keys of a size in a pipeline file.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a table such as { exact = [224, 224] } or { shortest_edge = 256 }"
)]
struct SizeKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    exact: Option<[usize; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shortest_edge: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_edge: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_edge: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cover: Option<[usize; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<[usize; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crop_pct: Option<f64>,
}

impl TryFrom<SizeKeys> for SizeRule {
    type Error = &'static str;

    fn try_from(keys: SizeKeys) -> Result<Self, Self::Error> {
        match keys {
            SizeKeys {
                exact: Some([height, width]),
                shortest_edge: None,
                max_edge: None,
                longest_edge: None,
                cover: None,
                target: None,
                crop_pct: None,
            } => Ok(Self::Exact { height, width }),
            SizeKeys {
                exact: None,
                shortest_edge: Some(size),
                max_edge: max,
                longest_edge: None,
                cover: None,
                target: None,
                crop_pct: None,
            } => Ok(Self::ShortestEdge { size, max }),
            SizeKeys {
                exact: None,
                shortest_edge: None,
                max_edge: None,
                longest_edge: Some(size),
                cover: None,
                target: None,
                crop_pct: None,
            } => Ok(Self::LongestEdge { size }),
            SizeKeys {
                exact: None,
                shortest_edge: None,
                max_edge: None,
                longest_edge: None,
                cover: Some([height, width]),
                target: None,
                crop_pct: None,
            } => Ok(Self::Cover { height, width }),
            SizeKeys {
                exact: None,
                shortest_edge: None,
                max_edge: None,
                longest_edge: None,
                cover: None,
                target: Some([height, width]),
                crop_pct: Some(fraction),
            } => Ok(Self::CropPct {
                height,
                width,
                fraction,
            }),
            _ => Err(
                "a size is exactly one of { exact = [height, width] }, { shortest_edge }, { shortest_edge, max_edge }, \
                 { longest_edge }, { cover = [height, width] }, { target = [height, width], crop_pct }",
            ),
        }
    }
}

impl From<SizeRule> for SizeKeys {
    fn from(rule: SizeRule) -> Self {
        let keys = Self::default();
        match rule {
            SizeRule::Exact { height, width } => Self {
                exact: Some([height, width]),
                ..keys
            },
            SizeRule::ShortestEdge { size, max } => Self {
                shortest_edge: Some(size),
                max_edge: max,
                ..keys
            },
            SizeRule::LongestEdge { size } => Self {
                longest_edge: Some(size),
                ..keys
            },
            SizeRule::Cover { height, width } => Self {
                cover: Some([height, width]),
                ..keys
            },
            SizeRule::CropPct {
                height,
                width,
                fraction,
            } => Self {
                target: Some([height, width]),
                crop_pct: Some(fraction),
                ..keys
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CropRule, Dtype, Filter, FusedPlan, Layout, Resampler, steps};

    /// Sizes that no image has, whose products leave 64 bits.
    #[test]
    fn no_size_overflows() {
        let edges = [
            0,
            1,
            2,
            3,
            999,
            MAX_EDGE,
            1 << 31,
            1 << 32,
            1 << 62,
            usize::MAX / 3,
            usize::MAX,
        ];
        let rules = [
            SizeRule::Exact {
                height: 224,
                width: 224,
            },
            SizeRule::ShortestEdge {
                size: MAX_EDGE,
                max: None,
            },
            SizeRule::ShortestEdge { size: 1, max: None },
            SizeRule::ShortestEdge {
                size: 800,
                max: Some(MAX_EDGE),
            },
            SizeRule::LongestEdge { size: MAX_EDGE },
            SizeRule::Cover {
                height: 1,
                width: MAX_EDGE,
            },
            SizeRule::CropPct {
                height: 224,
                width: 224,
                fraction: 0.875,
            },
        ];
        let crops = [None, Some([1, MAX_EDGE])];
        for (rule, crop) in rules
            .iter()
            .flat_map(|rule| crops.map(|crop| (Some(*rule), crop)))
            .chain([(None, crops[1])])
        {
            for resampler in Resampler::ALL {
                let plan = FusedPlan {
                    resize: rule.map(|size| steps::Resize {
                        size,
                        filter: Filter::Bilinear,
                        resampler: *resampler,
                    }),
                    crop: crop.map(|size| steps::CenterCrop {
                        size,
                        offset: CropRule::Torchvision,
                    }),
                    channels: [0, 1, 2],
                    operations: Vec::new(),
                    layout: Layout::Nchw,
                    dtype: Dtype::Float32,
                };
                for (height, width) in edges
                    .iter()
                    .flat_map(|height| edges.map(|width| (*height, width)))
                {
                    let Ok(geometry) = plan.geometry(height, width) else {
                        continue;
                    };
                    let (rows, columns) = geometry.resized;
                    assert!(rows * columns <= MAX_EDGE * MAX_EDGE && rows > 0 && columns > 0);
                    if let Some(SizeRule::ShortestEdge { size, max: None }) = rule {
                        assert_eq!(rows.min(columns), size, "{height} x {width}");
                    }
                }
            }
        }
        let shortest = SizeRule::ShortestEdge { size: 256, max: None };
        assert!(shortest.output_size(1, usize::MAX).is_err());
    }
}
