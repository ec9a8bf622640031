//! The steps of a pipeline. One file is one step; the list below is the only one.

use ndarray::Array3;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::arithmetic::Operation;
use crate::plan::PlanBuilder;
use crate::{Error, Result};

mod center_crop;
mod channel_order;
mod normalize;
mod rescale;
mod rescale_normalize;
mod resize;

pub use center_crop::CenterCrop;
pub use channel_order::{ChannelOrder, Order};
pub use normalize::Normalize;
pub use rescale::Rescale;
pub use rescale_normalize::RescaleNormalize;
pub use resize::Resize;

/// An RGB image on its way through the steps, [height, width, channel].
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// Before any arithmetic.
    Uint8(Array3<u8>),
    /// After the first arithmetic step.
    Float32(Array3<f32>),
}

/// What one step is.
pub(crate) trait StepKind: Serialize + DeserializeOwned {
    /// The name in a pipeline file: `step = "…"`.
    const NAME: &'static str;
    /// One line for lists: what it does and the library call it equals.
    const SUMMARY: &'static str;
    /// The step in a pipeline file.
    const EXAMPLE: &'static str;

    /// Checks the parameters; errors name the key.
    fn check(&self) -> Result<()>;

    /// Adds the step to the fused plan, or refuses with the reason why it cannot be part of one.
    fn fold(&self, plan: &mut PlanBuilder) -> Result<()>;

    /// The scalar reference.
    fn apply(&self, pixels: Pixels) -> Result<Pixels>;
}

/// A line of the list of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepInfo {
    /// The name in a pipeline file.
    pub name: &'static str,
    /// What it does and the library call it equals.
    pub summary: &'static str,
    /// The step in a pipeline file.
    pub example: &'static str,
}

macro_rules! steps {
    ($($step:ident),+ $(,)?) => {
        /// A step of a pipeline.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        #[expect(missing_docs, reason = "each variant is documented at its type")]
        pub enum Step {
            $($step($step),)+
        }

        impl Step {
            /// Every step that a pipeline can have.
            pub const ALL: &'static [StepInfo] = &[$(StepInfo {
                name: <$step as StepKind>::NAME,
                summary: <$step as StepKind>::SUMMARY,
                example: <$step as StepKind>::EXAMPLE,
            }),+];

            /// The name in a pipeline file.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$step(_) => <$step as StepKind>::NAME,)+ }
            }

            /// Checks the parameters.
            ///
            /// # Errors
            /// Names the key.
            pub fn check(&self) -> Result<()> {
                match self { $(Self::$step(step) => step.check(),)+ }
            }

            /// The scalar reference.
            ///
            /// # Errors
            /// When the image has no pixels or would be resized to none.
            pub fn apply(&self, pixels: Pixels) -> Result<Pixels> {
                match self { $(Self::$step(step) => step.apply(pixels),)+ }
            }

            pub(crate) fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
                match self { $(Self::$step(step) => step.fold(plan),)+ }
            }

            pub(crate) fn parse(name: &str, keys: serde_json::Value) -> Result<Self> {
                $(if name == <$step as StepKind>::NAME {
                    return crate::schema::typed(keys).map(Self::$step);
                })+
                let names: Vec<_> = Self::ALL.iter().map(|step| step.name).collect();
                Err(Error::new("step", "unknown step")
                    .expected_got(format_args!("one of {}", names.join(", ")), format_args!("{name:?}")))
            }
        }
    };
}

steps!(
    Resize,
    CenterCrop,
    ChannelOrder,
    Rescale,
    Normalize,
    RescaleNormalize
);

/// Refuses a geometry step after arithmetic: libraries resize and crop 8-bit pixels.
fn only_uint8(step: &str, pixels: Pixels) -> Result<Array3<u8>> {
    match pixels {
        Pixels::Uint8(image) => Ok(image),
        Pixels::Float32(_) => Err(Error::new(
            "steps",
            format_args!("{step} comes after rescale or normalize"),
        )
        .fix(format_args!("put {step} before them"))),
    }
}

pub(crate) fn to_float(pixels: Pixels) -> Array3<f32> {
    match pixels {
        Pixels::Uint8(image) => image.mapv(f32::from),
        Pixels::Float32(image) => image,
    }
}

fn apply_operations(mut image: Array3<f32>, operations: &[Operation]) -> Pixels {
    for operation in operations {
        for ((_, _, channel), value) in image.indexed_iter_mut() {
            *value = operation.apply(*value, channel);
        }
    }
    Pixels::Float32(image)
}

fn check_finite(key: &str, value: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::new(key, "is not a finite number").expected_got("a finite number", value))
}

fn check_finite_all(key: &str, values: [f64; crate::CHANNELS]) -> Result<()> {
    values
        .into_iter()
        .enumerate()
        .try_for_each(|(channel, value)| check_finite(&format!("{key}[{channel}]"), value))
}

fn check_divisors(key: &str, values: [f64; crate::CHANNELS]) -> Result<()> {
    check_finite_all(key, values)?;
    match values.iter().position(|value| *value as f32 == 0.0) {
        None => Ok(()),
        Some(channel) => Err(Error::new(format_args!("{key}[{channel}]"), "is zero")
            .expected_got("a number other than 0", values[channel])
            .why("pixels are divided by it")),
    }
}

/// Three numbers, or one for all channels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number, or three numbers, one for each channel"
)]
enum PerChannel {
    One(f64),
    Each([f64; crate::CHANNELS]),
}

/// (De)serialises one value per channel, accepting a single number for all of them.
mod per_channel {
    use super::{Deserialize, PerChannel, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(
        values: &[f64; crate::CHANNELS],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        values.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[f64; crate::CHANNELS], D::Error> {
        Ok(match PerChannel::deserialize(deserializer)? {
            PerChannel::One(value) => [value; crate::CHANNELS],
            PerChannel::Each(values) => values,
        })
    }
}
