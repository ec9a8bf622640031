//! The JSON of a plan in each version, and which version a plan is written in.
//!
//! A version never changes: files hold its texts. A plan is written in the lowest version that can say it.

mod v1;
mod v2;

use super::{PLAN_ATTRIBUTE, Plan};
use crate::named::named_enum;
use crate::{Error, FusedPlan, Result};

named_enum! {
    /// A version of the op: of its name, of its attribute and of their meaning.
    pub enum Version("version") {
        /// [`FusedPlan`].
        V1 = "1",
        /// [`Plan`].
        V2 = "2",
    }
}

impl Version {
    /// The number in the op's name and in the JSON.
    pub const fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

impl Plan {
    /// The lowest version that can say the plan.
    pub fn version(&self) -> Version {
        if self.to_v1().is_ok() {
            Version::V1
        } else {
            Version::V2
        }
    }

    /// Canonical JSON in the version [`Plan::version`]: one plan has one text.
    pub fn to_json(&self) -> String {
        match self.to_v1() {
            Ok(plan) => v1::to_json(&plan),
            Err(_) => v2::to_json(self),
        }
    }

    /// Reads a plan of any version.
    ///
    /// # Errors
    /// On an unknown version, and on every plan that [`Plan::check`] refuses; names the key.
    pub fn from_json(text: &str) -> Result<Self> {
        let (version, value) = split(text)?;
        match version {
            Version::V1 => Ok(v1::read(value)?.into()),
            Version::V2 => v2::read(value),
        }
    }
}

fn within(error: Error) -> Error {
    error.within(PLAN_ATTRIBUTE).or_kind(crate::ErrorKind::Config)
}

/// The version of a text, and its other keys.
fn split(text: &str) -> Result<(Version, serde_json::Value)> {
    let mut value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| within(Error::new("", format_args!("is not valid JSON: {error}"))))?;
    let given = value.as_object_mut().and_then(|map| map.remove("version"));
    let number = given.as_ref().and_then(serde_json::Value::as_u64);
    let known = Version::ALL
        .iter()
        .find(|version| number == Some(version.number().into()));
    match known {
        Some(version) => Ok((*version, value)),
        None => Err(unknown_version("1 or 2", given)),
    }
}

fn unknown_version(expected: &str, given: Option<serde_json::Value>) -> Error {
    let got = given.map_or_else(|| "none".to_owned(), |version| version.to_string());
    within(
        Error::new("version", "is not a known plan version")
            .expected_got(expected, got)
            .fix("use a library at least as new as the prep-onnx that embedded the model"),
    )
}

fn with_version(mut value: serde_json::Value, version: Version) -> String {
    // Through a Value, whose maps are sorted by key.
    value["version"] = version.number().into();
    value.to_string()
}

impl FusedPlan {
    /// The version that it is.
    pub const VERSION: Version = Version::V1;

    /// Canonical JSON: one plan has one text.
    pub fn to_json(&self) -> String {
        v1::to_json(self)
    }

    /// Reads what [`FusedPlan::to_json`] wrote.
    ///
    /// # Errors
    /// On another version, and on every plan that [`FusedPlan::check`] refuses; names the key.
    pub fn from_json(text: &str) -> Result<Self> {
        v1::from_json(text)
    }
}
