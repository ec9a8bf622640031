//! The steps after the model. One file is one step; the list below is the only one.

mod argmax;
mod detections;
mod l2_normalize;
mod masks;
mod nms;
mod resize_to_image;
mod sigmoid;
mod softmax;
mod text;
mod threshold;
mod top_k;
mod unmap;

use prep_onnx_pipeline::steps::{KeyInfo, StepInfo};
use prep_onnx_pipeline::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

pub use argmax::Argmax;
pub use detections::Detections;
pub use l2_normalize::L2Normalize;
pub use masks::Masks;
pub use nms::Nms;
pub use resize_to_image::{Interpolation, ResizeToImage};
pub use sigmoid::Sigmoid;
pub use softmax::Softmax;
pub use threshold::Threshold;
pub use top_k::TopK;
pub use unmap::Unmap;

use super::builder::Builder;

/// What one step after the model is.
pub(super) trait ThenKind: Serialize + DeserializeOwned {
    /// The name: `--then NAME`.
    const NAME: &'static str;
    /// One line for lists: what it does and the library call it equals.
    const SUMMARY: &'static str;
    /// The step on the command line.
    const EXAMPLE: &'static str;
    /// What a reader needs beyond the summary.
    const DESCRIPTION: &'static str;
    /// The key that a value alone is for: `NAME=VALUE`.
    const MAIN: Option<&'static str>;
    /// Every parameter.
    const KEYS: &'static [KeyInfo];
    /// Whether it has to know how an image lies in the model's tensor.
    const NEEDS_GEOMETRY: bool = false;

    /// Checks the parameters; errors name the key.
    fn check(&self) -> Result<()>;

    /// Adds the nodes, and gives the step with all parameters said.
    ///
    /// # Errors
    /// Of what flows in that does not fit; says what it saw.
    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self>;
}

/// A key that may be left out.
const fn optional(
    name: &'static str,
    values: &'static str,
    default: &'static str,
    what: &'static str,
) -> KeyInfo {
    KeyInfo {
        name,
        values,
        default: Some(default),
        what,
    }
}

/// A key that must be given.
const fn required(name: &'static str, values: &'static str, what: &'static str) -> KeyInfo {
    KeyInfo {
        name,
        values,
        default: None,
        what,
    }
}

/// The key that names an output of the model.
const OUTPUT: KeyInfo = optional(
    "output",
    "a name",
    "the only one that fits",
    "the output of the model that the step works on",
);

/// A name, which may look like a number: exporters number their outputs.
fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<String>, D::Error> {
    let value = Option::<Json>::deserialize(deserializer)?;
    Ok(value.map(|value| match value {
        Json::String(name) => name,
        other => other.to_string(),
    }))
}

/// Checks a threshold on scores or overlaps.
fn check_part(key: &str, value: Option<f64>) -> Result<()> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => {
            Err(Error::new(key, "is out of range").expected_got("0 to 1", value))
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks a count.
fn check_count(key: &str, value: Option<usize>) -> Result<()> {
    const MOST: usize = 1_000_000;
    match value {
        Some(value) if !(1..=MOST).contains(&value) => {
            Err(Error::new(key, "is out of range").expected_got(format_args!("1 to {MOST}"), value))
        }
        Some(_) | None => Ok(()),
    }
}

macro_rules! then_steps {
    ($($step:ident),+ $(,)?) => {
        /// A step after the model.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each variant is documented at its type")]
        pub enum Then {
            $($step($step),)+
        }

        impl Then {
            /// Every step that can come after a model.
            pub const ALL: &'static [StepInfo] = &[$(StepInfo {
                name: <$step as ThenKind>::NAME,
                summary: <$step as ThenKind>::SUMMARY,
                example: <$step as ThenKind>::EXAMPLE,
                description: <$step as ThenKind>::DESCRIPTION,
                keys: <$step as ThenKind>::KEYS,
            }),+];

            /// The name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$step(_) => <$step as ThenKind>::NAME,)+ }
            }

            /// Whether it has to know how an image lies in the model's tensor: [`super::Before::geometry`].
            pub fn needs_geometry(&self) -> bool {
                match self { $(Self::$step(_) => <$step as ThenKind>::NEEDS_GEOMETRY,)+ }
            }

            /// Checks the parameters.
            ///
            /// # Errors
            /// Names the key.
            pub fn check(&self) -> Result<()> {
                match self { $(Self::$step(step) => step.check(),)+ }
            }

            pub(super) fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
                match self { $(Self::$step(step) => step.apply(builder).map(Self::$step),)+ }
            }

            fn main_key(name: &str) -> Result<Option<&'static str>> {
                $(if name == <$step as ThenKind>::NAME {
                    return Ok(<$step as ThenKind>::MAIN);
                })+
                Err(text::unknown(name))
            }

            fn of(name: &str, keys: Json) -> Result<Self> {
                $(if name == <$step as ThenKind>::NAME {
                    let step = serde_json::from_value(keys).map(Self::$step);
                    let step = step.map_err(|error| Error::new(name, text::plain(&error)))?;
                    return step.check().map(|()| step).map_err(|error| error.within(name));
                })+
                Err(text::unknown(name))
            }

            fn keys(&self) -> Map<String, Json> {
                let value = match self { $(Self::$step(step) => serde_json::to_value(step),)+ };
                match value {
                    Ok(Json::Object(keys)) => keys.into_iter().filter(|(_, value)| !value.is_null()).collect(),
                    _ => Map::new(),
                }
            }
        }
    };
}

then_steps!(
    Softmax,
    Sigmoid,
    L2Normalize,
    TopK,
    Argmax,
    Threshold,
    ResizeToImage,
    Detections,
    Nms,
    Unmap,
    Masks,
);

impl Serialize for Then {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = Map::from_iter([("step".to_owned(), Json::from(self.name()))]);
        object.extend(self.keys());
        object.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Then {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let mut keys = Map::deserialize(deserializer)?;
        let name = match keys.remove("step") {
            Some(Json::String(name)) => name,
            _ => return Err(D::Error::missing_field("step")),
        };
        Self::of(&name, Json::Object(keys)).map_err(D::Error::custom)
    }
}
