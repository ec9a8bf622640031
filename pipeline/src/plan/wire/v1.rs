//! Version 1. Every file of the first release holds it: nothing here may change.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Version, split, unknown_version, with_version, within};
use crate::plan::v1::{CenterCrop, FusedPlan, Resize, Size, v1_lacks};
use crate::resample::Windows;
use crate::{CHANNELS, CropRule, Dtype, Error, Filter, Layout, Operation, Result};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanKeys {
    resize: Option<ResizeKeys>,
    crop: Option<CropKeys>,
    channels: [usize; CHANNELS],
    operations: Vec<Operation>,
    layout: Layout,
    dtype: Dtype,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResizeKeys {
    size: SizeKeys,
    filter: Filter,
    #[serde(default = "pillow")]
    resampler: Windows,
}

fn pillow() -> Windows {
    Windows::Pillow
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CropKeys {
    size: [usize; 2],
    #[serde(default = "torchvision")]
    offset: CropRule,
}

fn torchvision() -> CropRule {
    CropRule::Torchvision
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
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

impl From<Size> for SizeKeys {
    fn from(size: Size) -> Self {
        let keys = Self::default();
        match size {
            Size::Exact { height, width } => Self {
                exact: Some([height, width]),
                ..keys
            },
            Size::ShortestEdge { size, max } => Self {
                shortest_edge: Some(size),
                max_edge: max,
                ..keys
            },
            Size::LongestEdge { size } => Self {
                longest_edge: Some(size),
                ..keys
            },
            Size::Cover { height, width } => Self {
                cover: Some([height, width]),
                ..keys
            },
            Size::CropPct {
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

impl SizeKeys {
    fn size(&self) -> Result<Size> {
        let Self {
            exact,
            shortest_edge,
            max_edge,
            longest_edge,
            cover,
            target,
            crop_pct,
        } = *self;
        match (
            exact,
            shortest_edge,
            max_edge,
            longest_edge,
            cover,
            target,
            crop_pct,
        ) {
            (Some([height, width]), None, None, None, None, None, None) => Ok(Size::Exact { height, width }),
            (None, Some(size), max, None, None, None, None) => Ok(Size::ShortestEdge { size, max }),
            (None, None, None, Some(size), None, None, None) => Ok(Size::LongestEdge { size }),
            (None, None, None, None, Some([height, width]), None, None) => Ok(Size::Cover { height, width }),
            (None, None, None, None, None, Some([height, width]), Some(fraction)) => Ok(Size::CropPct {
                height,
                width,
                fraction,
            }),
            _ => Err(Error::new("resize.size", "is not exactly one rule")),
        }
    }
}

/// Canonical JSON of `plan`.
pub(super) fn to_json(plan: &FusedPlan) -> String {
    with_version(serde_json::to_value(keys(plan)).unwrap_or_default(), Version::V1)
}

impl Serialize for FusedPlan {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        keys(self).serialize(serializer)
    }
}

fn keys(plan: &FusedPlan) -> PlanKeys {
    PlanKeys {
        resize: plan.resize.map(|resize| ResizeKeys {
            size: resize.size.into(),
            filter: resize.filter,
            resampler: resize.resampler,
        }),
        crop: plan.crop.map(|crop| CropKeys {
            size: crop.size,
            offset: crop.offset,
        }),
        channels: plan.channels,
        operations: plan.operations.clone(),
        layout: plan.layout,
        dtype: plan.dtype,
    }
}

/// Reads a text of version 1, and of no other.
pub(super) fn from_json(text: &str) -> Result<FusedPlan> {
    match split(text)? {
        (Version::V1, value) => read(value),
        (Version::V2, _) => Err(unknown_version("1", Some(2.into()))),
    }
}

/// Reads the keys besides the version.
pub(super) fn read(value: Value) -> Result<FusedPlan> {
    // Not `schema::typed`: plans are written by programs, and its paths cost the op library 60 kB.
    let keys: PlanKeys = serde_json::from_value(value).map_err(|error| within(Error::new("", error)))?;
    let resize = keys
        .resize
        .map(|resize| {
            Ok(Resize {
                size: resize.size.size()?,
                filter: resize.filter,
                resampler: resize.resampler,
            })
        })
        .transpose()
        .map_err(within)?;
    let plan = FusedPlan {
        resize,
        crop: keys.crop.map(|crop| CenterCrop {
            size: crop.size,
            offset: crop.offset,
        }),
        channels: keys.channels,
        operations: keys.operations,
        layout: keys.layout,
        dtype: keys.dtype,
    };
    if v1_lacks(&plan.operations) {
        return Err(within(
            Error::new("operations", "have a precision that version 1 has not")
                .expected_got("float32 or float64", "unrounded"),
        ));
    }
    plan.check().map_err(within)?;
    Ok(plan)
}
