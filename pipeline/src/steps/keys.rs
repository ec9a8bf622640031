//! How parameters of steps are read and checked.

use serde::{Deserialize, Serialize};

use crate::{CHANNELS, Error, Precision, Result};

/// A parameter of a step, for the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key.
    pub name: &'static str,
    /// The values that it takes.
    pub values: &'static str,
    /// What it is where it is not given; `None` for a key that must be given.
    pub default: Option<&'static str>,
    /// What it does.
    pub what: &'static str,
}

impl KeyInfo {
    pub(super) const fn required(name: &'static str, values: &'static str, what: &'static str) -> Self {
        Self {
            name,
            values,
            default: None,
            what,
        }
    }

    pub(super) const fn optional(
        name: &'static str,
        values: &'static str,
        default: &'static str,
        what: &'static str,
    ) -> Self {
        Self {
            name,
            values,
            default: Some(default),
            what,
        }
    }
}

/// Checks that the result of a step is one of float32.
pub(super) fn rounded(key: &str, precision: Precision) -> Result<()> {
    match precision {
        Precision::Float32 | Precision::Float64 => Ok(()),
        Precision::Unrounded => {
            Err(Error::new(key, "is not one of a step").expected_got("float32 or float64", precision))
        }
    }
}

/// Checks a constant of an operation in float64.
pub(super) fn check_double(key: &str, value: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::new(key, "is not a finite number").expected_got("a finite number", value))
}

/// Checks a constant of an operation in float32.
pub(super) fn check_finite(key: &str, value: f64) -> Result<()> {
    if value.is_infinite() || value.is_nan() {
        return check_double(key, value);
    }
    if (value as f32).is_finite() {
        return Ok(());
    }
    Err(Error::new(key, "is too large").expected_got("a float32 number", format_args!("{value:e}")))
}

pub(super) fn check_finite_all(key: &str, values: [f64; CHANNELS]) -> Result<()> {
    values
        .into_iter()
        .enumerate()
        .try_for_each(|(channel, value)| check_finite(&format!("{key}[{channel}]"), value))
}

pub(super) fn check_divisors<const N: usize>(key: &str, values: [f64; N]) -> Result<()> {
    match values.iter().position(|value| *value as f32 == 0.0) {
        None => Ok(()),
        Some(channel) => Err(Error::new(format_args!("{key}[{channel}]"), "is zero")
            .expected_got("a number other than 0", values[channel])
            .why("pixels are divided by it")),
    }
}

pub(super) fn check_size(key: &str, size: [usize; 2]) -> Result<()> {
    for (index, edge) in size.into_iter().enumerate() {
        crate::size::check_edge(&format!("{key}[{index}]"), edge)?;
    }
    Ok(())
}

/// Three numbers, or one for all channels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number, or three numbers, one for each channel"
)]
enum PerChannel {
    One(f64),
    Each([f64; CHANNELS]),
}

/// (De)serialises one value per channel, accepting a single number for all of them.
pub(super) mod per_channel {
    use super::{CHANNELS, Deserialize, PerChannel, Serialize};

    pub(in crate::steps) fn serialize<S: serde::Serializer>(
        values: &[f64; CHANNELS],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        values.serialize(serializer)
    }

    pub(in crate::steps) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[f64; CHANNELS], D::Error> {
        Ok(match PerChannel::deserialize(deserializer)? {
            PerChannel::One(value) => [value; CHANNELS],
            PerChannel::Each(values) => values,
        })
    }
}

/// As [`per_channel`], where it may be left out.
pub(super) mod maybe_per_channel {
    use super::{CHANNELS, Deserialize, PerChannel, Serialize};

    pub(in crate::steps) fn serialize<S: serde::Serializer>(
        values: &Option<[f64; CHANNELS]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        values.serialize(serializer)
    }

    pub(in crate::steps) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<[f64; CHANNELS]>, D::Error> {
        Ok(
            Option::<PerChannel>::deserialize(deserializer)?.map(|given| match given {
                PerChannel::One(value) => [value; CHANNELS],
                PerChannel::Each(values) => values,
            }),
        )
    }
}

/// A colour: three values from 0 to 255, or one for all channels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a whole number from 0 to 255, or three of them, one for each channel"
)]
enum ColorKeys {
    One(u8),
    Each([u8; CHANNELS]),
}

/// (De)serialises a colour that may be left out.
pub(super) mod maybe_color {
    use super::{CHANNELS, ColorKeys, Deserialize, Serialize};

    pub(in crate::steps) fn serialize<S: serde::Serializer>(
        color: &Option<[u8; CHANNELS]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        color.serialize(serializer)
    }

    pub(in crate::steps) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<[u8; CHANNELS]>, D::Error> {
        Ok(
            Option::<ColorKeys>::deserialize(deserializer)?.map(|given| match given {
                ColorKeys::One(value) => [value; CHANNELS],
                ColorKeys::Each(values) => values,
            }),
        )
    }
}

/// Reads a color as [`maybe_color`], where one is always there.
pub(super) mod color {
    use super::{CHANNELS, ColorKeys, Deserialize, Serialize};

    pub(in crate::steps) fn serialize<S: serde::Serializer>(
        color: &[u8; CHANNELS],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        color.serialize(serializer)
    }

    pub(in crate::steps) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; CHANNELS], D::Error> {
        Ok(match ColorKeys::deserialize(deserializer)? {
            ColorKeys::One(value) => [value; CHANNELS],
            ColorKeys::Each(values) => values,
        })
    }
}

/// Omits a switch that is as usual.
pub(super) fn is_true(value: &bool) -> bool {
    *value
}

pub(super) fn is_false(value: &bool) -> bool {
    !*value
}

pub(super) fn yes() -> bool {
    true
}
